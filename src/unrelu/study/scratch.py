"""A folder for passing things on, which does not stay when its process is killed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

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
    with tempfile.TemporaryDirectory(prefix=PREFIX) as name, open(Path(name) / _LOCK, "wb") as lock:
        _taken(lock)
        yield Path(name)


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
