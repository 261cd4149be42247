"""Answering tasks on a Dask cluster."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from unrelu.errors import InputError, MissingExtra
from unrelu.network.fingerprints import json_sha256
from unrelu.study.answering import Done, Numbered
from unrelu.study.context import Context
from unrelu.study.executors.alone import WorkerDied, each_alone
from unrelu.study.executors.batches import Batches
from unrelu.study.executors.remote import answer_batch, context_of, packed, unpacked, wall_clock
from unrelu.study.material import Material
from unrelu.study.question import Question

if TYPE_CHECKING:
    from distributed import Client

_ANSWER = 10
"""Seconds that a scheduler may take to answer first."""

_PATIENCE = 60
"""Seconds that a cluster may be without workers."""


@dataclass(frozen=True)
class Dask:
    """The workers of a Dask cluster. unrelu must be installed there; only this process writes to the store.

    The network and its inputs go to each worker once. Tasks go in batches by what they take, two for each thread at a
    time, so that no more results wait than this process can write. What a worker was at when it died is answered again
    at the end, one task at a time, in halves where the worker dies again, so that an input that kills its worker is
    found and left out, and no other. For a time limit to be kept, the clocks of the machines must agree.

    Attributes:
        scheduler: a `distributed.Client`, or the address of a scheduler such as "tcp://host:8786".
    """

    scheduler: Client | str

    @contextmanager
    def session(self, context: Context) -> Iterator[_Session]:
        """Workers that were given the network and its inputs.

        Raises:
            MissingExtra: if Dask is not installed.
            InputError: if no scheduler answers.
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
            client = Client(self.scheduler, timeout=_ANSWER, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(f"no Dask scheduler answers at {self.scheduler} ({error}); check the address.") from error
        try:
            yield _Session(client, context.material)
        finally:
            with suppress(OSError):  # a scheduler that is gone needs no farewell
                client.close()


class _Session:
    def __init__(self, client: Client, material: Material) -> None:
        self._client = client
        self._name = json_sha256([material.sha256(), material.nodes])
        self._material = replace(material)  # without what this process has found out of it
        self._there: Any = None

    def answers(self, question: Question, tasks: Sequence[Numbered], deadline: float) -> Generator[Done, None, None]:
        asked = packed(question)
        try:
            suspects = yield from self._many(asked, tasks, deadline)
            yield from each_alone(question, suspects, lambda one: self._alone(asked, one, deadline))
        except OSError as error:  # of the connection: what a task meets is told with it
            raise self._gone() from error

    def _many(self, asked: bytes, tasks: Sequence[Numbered], deadline: float) -> Generator[Done, None, list[Numbered]]:
        """Answer tasks in batches; those during which a worker died are returned."""
        from distributed import as_completed

        waiting, suspects = Batches(tasks), []
        running: dict[Any, list[Numbered]] = {}
        completed = as_completed(loop=self._client.loop)
        try:
            while True:
                if time.monotonic() < deadline and waiting:
                    workers = self.threads()
                    while waiting and len(running) < 2 * workers:
                        batch = waiting.take(workers)
                        future = self._submit(asked, batch, deadline)
                        running[future] = batch
                        completed.add(future)
                if not running:
                    return sorted(suspects, key=lambda task: task.number)
                future = next(completed)
                batch = running.pop(future)
                found = self._result(future)
                if found is None:
                    suspects.extend(batch)
                elif found:
                    waiting.took(len(found), sum(each.seconds for each in found))
                    yield from found
        finally:
            self._client.cancel(list(running))

    def _alone(self, asked: bytes, task: Numbered, deadline: float) -> Done | None:
        if time.monotonic() >= deadline:
            return None
        self.threads()
        found = self._result(self._submit(asked, [task], deadline))
        if found is None:
            raise WorkerDied
        return found[0] if found else None

    def _submit(self, asked: bytes, batch: list[Numbered], deadline: float) -> Any:
        if self._there is None or self._there.status != "finished":
            self._there = self._client.scatter(self._material, broadcast=True, hash=False)
        stop = wall_clock(deadline)
        return self._client.submit(answer_scattered, self._name, self._there, asked, batch, stop, pure=False, retries=0)

    def _result(self, future: Any) -> list[Done] | None:
        """What a batch gave; None if its worker died, or lost what it had been given."""
        from distributed import CancelledError, KilledWorker

        try:
            return future.result()
        except KilledWorker:
            return None
        except CancelledError:
            self._there = None
            if self._client.status != "running":
                raise self._gone() from None
            return None

    def threads(self) -> int:
        """How many tasks the cluster can answer at a time.

        Raises:
            InputError: if it has no workers, or is gone.
        """
        try:
            self._client.wait_for_workers(1, timeout=_PATIENCE)
            workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        except (OSError, RuntimeError, TimeoutError) as error:
            raise self._gone() from error
        return max(1, sum(worker["nthreads"] for worker in workers))

    def _gone(self) -> InputError:
        where = "that address"
        with suppress(OSError, RuntimeError, TimeoutError):
            where = self._client.scheduler_info().get("address", where)
        return InputError(
            f"the Dask cluster at {where} has no workers, or is gone; start them, and the same command goes on from "
            "what is kept."
        )


def answer_scattered(name: str, material: Material, asked: bytes, batch: list[Numbered], stop: float) -> list[Done]:
    """Answer several tasks about what a worker was given, none begun after `stop` on its wall clock."""
    return answer_batch(context_of(name, lambda: material), unpacked(asked), batch, stop, time.time)
