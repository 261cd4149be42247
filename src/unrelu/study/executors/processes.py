"""Answering tasks in processes of this machine."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unrelu.parallel import share_workers
from unrelu.study.answering import Done, Numbered
from unrelu.study.context import Context
from unrelu.study.executors.batches import Batches
from unrelu.study.executors.remote import answer_from_file, write_material
from unrelu.study.parts.part import Failure
from unrelu.study.question import Question

if TYPE_CHECKING:
    from loky import ProcessPoolExecutor

_TRIES = 2

DIED = "the process that answered it died: it was killed, or ran out of memory"
"""Of a task during which, alone, a process died twice."""


@dataclass(frozen=True)
class Processes:
    """Processes of this machine, each with BLAS on one thread; numbers of the network and of the inputs are shared.

    A process that dies (killed, or out of memory) is replaced. What it was at is answered again, one task at a time, so
    that a task that kills its process is found and left out, and no other.

    Attributes:
        workers: how many; one a core that this process may use if None.
    """

    workers: int | None = None

    @contextmanager
    def session(self, context: Context) -> Iterator[_Session]:
        """Processes that read the network and its inputs from a file."""
        with tempfile.TemporaryDirectory(prefix="unrelu-") as folder:
            path = Path(folder) / "material.pt"
            write_material(context.material, path)
            session = _Session(str(path), share_workers(self.workers, 2**30).tasks)
            try:
                yield session
            finally:
                session.close()


@dataclass
class _Session:
    path: str
    workers: int
    _pool: Any = field(default=None, init=False)

    def answers(self, question: Question, tasks: Sequence[Numbered], deadline: float) -> Generator[Done, None, None]:
        try:
            suspects = yield from self._many(question, tasks, deadline)
            for task in suspects:
                if time.monotonic() < deadline:
                    yield self._alone(question, task)
        except BaseException:
            self.close()
            raise

    def _many(
        self, question: Question, tasks: Sequence[Numbered], deadline: float
    ) -> Generator[Done, None, list[Numbered]]:
        """Answer tasks in batches; those during which a process died are returned."""
        waiting, suspects = Batches(tasks), []
        running: dict[Future[list[Done]], list[Numbered]] = {}
        while waiting or running:
            if time.monotonic() >= deadline:
                self.close()
                return []
            broken = False
            while waiting and len(running) < 2 * self.workers and not broken:
                batch = waiting.take(self.workers)
                try:
                    running[self._submit(question, batch)] = batch
                except BrokenProcessPool:
                    suspects.extend(batch)
                    broken = True
            left = deadline - time.monotonic()
            done, _ = wait(running, None if math.isinf(left) else max(0.0, left), FIRST_COMPLETED)
            if broken or any(isinstance(future.exception(), BrokenProcessPool) for future in done):
                broken, (done, _) = True, wait(running)  # all that was with the other processes is lost too
            for future in done:
                batch = running.pop(future)
                try:
                    found = future.result()
                except BrokenProcessPool:
                    suspects.extend(batch)
                    continue
                waiting.took(len(batch), sum(each.seconds for each in found))
                yield from found
            if broken:
                self.close()
        return sorted(suspects, key=lambda task: task.number)

    def _alone(self, question: Question, task: Numbered) -> Done:
        for _ in range(_TRIES):
            try:
                (found,) = self._submit(question, [task]).result()
            except BrokenProcessPool:
                self.close()
            else:
                return found
        return Done(task, None, failures=(Failure(task.task.layer, task.task.inputs, DIED),))

    def _submit(self, question: Question, batch: list[Numbered]) -> Future[list[Done]]:
        if self._pool is None:
            self._pool = _new_pool(self.workers)
        return self._pool.submit(answer_from_file, self.path, question, batch)

    def close(self) -> None:
        """End the processes, at whatever they are."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, kill_workers=True)
            self._pool = None


def _new_pool(workers: int) -> ProcessPoolExecutor:
    from loky import ProcessPoolExecutor

    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return ProcessPoolExecutor(max_workers=workers, env=one)
