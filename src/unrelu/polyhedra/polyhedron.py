"""Polyhedra in H-representation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from unrelu.errors import DomainError, ShapeError
from unrelu.frozen_arrays import FrozenArrays, freeze
from unrelu.network.arrays import as_numpy
from unrelu.polyhedra.dimension_interval import DimensionInterval
from unrelu.polyhedra.geometry import Geometry
from unrelu.rigor.arithmetic import is_ieee

if TYPE_CHECKING:
    from unrelu.network.arrays import Array
    from unrelu.polyhedra.sampling.sample import Sample
    from unrelu.progress import Progress


@dataclass(frozen=True, eq=False)
class Polyhedron(FrozenArrays, Geometry):
    """`{ x : A_ub (x - origin) <= b_ub, A_eq (x - origin) = b_eq, lower <= x <= upper }`.

    Rows are stored relative to an origin because a right-hand side rounded far from the set can make it
    infeasible: a preimage centred at its own point has `b_eq = 0` exactly.

    Right-hand sides may be known up to an error only, where they are slacks that were computed. What is then proved of
    the polyhedron holds for all right-hand sides within the error. As a domain a polyhedron is the set of its stored
    numbers.

    Attributes:
        A_ub: (k, d) float64.
        b_ub: (k,) float64.
        A_eq: (l, d) float64.
        b_eq: (l,) float64.
        lower: (d,) float64, -inf where there is no bound.
        upper: (d,) float64, inf where there is no bound.
        origin: (d,) float64.
        ub_error: (k,) float64, how far each of `b_ub` may be from what is meant; 0 where it is exact.
        eq_error: (l,) float64, the same of `b_eq`.
    """

    A_ub: np.ndarray
    b_ub: np.ndarray
    A_eq: np.ndarray
    b_eq: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    origin: np.ndarray
    ub_error: np.ndarray
    eq_error: np.ndarray

    def __init__(
        self,
        A_ub: np.ndarray | None = None,
        b_ub: np.ndarray | None = None,
        A_eq: np.ndarray | None = None,
        b_eq: np.ndarray | None = None,
        lower: ArrayLike | None = None,
        upper: ArrayLike | None = None,
        origin: np.ndarray | None = None,
        ub_error: np.ndarray | None = None,
        eq_error: np.ndarray | None = None,
    ) -> None:
        """Make a polyhedron; whatever is left out does not constrain.

        Args:
            A_ub: (k, d).
            b_ub: (k,).
            A_eq: (l, d).
            b_eq: (l,).
            lower: (d,) or one number; -inf allowed.
            upper: (d,) or one number; inf allowed.
            origin: (d,); 0 by default.
            ub_error: (k,) at least 0; 0 by default.
            eq_error: (l,) likewise.

        Raises:
            ShapeError: if the arrays do not fit together or leave the dimension open.
            DomainError: if a lower bound exceeds its upper bound.
            InputError: if a number of a row is NaN or infinite.
        """
        d = _dimension(origin, A_ub, A_eq, lower, upper)
        rows_ub, values_ub = _rows(A_ub, b_ub, d, "inequality")
        rows_eq, values_eq = _rows(A_eq, b_eq, d, "equality")
        low = _bounds(lower, -np.inf, d)
        high = _bounds(upper, np.inf, d)
        if bool(np.any(low > high)) or bool(np.any(low == np.inf)) or bool(np.any(high == -np.inf)):
            worst = int(np.argmax(low > high))
            raise DomainError(f"the domain is empty: coordinate {worst} has a lower bound above its upper bound.")
        centre = np.zeros(d) if origin is None else as_numpy(origin, "the origin of a polyhedron").reshape(-1)
        if centre.shape != (d,):
            raise ShapeError(f"the origin has {centre.size} coordinates, the polyhedron {d}.")
        for key, value in {
            "A_ub": rows_ub,
            "b_ub": values_ub,
            "A_eq": rows_eq,
            "b_eq": values_eq,
            "lower": low,
            "upper": high,
            "origin": centre,
            "ub_error": _errors(ub_error, len(values_ub), "inequality"),
            "eq_error": _errors(eq_error, len(values_eq), "equality"),
        }.items():
            freeze(value)
            object.__setattr__(self, key, value)

    @property
    def n_coordinates(self) -> int:
        """d, the number of coordinates."""
        return self.origin.size

    @property
    def dimension(self) -> DimensionInterval:
        """A proved interval for the dimension of the set's affine hull; -1 is that of the empty set."""
        return self._dimension

    @cached_property
    def _dimension(self) -> DimensionInterval:
        from unrelu.polyhedra.affine_hull import affine_hull

        hull = affine_hull(self.unit_rows if self._normalised is None else self._normalised.polyhedron.unit_rows)
        return DimensionInterval(hull.lower, hull.upper)

    @property
    def bounded(self) -> bool | None:
        """Whether the set is bounded, as the empty set is; None where that is not proved."""
        return self._bounded

    @cached_property
    def _bounded(self) -> bool | None:
        from unrelu.polyhedra.boundedness import boundedness

        found = boundedness(self.unit_rows).bounded
        # A direction of recession makes the set unbounded only if it has a member.
        return found if found is True or self.dimension.lower >= 0 else (True if self.dimension.upper < 0 else None)

    @property
    def _body(self) -> Polyhedron:
        return self

    def _is_member(self, point: np.ndarray) -> bool:
        from unrelu.polyhedra.exact_membership import contains_exactly

        return contains_exactly(self, point)

    def _given(self, values: Array, what: str) -> np.ndarray:
        point = as_numpy(values, what)
        if point.size != self.n_coordinates:
            raise ShapeError(
                f"{what} has {point.size} numbers, but the polyhedron has {self.n_coordinates} coordinates."
            )
        return point.reshape(-1)

    def sample(self, n: int, seed: int = 0, progress: Progress | bool | None = None) -> Sample:
        """Draw points uniformly from the set, which must be bounded.

        Billiard walks after rounding; see `unrelu.polyhedra.sampling.sample.sample` for the method.

        Args:
            n: number of points, at least 1.
            seed: of everything random.
            progress: where to show progress.

        Raises:
            InputError: if the set is unbounded or empty, or either is undecided, or n is not positive.

        Warns:
            SamplingWarning: if R-hat of some coordinate exceeds 1.05, as it does for few points.
        """
        from unrelu.polyhedra.sampling.diagnostics import warn_of_disagreement

        found = self._drawn(n, seed=seed, progress=progress)
        warn_of_disagreement(found.r_hat, n, stacklevel=3)
        return found

    @property
    def unit_rows(self) -> Polyhedron:
        """The same set, each row times a power of two that brings its largest number between 1/2 and 1.

        How a user scales rows changes nothing for the programs and the bounds that start from these. A row that would
        lose a number by it stays as it is; an equality that holds one coordinate at the origin's becomes its bounds.
        Where a thread flushes subnormal numbers, which would not be seen to be lost, they are the rows as they are.
        """
        return self._unit_rows if is_ieee() else self

    @cached_property
    def _unit_rows(self) -> Polyhedron:
        fixed = (np.count_nonzero(self.A_eq, axis=1) == 1) & (self.b_eq == 0) & (self.eq_error == 0)
        columns = np.flatnonzero(self.A_eq[fixed].any(axis=0))
        inside = (self.lower <= self.origin) & (self.origin <= self.upper)
        fixed &= ~self.A_eq[:, ~inside].any(axis=1)
        A_ub, b_ub, ub_error = _with_unit_rows(self.A_ub, self.b_ub, self.ub_error)
        A_eq, b_eq, eq_error = _with_unit_rows(self.A_eq, self.b_eq, self.eq_error)
        if A_ub is self.A_ub and A_eq is self.A_eq and not fixed.any():
            return self
        lower, upper = self.lower.copy(), self.upper.copy()
        columns = columns[inside[columns]]
        lower[columns] = upper[columns] = self.origin[columns]
        made = Polyhedron(A_ub, b_ub, A_eq[~fixed], b_eq[~fixed], lower, upper, self.origin, ub_error, eq_error[~fixed])
        made.__dict__["_unit_rows"] = made
        return made

    @property
    def is_exact(self) -> bool:
        """Whether all right-hand sides are exactly what is meant."""
        return not (self.ub_error.any() or self.eq_error.any())

    @property
    def has_origin(self) -> bool:
        """Whether the origin is a member, exactly, whatever the errors of right-hand sides."""
        inside = bool(((self.lower <= self.origin) & (self.origin <= self.upper)).all())
        kept = not (self.b_eq.any() or self.eq_error.any())
        return inside and kept and bool((self.b_ub >= self.ub_error).all())

    def about_a_member(self, tight: np.ndarray | None = None) -> Polyhedron:
        """The same set where the origin is known to be a member: right-hand sides are 0, or at least their errors.

        Args:
            tight: (k,) bool, the inequality rows that the origin is known to keep with equality.
        """
        if tight is not None:
            exact = replace(self, b_ub=np.where(tight, 0.0, self.b_ub), ub_error=np.where(tight, 0.0, self.ub_error))
            return exact.about_a_member()
        short = self.b_ub < self.ub_error
        # What is meant lies between 0 and the sum of both.
        half = np.nextafter(0.5 * (np.maximum(self.b_ub, 0.0) + self.ub_error), np.inf)
        return replace(
            self,
            b_ub=np.where(short, half, self.b_ub),
            b_eq=np.zeros(len(self.b_eq)),
            ub_error=np.where(short, half, self.ub_error),
            eq_error=np.zeros(len(self.b_eq)),
        )

    def in_space(self, n_coordinates: int) -> Polyhedron:
        """Itself, if it has this many coordinates.

        Raises:
            DomainError: if it has another number.
        """
        if n_coordinates != self.n_coordinates:
            raise DomainError(f"the domain has {self.n_coordinates} coordinates, the input {n_coordinates}.")
        return self

    def violation(self, points: np.ndarray) -> np.ndarray:
        """By how much each point breaks its worst constraint, in the constraint's own units.

        Args:
            points: (n, d).

        Returns:
            (n,), 0 for points that keep all constraints (up to the rounding of this very computation).
        """
        z = points - self.origin
        worst = np.zeros(len(points))
        for broken in (
            z @ self.A_ub.T - self.b_ub,
            np.abs(z @ self.A_eq.T - self.b_eq),
            self.lower - points,
            points - self.upper,
        ):
            if broken.shape[1]:
                worst = np.maximum(worst, broken.max(axis=1))
        return worst


