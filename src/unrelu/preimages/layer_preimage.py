"""The preimage of one layer at one point."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from unrelu.errors import ShapeError
from unrelu.network.arrays import Array, as_numpy
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.analytic_center import AnalyticCenter, analytic_center
from unrelu.polyhedra.boundedness import boundedness
from unrelu.polyhedra.chebyshev import ChebyshevCenter, chebyshev_center
from unrelu.polyhedra.farthest import FarthestPoint, farthest_point
from unrelu.polyhedra.functional_range import FunctionalRange, functional_range
from unrelu.polyhedra.membership import member_radius
from unrelu.polyhedra.nearest import NearestPoint, nearest_point
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.ranges import Ranges, ranges
from unrelu.polyhedra.recession import Recession, lineality_space, recession
from unrelu.polyhedra.volumes.result import Volume, VolumeMethod
from unrelu.polyhedra.volumes.volume import volume
from unrelu.preimages.facts import Fact
from unrelu.preimages.kind import Kind, kind_of
from unrelu.preimages.layer_polyhedron import LayerPolyhedron, Membership, is_member
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.pattern import LayerPattern
from unrelu.preimages.preimage_certificate import PreimageCertificate
from unrelu.preimages.preimage_dimension import DimensionInterval, preimage_dimension
from unrelu.preimages.preimage_sample import PreimageSample, sample_preimage
from unrelu.preimages.stability_radius import StabilityRadius, stability_radius
from unrelu.progress import Progress


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
        """A proved interval for the dimension of P; see `preimage_dimension`."""
        return preimage_dimension(self.system, self.at, self.pattern, self.singleton)

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
    def _rows(self) -> LayerPolyhedron:
        return LayerPolyhedron.at(self.system, self.at, self.pattern)

    @property
    def polyhedron(self) -> Polyhedron:
        """P in H-representation, centred at x0.

        Without a tolerance the active rows are equalities `A_J (x - x0) = 0`, exactly; slacks of inequalities are
        rounded, those of tight rows are exactly 0. Rows are dense, those of a sparse layer too, and so is all geometry.

        Raises:
            TooLarge: if the rows of a sparse layer would take more than 4 GiB that way.
        """
        return self._rows.polyhedron

    @property
    def ub_error(self) -> np.ndarray:
        """(k,) by how much each of `polyhedron.b_ub` may differ from the exact number, for rounding."""
        return self._rows.ub_error

    @cached_property
    def _body(self) -> LayerPolyhedron:
        """P as the geometry sees it: a single point by its bounds."""
        if self.singleton is not True:
            return self._rows
        return LayerPolyhedron(Polyhedron(lower=self.at, upper=self.at, origin=self.at), np.zeros(0))

    def contains(self, x: Array) -> bool:
        """Whether a point is a member of P for exactly the stored numbers.

        A float point seldom is, unless rows are integers or there is a tolerance: this says False of most points of
        `sample` and `nearest` too, which are off by rounding alone. Ask `membership` how nearly a point is one.

        Args:
            x: one input of the layer, d numbers.

        Raises:
            InputError: if x does not fit the layer or is not finite.
        """
        return is_member(self.system, self.at, self.pattern, self._point(x, "the point x"))

    def membership(self, x: Array) -> Membership:
        """How nearly a point is a member of P: its feature error, and a radius within which an exact member lies.

        Args:
            x: one input of the layer, d numbers.

        Raises:
            InputError: if x does not fit the layer or is not finite.
        """
        point = self._point(x, "the point x")
        A, b = self.layer.weight, self.layer.bias
        error = np.abs(np.maximum(A @ point + b, 0.0) - np.maximum(A @ self.at + b, 0.0)).max(initial=0.0)
        exact = is_member(self.system, self.at, self.pattern, point)
        radius = 0.0 if exact else member_radius(self.polyhedron, point, ub_error=self.ub_error)
        return Membership(exact, float(error), radius)

    def nearest(self, target: Array, norm: float = 1) -> NearestPoint:
        """The member of P nearest to a target.

        Args:
            target: d numbers, in the domain or not.
            norm: 1, 2 or `math.inf`.

        Raises:
            InputError: if the norm is another, or the target does not fit the layer or is not finite.
        """
        body = self._body
        return nearest_point(body.polyhedron, self._point(target, "the target"), norm, ub_error=body.ub_error)

    def farthest(
        self,
        point: Array,
        norm: float = math.inf,
        *,
        seed: int = 0,
        progress: Progress | bool | None = None,
        workers: int | None = None,
    ) -> FarthestPoint:
        """The member of P farthest from a point: exactly for L-infinity, else the best found and an upper bound.

        Args:
            point: d numbers, in P or not; `pre.at` for the farthest input with the same features.
            norm: 1, 2 or `math.inf`.
            seed: of the directions in which L1 and L2 begin to search.
            progress: where to show progress.
            workers: threads; by default one a core.

        Raises:
            InputError: if the norm is another, or the point does not fit the layer or is not finite.
        """
        body = self._body
        return farthest_point(
            body.polyhedron,
            self._point(point, "the point"),
            norm,
            bounded=self.bounded,
            ub_error=body.ub_error,
            seed=seed,
            progress=progress,
            workers=workers,
        )

    def chebyshev_center(self) -> ChebyshevCenter:
        """The centre of a greatest ball in P, within P's affine hull."""
        return chebyshev_center(self._body.polyhedron)

    def analytic_center(self) -> AnalyticCenter:
        """The member that maximises the product of the slacks, within P's affine hull, with its ellipsoid."""
        return analytic_center(self._body.polyhedron)

    @cached_property
    def _radius(self) -> float:
        """P is proved to lie within this of x0; inf where bounds say more or nothing is proved."""
        body = self._body
        return boundedness(body.polyhedron, known=self.bounded, ub_error=body.ub_error).radius

    def ranges(
        self,
        coordinates: ArrayLike | None = None,
        *,
        workers: int | None = None,
        progress: Progress | bool | None = None,
    ) -> Ranges:
        """The exact range of each coordinate over P: how far each input may move.

        Args:
            coordinates: (k,) indices; all by default.
            workers: threads; by default one a core.
            progress: where to show progress.

        Raises:
            InputError: if an index is out of range.
        """
        body = self._body
        return ranges(
            body.polyhedron,
            None if coordinates is None else np.asarray(coordinates),
            radius=self._radius,
            ub_error=body.ub_error,
            workers=workers,
            progress=progress,
        )

    def range_of(self, functional: Array) -> FunctionalRange:
        """The exact range of a linear functional `c'x` over P.

        Args:
            functional: c, d numbers.

        Raises:
            InputError: if it does not fit the layer or is not finite.
        """
        body = self._body
        c = self._point(functional, "the functional")
        return functional_range(body.polyhedron, c, radius=self._radius, ub_error=body.ub_error)

    def lineality(self) -> np.ndarray:
        """The directions in which P goes on for ever both ways: an orthonormal basis (d, k), as found in floats."""
        return lineality_space(self._body.polyhedron)

    def recession(self) -> Recession:
        """The directions in which P goes on for ever: one in their relative interior, and the lineality space.

        A linear program, which takes some seconds for thousands of rows in hundreds of dimensions.
        """
        if self.bounded is True:
            return Recession(None, np.zeros((self.at.size, 0)), None, False)
        return recession(self.polyhedron)

    def volume(
        self,
        *,
        method: VolumeMethod | str | None = None,
        accuracy: float = 0.05,
        confidence: float = 0.95,
        seed: int = 0,
        progress: Progress | bool | None = None,
    ) -> Volume:
        """The volume of P relative to its affine hull, with its dimension and what is known of the error.

        Infinite for most preimages without a domain. Unless a method is asked for: exact up to 8 dimensions where the
        inequalities are few (20,000 in 3, 300 in 8), estimated by annealing up to 150 (for about a minute at most,
        however wide the interval still is), and beyond that between two ellipsoids, very wide and without an estimate.

        Args:
            method: "exact" (bounds where faces are too many), "annealing" or "ellipsoids"; by the dimension if None.
            accuracy: half-width of the confidence interval of the logarithm that annealing tries to reach.
            confidence: of that interval.
            seed: of annealing's random numbers.
            progress: where to show progress.

        Raises:
            InputError: if the method is none of these, or a number is out of range.
        """
        body = self._body
        return volume(
            body.polyhedron,
            bounded=self.bounded,
            ub_error=body.ub_error,
            method=method,
            accuracy=accuracy,
            confidence=confidence,
            seed=seed,
            progress=progress,
        )

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

        Warns:
            SamplingWarning: if R-hat of some coordinate exceeds 1.05, as it does for few points.

        >>> from unrelu import Box, preimage
        >>> layer = ReLULayer(np.array([[1.0, 1.0]]), np.zeros(1))
        >>> found = preimage(layer, at=np.array([0.25, 0.75]), domain=Box(0, 1)).sample(1000)
        >>> found.points.shape, found.dimension, bool(found.radius.max() < 1e-14)
        ((1000, 2), 1, True)
        """
        return sample_preimage(self, self._body, n, seed=seed, progress=progress)

    def __repr__(self) -> str:
        """A line that says what P is and why."""
        m, d = self.layer.n_outputs, self.layer.n_inputs
        return f"LayerPreimage({self.kind.value}: {self.n_active} of {m} features active on {d} inputs)"

    def _point(self, values: Array, what: str) -> np.ndarray:
        point = as_numpy(values, what)
        if point.size != self.at.size:
            raise ShapeError(f"{what} has {point.size} numbers, but the layer takes {self.at.size}.")
        return point.reshape(-1)
