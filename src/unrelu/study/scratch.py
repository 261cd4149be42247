"""A folder for passing things on, which does not stay when its process is killed."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from unrelu.errors import StoreError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

PREFIX = "unrelu-scratch-"
_LOCK = "lock"


_AGE = 24 * 3600.0
"""Seconds since anything was done in a folder, after which its process is taken for dead where there are no locks."""


@contextmanager
def scratch_folder(place: Path | None = None, *, by_age: bool = False) -> Iterator[Path]:
    """A new folder, removed at the end.

    A process that is killed leaves it behind. Whoever makes the next one removes it: a lock tells who is alive, which
    the system gives up with the process, whatever ends it, and which holds between containers too.

    Args:
        place: where; the system's place for temporary files if None.
        by_age: whether to remove folders in which nothing was done for a day, where the system has no locks.
    """
    place = Path(tempfile.gettempdir()) if place is None else place
    _sweep(place, by_age=by_age)
    folder, owner = Path(tempfile.mkdtemp(prefix=PREFIX, dir=place)), os.getpid()
    try:
        with open(folder / _LOCK, "wb") as lock:
            _taken(lock)
            yield folder
    finally:
        if os.getpid() == owner:  # one that was forked, as a loader's worker, has no say
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def room_told(what: str) -> Iterator[None]:
    """Say what to do where something cannot be written to the place for temporary files.

    Args:
        what: what to call it, in the plural.

    Raises:
        StoreError: in place of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{what} cannot be written to {tempfile.gettempdir()} ({type(error).__name__}: {error}); free some space "
            "there, or set the environment variable TMPDIR to a folder with room."
        ) from error


def _sweep(place: Path, *, by_age: bool) -> None:
    for folder in place.glob(f"{PREFIX}*"):
        try:
            with open(folder / _LOCK, "r+b") as lock:
                dead = _taken(lock)
                if dead is None and by_age:
                    dead = time.time() - folder.stat().st_mtime > _AGE
                if dead:
                    shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # another user's, or one that is being made or removed
            continue


def _taken(lock: IO[bytes]) -> bool | None:
    """Take the lock for as long as the file is open; False if another process has it, None if there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
