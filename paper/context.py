"""Where a run keeps its files, and what it may use."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np

from unrelu.progress import Progress, Silent

DEFAULT_FOLDER = Path.home() / ".cache" / "unrelu-paper"
"""Outside of the repository: weights and raw results are large."""


@dataclass(frozen=True)
class Context:
    """Where a run keeps its files, and what it may use.

    Attributes:
        folder: trained weights and raw results; what is in it is continued, not computed again.
        data: the folder with the data sets; None for the environment variable UNRELU_DATA.
        progress: where to show progress.
        threads: of the processor, for everything.
        device: where networks are trained, e.g. "cuda".
    """

    folder: Path = DEFAULT_FOLDER
    data: Path | None = None
    progress: Progress = field(default_factory=Silent)
    threads: int = 1
    device: str = "cpu"

    def kept(self, name: str, compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """Arrays that are computed once and then read from `folder/raw/name.npz`."""
        path = self.folder / "raw" / f"{name}.npz"
        if not path.exists():
            arrays = compute()
            with replacing(path) as file:
                np.savez_compressed(file, **arrays)  # pyright: ignore[reportArgumentType]
        with np.load(path) as stored:
            return dict(stored)


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file that takes its name only when it was written whole, so that a stopped run leaves no half of one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f"{path.suffix}.part{os.getpid()}")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
