"""Answering tasks in processes of this machine."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path

from unrelu.errors import InputError
from unrelu.parallel import share_workers
from unrelu.study.answering import Done, Numbered
from unrelu.study.context import Context
from unrelu.study.executors.alone import WorkerDied, each_alone
from unrelu.study.executors.batches import Batches
from unrelu.study.executors.remote import packed, write_material
from unrelu.study.executors.worker_process import WorkerProcess
from unrelu.study.question import Question
from unrelu.study.scratch import scratch_folder

_AHEAD = 2
"""Batches that a process has at a time: the one it is at, and the next."""

_STARTS = 4
"""Processes that may die in a row before they are ready."""


@dataclass(frozen=True)
class Processes:
    """Processes of this machine, each with BLAS on one thread; numbers of the network and of the inputs are shared.

    A process that dies (killed, or out of memory) is replaced; the others go on. What it was at is answered again at
    the end, one task at a time and nothing beside it, in halves where the process dies again, so that an input that
    kills its process is found and left out, and no other. Processes end with the one that started them, even if that is
    killed.

    Attributes:
        workers: how many; one a core that this process may use if None.
        patient: whether what is begun is finished when the time limit comes; otherwise it is given up.
    """

    workers: int | None = None
    patient: bool = True

    @contextmanager
    def session(self, context: Context) -> Iterator[_Session]:
        """Processes that read the network and its inputs from files in the system's place for temporary ones.

        Raises:
            InputError: if the model that the network was read from cannot be sent to other processes.
            StoreError: if there is no room for them.
        """
        with scratch_folder() as folder:
            write_material(context.material, folder)
            session = _Session(folder, share_workers(self.workers, 2**30).tasks, self.patient)
            try:
                yield session
            finally:
                session.close()


@dataclass
class _Session:
    folder: Path
    most: int
    patient: bool
    workers: list[WorkerProcess] = field(default_factory=list)
    failed_starts: int = 0

    def answers(self, question: Question, tasks: Sequence[Numbered], deadline: float) -> Generator[Done, None, None]:
        asked = packed(question)
        try:
            suspects = yield from self._many(asked, tasks, deadline)
            yield from each_alone(question, suspects, lambda one: self._alone(asked, one, deadline))
        except BaseException:
            self.close()
            raise

    def _many(self, asked: bytes, tasks: Sequence[Numbered], deadline: float) -> Generator[Done, None, list[Numbered]]:
        """Answer tasks in batches; those during which a process died are returned."""
        waiting, suspects = Batches(tasks), []
        while True:
            if time.monotonic() < deadline:
                self._hand_out(asked, waiting, deadline)
            elif not any(worker.ready for worker in self.workers):
                self.close()
            busy = {worker.connection: worker for worker in self.workers if worker.given}
            if not busy:
                return sorted(suspects, key=lambda task: task.number)
            left = None if self.patient or math.isinf(deadline) else max(0.0, deadline - time.monotonic())
            heard = wait(list(busy), left)
            if not heard:
                self.close()
                return []
            for connection in heard:
                worker = busy[connection]  # pyright: ignore[reportArgumentType]
                found = worker.hear()
                if found is None:
                    begun, *others = worker.given if worker.ready else ([], *worker.given)
                    suspects.extend(begun)
                    for batch in others:
                        waiting.put_back(batch)
                    self._lost(worker)
                elif found:
                    waiting.took(len(found), sum(each.seconds for each in found))
                    yield from found

    def _hand_out(self, asked: bytes, waiting: Batches, deadline: float) -> None:
        for ahead in range(_AHEAD):
            while waiting:
                worker = next((each for each in self.workers if len(each.given) <= ahead), None)
                if worker is None and ahead == 0 and len(self.workers) < self.most:
                    worker = self._started()
                if worker is None:
                    break
                batch = waiting.take(self.most)
                if not worker.give(asked, batch, deadline):
                    waiting.put_back(batch)
                    self._lost(worker)

    def _alone(self, asked: bytes, task: Numbered, deadline: float) -> Done | None:
        while time.monotonic() < deadline:
            worker = self.workers[0] if self.workers else self._started()
            found: list[Done] | None = []
            given = worker.give(asked, [task], deadline)
            while given and worker.given and found is not None:
                found = worker.hear()
            if given and found is not None:
                return found[0] if found else None
            self._lost(worker)
            if given and worker.ready:
                raise WorkerDied
        return None

    def _started(self) -> WorkerProcess:
        worker = WorkerProcess(self.folder)
        self.workers.append(worker)
        return worker

    def _lost(self, worker: WorkerProcess) -> None:
        """Clear away a process that died.

        Raises:
            InputError: if none of the last ones became ready.
        """
        self.workers.remove(worker)
        worker.end()
        started = worker.ready or any(each.ready for each in self.workers)
        self.failed_starts = 0 if started else self.failed_starts + 1
        if self.failed_starts >= _STARTS:
            raise InputError(
                f"{_STARTS} processes died one after another while they started; see what they wrote, use fewer "
                "workers if memory is short, or answer in threads."
            )

    def close(self) -> None:
        """End the processes, at whatever they are."""
        while self.workers:
            self.workers[-1].end()
            self.workers.pop()
