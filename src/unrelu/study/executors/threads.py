"""Answering tasks in this process."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass

from unrelu.parallel import Workers, share_workers
from unrelu.study.answering import Done, Numbered, answer_task
from unrelu.study.context import Context
from unrelu.study.question import Question


@dataclass(frozen=True)
class Threads:
    """Threads of this process, one task in each, BLAS on one thread.

    NumPy's linear algebra runs outside of the interpreter's lock, so threads share the cores and all memory; where most
    of a task is Python, `Processes` share them better.

    Attributes:
        workers: how many; one a core that this process may use if None.
    """

    workers: int | None = None

    @contextmanager
    def session(self, context: Context) -> Iterator[_Session]:
        """Threads that know the context itself."""
        tasks = share_workers(self.workers, 2**30).tasks
        with Workers(tasks, blas=1).limited():
            yield _Session(context, tasks)


@dataclass(frozen=True)
class _Session:
    context: Context
    workers: int

    def answers(self, question: Question, tasks: Sequence[Numbered], deadline: float) -> Generator[Done, None, None]:
        if self.workers == 1 or len(tasks) == 1:
            for task in tasks:
                if time.monotonic() >= deadline:
                    return
                yield answer_task(question, self.context, task)
            return
        waiting = deque(tasks)
        running: set[Future[Done]] = set()
        interrupted: KeyboardInterrupt | None = None
        with ThreadPoolExecutor(self.workers) as pool:
            while True:
                try:
                    if time.monotonic() >= deadline:
                        waiting.clear()
                    while waiting and len(running) < self.workers:
                        running.add(pool.submit(answer_task, question, self.context, waiting.popleft()))
                    if not running:
                        break
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                except KeyboardInterrupt as error:
                    if interrupted is not None:
                        raise
                    # Threads cannot be stopped: what they are at is finished and kept, what waits is not begun.
                    interrupted = error
                    waiting.clear()
                    continue
                for future in done:
                    yield future.result()
        if interrupted is not None:
            raise interrupted
