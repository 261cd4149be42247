"""The range of every coordinate over a polyhedron."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from unrelu.errors import InputError, ShapeError
from unrelu.parallel import in_threads, share_workers
from unrelu.polyhedra.free_direction import free_direction
from unrelu.polyhedra.functional_program import FunctionalProgram
from unrelu.polyhedra.functional_range import attained, proved_minimum
from unrelu.polyhedra.hull_rows import hull_rows
from unrelu.polyhedra.normalised import Normalised
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.progress import Progress, resolve_progress
from unrelu.solvers.status import Status

AT_BOUND = 1e-9
"""A member counts as being at a bound within this, the tolerance to which the solver keeps all constraints."""


@dataclass(frozen=True, eq=False)
class Ranges:
    """The least and greatest values of coordinates over a polyhedron.

    Attributes:
        coordinates: (k,) which coordinates.
        lower: (k,) float64, the least values found; -inf where unbounded below, inf for the empty set, nan where the
            solver failed or was stopped.
        upper: (k,) float64, the greatest values found; inf, -inf and nan likewise.
        proved_lower: (k,) no exact member has a smaller value; -inf where nothing is proved.
        proved_upper: (k,) no exact member has a greater value; inf where nothing is proved.
        lower_status: (k,) object array of `Status`, how the solver stopped.
        upper_status: (k,) object array of `Status`.
        n_programs: how many linear programs that took, of the 2k that one after the other would take.
    """

    coordinates: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    proved_lower: np.ndarray
    proved_upper: np.ndarray
    lower_status: np.ndarray
    upper_status: np.ndarray
    n_programs: int

    @property
    def width(self) -> np.ndarray:
        """(k,) how much freedom each coordinate has: `upper - lower`, and 0 for the empty set."""
        with np.errstate(invalid="ignore"):
            return np.where(self.lower > self.upper, 0.0, self.upper - self.lower)


def ranges(
    polyhedron: Polyhedron,
    coordinates: np.ndarray | None = None,
    *,
    radius: float = math.inf,
    time_limit: float = math.inf,
    progress: Progress | bool | None = None,
    workers: int | None = None,
) -> Ranges:
    """The exact range of each coordinate, by linear programs that start from one another's solutions.

    A bound of the polyhedron that some solution attains is the end of that coordinate's range, and no program is
    needed for it (Gleixner, Berthold, Mueller, Weltge, Three enhancements for optimization-based bound tightening,
    2017). So sums of coordinates come first, whose solutions attain many bounds at once: of all, then of halves of
    those that are left, until one attains none. The programs that remain are shared out over threads, each with a
    solver of its own that keeps its basis.

    Nor is one needed for a coordinate that changes along a line in the polyhedron (`free_direction`): it has no ends,
    which a linear program may take very long to find out.

    >>> found = ranges(Polyhedron(np.array([[1.0, 1.0]]), np.array([1.5]), lower=0.0, upper=[1.0, 2.0]))
    >>> found.lower, found.upper
    (array([0., 0.]), array([1. , 1.5]))

    Args:
        polyhedron: the set, of dimension d.
        coordinates: (k,) indices; all by default.
        radius: every member is known to lie within this of the origin (L2), as `radius_bound` proves; without it
            coordinates that have no bound leave the proved bounds open.
        time_limit: seconds after which no further program is begun; ends that are not found by then are nan, with the
            status TIME_LIMIT and what is proved without them.
        progress: where to show progress.
        workers: threads; by default one a core.

    Raises:
        InputError: if an index is out of range, or `workers` is not positive.
        SolverFailure: if the solver refuses the numbers.
    """
    P = polyhedron.unit_rows
    search = _Search(P, _checked(coordinates, P.origin.size), radius, time.monotonic() + time_limit)
    total = search.done.size
    with resolve_progress(progress).stage("ranges of coordinates", total) as advance:
        search.advance = advance
        if not math.isfinite(radius):
            search.settle_free()
        search.sweep()
        left = np.argwhere(~search.done)
        n_workers = share_workers(workers, len(left)).tasks
        shares = [left[start::n_workers] for start in range(n_workers)] if len(left) else []
        for _ in in_threads(search.solve, shares, workers=n_workers):
            pass
    return search.result()


def restored_ranges(found: Ranges, normalised: Normalised) -> Ranges:
    """Ranges of `w = 2^-e (x - origin)` as those of x, the proved ends rounded outwards."""
    e, origin = normalised.exponent, normalised.whole.origin[found.coordinates]

    def outward(ends: np.ndarray, towards: float) -> np.ndarray:
        with np.errstate(over="ignore", under="ignore"):
            moved = np.ldexp(ends, e)
            moved = np.where(np.ldexp(moved, -e) == ends, moved, np.nextafter(moved, towards))
        return np.where(origin == 0.0, moved, np.where(moved == 0.0, origin, np.nextafter(origin + moved, towards)))

    low, high = normalised.whole.lower[found.coordinates], normalised.whole.upper[found.coordinates]
    proved_lower = np.maximum(outward(found.proved_lower, -np.inf), low)
    proved_upper = np.minimum(outward(found.proved_upper, np.inf), high)
    with np.errstate(over="ignore", under="ignore"):
        lower, upper = origin + np.ldexp(found.lower, e), origin + np.ldexp(found.upper, e)
    return replace(
        found,
        lower=np.where(lower < proved_lower, proved_lower, lower),
        upper=np.where(upper > proved_upper, proved_upper, upper),
        proved_lower=proved_lower,
        proved_upper=proved_upper,
    )


def _checked(coordinates: np.ndarray | None, d: int) -> np.ndarray:
    if coordinates is None:
        return np.arange(d)
    chosen = np.asarray(coordinates)
    if chosen.ndim != 1 or not (np.issubdtype(chosen.dtype, np.integer) or chosen.size == 0):
        raise ShapeError(f"coordinates are a list of indices, not an array of shape {chosen.shape}, {chosen.dtype}.")
    if chosen.size and (int(chosen.min()) < 0 or int(chosen.max()) >= d):
        raise InputError(f"coordinates run from 0 to {d - 1}; got {int(chosen.min())} to {int(chosen.max())}.")
    return chosen.astype(np.intp)


class _Search:
    """Both ends of all ranges: row 0 holds minima of x, row 1 minima of -x."""

    def __init__(self, polyhedron: Polyhedron, coordinates: np.ndarray, radius: float, deadline: float) -> None:
        P = self.polyhedron = polyhedron
        self.deadline = deadline
        self.coordinates, self.radius = coordinates, radius
        self.bounds = np.stack([P.lower[coordinates], -P.upper[coordinates]])
        self.least = np.full(self.bounds.shape, np.nan)
        self.proved = self.bounds.copy()
        self.status = np.full(self.bounds.shape, Status.FAILED, dtype=object)
        self.done = np.zeros(self.bounds.shape, dtype=bool)
        self.n_programs = 0
        self.is_sharp = True
        self.advance: Callable[[int], None] = lambda steps: None
        self.rows = hull_rows(P)
        self.lock = threading.Lock()

    def is_late(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() >= self.deadline

    def settle_free(self) -> None:
        """Settle the coordinates that are proved to have no least and no greatest value."""
        found = free_direction(self.polyhedron)
        if found is None:
            return
        free = found.moves_coordinates()[self.coordinates]
        self.least[:, free] = -np.inf
        self.status[:, free] = Status.UNBOUNDED
        self.done[:, free] = True
        self.advance(2 * int(free.sum()))

    def sweep(self) -> None:
        """Minimise sums of coordinates that are not at their bounds yet, of ever fewer while that brings some there."""
        program = FunctionalProgram(self.polyhedron, self.rows)
        self.is_sharp = program.is_sharp
        for side, sign in enumerate((1.0, -1.0)):
            groups = [np.flatnonzero(np.isfinite(self.bounds[side]))]
            while groups:
                group = groups.pop()
                group = group[~self.done[side, group]]
                if group.size < 2 or self.is_late():
                    continue
                functional = np.zeros(self.polyhedron.origin.size)
                functional[self.coordinates[group]] = sign
                found = program.minimise(functional)
                self.n_programs += 1
                if found.status is Status.INFEASIBLE:
                    self._declare_empty()
                    return
                if found.point is None:
                    continue
                self._see(found.point)
                left = group[~self.done[side, group]]
                if left.size <= group.size // 2:
                    groups.append(left)
                elif left.size < group.size:
                    groups += [left[: left.size // 2], left[left.size // 2 :]]

    def solve(self, share: np.ndarray) -> None:
        """Solve the programs of some (side, position) pairs that no solution has settled by then."""
        program = FunctionalProgram(self.polyhedron, self.rows)
        for side, position in share[np.lexsort((share[:, 1], share[:, 0]))]:
            if self.done[side, position]:
                continue
            if self.is_late():
                with self.lock:
                    self.status[side, position], self.done[side, position] = Status.TIME_LIMIT, True
                    self.advance(1)
                continue
            functional = np.zeros(self.polyhedron.origin.size)
            functional[self.coordinates[position]] = 1.0 if side == 0 else -1.0
            found = program.minimise(functional)
            bound = proved_minimum(self.polyhedron, functional, found, radius=self.radius)
            with self.lock:
                self.n_programs += 1
                if not self.done[side, position]:
                    self.least[side, position] = attained(found, functional)
                    self.proved[side, position] = max(self.proved[side, position], bound)
                    value = self.least[side, position]
                    self.status[side, position] = program.judged(found.status, value, bound)
                    self.done[side, position] = True
                    self.advance(1)
                if found.point is not None:
                    self._see(found.point)

    def result(self) -> Ranges:
        """What was found."""
        return Ranges(
            coordinates=self.coordinates,
            # A solver keeps rows to its tolerance only; what is proved it does not exceed.
            lower=np.where(self.least[0] < self.proved[0], self.proved[0], self.least[0]),
            upper=-np.where(self.least[1] < self.proved[1], self.proved[1], self.least[1]),
            proved_lower=self.proved[0],
            proved_upper=-self.proved[1],
            lower_status=self.status[0],
            upper_status=self.status[1],
            n_programs=self.n_programs,
        )

    def _see(self, point: np.ndarray) -> None:
        """Settle the ends that a member attains."""
        values = np.stack([point[self.coordinates], -point[self.coordinates]])
        within = np.where(np.isfinite(self.bounds), AT_BOUND * np.maximum(1.0, np.abs(self.bounds)), 0.0)
        attained_now = ~self.done & (values <= self.bounds + within)
        self.least[attained_now] = self.bounds[attained_now]
        # A member of fewer rows than the set has may reach a bound that the set does not.
        self.status[attained_now] = Status.OPTIMAL if self.is_sharp else Status.INACCURATE
        self.done |= attained_now
        if attained_now.any():
            self.advance(int(attained_now.sum()))

    def _declare_empty(self) -> None:
        self.least[:] = np.inf
        self.status[:] = Status.INFEASIBLE
        self.advance(int((~self.done).sum()))
        self.done[:] = True
