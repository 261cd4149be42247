"""What a study begins with: checked data, and questions that can be asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from unrelu.errors import InputError
from unrelu.network.arrays import Array
from unrelu.network.expected import expect_network
from unrelu.network.graph import Network
from unrelu.progress import Progress
from unrelu.study.context import Context
from unrelu.study.inputs.clipping import clipped_to
from unrelu.study.inputs.inputs import Inputs
from unrelu.study.inputs.read import ClassNames, read_inputs
from unrelu.study.material import Material
from unrelu.study.question import Question
from unrelu.study.questions import Predictions, RowRemoval, Spectra, Verdicts

DEFAULT: tuple[Question, ...] = (Verdicts(), Spectra(32), RowRemoval(2))
"""What is asked if nothing is said."""

Labels: TypeAlias = Array | Sequence[int] | str | None
"""The class of each input; see `read_inputs`."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a study begins with.

    Attributes:
        context: the network and its inputs.
        questions: as they will be asked, predictions before them.
        inputs: as read, with what has to be said of them.
    """

    context: Context
    questions: tuple[Question, ...]
    inputs: Inputs


def prepare(
    net: Network,
    data: object,
    questions: Iterable[Question],
    labels: Labels = None,
    classes: ClassNames = (),
    progress: Progress | bool | None = False,
) -> Prepared:
    """Read and check what `analyze` was given.

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
    inputs = read_inputs(net, data, labels, classes, progress=progress)
    for each in every:
        inputs = clipped_to(inputs, each.within)
    nodes = tuple(dict.fromkeys(node for each in every for node in each.nodes(net)))
    context = Context(Material(net, inputs.samples, inputs.labels, inputs.unit, nodes))
    return Prepared(context, tuple(each.check(context, every) for each in every), inputs)


def in_order(questions: Sequence[Question]) -> list[Question]:
    """Questions whose rows others read come before these."""
    waiting, order = list(questions), []
    while waiting:
        left = {each.name for each in waiting}
        ready = next((each for each in waiting if not left.intersection(each.after) - {each.name}), waiting[0])
        order.append(ready)
        waiting.remove(ready)
    return order
