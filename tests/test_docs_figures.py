"""Figures of the docs are drawn by the scripts beside them, and the pages say what those print."""

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
NAMES = ("three_vectors", "across_regions")


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The folder of the files, and what each script printed."""
    out = tmp_path_factory.mktemp("images")
    said = {}
    for name in NAMES:
        command = [sys.executable, str(DOCS / "figures" / f"{name}.py"), "--out", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said[name] = done.stdout
    return out, said


@pytest.mark.parametrize("name", NAMES)
def test_the_page_holds_what_the_script_prints(drawn, name):
    _, said = drawn
    assert f"```text\n{said[name]}```" in (DOCS / "stability.md").read_text()


@pytest.mark.parametrize(("name", "label"), [("three_vectors", "condition number 19.08"), ("across_regions", "moved")])
def test_the_files_are_a_picture_and_the_stored_drawing(drawn, name, label):
    out, _ = drawn
    assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    assert label in (out / f"{name}.svg").read_text()
    assert label in (DOCS / "images" / f"{name}.svg").read_text()
    assert (DOCS / "images" / f"{name}.png").stat().st_size > 10_000


def test_the_numbers_of_the_three_vectors_are_those_of_the_closed_form(drawn):
    """Unit vectors at an angle t have singular values `sqrt(1 +- cos t)`."""
    said = drawn[1]["three_vectors"]
    cosine = math.cos(math.radians(6))
    largest, smallest = math.sqrt(1 + cosine), math.sqrt(1 - cosine)
    assert f"without a_3  sigma {largest:.4f} {smallest:.4f}   condition number {largest / smallest:.2f}" in said
    assert "without a_2  sigma 1.0000 1.0000   condition number 1.00" in said
    assert re.search(rf"sharper: .* {math.sin(math.radians(6)):.4f}$", said, re.MULTILINE)
    assert re.search(rf"Lemma 9: the least c +{math.sqrt(2) * math.sin(math.radians(6)):.4f}$", said, re.MULTILINE)
    assert re.search(rf"smallest singular value left +{smallest:.4f}$", said, re.MULTILINE)
