"""Whether samples may lie in memory, and whether there is room for them at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unrelu.errors import TooLarge

SHARE = 4
"""Of the free memory samples may take one part in so many; what is larger stays in a file, or goes to one."""


def fits_in_memory(size: int, held: int = 0) -> bool:
    """Whether so many bytes of samples are held in memory: no more than a quarter of what is free.

    Args:
        size: bytes.
        held: how many of them are taken already, and no longer free.
    """
    free = free_memory()
    return free is None or SHARE * size <= free + held


def check_room(n: int | None, first: np.ndarray, where: str) -> None:
    """Refuse more samples than there is room for anywhere, before hours are spent reading them.

    Args:
        n: how many will be read; None if nobody knows.
        first: one of them, as it is kept.
        where: what to call them.

    Raises:
        TooLarge: if they may not lie in memory, and the place for temporary files has no room either.
    """
    needed = 0 if n is None else n * first.nbytes
    if fits_in_memory(needed):
        return
    place = tempfile.gettempdir()
    free = shutil.disk_usage(place).free
    if needed > free:
        raise TooLarge(
            f"{where} has {n:,} inputs to read, which take {needed / 2**30:.3g} GiB: more than a quarter of the free "
            f"memory, and more than the {free / 2**30:.3g} GiB that are free in {place}; set the environment variable "
            "TMPDIR to a folder with room, or read fewer of them (limit, --limit)."
        )


def free_memory() -> int | None:
    """Bytes that this process may still take; None where the system does not tell.

    What the machine has free counts, and what the process or its container is allowed.
    """
    known = [each for each in (_of_machine(), _of_container(), _of_process()) if each is not None]
    return max(0, min(known)) if known else None


def _of_machine() -> int | None:
    for line in _lines(Path("/proc/meminfo")):
        name, _, value = line.partition(":")
        if name == "MemAvailable":
            return 1024 * int(value.split()[0])
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):
        return None


def _of_container() -> int | None:
    """Of the control group that this process is in, and those above it, the least that is left."""
    left = []
    for line in _lines(Path("/proc/self/cgroup")):
        _, kinds, name = line.split(":", 2)
        root = Path("/sys/fs/cgroup") / ("memory" if kinds else "")
        limit, used = ("memory.limit_in_bytes", "memory.usage_in_bytes") if kinds else ("memory.max", "memory.current")
        if kinds and "memory" not in kinds.split(","):
            continue
        own = root / name.lstrip("/")
        for folder in (own, *own.parents):
            if folder == root.parent or not folder.is_relative_to(root):
                break
            most, now = _number(folder / limit), _number(folder / used)
            if most is not None and now is not None:
                left.append(most - now + _reclaimable(folder))
    return min(left, default=None)


def _reclaimable(folder: Path) -> int:
    """Bytes of files that the system remembers for a control group, and forgets when there is need."""
    found = {name: int(value) for name, _, value in (line.partition(" ") for line in _lines(folder / "memory.stat"))}
    return found.get("total_inactive_file", found.get("inactive_file", 0))


def _of_process() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    pages = next(_lines(Path("/proc/self/statm")), "").split()
    return most - int(pages[0]) * resource.getpagesize() if most != resource.RLIM_INFINITY and pages else None


def _number(path: Path) -> int | None:
    text = next(_lines(path), "")
    return int(text) if text.isdigit() else None


def _lines(path: Path) -> Iterator[str]:
    try:
        yield from path.read_text().splitlines()
    except OSError:
        return
