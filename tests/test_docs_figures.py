"""Figures of the docs are drawn by the scripts beside them, and the pages say what those print."""

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture(scope="module")
def three_vectors(tmp_path_factory):
    out = tmp_path_factory.mktemp("images")
    command = [sys.executable, str(DOCS / "figures" / "three_vectors.py"), "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def test_the_page_holds_what_the_script_prints(three_vectors):
    _, said = three_vectors
    assert f"```text\n{said}```" in (DOCS / "stability.md").read_text()


def test_the_numbers_are_those_of_the_closed_form(three_vectors):
    """Unit vectors at an angle t have singular values `sqrt(1 +- cos t)`."""
    _, said = three_vectors
    cosine = math.cos(math.radians(6))
    largest, smallest = math.sqrt(1 + cosine), math.sqrt(1 - cosine)
    assert f"without a_3  sigma {largest:.4f} {smallest:.4f}   condition number {largest / smallest:.2f}" in said
    assert "without a_2  sigma 1.0000 1.0000   condition number 1.00" in said
    assert re.search(rf"sharper: .* {math.sin(math.radians(6)):.4f}$", said, re.MULTILINE)
    assert re.search(rf"Lemma 9: the least c +{math.sqrt(2) * math.sin(math.radians(6)):.4f}$", said, re.MULTILINE)
    assert re.search(rf"smallest singular value left +{smallest:.4f}$", said, re.MULTILINE)


def test_the_files_are_a_picture_and_the_stored_drawing(three_vectors):
    out, _ = three_vectors
    assert (out / "three_vectors.png").read_bytes().startswith(b"\x89PNG")
    assert "condition number 19.08" in (out / "three_vectors.svg").read_text()
    assert "condition number 19.08" in (DOCS / "images" / "three_vectors.svg").read_text()
    assert (DOCS / "images" / "three_vectors.png").stat().st_size > 10_000
