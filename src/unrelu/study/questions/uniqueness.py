"""Is each input the only valid one with its features?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from unrelu.errors import DomainError
from unrelu.polyhedra.describe import describe_domain
from unrelu.polyhedra.domain_at import domain_at
from unrelu.polyhedra.domains import Box, Domain
from unrelu.preimages.layer_decision import classify_points
from unrelu.preimages.layer_system import LayerSystem
from unrelu.study.answer import Answer
from unrelu.study.columns import COUNT, FLAG, REAL, TEXT, columns
from unrelu.study.context import Context
from unrelu.study.gaussian_uniqueness import gaussian_uniqueness
from unrelu.study.plan import Plan
from unrelu.study.question import Question
from unrelu.study.questions.first_layer import first_layer
from unrelu.study.questions.layer_names import NOT_ASKED
from unrelu.study.questions.shown_uniqueness import shown_uniqueness
from unrelu.study.shown.shown import Shown
from unrelu.study.task import Task, slices

if TYPE_CHECKING:
    from unrelu.study.study import Study

_AT_ONCE = 64


@dataclass(frozen=True)
class Uniqueness(Question):
    """For each input: is it the only one in a domain with its features in the first ReLU layer?

    Attributes:
        domain: which inputs are valid, e.g. `Box(0, 1)` for pictures.
        verify: whether to check every certificate.
    """

    domain: Domain = field(default_factory=lambda: Box(0, 1))
    verify: bool = True

    name = "uniqueness"
    title = "uniqueness"
    keys = ("layer", "input")
    reads_labels = False
    schema = columns(
        ("layer", TEXT, "name of the ReLU layer: the first one that is fed by the network's input"),
        ("input", COUNT, "index of the input in the data"),
        ("n_active", COUNT, "k, number of positive features"),
        ("n_inside", COUNT, "F, coordinates strictly inside their bounds in the prior"),
        (
            "n_at_bounds",
            COUNT,
            "T, coordinates at one of two different bounds; those whose bounds agree are in neither",
        ),
        ("unique", FLAG, "whether no other input in the prior has the same features; null where open"),
        ("bounded", FLAG, "whether the inputs in the prior with the same features are bounded; null where open"),
        ("proved", FLAG, "whether the certificate proves these answers without a solver; null where not verified"),
        (
            "expected",
            REAL,
            "probability of unique for k Gaussian rows, 2^(1-T) sum_{j < k-F} C(T-1, j), 0 for k <= F and 1 for "
            "k - F >= T; null where the prior has constraints other than bounds",
        ),
    )
    of_layers = columns(
        ("n_prior", COUNT, "number of inputs with a verdict within the prior"),
        ("prior_unique", COUNT, "of them, those that are the only input in the prior with their features"),
        ("prior_not_unique", COUNT, "of them, those that are not"),
        ("prior_open", COUNT, "of them, those for which this stayed open"),
        ("prior_unique_proved", COUNT, "of the unique ones, those proved; null where nothing was verified"),
        ("prior_not_unique_proved", COUNT, "of those that are not, those proved; null where nothing was verified"),
        ("prior_expected", REAL, "how many Gaussian rows would make unique, on average; null where not known"),
    )

    @property
    def within(self) -> Domain:
        """The domain."""
        return self.domain

    def check(self, context: Context, asked: Sequence[Question]) -> Uniqueness:
        """Refuse inputs outside of the domain, and a network without a layer that is fed by its input."""
        name = first_layer(context.net, "uniqueness is")
        system = self._system(context, name)
        assert system.domain_rows is not None
        for chosen in slices(len(context.material), _AT_ONCE):
            points = context.inputs(chosen).reshape(len(chosen), -1)
            places = domain_at(system.domain_rows, points, unit=context.material.unit)
            for index, found in zip(chosen, places, strict=True):
                if isinstance(found, DomainError):
                    where = describe_domain(self.domain)
                    raise DomainError(f"input {index} does not lie in the prior ({where}): {found}")
        return self

    def about(self) -> dict[str, str]:
        """The domain, and whether certificates are checked."""
        return {"domain": describe_domain(self.domain), "verify": str(self.verify)}

    def plan(self, context: Context, rows: Mapping[str, pa.Table]) -> Plan:
        """A task for every few inputs."""
        name = first_layer(context.net, "uniqueness is")
        left_out = {layer: NOT_ASKED for layer in context.net.layers if layer != name}
        return Plan(tuple(Task(chosen, name) for chosen in slices(len(context.material), _AT_ONCE)), left_out)

    def answer(self, context: Context, task: Task) -> Answer:
        """A row per input."""
        system = self._system(context, task.layer)
        points = context.inputs(task.inputs).reshape(len(task.inputs), -1)
        found = classify_points(system, points, {}, progress=False, workers=1)
        proved = found.verify(False, 1) if self.verify else None
        valid = system.domain
        assert valid is not None
        lower, upper = valid.lower, valid.upper
        is_box = not (len(valid.A_ub) or len(valid.A_eq)) and system.layer.is_rectifier
        rows: list[dict[str, object]] = []
        for place, (index, point) in enumerate(zip(task.inputs, points, strict=True)):
            n_inside = int(((lower < point) & (point < upper)).sum())
            n_at_bounds = int((((point == lower) | (point == upper)) & (lower < upper)).sum())
            preimage = found[place]
            n_active = int(preimage.n_active)
            rows.append(
                {
                    "layer": task.layer,
                    "input": index,
                    "n_active": n_active,
                    "n_inside": n_inside,
                    "n_at_bounds": n_at_bounds,
                    "unique": preimage.singleton,
                    "bounded": preimage.bounded,
                    "proved": None if proved is None else bool(proved[place]),
                    "expected": gaussian_uniqueness(n_active, n_inside, n_at_bounds) if is_box else None,
                }
            )
        return Answer(rows)

    def _system(self, context: Context, name: str) -> LayerSystem:
        return context.made(
            self, name, lambda: LayerSystem.ask(context.layer(name), self.domain, 0.0, unit=context.material.unit)
        )

    @classmethod
    def of_layer(cls, rows: pa.Table) -> dict[str, object]:
        """Counts."""
        unique, proved = rows["unique"].to_pylist(), rows["proved"].to_pylist()
        expected = rows["expected"].to_pylist()
        checked = bool(proved) and None not in proved
        found: dict[str, object] = {
            "n_prior": rows.num_rows,
            "prior_open": unique.count(None),
            "prior_expected": math.fsum(expected) if expected and None not in expected else None,
        }
        for value, column in ((True, "prior_unique"), (False, "prior_not_unique")):
            found[column] = unique.count(value)
            own = [p for u, p in zip(unique, proved, strict=True) if u is value]
            found[f"{column}_proved"] = sum(own) if checked else None
        return found

    @classmethod
    def shown(cls, study: Study) -> Shown:
        """See `shown_uniqueness`."""
        return shown_uniqueness(study)
