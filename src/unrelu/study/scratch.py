"""A folder for passing things on, which does not stay when its process is killed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from unrelu.errors import StoreError

try:
    import fcntl
except ImportError:  # Windows: folders of killed processes stay
    fcntl = None

PREFIX = "unrelu-scratch-"
_LOCK = "lock"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A new folder in the system's place for temporary files, removed at the end.

    A process that is killed leaves it behind. Whoever makes the next one removes it: a lock tells who is alive, which
    the system gives up with the process, whatever ends it, and which holds between containers too.
    """
    _sweep(Path(tempfile.gettempdir()))
    folder, owner = Path(tempfile.mkdtemp(prefix=PREFIX)), os.getpid()
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


def _sweep(place: Path) -> None:
    for folder in place.glob(f"{PREFIX}*"):
        try:
            with open(folder / _LOCK, "r+b") as lock:
                if _taken(lock):
                    shutil.rmtree(folder, ignore_errors=True)
        except OSError:  # another user's, or one that is being made or removed
            continue


def _taken(lock: IO[bytes]) -> bool:
    """Take the lock for as long as the file is open; False if another process has it, or there are no locks."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