def _dimension(*arrays: ArrayLike | None) -> int:
    for array in arrays:
        if array is not None and np.ndim(array) >= 1:
            return int(np.shape(array)[-1])
    raise ShapeError("a polyhedron needs at least one array that tells its dimension; for numbers alone use Box.")


def _rows(matrix: np.ndarray | None, values: np.ndarray | None, d: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    if matrix is None and values is None:
        return np.zeros((0, d)), np.zeros(0)
    if matrix is None or values is None:
        raise ShapeError(f"the {kind} rows need both a matrix and a right-hand side.")
    A = as_numpy(matrix, f"the {kind} matrix")
    b = as_numpy(values, f"the {kind} right-hand side")
    if A.ndim != 2 or A.shape[1] != d or b.shape != A.shape[:1]:
        raise ShapeError(f"{kind} rows need shapes (k, {d}) and (k,), not {A.shape} and {b.shape}.")
    return A, b


def _with_unit_rows(A: np.ndarray, b: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    exponents = -np.frexp(np.abs(A).max(axis=1, initial=0.0))[1]
    if not exponents.any():
        return A, b, error
    with np.errstate(over="ignore", under="ignore"):
        scaled, right, errors = np.ldexp(A, exponents[:, None]), np.ldexp(b, exponents), np.ldexp(error, exponents)
        back = (np.ldexp(scaled, -exponents[:, None]) == A).all(axis=1)
        back &= (np.ldexp(right, -exponents) == b) & (np.ldexp(errors, -exponents) == error)
    exponents = np.where(back, exponents, 0)
    return np.ldexp(A, exponents[:, None]), np.ldexp(b, exponents), np.ldexp(error, exponents)


def _errors(values: np.ndarray | None, k: int, kind: str) -> np.ndarray:
    if values is None:
        return np.zeros(k)
    errors = np.array(values, dtype=np.float64)
    if errors.shape != (k,) or not bool((errors >= 0).all()):
        raise ShapeError(f"the errors of {k} {kind} rows need shape ({k},) and no number below 0.")
    return errors


def _bounds(values: ArrayLike | None, default: float, d: int) -> np.ndarray:
    given = np.asarray(default if values is None else values, dtype=np.float64)
    if bool(np.isnan(given).any()):
        raise DomainError("a bound of the domain is NaN.")
    try:
        return np.array(np.broadcast_to(given.reshape(-1) if given.ndim else given, (d,)))
    except ValueError:
        raise ShapeError(f"bounds of shape {given.shape} do not fit {d} coordinates.") from None
