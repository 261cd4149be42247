"""The emulators of the package emulchem, of which only files are read."""

from importlib.util import find_spec

import pytest


def needs_emulators(text: str) -> None:
    """Skip, and say so, where a page or program needs emulators that are not installed."""
    if "emulchem" in text and find_spec("emulchem") is None:
        pytest.skip("no emulators are at hand (pip install --no-deps emulchem==0.1.0)")
