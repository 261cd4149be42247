"""A process of this machine that answers tasks, and the line to it.

Each process has a line of its own: one that dies breaks nothing but its own line, and what it was at is known.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import threading
import time
from collections import deque
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from unrelu.errors import InputError
from unrelu.parallel import one_blas_thread
from unrelu.study.answering import Done, Numbered
from unrelu.study.context import Context
from unrelu.study.executors.remote import answer_batch, read_material
from unrelu.study.question import Question

_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")

_READY = "ready"


class WorkerProcess:
    """One process and what it was given.

    Attributes:
        connection: the line, readable when there is something to hear.
        given: batches that it has not answered, the one it is at first.
        ready: whether it has read the network and its inputs.
    """

    def __init__(self, folder: Path) -> None:
        """Start it; it reads what `write_material` wrote into a folder."""
        from loky.backend.context import get_context

        context: Any = get_context("loky")
        self.connection, other = context.Pipe()
        self.given: deque[list[Numbered]] = deque()
        self.ready = False
        self._asked: bytes | None = None
        self._process = context.Process(target=_serve, args=(other, str(folder), os.getpid()), env=_ONE_THREAD)
        self._process.start()
        other.close()

    def give(self, asked: bytes, batch: list[Numbered], deadline: float) -> bool:
        """Hand over tasks of a question (`remote.packed`); False if the process is dead."""
        try:
            if asked is not self._asked:
                self.connection.send_bytes(asked)
                self._asked = asked
            self.connection.send_bytes(pickle.dumps((batch, deadline), pickle.HIGHEST_PROTOCOL))
        except OSError:
            return False
        self.given.append(batch)
        return True

    def hear(self) -> list[Done] | None:
        """Wait for the next answers, none of them if it says that it is ready; None if it is dead.

        Raises:
            InputError: if it cannot read what it was sent.
        """
        try:
            heard = pickle.loads(self.connection.recv_bytes())
        except (EOFError, OSError):
            return None
        if heard == _READY:
            self.ready = True
            return []
        if isinstance(heard, str):
            raise InputError(heard)
        self.given.popleft()
        return heard

    def end(self) -> None:
        """End the process, at whatever it is."""
        if self._process.is_alive():
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))
        self._process.join()
        self.connection.close()


def _serve(connection: Connection, folder: str, parent: int) -> None:
    """What the process does: a question, batches of its tasks, another question, and so on."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends this process
    messages: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(connection, messages, folder, parent), daemon=True).start()
    try:
        with one_blas_thread():
            _answer_all(connection, messages, Path(folder))
    except OSError:
        os._exit(1)  # the parent is gone


def _answer_all(connection: Connection, messages: SimpleQueue[bytes], folder: Path) -> None:
    try:
        context = Context(read_material(folder))
    except Exception as error:
        return _say(connection, f"a process cannot read the network and its inputs ({type(error).__name__}: {error})")
    _say(connection, _READY)
    question: Question | None = None
    while True:
        try:
            message = pickle.loads(messages.get())
        except Exception as error:
            reason = f"a process cannot read the question ({type(error).__name__}: {error}); answer it in threads"
            return _say(connection, reason)
        if isinstance(message, Question):
            question = message
        else:
            assert question is not None
            tasks, deadline = message
            _say(connection, answer_batch(context, question, tasks, deadline, time.monotonic))


def _say(connection: Connection, said: str | list[Done]) -> None:
    connection.send_bytes(pickle.dumps(said, pickle.HIGHEST_PROTOCOL))


def _listen(connection: Connection, messages: SimpleQueue[bytes], folder: str, parent: int) -> None:
    """Take messages as they come, so that the parent never waits for a task to end before it can send the next."""
    while True:
        try:
            messages.put(connection.recv_bytes())
        except (EOFError, OSError):  # the parent is gone: without it nobody keeps an answer
            if os.getppid() != parent:
                shutil.rmtree(folder, ignore_errors=True)
            os._exit(1)
