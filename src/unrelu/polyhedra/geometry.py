"""The questions that whatever holds a polyhedron answers, in the same words everywhere."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from unrelu.errors import InputError
from unrelu.polyhedra.point_membership import Membership
from unrelu.rigor.arithmetic import is_ieee

if TYPE_CHECKING:
    from unrelu.network.arrays import Array
    from unrelu.polyhedra.agreement import Agreement
    from unrelu.polyhedra.analytic_center import AnalyticCenter
    from unrelu.polyhedra.chebyshev import ChebyshevCenter
    from unrelu.polyhedra.dimension_interval import DimensionInterval
    from unrelu.polyhedra.farthest import FarthestPoint
    from unrelu.polyhedra.functional_range import FunctionalRange
    from unrelu.polyhedra.nearest import NearestPoint
    from unrelu.polyhedra.normalised import Normalised
    from unrelu.polyhedra.polyhedron import Polyhedron
    from unrelu.polyhedra.ranges import Ranges
    from unrelu.polyhedra.recession import Recession
    from unrelu.polyhedra.sampling.sample import Sample
    from unrelu.polyhedra.vertices import Vertices
    from unrelu.polyhedra.volumes.result import Volume, VolumeMethod
    from unrelu.progress import Progress


class Geometry:
    """What can be asked of a convex polyhedron P in d coordinates.

    Results about one set are held against what is proved of it: what contradicts that is not handed out.
    """

    # What a class with this geometry has to offer.
    if TYPE_CHECKING:

        @property
        def bounded(self) -> bool | None:
            """Whether P is bounded, proved; None where it is open."""

        @property
        def dimension(self) -> DimensionInterval:
            """A proved interval for the dimension of P; -1 is that of the empty set."""
            ...

        @property
        def _body(self) -> Polyhedron:
            """P."""
            ...

        def _given(self, values: Array, what: str) -> np.ndarray:
            """(d,) the numbers of a point."""
            ...

        def _is_member(self, point: np.ndarray) -> bool:
            """Whether a point (d,) is a member in exact arithmetic."""
            ...

    @property
    def _shape(self) -> Polyhedron:
        """P for questions about its size and shape, to which nothing proved is attached: a single point as that."""
        return self._rows

    def known_radius(self, point: np.ndarray) -> float:
        """A member is known to lie within this of a point (d,), L2; inf where only rows can tell."""
        return math.inf

    def feature_errors(self, points: np.ndarray) -> np.ndarray:
        """(n,) by how much features at points (n, d) are off."""
        return np.full(len(points), math.nan)

    @property
    def _most_dimensions(self) -> int:
        """An upper bound of P's dimension that is -1 or 0 wherever P is proved to be empty or a point."""
        return self.dimension.upper

    @property
    def _rows(self) -> Polyhedron:
        """P with rows of about unit size."""
        return self._body.unit_rows

    @cached_property
    def _radius(self) -> float:
        """P is proved to lie within this of its origin (L2); inf where bounds say more or nothing is proved."""
        from unrelu.polyhedra.boundedness import boundedness

        if self._normalised is not None:
            scaled = self._normalised
            return math.ldexp(boundedness(scaled.polyhedron, known=self.bounded).radius, scaled.exponent)
        return boundedness(self._rows, known=self.bounded).radius

    @cached_property
    def _normalised(self) -> Normalised | None:
        """P in units of its size, where that is extreme."""
        from unrelu.polyhedra.normalised import normalised, size_of

        return normalised(self._rows, size_of(self._rows))

    @cached_property
    def _agreement(self) -> Agreement:
        """What is proved of P, for ends of ranges."""
        from unrelu.polyhedra.agreement import Agreement

        return Agreement(self._rows, self.bounded, self._most_dimensions, lambda: self.dimension)

    @cached_property
    def _in_size(self) -> Normalised | None:
        """The same, where the size follows from a proved radius only.

        From its origin a set reaches at least as far as the nearest of the constraints that are not tight there.
        """
        from unrelu.polyhedra.normalised import ORDINARY, nearest_constraint, normalised

        if self._normalised is not None or nearest_constraint(self._rows) >= ORDINARY[0]:
            return self._normalised
        return normalised(self._rows, self._radius)

    def contains(self, x: Array) -> bool:
        """Whether a point is a member of P for exactly the stored numbers.

        A float point seldom is, unless rows are integers or there is a tolerance: this says False of most points of
        `sample` and `nearest` too, which are off by rounding alone. Ask `membership` how nearly a point is one.

        Args:
            x: d numbers.

        Raises:
            InputError: if x has another size or is not finite.
        """
        return self._is_member(self._given(x, "the point x"))

    def membership(self, x: Array) -> Membership:
        """How nearly a point is a member of P: a radius within which an exact member lies, and its feature error.

        Args:
            x: d numbers.

        Raises:
            InputError: if x has another size or is not finite.
        """
        from unrelu.polyhedra.membership import member_radius

        point = self._given(x, "the point x")
        exact = self._is_member(point)
        known = self.known_radius(point)
        radius = 0.0 if exact else known if math.isfinite(known) else member_radius(self._rows, point)
        return Membership(exact, float(self.feature_errors(point[None])[0]), radius)

    def nearest(self, target: Array, norm: float = 1, *, time_limit: float = math.inf) -> NearestPoint:
        """The member of P nearest to a target.

        Args:
            target: d numbers, in P or not.
            norm: 1, 2 or `math.inf`.
            time_limit: seconds that the solver may take.

        Raises:
            InputError: if the norm is another, or the target has another size or is not finite.
        """
        from unrelu.polyhedra.nearest import nearest_point, restored_nearest
        from unrelu.solvers.status import Status

        point = self._given(target, "the target")
        is_member = is_ieee() and self._is_member(point)
        scaled = self._normalised
        if scaled is not None and not is_member and scaled.reaches(point):
            found = nearest_point(scaled.polyhedron, scaled.brought(point), norm, time_limit=time_limit)
            found = restored_nearest(found, scaled, point, norm)
        else:
            found = nearest_point(self._rows, point, norm, time_limit=time_limit, is_member=is_member)
        if self._agreement.is_contradicted(found.status):
            found = replace(found, status=Status.FAILED)
        known = math.inf if found.point is None else self.known_radius(found.point)
        return replace(found, radius=known) if math.isfinite(known) else found

    def farthest(
        self,
        point: Array,
        norm: float = math.inf,
        *,
        seed: int = 0,
        time_limit: float = math.inf,
        progress: Progress | bool | None = None,
        workers: int | None = None,
    ) -> FarthestPoint:
        """The member of P farthest from a point: exactly for L-infinity, else the best found and an upper bound.

        Args:
            point: d numbers, in P or not.
            norm: 1, 2 or `math.inf`.
            seed: of the directions in which L1 and L2 begin to search.
            time_limit: seconds after which no further program is begun; point and bound are the best by then.
            progress: where to show progress.
            workers: threads; by default one a core.

        Raises:
            InputError: if the norm is another, or the point has another size or is not finite.
        """
        from unrelu.polyhedra.farthest import farthest_point, restored_farthest

        p = self._given(point, "the point")
        scaled = self._in_size
        body = self._rows if scaled is None else scaled.polyhedron
        q = p if scaled is None else scaled.brought(p)
        found = farthest_point(
            body,
            q,
            norm,
            bounded=self.bounded,
            seed=seed,
            time_limit=time_limit,
            progress=progress,
            workers=workers,
        )
        found = found if scaled is None else restored_farthest(found, scaled, p, norm)
        known = math.inf if found.point is None else self.known_radius(found.point)
        return replace(found, radius=known) if math.isfinite(known) else found

    def chebyshev_center(self) -> ChebyshevCenter:
        """The centre of a greatest ball in P, within P's affine hull."""
        from unrelu.polyhedra.chebyshev import chebyshev_center
        from unrelu.solvers.status import Status

        scaled = self._in_size if self._shape is self._rows else None
        found = chebyshev_center(self._shape if scaled is None else scaled.polyhedron)
        if scaled is not None and found.point is not None:
            found = replace(found, point=scaled.restored(found.point), radius=math.ldexp(found.radius, scaled.exponent))
        if found.dimension not in self.dimension or self._agreement.is_contradicted(found.status):
            return replace(found, status=Status.FAILED, point=None, radius=math.nan)
        return found

    def analytic_center(self) -> AnalyticCenter:
        """The member that maximises the product of the slacks, within P's affine hull, with its ellipsoid."""
        from unrelu.polyhedra.analytic_center import analytic_center
        from unrelu.solvers.status import Status

        found = analytic_center(self._shape)
        wrong = found.status is Status.OPTIMAL and found.dimension not in self.dimension
        return replace(found, status=Status.FAILED) if wrong or self._agreement.is_contradicted(found.status) else found

    def ranges(
        self,
        coordinates: ArrayLike | None = None,
        *,
        time_limit: float = math.inf,
        workers: int | None = None,
        progress: Progress | bool | None = None,
    ) -> Ranges:
        """The exact range of each coordinate over P: how far each input may move.

        Args:
            coordinates: (k,) indices; all by default.
            time_limit: seconds after which no further program is begun; ends not found by then are nan.
            workers: threads; by default one a core.
            progress: where to show progress.

        Raises:
            InputError: if an index is out of range.
        """
        from unrelu.polyhedra.ranges import ranges, restored_ranges

        scaled = self._in_size
        chosen = None if coordinates is None else np.asarray(coordinates)
        body = self._rows if scaled is None else scaled.polyhedron
        radius = self._radius if scaled is None else math.ldexp(self._radius, -scaled.exponent)
        found = ranges(body, chosen, radius=radius, time_limit=time_limit, workers=workers, progress=progress)
        found = found if scaled is None else restored_ranges(found, scaled)
        return self._agreement.ranges(found)

    def range_of(self, functional: Array) -> FunctionalRange:
        """The exact range of a linear functional `c'x` over P.

        Args:
            functional: c, d numbers.

        Raises:
            InputError: if it has another size or is not finite.
        """
        from unrelu.polyhedra.functional_range import functional_range

        c = self._given(functional, "the functional")
        found = functional_range(self._rows, c, radius=self._radius, normalised=self._in_size)
        return self._agreement.functional_range(c, found)

    def lineality(self) -> np.ndarray:
        """The directions in which P goes on for ever both ways: an orthonormal basis (d, k), as found in floats."""
        from unrelu.polyhedra.recession import lineality_space

        if self.bounded:
            return np.zeros((self._rows.origin.size, 0))
        return lineality_space(self._rows)

    def recession(self) -> Recession:
        """The directions in which P goes on for ever: one in their relative interior, and the lineality space.

        A linear program, which takes some seconds for thousands of rows in hundreds of dimensions.
        """
        from unrelu.polyhedra.recession import Recession, recession

        if self.bounded:
            return Recession(None, np.zeros((self._rows.origin.size, 0)), None, False)
        return recession(self._rows)

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
        from unrelu.polyhedra.volumes.volume import volume

        scaled = self._in_size if self._shape is self._rows else None
        return volume(
            self._shape if scaled is None else scaled.polyhedron,
            bounded=self.bounded,
            proved=self.dimension,
            log_unit=0.0 if scaled is None else scaled.exponent * math.log(2),
            method=method,
            accuracy=accuracy,
            confidence=confidence,
            seed=seed,
            progress=progress,
        )

    def vertices(self) -> Vertices:
        """All vertices of P, which must be bounded and small; see `unrelu.polyhedra.vertices.vertices`.

        Raises:
            TooLarge: if it has too many rows or dimensions.
            InputError: if it is unbounded, or its boundedness or its affine hull is undecided.
        """
        from unrelu.polyhedra.vertices import vertices

        found = vertices(self._shape, bounded=self.bounded, proved=self.dimension)
        known = np.array([self.known_radius(point) for point in found.points])
        return replace(found, radius=np.where(np.isfinite(known), known, found.radius))

    def _drawn(self, n: int, *, seed: int, progress: Progress | bool | None) -> Sample:
        """Points drawn uniformly from P.

        Raises:
            InputError: if P is unbounded or empty, or either is undecided, or its interior was not found.
        """
        from unrelu.polyhedra.sampling.sample import draw

        if self.bounded is False:
            raise InputError(
                "the set is unbounded, so it has no uniform distribution; bound it by a domain such as Box(0, 1)."
            )
        if self.bounded is None:
            raise InputError(
                "whether the set is bounded, and so has a uniform distribution, is undecided; bound it by a domain "
                "such as Box(0, 1)."
            )
        proved = self.dimension
        if proved.upper < 0:
            raise InputError("the set is empty, so nothing can be drawn from it; allow a larger tolerance.")
        scaled = self._in_size if self._shape is self._rows else None
        found = draw(self._shape if scaled is None else scaled.polyhedron, n, seed=seed, progress=progress)
        if found.dimension not in proved:
            raise InputError(
                f"the set is too thin for floats: {found.dimension} dimensions were found, where {proved.lower} to "
                f"{proved.upper} are proved; sample within a wider domain, or allow a larger tolerance."
            )
        if scaled is None:
            return found
        return replace(
            found, points=scaled.restored(found.points), violation=np.ldexp(found.violation, scaled.exponent)
        )
