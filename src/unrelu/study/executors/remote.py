"""Answering tasks in another process, which gets the network and its inputs once."""

from __future__ import annotations

import math
import pickle
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import cloudpickle
import torch

from unrelu.errors import InputError
from unrelu.parallel import one_blas_thread
from unrelu.study.answering import Done, Numbered, answer_task
from unrelu.study.context import Context
from unrelu.study.material import Material
from unrelu.study.question import Question
from unrelu.study.scratch import room_told

INPUTS, REST = "inputs", "material.pt"

_CONTEXTS: OrderedDict[str, Context] = OrderedDict()
_LOCK = threading.Lock()
_KEPT = 2  # studies that a worker remembers


def context_of(name: str, material: Callable[[], Material]) -> Context:
    """The context of a study in this process, made once."""
    with _LOCK:
        if name not in _CONTEXTS:
            _CONTEXTS[name] = Context(material())
            while len(_CONTEXTS) > _KEPT:
                _CONTEXTS.popitem(last=False)
        _CONTEXTS.move_to_end(name)
        return _CONTEXTS[name]


def answer_batch(
    context: Context, question: Question, tasks: Sequence[Numbered], stop: float, clock: Callable[[], float]
) -> list[Done]:
    """Answer several tasks, BLAS on one thread; none is begun once the clock says `stop`."""
    found: list[Done] = []
    with one_blas_thread():
        for task in tasks:
            if clock() >= stop:
                break
            # an exit would end the worker, and the tasks beside it
            found.append(replace(answer_task(question, context, task, (Exception, SystemExit)), part=None))
    return found


def wall_clock(deadline: float) -> float:
    """What clocks on the wall show at a time of this machine's monotonic clock."""
    return deadline if math.isinf(deadline) else time.time() + deadline - time.monotonic()


def packed(question: Question) -> bytes:
    """A question for other processes; its class may be one of the user's script or notebook.

    Raises:
        InputError: if it cannot be sent.
    """
    try:
        return cloudpickle.dumps(question)
    except Exception as error:  # whatever the user's own fields raise
        raise InputError(
            f"the question {question.name!r} cannot be sent to other processes ({_told(error)}); answer it in threads."
        ) from error


@lru_cache(maxsize=4)
def unpacked(asked: bytes) -> Question:
    """The question that `packed` has packed."""
    return pickle.loads(asked)


def write_material(material: Material, folder: Path) -> None:
    """Write a network and its inputs for other processes of this machine.

    Raises:
        InputError: if the model that the network was read from cannot be sent to other processes.
        StoreError: if there is no room.
    """
    try:
        with room_told("the network and its inputs, for the processes,"):
            kept = replace(material, x=material.x.in_file(folder / INPUTS))
            with open(folder / REST, "wb") as file:
                # by cloudpickle, as the model's class may be one of the user's script or notebook
                torch.save(kept, file, pickle_module=cloudpickle)
    except (pickle.PicklingError, TypeError, AttributeError, RuntimeError, ValueError) as error:
        raise InputError(
            f"the model behind the network cannot be sent to other processes ({_told(error)}); answer in threads, or "
            "read the network from a file."
        ) from error


def read_material(folder: Path) -> Material:
    """Read them back; the numbers stay in the files, so that all processes share them in memory."""
    return torch.load(folder / REST, mmap=True, weights_only=False)


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
