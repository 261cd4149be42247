"""Putting files side by side, where each put is a request that takes its time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType

from unrelu.study.stores.store import Store


class Puts:
    """Puts that go on while more are asked for; a few at a time, in any order. All are done at the end of the context.

    What a put has to say it says in the thread that asked for it: an error at the next `add` or at the end, when the
    other ones have been waited for. Ctrl-C waits for those that are on their way, too; a second one does not.
    """

    def __init__(self, store: Store) -> None:
        """Nothing is on its way."""
        self._most = store.at_once
        self._pool = ThreadPoolExecutor(self._most) if self._most > 1 else None
        self._running: dict[Future[None], Callable[[], None]] = {}

    def add(self, put: Callable[[], None], then: Callable[[], None]) -> None:
        """Put something, and call `then` from this thread once it is there.

        Raises:
            StoreError: if this put, or one before, was not possible.
        """
        if self._pool is None:
            put()
            then()
            return
        while len(self._running) >= self._most:
            self._collect()
        self._running[self._pool.submit(put)] = then

    def __enter__(self) -> Puts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for all that are on their way.

        Raises:
            StoreError: if one was not possible, and nothing else went wrong.
        """
        failed: Exception | None = None
        try:
            while self._running:
                try:
                    self._collect()
                except Exception as own:
                    failed = failed or own
        finally:
            if self._pool is not None:
                self._pool.shutdown(wait=not self._running)
        if failed is not None and kind is None:
            raise failed

    def _collect(self) -> None:
        done, _ = wait(self._running, return_when=FIRST_COMPLETED)
        errors = []
        for future in done:
            then, error = self._running.pop(future), future.exception()
            if error is None:
                then()
            else:
                errors.append(error)
        if errors:
            raise errors[0]
