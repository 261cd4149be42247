"""How far may each coordinate of an input move while the features stay?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from unrelu.errors import InputError
from unrelu.polyhedra.describe import describe_domain
from unrelu.polyhedra.domains import Domain
from unrelu.preimages.questions import preimage
from unrelu.study.answer import Answer
from unrelu.study.columns import COUNT, REAL, REALS, SHAPE, TEXT, columns
from unrelu.study.context import Context
from unrelu.study.plan import Plan
from unrelu.study.question import Question
from unrelu.study.questions.first_layer import first_layer
from unrelu.study.questions.layer_names import check_count
from unrelu.study.questions.shown_ranges import shown_ranges
from unrelu.study.questions.uniqueness import Uniqueness
from unrelu.study.shown.shown import Shown
from unrelu.study.task import Task

if TYPE_CHECKING:
    from unrelu.study.study import Study

SAME = 1e-6
"""Ends of ranges count as the same within this, relative to the domain's width; solvers keep constraints to 1e-9."""


@dataclass(frozen=True)
class Ranges(Question):
    """The exact range of each coordinate over all inputs in the domain with the same features, for a few inputs.

    Chosen are inputs with a bounded preimage in the domain that are not the only ones in it, as `Uniqueness` found: the
    one with the fewest positive features, the one with the most, and others evenly between. It takes two linear
    programs a coordinate, or far fewer where many reach their bounds.

    Attributes:
        n: how many inputs.
        domain: which inputs are valid; that of the `Uniqueness` asked along with it if None.
    """

    n: int
    domain: Domain | None = None

    name = "ranges"
    title = "coordinate ranges"
    keys = ("layer", "input")
    reads_labels = False
    after = ("uniqueness",)
    schema = columns(
        ("layer", TEXT, "name of the ReLU layer whose features are kept: that of the prior"),
        ("input", COUNT, "index of the input in the data"),
        ("n_active", COUNT, "number of positive features"),
        ("shape", SHAPE, "sample shape of the input; what follows is stored in C order"),
        ("original_values", REALS, "the input"),
        (
            "lower",
            REALS,
            "least value of each coordinate over all inputs in the prior with the same features, as found",
        ),
        ("upper", REALS, "greatest value, as found"),
        ("proved_lower", REALS, "no exact member has a smaller value than this; -inf where nothing is proved"),
        ("proved_upper", REALS, "no exact member has a greater value than this; inf where nothing is proved"),
        ("n_free", COUNT, "coordinates that can take every value that the prior's bounds allow"),
        ("n_fixed", COUNT, "coordinates that cannot move"),
        ("width_median", REAL, "median of upper - lower over the coordinates"),
        ("width_largest", REAL, "the largest upper - lower"),
        ("n_programs", COUNT, "linear programs that this took"),
    )

    def check(self, context: Context, asked: Sequence[Question]) -> Ranges:
        """Take the domain of the question that it goes along with."""
        check_count(self.n, "Ranges")
        along = next((each for each in asked if isinstance(each, Uniqueness)), None)
        if along is None:
            raise InputError(
                "Ranges are about inputs that are not the only valid ones; ask them along with a Uniqueness, such as "
                "questions=[Uniqueness(Box(0, 1)), Ranges(3)]."
            )
        if self.domain is not None and _set(self.domain, context) != _set(along.domain, context):
            raise InputError("Ranges and Uniqueness have different domains; leave that of Ranges out.")
        layer = context.layer(first_layer(context.net, "ranges are"))
        _ = layer.dense_weight  # which the ranges need
        if layer.units.falls.any():
            raise InputError(
                f"Ranges are about one polyhedron, and units of {layer.name} have a feature on several pieces; leave "
                "them out."
            )
        return replace(self, domain=along.domain)

    def about(self) -> dict[str, str]:
        """The number and the domain."""
        return {"n": str(self.n), "domain": describe_domain(self.domain)}

    def most_tasks(self, context: Context) -> int:
        """At most one for each input asked for."""
        return min(self.n, len(context.material))

    def trial(self, context: Context) -> Task:
        """The first input, whatever its preimage."""
        return Task((0,), first_layer(context.net, "ranges are"), (("n_active", 0),), divisible=False)

    def plan(self, context: Context, rows: Mapping[str, pa.Table]) -> Plan:
        """A task for each chosen input."""
        known = rows["uniqueness"].select(["layer", "input", "n_active", "bounded", "unique"]).to_pylist()
        free = sorted(
            (row for row in known if row["bounded"] is True and row["unique"] is False), key=lambda row: row["n_active"]
        )
        places = np.unique(np.linspace(0, len(free) - 1, min(self.n, len(free))).round().astype(int))
        return Plan(
            tuple(
                Task((free[at]["input"],), free[at]["layer"], (("n_active", free[at]["n_active"]),), divisible=False)
                for at in places
            )
        )

    def answer(self, context: Context, task: Task) -> Answer:
        """The row of one input."""
        (index,) = task.inputs
        x = context.inputs(task.inputs)[0]
        asked = preimage(context.layer(task.layer), at=x, domain=self.domain)
        found = asked.ranges(workers=1, progress=False)
        assert self.domain is not None
        valid = self.domain.in_space(x.size)
        low, high = valid.lower, valid.upper
        same = SAME * np.where(np.isfinite(high - low), np.maximum(high - low, np.finfo(np.float64).tiny), 1.0)
        return Answer(
            [
                {
                    "layer": task.layer,
                    "input": index,
                    "n_active": dict(task.settings)["n_active"],
                    "shape": list(x.shape),
                    "original_values": x.reshape(-1).tolist(),
                    "lower": found.lower.tolist(),
                    "upper": found.upper.tolist(),
                    "proved_lower": found.proved_lower.tolist(),
                    "proved_upper": found.proved_upper.tolist(),
                    "n_free": int(((found.lower - low <= same) & (high - found.upper <= same)).sum()),
                    "n_fixed": int((found.width <= same).sum()),
                    "width_median": float(np.median(found.width)),
                    "width_largest": float(found.width.max()),
                    "n_programs": found.n_programs,
                }
            ]
        )

    @classmethod
    def shown(cls, study: Study) -> Shown:
        """See `shown_ranges`."""
        return shown_ranges(study)


def _set(domain: Domain, context: Context) -> object:
    from unrelu.network.fingerprints import settings_of

    return settings_of(domain, context.net.input_size)
