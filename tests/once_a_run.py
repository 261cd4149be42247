"""What several test files look at, made once a test run, also where several processes share the run."""

from __future__ import annotations

import fcntl
import pickle
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_folders: list[Path] = []


def share(folder: Path) -> None:
    """Let all processes that name this folder share what any of them makes."""
    folder.mkdir(exist_ok=True)
    _folders.append(folder)


def once_a_run(make: Callable[P, T]) -> Callable[P, T]:
    """As `functools.cache`, for what can be pickled; the process that asks first makes it, and the others wait."""
    known: dict[str, T] = {}

    @wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> T:
        name = "-".join([make.__module__, make.__qualname__, *map(str, args), *map(str, kwargs.values())])
        if name not in known:
            known[name] = _shared(name.replace("/", "_"), lambda: make(*args, **kwargs))
        return known[name]

    return made


def _shared(name: str, make: Callable[[], T]) -> T:
    kept = _folders[0] / f"{name}.pickle"
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go when the file is closed, also if the process dies
        if not kept.exists():
            part = kept.with_suffix(".part")
            part.write_bytes(pickle.dumps(make()))
            part.replace(kept)
    return pickle.loads(kept.read_bytes())
