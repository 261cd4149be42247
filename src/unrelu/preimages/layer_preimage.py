"""The preimage of one layer at one point."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.facts import Fact
from unrelu.preimages.kind import Kind, kind_of
from unrelu.preimages.pattern import LayerPattern
from unrelu.preimages.preimage_certificate import PreimageCertificate
from unrelu.rigor.singular import proves_full_rank


@dataclass(frozen=True)
class DimensionInterval:
    """A proved interval for the dimension of the affine hull of a set.

    Attributes:
        lower: it is at least this.
        upper: it is at most this.
    """

    lower: int
    upper: int


@dataclass(frozen=True, eq=False)
class LayerPreimage:
    """`P = { x : ReLU(A x + b) = ReLU(A x0 + b) }`, all inputs of a layer with exactly the same features.

    P ranges over all of the layer's input space, not only over what layers before it can produce.

    Attributes:
        layer: the layer (A, b).
        at: (d,) the point x0, float64.
        pattern: which rows are active at x0, decided exactly.
        bounded_fact: whether P is bounded, with certificate and margin.
        singleton_fact: whether P = {x0}, with certificate.
    """

    layer: ReLULayer
    at: np.ndarray
    pattern: LayerPattern
    bounded_fact: Fact
    singleton_fact: Fact

    @property
    def bounded(self) -> bool | None:
        """Whether P is bounded; None where it is open."""
        return self.bounded_fact.value

    @property
    def singleton(self) -> bool | None:
        """Whether x0 is the only input with its features; None where it is open."""
        return self.singleton_fact.value

    @property
    def kind(self) -> Kind:
        """What P is."""
        return kind_of(self.bounded, self.singleton)

    @property
    def n_active(self) -> int:
        """|J|, the number of positive features."""
        return self.pattern.n_active

    @cached_property
    def dimension(self) -> DimensionInterval:
        """A proved interval for the dimension of P.

        The rows that hold with equality near x0 are those of J and at most those at exactly 0, so the dimension is at
        least `d - |J| - |T|` and at most `d - rank A_J`; the rank is bounded below by a proof of full row rank.
        """
        d = self.layer.n_inputs
        if self.singleton is True:
            return DimensionInterval(0, 0)
        lower = max(d - self.n_active - int(self.pattern.tight.sum()), int(self.singleton is False))
        active = self.layer.weight[self.pattern.active]
        rank = len(active) if len(active) < d and proves_full_rank(active) else 0
        return DimensionInterval(lower, d - rank)

    @property
    def margin(self) -> float:
        """How clearly boundedness was decided, from 0 to 1; NaN where counting or rank decided it."""
        return self.bounded_fact.margin

    @property
    def certificate(self) -> PreimageCertificate:
        """The proof of `kind`; `certificate.verify()` checks it without a solver."""
        return PreimageCertificate(self.layer, self.at, self.bounded_fact.certificate, self.singleton_fact.certificate)

    @cached_property
    def polyhedron(self) -> Polyhedron:
        """P in H-representation, centred at x0: equalities for the active rows, inequalities for the others.

        The slack of an inequality, minus the pre-activation, is rounded; the equalities `A_J (x - x0) = 0` are exact.
        """
        active = self.pattern.active
        slack = -(self.layer.weight[~active] @ self.at + self.layer.bias[~active])
        return Polyhedron(
            A_ub=self.layer.weight[~active],
            b_ub=np.maximum(slack, 0.0),
            A_eq=self.layer.weight[active],
            b_eq=np.zeros(int(active.sum())),
            origin=self.at,
        )

    def __repr__(self) -> str:
        """A line that says what P is and why."""
        m, d = self.layer.weight.shape
        return f"LayerPreimage({self.kind.value}: {self.n_active} of {m} features active on {d} inputs)"
