"""Figures of the docs are drawn by the scripts beside them, and the pages say what those print."""

import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "stability.md").read_text()


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """The folder of the files, and what the script printed."""
    out = tmp_path_factory.mktemp("images")
    command = [sys.executable, str(DOCS / "figures" / "across_regions.py"), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def test_the_page_holds_what_the_script_prints(drawn):
    assert f"```text\n{drawn[1]}```" in PAGE


def test_the_files_are_a_picture_and_the_stored_drawing(drawn):
    out, _ = drawn
    assert (out / "across_regions.png").read_bytes().startswith(b"\x89PNG")
    for folder in (out, DOCS / "images"):
        assert "moved" in (folder / "across_regions.svg").read_text()
    assert (DOCS / "images" / "across_regions.png").stat().st_size > 10_000
