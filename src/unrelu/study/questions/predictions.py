"""What does the network say of each input?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from unrelu.network.graph import Network
from unrelu.study.answer import Answer
from unrelu.study.columns import COUNT, columns
from unrelu.study.context import OUTPUT, Context
from unrelu.study.plan import Plan
from unrelu.study.question import Question
from unrelu.study.task import Task, slices

_AT_ONCE = 256


@dataclass(frozen=True)
class Predictions(Question):
    """The class of each input, as given and as predicted; every study has it, as its table "inputs"."""

    name = "inputs"
    title = "predictions"
    keys = ("input",)
    schema = columns(
        ("input", COUNT, "index of the input in the data"),
        ("label", COUNT, "its class as given by the caller; null where no labels were given"),
        ("predicted", COUNT, "index of the network's largest output; null where it has a single one"),
    )

    def nodes(self, net: Network) -> tuple[str, ...]:
        """The outputs, where there are several."""
        return (OUTPUT,) if net.output_size > 1 else ()

    def plan(self, context: Context, rows: Mapping[str, pa.Table]) -> Plan:
        """A task for each block of inputs."""
        return Plan(tuple(Task(chosen) for chosen in slices(len(context.material), _AT_ONCE)))

    def answer(self, context: Context, task: Task) -> Answer:
        """A row per input."""
        said, given = context.predicted(task.inputs), context.labels
        return Answer(
            [
                {
                    "input": index,
                    "label": None if given is None else int(given[index]),
                    "predicted": None if said is None else int(said[place]),
                }
                for place, index in enumerate(task.inputs)
            ]
        )
