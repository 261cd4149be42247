"""What a study begins with: checked data, and questions that can be asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from unrelu.errors import InputError, ShapeError
from unrelu.network.arrays import Array, as_numpy, unit_roundoff
from unrelu.network.expected import expect_network
from unrelu.network.graph import Network
from unrelu.study.context import Context
from unrelu.study.material import Material
from unrelu.study.question import Question
from unrelu.study.questions import Predictions, RowRemoval, Spectra, Verdicts

DEFAULT: tuple[Question, ...] = (Verdicts(), Spectra(32), RowRemoval(2))
"""What is asked if nothing is said."""


def prepare(
    net: Network, data: Array, questions: Iterable[Question], labels: Array | None
) -> tuple[Context, tuple[Question, ...]]:
    """Check what `analyze` was given.

    Returns:
        The network with its inputs, and the questions as they will be asked, predictions before them.

    Raises:
        InputError: if the data, the labels or a question do not fit the network or each other.
        UnknownNode: if a question names a node that there is not.
        DomainError: if an input does not lie in the domain of a question about it.
    """
    expect_network(net)
    asked_for = tuple(questions)
    for each in asked_for:
        if not isinstance(each, Question):
            raise InputError(f"questions are those of ur.questions, such as ur.questions.Verdicts(), not {each!r}.")
    names = [each.name for each in asked_for]
    if len(set(names)) < len(names):
        twice = next(each for each in names if names.count(each) > 1)
        raise InputError(f"the question {twice!r} is asked twice; ask it once, or in two studies.")
    every = (Predictions(), *(each for each in asked_for if each.name != Predictions.name))
    x = _checked_data(net, data)
    nodes = tuple(dict.fromkeys(node for each in every for node in each.nodes(net)))
    context = Context(Material(net, x, _checked_labels(labels, len(x)), unit_roundoff(data), nodes))
    return context, tuple(each.check(context, every) for each in every)


def in_order(questions: Sequence[Question]) -> list[Question]:
    """Questions whose rows others read come before these."""
    waiting, order = list(questions), []
    while waiting:
        left = {each.name for each in waiting}
        ready = next((each for each in waiting if not left.intersection(each.after) - {each.name}), waiting[0])
        order.append(ready)
        waiting.remove(ready)
    return order


def _checked_data(net: Network, data: Array) -> np.ndarray:
    x = as_numpy(data, "the data")
    if x.shape[1:] != net.input_shape or x.ndim == 0:
        raise ShapeError(
            f"the data have shape {x.shape}, the network takes (n, {', '.join(map(str, net.input_shape))}): "
            "dimension 0 is the batch; reshape the data."
        )
    if len(x) == 0:
        raise InputError("the data hold no inputs; give at least one.")
    return x


def _checked_labels(labels: Array | None, n: int) -> np.ndarray | None:
    if labels is None:
        return None
    y = as_numpy(labels, "the labels")
    if y.shape != (n,) or bool((y != np.round(y)).any()):
        raise InputError(f"labels must be {n} integers, one for each input, not an array of shape {y.shape}.")
    return y.astype(np.int64)
