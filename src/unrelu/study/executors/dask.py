"""Answering tasks on a Dask cluster."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from unrelu.errors import InputError, MissingExtra
from unrelu.study.answering import Done, Numbered
from unrelu.study.context import Context
from unrelu.study.executors.batches import Batches
from unrelu.study.executors.processes import DIED
from unrelu.study.executors.remote import answer_batch, context_of
from unrelu.study.material import Material
from unrelu.study.parts.part import Failure
from unrelu.study.question import Question

if TYPE_CHECKING:
    from distributed import Client

_TRIES = 3


@dataclass(frozen=True)
class Dask:
    """The workers of a Dask cluster. unrelu must be installed there; only this process writes to the store.

    The network and its inputs go to each worker once. Tasks go in batches by what they take, two for each thread at a
    time, so that no more results wait than this process can write.

    Attributes:
        scheduler: a `distributed.Client`, or the address of a scheduler such as "tcp://host:8786".
    """

    scheduler: Client | str

    @contextmanager
    def session(self, context: Context) -> Iterator[_Session]:
        """Workers that were given the network and its inputs.

        Raises:
            MissingExtra: if Dask is not installed.
            InputError: if no scheduler answers, or it has no workers.
        """
        try:
            from distributed import Client
        except ImportError as error:
            raise MissingExtra(
                'a Dask cluster needs distributed; install it with: pip install "unrelu[distributed]"'
            ) from error
        if isinstance(self.scheduler, Client):
            yield _Session(self.scheduler, context.material)
            return
        try:
            client = Client(self.scheduler, timeout=10)
        except (OSError, ValueError) as error:
            raise InputError(f"no Dask scheduler answers at {self.scheduler} ({error}); check the address.") from error
        with client:
            yield _Session(client, context.material)


class _Session:
    def __init__(self, client: Client, material: Material) -> None:
        self._client = client
        self._material = material
        self._there: Any = None

    def answers(self, question: Question, tasks: Sequence[Numbered], deadline: float) -> Generator[Done, None, None]:
        from distributed import CancelledError, KilledWorker, as_completed

        waiting, lost = Batches(tasks), []
        running: dict[Any, list[Numbered]] = {}
        tries: dict[int, int] = {}
        try:
            while waiting or lost or running:
                workers = self._threads()
                while (waiting or lost) and len(running) < 2 * workers:
                    batch = [lost.pop()] if lost else waiting.take(workers)
                    future = self._submit(question, batch)
                    running[future] = batch
                if time.monotonic() >= deadline:
                    return
                left = deadline - time.monotonic()
                try:
                    future = next(as_completed(list(running), timeout=None if math.isinf(left) else left))
                except TimeoutError:
                    return
                batch = running.pop(future)
                try:
                    found = future.result()
                except (KilledWorker, CancelledError) as error:
                    self._there = None
                    for task in batch:
                        tries[task.number] = tries.get(task.number, 0) + 1
                        if tries[task.number] < _TRIES:
                            lost.append(task)
                        else:
                            reason = DIED if isinstance(error, KilledWorker) else f"the cluster gave it up ({error})"
                            yield Done(task, None, failures=(Failure(task.task.layer, task.task.inputs, reason),))
                    continue
                waiting.took(len(batch), sum(each.seconds for each in found))
                yield from found
        finally:
            self._client.cancel(list(running))

    def _submit(self, question: Question, batch: list[Numbered]) -> Any:
        if self._there is None:
            self._there = self._client.scatter(self._material, broadcast=True, hash=False)
        return self._client.submit(
            answer_scattered, self._material.sha256(), self._there, question, batch, pure=False, retries=0
        )

    def _threads(self) -> int:
        found = sum(worker["nthreads"] for worker in self._client.scheduler_info(n_workers=-1)["workers"].values())
        if not found:
            self._client.wait_for_workers(1, timeout=60)
        return max(1, found)


def answer_scattered(name: str, material: Material, question: Question, batch: list[Numbered]) -> list[Done]:
    """Answer several tasks about what a worker was given."""
    return answer_batch(context_of(name, lambda: material), question, batch)
