"""Figures of the docs are drawn by the scripts beside them, and the pages say what those print."""

import subprocess
import sys
from pathlib import Path

import pytest

from emulators_at_hand import needs_emulators

DOCS = Path(__file__).parent.parent / "docs"

FIGURES = {
    "across_regions": ("stability.md", "moved"),
    "all_pieces": ("prefixes.md", "proved to be all"),
    "all_solutions": ("inversion.md", "a solution"),
    "five_temperatures": ("tutorial_emulator.md", "proved to be all"),
    "one_preimage": ("geometry.md", "coordinate 1"),
    "wanted_output": ("tutorial_regressor.md", "proved to be all"),
}
"""The page that shows each, and words in the drawing."""


@pytest.mark.parametrize("name", FIGURES)
def test_the_script_prints_what_the_page_says_and_draws_what_it_shows(name, tmp_path):
    page, words = FIGURES[name]
    needs_emulators((DOCS / page).read_text())
    command = [sys.executable, str(DOCS / "figures" / f"{name}.py"), "--out", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"```text\n{done.stdout}```" in (DOCS / page).read_text()
    assert f"(images/{name}.png)" in (DOCS / page).read_text()
    assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    for folder in (tmp_path, DOCS / "images"):
        assert words in (folder / f"{name}.svg").read_text()
    assert (DOCS / "images" / f"{name}.png").stat().st_size > 10_000
