"""The inputs of a layer with the same features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unrelu.cones.decision import ConeDecision, Decision
from unrelu.errors import InputError, ShapeError
from unrelu.network.arrays import Array, as_numpy
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.dimension_interval import DimensionInterval
from unrelu.polyhedra.geometry import Geometry
from unrelu.polyhedra.membership import member_radius
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificates.sign_system import SignCertificate
from unrelu.preimages.certificates.witness import ExactWitness, Witness
from unrelu.preimages.kind import Kind, kind_of
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.pattern import LayerPattern
from unrelu.preimages.preimage import Preimage
from unrelu.preimages.preimage_certificate import PreimageCertificate
from unrelu.preimages.preimage_dimension import dimension_of_cone
from unrelu.preimages.preimage_sample import PreimageSample, sample_preimage
from unrelu.preimages.same_features import SameFeatures
from unrelu.preimages.stability_radius import StabilityRadius, stability_radius
from unrelu.progress import Progress
from unrelu.rigor.rounding import norm_above

_NO_PIECE = (
    "the inputs with these features may make up several polyhedra, none of which is known; give an input with these "
    "features as `at`."
)


@dataclass(frozen=True, eq=False, repr=False)
class LayerPreimage(Geometry, Preimage):
    """`P = { x in D : |f(A x + b) - y| <= eps }`, all inputs of a layer with the same features; f is mostly the ReLU.

    P ranges over all of the domain (by default all of the layer's input space), not only over what layers before it can
    produce. It answers the questions of `Geometry` (`ranges`, `nearest`, `volume`, `sample`, ...).

    Where units have the same feature on several pieces, as |t| has, P is a union of polyhedra. Then only the one that
    x0 lies in is known (`region`), `complete` is False, and what would need the others is None, or refused: ask
    `region`.

    Features computed in floating point are seldom those of any input exactly: with at least as many positive features
    as inputs, EMPTY is then the true answer for given features and tolerance 0; a small tolerance is what one means.

    Attributes:
        statement: the layer, the domain, the tolerance, and the point x0 or the features y.
        bounded_decision: whether P is bounded, with certificate and margin.
        singleton_decision: whether P is a single point, with certificate.
        existence: whether P has a member; x0 is one where it is given.
        interior: where features are given, proof that some member keeps all inequalities strictly; or None.
        point: (d,) x0, or an input within rounding of P; None where none was found.
    """

    statement: SameFeatures
    bounded_decision: ConeDecision
    singleton_decision: ConeDecision
    existence: Decision[SignCertificate]
    interior: SignCertificate | None
    point: np.ndarray | None

    @property
    def system(self) -> LayerSystem:
        """The layer, the domain and the tolerance."""
        return self.statement.system

    @property
    def layer(self) -> ReLULayer:
        """The layer."""
        return self.statement.layer

    @property
    def pattern(self) -> LayerPattern:
        """Which rows are active and tight at x0, and the domain there, decided exactly."""
        return self.statement.pattern

    @property
    def empty(self) -> bool | None:
        """Whether P has no member; None where it is open."""
        return None if self.existence.holds is None else not self.existence.holds

    @property
    def bounded(self) -> bool | None:
        """Whether P is bounded, as the empty set is; None where it is open."""
        return True if self.empty else self.bounded_decision.holds

    @property
    def singleton(self) -> bool | None:
        """Whether P is a single point; None where it is open."""
        return False if self.empty else self.singleton_decision.holds

    @property
    def kind(self) -> Kind:
        """What P is."""
        if self.empty is not False:
            return Kind.EMPTY if self.empty else Kind.UNDECIDED
        return kind_of(self.bounded, self.singleton)

    @property
    def reason(self) -> str:
        """Where the kind is open, what left it open; "" where it is not."""
        if self.kind is not Kind.UNDECIDED:
            return ""
        return self.existence.reason or self.bounded_decision.reason or self.singleton_decision.reason

    @property
    def margin(self) -> float:
        """How clearly boundedness was decided, from 0 to 1; NaN where counting or rank decided it."""
        return self.bounded_decision.margin

    @property
    def certificate(self) -> PreimageCertificate:
        """The proof of `kind`; `certificate.verify()` checks it without a solver."""
        given = self.statement.features is not None
        return PreimageCertificate(
            self.statement,
            self.bounded_decision.certificate,
            self.singleton_decision.certificate,
            self.existence.certificate if given else None,
            self.interior,
        )

    @property
    def dimension(self) -> DimensionInterval:
        """A proved interval for the dimension of P; -1 is that of the empty set."""
        return self._dimension

    @cached_property
    def _dimension(self) -> DimensionInterval:
        if self.empty:
            return DimensionInterval(-1, -1)
        d = self.layer.n_inputs
        if self.empty is None:
            return DimensionInterval(-1, d)
        if self.singleton:
            return DimensionInterval(0, 0)
        if not self.complete:
            return self._dimension_of_union
        cone = self.certificate.cone
        if cone is None:
            return DimensionInterval(int(self.singleton is False), d)
        return dimension_of_cone(cone, is_point=self.singleton)

    @property
    def _dimension_of_union(self) -> DimensionInterval:
        """At least that of the piece of x0, at most that of a subspace of whose translates each holds a piece."""
        if self.statement.features is not None:
            return DimensionInterval(-1, self.layer.n_inputs)
        own = dimension_of_cone(self.statement.tangent_cone, is_point=None)
        of_all = dimension_of_cone(self.system.directions_of_pieces(self.pattern), is_point=None)
        return DimensionInterval(own.lower, max(own.lower, of_all.upper))

    @property
    def pieces(self) -> tuple[Polyhedron, ...]:
        """The polyhedra that make up P: one, or none where P is empty; of a union the one of x0, if it is given."""
        return () if self.empty or not self._has_a_piece else (self.polyhedron,)

    @property
    def _has_a_piece(self) -> bool:
        return self.complete or self.statement.at is not None

    @property
    def complete(self) -> bool:
        """Whether `pieces` are all there are."""
        return bool(self.empty) or self.statement.is_whole

    @property
    def region(self) -> Polyhedron:
        """The piece that x0 lies in.

        Raises:
            InputError: if features are given, and P may be a union.
        """
        if not self._has_a_piece:
            raise InputError(_NO_PIECE)
        return self.polyhedron

    @property
    def polyhedron(self) -> Polyhedron:
        """P in H-representation, about x0 or about a member; of a union the piece of x0, or what encloses all of it.

        Without a tolerance the active rows are equalities; about x0 these hold exactly, and so do tight rows. All other
        right-hand sides are rounded, and known up to the error that is stored with them. Rows are dense, those of a
        sparse layer too, and so is all geometry.

        Raises:
            TooLarge: if the rows of a sparse layer would take more than 4 GiB that way.
        """
        return self._polyhedron

    @cached_property
    def _polyhedron(self) -> Polyhedron:
        return self.statement.about(self.point)

    @property
    def _body(self) -> Polyhedron:
        """P as the geometry sees it: a single point by its bounds.

        Raises:
            InputError: if P is a union of which only one piece is known.
        """
        if not self._has_a_piece:
            raise InputError(_NO_PIECE)
        if not (self.complete or self.singleton):
            raise InputError(
                "the inputs with the same features may make up several polyhedra, of which only one is known; ask it, "
                "as in pre.region.ranges()."
            )
        return self._seen

    @property
    def _most_dimensions(self) -> int:
        """An upper bound of P's dimension that is -1 or 0 wherever P is proved to be empty or a point."""
        if self.empty:
            return -1
        known = {True: 0, False: self.layer.n_inputs}
        return self.dimension.upper if self.singleton is None else known[self.singleton]

    @cached_property
    def _seen(self) -> Polyhedron:
        P = self.polyhedron
        if self.empty:
            # Rows that contradict each other by less than a solver's tolerance look like a point.
            return Polyhedron(np.zeros((1, P.n_coordinates)), np.full(1, -1.0), origin=P.origin)
        if self._only is None:
            return P
        low, high = self._only
        return Polyhedron(lower=low, upper=high, origin=low)

    @property
    def _shape(self) -> Polyhedron:
        if self._only is None or self.point is None:
            return self._rows
        return Polyhedron(lower=self.point, upper=self.point, origin=self.point)

    @cached_property
    def _only(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Bounds (d,) between which the only member lies; None unless P is a single point, and known to be near one."""
        if self.singleton is not True:
            return None
        if self.statement.at is not None:
            return self.at, self.at
        member = self.existence.certificate
        if isinstance(member, ExactWitness):
            return member.enclosure if np.isfinite(member.point).all() else None
        assert isinstance(member, Witness)
        if member.is_exact(self.statement.sign_system):
            return member.point, member.point
        radius = member_radius(self.polyhedron, member.point)
        if not math.isfinite(radius):
            return None
        return np.nextafter(member.point - radius, -np.inf), np.nextafter(member.point + radius, np.inf)

    def known_radius(self, point: np.ndarray) -> float:
        """A member is known to lie within this of a point (d,), L2: the only one, where that is known to be near."""
        if self._only is None:
            return math.inf
        low, high = self._only
        gap = np.maximum(np.maximum(high - point, point - low), 0.0)
        return norm_above(np.where(gap > 0, np.nextafter(gap, np.inf), 0.0))

    def stability_radius(self, eps: float) -> StabilityRadius:
        """A proved radius around x0 of all inputs in the domain whose features differ by at most eps each.

        It holds for the domain as it was given, also where rows were moved through x0. Finite only where x0 is proved
        to be the only input with the features greater than eps.

        Args:
            eps: noise in the features, in their own units, max norm.

        Raises:
            InputError: if eps is negative or not finite.
        """
        return stability_radius(self.system, self.at, eps)

    def _is_member(self, point: np.ndarray) -> bool:
        return self.statement.contains(point)

    def feature_errors(self, points: np.ndarray) -> np.ndarray:
        """(n,) `max_i |f_i(x) - y_i|` in float64."""
        y = self.statement.features
        if y is None:
            y = self.layer(self.at)
        return np.abs(self.layer(points) - y).max(axis=1, initial=0.0)

    def sample(self, n: int, seed: int = 0, progress: Progress | bool | None = None) -> PreimageSample:
        """Draw points uniformly from P, which must be bounded; of a single point, that point n times.

        Billiard walks after rounding; see `unrelu.polyhedra.sampling.sample.sample` for the method, memory and
        reproducibility. Each point comes with its feature error and a radius within which an exact member is proved.

        Args:
            n: number of points, at least 1.
            seed: of everything random.
            progress: where to show progress.

        Raises:
            InputError: if P is unbounded or empty, or its boundedness or interior is undecided, or n is not positive.

        Warns:
            SamplingWarning: if R-hat of some coordinate exceeds 1.05, as it does for few points.

        >>> from unrelu import Box, preimage
        >>> layer = ReLULayer(np.array([[1.0, 1.0]]), np.zeros(1))
        >>> found = preimage(layer, at=np.array([0.25, 0.75]), domain=Box(0, 1)).sample(1000)
        >>> found.points.shape, found.dimension, bool(found.radius.max() < 1e-14)
        ((1000, 2), 1, True)
        """
        return sample_preimage(self, self._drawn(n, seed=seed, progress=progress), n)

    def _given(self, values: Array, what: str) -> np.ndarray:
        point = as_numpy(values, what)
        if point.size != self.layer.n_inputs:
            raise ShapeError(f"{what} has {point.size} numbers, but the layer takes {self.layer.n_inputs}.")
        return point.reshape(-1)
