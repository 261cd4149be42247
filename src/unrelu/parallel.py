"""The same work on many items, in threads that do not fight over the cores."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from threadpoolctl import threadpool_limits

from unrelu.errors import InputError

_LOCK = threading.Lock()
_LIMITING = ExitStack()
_BUSY: list[int] = []  # threads that are in `one_blas_thread`

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Workers:
    """How many tasks run at once, and on how many threads each.

    Attributes:
        tasks: Python threads.
        blas: threads that BLAS may use in each of them.
    """

    tasks: int
    blas: int

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Limit the threads of BLAS while in this context; tasks must be started inside.

        Left alone, BLAS takes all cores in every task: measured on two busy cores, that made spectra 15
        times slower. NumPy's and SciPy's BLAS are limited through threadpoolctl. PyTorch's own number of
        threads is one for the whole process and is taken over by threads that start later; it is set back
        at the end.
        """
        before = torch.get_num_threads()
        torch.set_num_threads(self.blas)
        try:
            with threadpool_limits(limits=self.blas):
                yield
        finally:
            torch.set_num_threads(before)


def share_workers(workers: int | None, tasks: int) -> Workers:
    """Share a number of threads among tasks; what too few tasks leave over goes to BLAS.

    Args:
        workers: threads in all; None for one for each core that this process may run on.
        tasks: number of tasks.

    Raises:
        InputError: if `workers` is not positive.
    """
    if workers is None:
        workers = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if workers < 1:
        raise InputError(f"workers must be at least 1, not {workers}; leave it out for one a core.")
    at_once = max(1, min(workers, tasks))
    return Workers(at_once, workers // at_once)


def in_threads(
    work: Callable[[Item], Result], items: Sequence[Item], *, workers: int | None = None
) -> Iterator[Result]:
    """Results of `work` for all items, in order, as they come.

    NumPy's linear algebra runs outside the interpreter lock, so threads share the cores and the memory; BLAS is kept
    to one thread in each.

    Args:
        work: what to do with an item.
        items: the items.
        workers: how many threads; by default one a core.

    Raises:
        InputError: if `workers` is not positive.
    """
    shared = Workers(share_workers(workers, len(items)).tasks, blas=1)
    with shared.limited():
        if shared.tasks == 1:
            yield from map(work, items)
            return
        with ThreadPoolExecutor(shared.tasks) as pool:
            yield from pool.map(work, items)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep BLAS on one thread of NumPy, SciPy and PyTorch while any thread of this process is in here.

    The number is the process's: if each thread set it back when it is done, the others would go on with more. Only that
    of PyTorch is each thread's own.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with _LOCK:
        if not _BUSY:
            _LIMITING.enter_context(threadpool_limits(limits=1))
        _BUSY.append(threading.get_ident())
    try:
        yield
    finally:
        with _LOCK:
            _BUSY.remove(threading.get_ident())
            if not _BUSY:
                _LIMITING.close()
        torch.set_num_threads(before)
