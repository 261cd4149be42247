"""One case: sound files, changed and read."""

from __future__ import annotations

from pathlib import Path
from random import Random

from fuzzing.targets import TARGETS, cleared
from unrelu.errors import UnreluError

LONGEST = 3000
"""Characters of a message, which may name a few things of the file, but not hold it."""


def outcome(target: str, number: int, folder: Path) -> str:
    """How a case ends: "read", or the name of the error that says what is wrong.

    Raises:
        Exception: anything else than an `UnreluError` is a failure.
        AssertionError: if a message is too long.
    """
    chance = Random(f"{target} {number}")
    where, what = cleared(folder / target), TARGETS[target]
    what.make(where, chance)
    what.change(where, chance)
    try:
        what.read(where)
    except UnreluError as error:
        if len(str(error)) > LONGEST:
            raise AssertionError(f"a message of {len(str(error))} characters: {str(error)[:200]}") from error
        return type(error).__name__
    return "read"
