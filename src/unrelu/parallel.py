"""The same work on many items, in threads that do not fight over the cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from threadpoolctl import threadpool_limits

Item = TypeVar("Item")
Result = TypeVar("Result")


def in_threads(
    work: Callable[[Item], Result], items: Sequence[Item], *, workers: int | None = None
) -> Iterator[Result]:
    """Results of `work` for all items, in order, as they come.

    NumPy's linear algebra runs outside the interpreter lock, so threads share the cores and the memory; its own
    threads are kept to one in each, since many threads on small matrices are several times slower than one.

    Args:
        work: what to do with an item.
        items: the items.
        workers: how many threads; by default one a core.
    """
    n_workers = max(1, min(len(items), workers or os.cpu_count() or 1))
    with threadpool_limits(1, "blas"):
        if n_workers == 1:
            yield from map(work, items)
            return
        with ThreadPoolExecutor(n_workers) as pool:
            yield from pool.map(work, items)
