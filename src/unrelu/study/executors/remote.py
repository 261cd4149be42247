"""Answering tasks in another process, which gets the network and its inputs once."""

from __future__ import annotations

import pickle
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from unrelu.errors import InputError
from unrelu.parallel import Workers
from unrelu.study.answering import Done, Numbered, answer_task
from unrelu.study.context import Context
from unrelu.study.material import Material
from unrelu.study.question import Question

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


def answer_batch(context: Context, question: Question, tasks: Sequence[Numbered]) -> list[Done]:
    """Answer several tasks, BLAS on one thread."""
    with Workers(1, blas=1).limited():
        return [answer_task(question, context, task) for task in tasks]


def answer_from_file(path: str, question: Question, tasks: Sequence[Numbered]) -> list[Done]:
    """Answer several tasks about what lies in a file of `write_material`."""
    return answer_batch(context_of(path, lambda: read_material(path)), question, tasks)


def write_material(material: Material, path: Path) -> None:
    """Write a network and its inputs for other processes of this machine.

    Raises:
        InputError: if the model that the network was read from cannot be sent to other processes.
    """
    bare = replace(material, x=np.zeros((0, *material.x.shape[1:])))
    try:
        torch.save((bare, torch.from_numpy(material.x)), path)
    except (pickle.PicklingError, TypeError, AttributeError, RuntimeError) as error:
        raise InputError(
            f"the model behind the network cannot be sent to other processes ({error}); answer in threads, or read "
            "the network from a file."
        ) from error


def read_material(path: str) -> Material:
    """Read them back; the numbers stay in the file, so that all processes share them in memory."""
    bare, x = torch.load(path, mmap=True, weights_only=False)
    return replace(bare, x=x.numpy())
