"""The preimage of one layer at one point."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.facts import Fact
from unrelu.preimages.kind import Kind, kind_of
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.pattern import LayerPattern
from unrelu.preimages.preimage_certificate import PreimageCertificate
from unrelu.preimages.preimage_sample import PreimageSample, sample_preimage
from unrelu.preimages.stability_radius import StabilityRadius, stability_radius
from unrelu.progress import Progress
from unrelu.rigor.rounding import UNDERFLOW, gamma
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
    """`P = { x in D : |ReLU(A x + b) - ReLU(A x0 + b)| <= tolerance }`, all inputs of a layer with the same features.

    P ranges over all of the domain (by default all of the layer's input space), not only over what layers before it can
    produce.

    Attributes:
        system: the layer (A, b), the domain D and the tolerance.
        at: (d,) the point x0, float64.
        pattern: which rows are active at x0, decided exactly.
        bounded_fact: whether P is bounded, with certificate and margin.
        singleton_fact: whether P = {x0}, with certificate.
    """

    system: LayerSystem
    at: np.ndarray
    pattern: LayerPattern
    bounded_fact: Fact
    singleton_fact: Fact

    @property
    def layer(self) -> ReLULayer:
        """The layer."""
        return self.system.layer

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

        It is that of the tangent cone: at least d minus the number of its rows, and at most d minus the rank of its
        equality rows, which is bounded below by a proof of full row rank.
        """
        cone = self.system.tangent_cone(self.pattern)
        d = cone.dimension
        if self.singleton is True:
            return DimensionInterval(0, 0)
        counted = int(((cone.equalities | cone.inequalities) & ~cone.rows.is_zero).sum())
        B = cone.rows.matrix[cone.equalities & ~cone.rows.is_zero]
        rank = len(B) if len(B) < d and proves_full_rank(B) else 0
        return DimensionInterval(max(d - counted, int(self.singleton is False)), d - rank)

    @property
    def margin(self) -> float:
        """How clearly boundedness was decided, from 0 to 1; NaN where counting or rank decided it."""
        return self.bounded_fact.margin

    @property
    def certificate(self) -> PreimageCertificate:
        """The proof of `kind`; `certificate.verify()` checks it without a solver."""
        return PreimageCertificate(self.system, self.at, self.bounded_fact.certificate, self.singleton_fact.certificate)

    def stability_radius(self, eps: float) -> StabilityRadius:
        """A proved radius around x0 of all inputs in the domain whose features differ by at most eps each.

        Finite only where x0 is proved to be the only input with the features greater than eps.

        Args:
            eps: noise in the features, in their own units, max norm.

        Raises:
            InputError: if eps is negative or not finite.
        """
        return stability_radius(self.system, self.at, eps)

    @cached_property
    def polyhedron(self) -> Polyhedron:
        """P in H-representation, centred at x0.

        Without a tolerance the active rows are equalities `A_J (x - x0) = 0`, exactly; slacks of inequalities are
        rounded, those of tight rows are exactly 0.
        """
        A, b = self.layer.weight, self.layer.bias
        values = A @ self.at + b
        active, tolerance = self.pattern.active, self.system.tolerance
        slack = np.where(self.pattern.tight | active, 0.0, np.maximum(-values, 0.0)) + tolerance
        none = np.zeros((0, A.shape[1]))
        if tolerance == 0:
            A_ub, b_ub, A_eq = A[~active], slack[~active], A[active]
        else:
            A_ub, b_ub, A_eq = np.vstack([A, -A[active]]), np.append(slack, np.full(active.sum(), tolerance)), none
        domain = self.system.domain
        if domain is None:
            return Polyhedron(A_ub=A_ub, b_ub=b_ub, A_eq=A_eq, b_eq=np.zeros(len(A_eq)), origin=self.at)
        domain_slack = np.maximum(domain.b_ub - domain.A_ub @ (self.at - domain.origin), 0.0)
        A_eq = np.vstack([A_eq, domain.A_eq])
        return Polyhedron(
            A_ub=np.vstack([A_ub, domain.A_ub]),
            b_ub=np.append(b_ub, domain_slack),
            A_eq=A_eq,
            b_eq=np.zeros(len(A_eq)),
            lower=domain.lower,
            upper=domain.upper,
            origin=self.at,
        )

    @cached_property
    def ub_error(self) -> np.ndarray:
        """(k,) by how much each of `polyhedron.b_ub` may differ from the exact number, for rounding."""
        exact = self.pattern.active | self.pattern.tight
        parts = [np.where(exact, 0.0, _rounding(self.layer.weight, self.at, self.layer.bias))]
        if self.system.tolerance == 0:
            parts = [parts[0][~self.pattern.active]]
        else:
            parts = [parts[0] + self.system.tolerance * 2.0**-52 * ~exact, np.zeros(self.n_active)]
        domain = self.system.domain
        if domain is not None:
            parts.append(_rounding(domain.A_ub, np.abs(self.at) + np.abs(domain.origin), domain.b_ub))
        return np.concatenate(parts)

    def sample(self, n: int, seed: int = 0, progress: Progress | bool | None = None) -> PreimageSample:
        """Draw points uniformly from P, which must be bounded; of a single point, that point n times.

        Billiard walks after rounding; see `unrelu.polyhedra.sampling.sample.sample` for the method, memory and
        reproducibility. Each point comes with its feature error and a radius within which an exact member is proved.

        Args:
            n: number of points, at least 1.
            seed: of everything random.
            progress: where to show progress.

        Raises:
            InputError: if P is unbounded, or its boundedness or its interior is undecided, or n is not positive.

        >>> from unrelu import Box, preimage
        >>> layer = ReLULayer(np.array([[1.0, 1.0]]), np.zeros(1))
        >>> found = preimage(layer, at=np.array([0.25, 0.75]), domain=Box(0, 1)).sample(100)
        >>> found.points.shape, found.dimension, bool(found.radius.max() < 1e-14)
        ((100, 2), 1, True)
        """
        return sample_preimage(self, n, seed=seed, progress=progress)

    def __repr__(self) -> str:
        """A line that says what P is and why."""
        m, d = self.layer.weight.shape
        return f"LayerPreimage({self.kind.value}: {self.n_active} of {m} features active on {d} inputs)"


def _rounding(rows: np.ndarray, x: np.ndarray, right: np.ndarray) -> np.ndarray:
    """A bound on the rounding error of `rows x + right`: (k,)."""
    terms = rows.shape[1] + 4
    return 2 * gamma(terms) * (np.abs(rows) @ np.abs(x) + np.abs(right)) + terms * UNDERFLOW
