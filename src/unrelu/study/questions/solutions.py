"""Which other inputs give each output?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from unrelu.inverse.inversion import Inversion
from unrelu.inverse.invert import invert
from unrelu.network.graph import Network
from unrelu.polyhedra.describe import describe_domain
from unrelu.polyhedra.domains import Domain
from unrelu.study.answer import Answer
from unrelu.study.columns import COUNT, FLAG, REAL, TEXT, columns
from unrelu.study.context import OUTPUT, Context
from unrelu.study.plan import Plan
from unrelu.study.question import Question
from unrelu.study.questions.layer_names import check_count
from unrelu.study.task import Task


@dataclass(frozen=True)
class Solutions(Question):
    """Every input in a box that gives the output that an input of the data gives, with a proof that none is missing.

    For networks of few inputs; see `unrelu.invert`.

    Attributes:
        domain: a box with finite ends.
        n: how many inputs of the data, from the first on; all if None.
        resolution: how far outputs may be from the one wanted; that of `invert` if None.
        time_limit: seconds for each; what is known then is kept, and said to be incomplete.
    """

    domain: Domain
    n: int | None = None
    resolution: float | None = None
    time_limit: float = 60.0

    name = "solutions"
    title = "all solutions"
    keys = ("input",)
    reads_labels = False
    schema = columns(
        ("input", COUNT, "index of the input in the data, whose output is the one wanted"),
        ("n_solutions", COUNT, "solutions found: inputs that lie together count as one"),
        ("n_proved", COUNT, "of them, those proved to hold an exact one"),
        ("complete", FLAG, "whether it is proved that none is missing"),
        ("unique", FLAG, "whether there is exactly one; null where open"),
        ("farthest", REAL, "largest L2 distance from the input to the middle of a solution; null where there is none"),
        ("settled", REAL, "share of the box's volume that is settled"),
        ("stopped", TEXT, "why the search stopped before the end; null where it did not"),
    )

    def check(self, context: Context, asked: Sequence[Question]) -> Solutions:
        """Refuse a wrong count."""
        if self.n is not None:
            check_count(self.n, "Solutions")
        return self

    def about(self) -> dict[str, str]:
        """The box and the limits."""
        return {"domain": describe_domain(self.domain), "time_limit": f"{self.time_limit:g} s"}

    def nodes(self, net: Network) -> tuple[str, ...]:
        """The output."""
        return (OUTPUT,)

    def plan(self, context: Context, rows: Mapping[str, pa.Table]) -> Plan:
        """A task an input."""
        n = len(context.material) if self.n is None else min(self.n, len(context.material))
        return Plan(tuple(Task((index,)) for index in range(n)))

    def answer(self, context: Context, task: Task) -> Answer:
        """The row of one input."""
        (index,) = task.inputs
        x, y = context.inputs(task.inputs)[0], context.values(OUTPUT, task.inputs)[0]
        found = invert(
            context.net,
            y.ravel(),
            domain=self.domain,
            resolution=self.resolution,
            time_limit=self.time_limit,
            progress=False,
        )
        assert isinstance(found, Inversion)
        away = [float(np.linalg.norm(each.center - x.ravel())) for each in found.solutions]
        return Answer(
            [
                {
                    "input": index,
                    "n_solutions": len(found.solutions),
                    "n_proved": sum(bool(each.holds) for each in found.solutions),
                    "complete": found.complete,
                    "unique": found.unique,
                    "farthest": max(away, default=None),
                    "settled": float(found.settled),
                    "stopped": found.stopped or None,
                }
            ]
        )
