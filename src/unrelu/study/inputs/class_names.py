"""Names of classes: a list, a text with commas, or a file with one a line."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from unrelu.errors import DataError, InputError
from unrelu.untrusted.printable import printable
from unrelu.untrusted.regular_file import read_regular

LONGEST = 2**20
"""Bytes (1 MiB) that a file of names may have."""


def class_names(given: Sequence[str] | str | os.PathLike[str]) -> tuple[str, ...]:
    """Names of classes, by index.

    Args:
        given: names; or the path of a text file with one a line; or names with commas between.

    Raises:
        DataError: if a file cannot be read, or the text is neither a file nor several names.
        InputError: if two classes have the same name.

    >>> class_names("cat, dog")
    ('cat', 'dog')
    """
    names = _from_text(given) if isinstance(given, str | os.PathLike) else tuple(str(name) for name in given)
    if len(set(names)) < len(names):
        twice = next(name for k, name in enumerate(names) if name in names[:k])
        raise InputError(f"two classes are called {printable(twice)!r}; give each a name of its own.")
    return names


def _from_text(given: str | os.PathLike[str]) -> tuple[str, ...]:
    text = os.fspath(given)
    path = Path(text)
    if isinstance(given, str) and "," in text and not os.path.exists(path):
        return tuple(name.strip() for name in text.split(","))
    try:
        lines = read_regular(path, LONGEST).decode("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DataError(
            f"no classes can be read from {printable(text)} ({printable(said)}); name a text file with one a line, or "
            "write them with commas between, as cat,dog."
        ) from error
    names = tuple(line.strip() for line in lines if line.strip())
    if not names:
        raise DataError(f"{printable(text)} names no classes; write one a line.")
    return names
