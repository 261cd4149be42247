"""A question of somebody's own, all of it in one file: how large are a layer's features?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from unrelu.errors import InputError
from unrelu.network.graph import Network
from unrelu.questions import Question
from unrelu.study.answer import Answer
from unrelu.study.columns import COUNT, REAL, TEXT, columns
from unrelu.study.context import Context
from unrelu.study.plan import Plan
from unrelu.study.task import Task, slices

if TYPE_CHECKING:
    from unrelu.study.study import Study

BROKEN: set[int] = set()
"""Inputs at which the question has a bug, for now."""

ANSWERED: list[tuple[int, ...]] = []
"""Inputs of the tasks that were answered in this process."""


@dataclass(frozen=True)
class FeatureSums(Question):
    """The p-norm of each layer's features.

    Attributes:
        p: of the norm.
        at_once: inputs of a task.
        refused: inputs about which the question cannot be answered.
    """

    p: float = 1.0
    at_once: int = 4
    refused: Sequence[int] = ()

    name = "feature_sums"
    title = "sums of features"
    keys = ("layer", "input")
    schema = columns(
        ("layer", TEXT, "name of the ReLU layer"),
        ("input", COUNT, "index of the input in the data"),
        ("norm", REAL, "the p-norm of its features"),
    )
    of_layers = columns(("norm_largest", REAL, "the largest norm; null if none"))

    def check(self, context: Context, asked: Sequence[Question]) -> FeatureSums:
        """Refuse what is no norm."""
        if not self.p >= 1:
            raise InputError(f"p must be 1 or more, not {self.p}.")
        return self

    def nodes(self, net: Network) -> tuple[str, ...]:
        """The features."""
        return net.layers

    def plan(self, context: Context, rows: Mapping[str, pa.Table]) -> Plan:
        """A few inputs at once."""
        n = len(context.material)
        return Plan(tuple(Task(chosen, name) for name in context.net.layers for chosen in slices(n, self.at_once)))

    def answer(self, context: Context, task: Task) -> Answer:
        """A row an input."""
        ANSWERED.append(task.inputs)
        for index in task.inputs:
            if index in BROKEN:
                raise RuntimeError("a bug")
            if index in self.refused:
                raise InputError(f"input {index} is not to be asked about.")
        values = context.values(task.layer, task.inputs).reshape(len(task.inputs), -1)
        norms = np.linalg.norm(values, self.p, axis=1).tolist()
        rows = zip(task.inputs, norms, strict=True)
        return Answer([{"layer": task.layer, "input": index, "norm": norm} for index, norm in rows])

    @classmethod
    def of_layer(cls, rows: pa.Table) -> dict[str, object]:
        """The largest."""
        return {"norm_largest": max(rows["norm"].to_pylist(), default=None)}

    @classmethod
    def told_of_layer(cls, study: Study, row: Mapping[str, Any]) -> list[str]:
        """The largest."""
        return [f"norms up to {row['norm_largest']:.3g}"] if row["norm_largest"] is not None else []
