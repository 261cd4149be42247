"""Whether a report can be written at all, asked before hours of computing and not after."""

from __future__ import annotations

from importlib.util import find_spec

from unrelu.errors import MissingExtra

_PACKAGES = ("jinja2", "matplotlib")


def check_requirements() -> None:
    """Look for the packages that a report needs, without importing them.

    Raises:
        MissingExtra: if one is not installed.
    """
    missing = [package for package in _PACKAGES if find_spec(package) is None]
    if missing:
        raise MissingExtra(f'a report needs {" and ".join(missing)}; install with: pip install "unrelu[report]"')
