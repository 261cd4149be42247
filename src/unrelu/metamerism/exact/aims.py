"""What is made small over parts of a box: distances, and for the farthest what lies below their negatives."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from unrelu.polyhedra.distance_bound import distance_bound
from unrelu.polyhedra.functional_bound import functional_bound
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.rounding import UNDERFLOW, UNIT, enlarged, gamma, norm_above, sum_above

if TYPE_CHECKING:
    from unrelu.metamerism.exact.part import Part


@dataclass(frozen=True, eq=False)
class Aim(ABC):
    """A number of each input that is to be as small as it can be, and linear functions below it on boxes.

    Attributes:
        target: (d,) t.
        norm: 1, 2 or inf.
    """

    target: np.ndarray
    norm: float

    def distance(self, point: np.ndarray) -> float:
        """Of a point (d,) from the target."""
        return float(np.linalg.norm(point - self.target, ord=self.norm))

    @property
    def two_sided(self) -> bool:
        """Whether inputs above and below the target are two unknowns."""
        return False

    @abstractmethod
    def value(self, distance: float) -> float:
        """What is made small, at a distance."""

    @abstractmethod
    def costs(self, lower: np.ndarray, upper: np.ndarray, coordinate: int) -> np.ndarray:
        """(d,) slopes of the linear function of `x - t` (`|x - t|` where two-sided) below the number, on a box."""

    def level(self, value: float) -> float:
        """What the linear function is compared with, where the number is this."""
        return value

    def offset(self, lower: np.ndarray, upper: np.ndarray, coordinate: int) -> float:
        """About what the linear function is at the target."""
        return 0.0

    @abstractmethod
    def proved(self, rows: Polyhedron, mu: np.ndarray, lam: np.ndarray, coordinate: int) -> float:
        """A proved lower bound of the number over a polyhedron about t whose first d coordinates are the inputs.

        Args:
            rows: the polyhedron.
            mu: (l,) multipliers of its equalities.
            lam: (k,) of its inequalities.
            coordinate: which input alone counts, or -1.
        """

    def excess(self, moved: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        """(d,) by how much each input's share of the number lies above the linear function at `x = t + moved`."""
        return np.zeros_like(moved)

    def middle(self, j: int, moved: float, lower: float, upper: float) -> float:
        """Where the box of an input is halved so that the linear function comes nearer."""
        return lower / 2 + upper / 2

    def tangent(self, moved: np.ndarray) -> np.ndarray | None:
        """(d,) slopes of what is made small at `x = t + moved`; None where a program's optimum is one already."""
        return None

    def shares(self, root: Part) -> list[Part]:
        """The parts to begin with."""
        return [root]


@dataclass(frozen=True, eq=False)
class NearestInSum(Aim):
    """`||x - t||_1`, which is linear in the ways up and down."""

    @property
    def two_sided(self) -> bool:
        """They are."""
        return True

    def value(self, distance: float) -> float:
        """The distance."""
        return distance

    def costs(self, lower: np.ndarray, upper: np.ndarray, coordinate: int) -> np.ndarray:
        """1 for each."""
        return np.ones(len(lower))

    def proved(self, rows: Polyhedron, mu: np.ndarray, lam: np.ndarray, coordinate: int) -> float:
        """`distance_bound`."""
        return distance_bound(rows, rows.origin, 1, mu, lam, measured=len(self.target))


@dataclass(frozen=True, eq=False)
class NearestByNorm(Aim):
    """`||x - t||` in L2 or L-infinity, which is no linear function of x: programs of their own make it small."""

    def value(self, distance: float) -> float:
        """The distance."""
        return distance

    def costs(self, lower: np.ndarray, upper: np.ndarray, coordinate: int) -> np.ndarray:
        """None."""
        return np.zeros(len(lower))

    def proved(self, rows: Polyhedron, mu: np.ndarray, lam: np.ndarray, coordinate: int) -> float:
        """`distance_bound`."""
        return distance_bound(rows, rows.origin, self.norm, mu, lam, measured=len(self.target))


@dataclass(frozen=True, eq=False)
class Farthest(Aim):
    """`-||x - t||`, a concave function: on a box it lies above its chords, input by input.

    For L2 the sum of squares takes the place of its root. For L-infinity one input counts, upwards or downwards.
    """

    def value(self, distance: float) -> float:
        """The negative distance."""
        return -distance

    def level(self, value: float) -> float:
        """For L2 the negative square."""
        return -value * value if self.norm == 2 else value

    def offset(self, lower: np.ndarray, upper: np.ndarray, coordinate: int) -> float:
        """The sum of those of the chords."""
        return float(self._lines(lower - self.target, upper - self.target, coordinate)[1].sum())

    def tangent(self, moved: np.ndarray) -> np.ndarray | None:
        """(d,) slopes of what is made small at `x = t + moved`."""
        if self.norm == 2:
            return -moved
        if self.norm == 1:
            return -np.sign(moved)
        found, place = np.zeros_like(moved), int(np.abs(moved).argmax())
        found[place] = -math.copysign(1.0, moved[place])
        return found

    def costs(self, lower: np.ndarray, upper: np.ndarray, coordinate: int) -> np.ndarray:
        """The chords' slopes."""
        return self._lines(lower - self.target, upper - self.target, coordinate)[0]

    def _lines(self, a: np.ndarray, b: np.ndarray, coordinate: int) -> tuple[np.ndarray, np.ndarray]:
        """Lines `slope u + offset` below what is made small, for u between a and b: (d,) each, rounded down."""
        if coordinate >= 0:
            slopes = np.zeros(len(a))
            slopes[coordinate // 2] = 1.0 if coordinate % 2 else -1.0
            return slopes, np.zeros(len(a))
        if self.norm == 1:
            at_a, at_b = -np.abs(a), -np.abs(b)
            width = b - a
            slopes = np.where(width > 0, (at_b - at_a) / np.where(width > 0, width, 1.0), 0.0)
            slopes = np.where(a >= 0, -1.0, np.where(b <= 0, 1.0, slopes))
            one_side = (a >= 0) | (b <= 0)
        else:
            at_a, at_b, slopes = -a * a, -b * b, -(a + b)
            one_side = np.zeros(len(a), dtype=bool)
        low = np.minimum(at_a - slopes * a, at_b - slopes * b)
        size = np.abs(at_a) + np.abs(at_b) + np.abs(slopes) * (np.abs(a) + np.abs(b))
        return slopes, np.where(one_side, 0.0, low - 8 * UNIT * size - 8 * UNDERFLOW)

    def proved(self, rows: Polyhedron, mu: np.ndarray, lam: np.ndarray, coordinate: int) -> float:
        """`functional_bound` of the chords."""
        d = len(self.target)
        # The box about t, rounded outward as there: chords of a wider one lie lower.
        a, b = np.nextafter(rows.lower[:d] - self.target, -np.inf), np.nextafter(rows.upper[:d] - self.target, np.inf)
        if self.norm == math.inf and coordinate < 0:
            return self._of_box(a, b, coordinate)
        slopes, offsets = self._lines(a, b, coordinate)
        costs = np.zeros(rows.n_coordinates)
        costs[:d] = slopes
        least = functional_bound(rows, costs, mu, lam)
        if least == -math.inf:
            return self._of_box(a, b, coordinate)
        total = least + float(offsets.sum())
        lost = gamma(d + 4) * sum_above(np.abs(offsets)) + 4 * UNIT * abs(least)
        below = total - enlarged(lost, 4)
        if self.norm == 2:
            below = -math.sqrt(-below) * (1 + 4 * UNIT) if below < 0 else 0.0
        return max(float(np.nextafter(below, -np.inf)), self._of_box(a, b, coordinate))

    def _of_box(self, a: np.ndarray, b: np.ndarray, coordinate: int) -> float:
        if coordinate >= 0:
            return float(a[coordinate // 2] if coordinate % 2 else -b[coordinate // 2])
        reach = np.maximum(np.abs(a), np.abs(b))
        if self.norm == 1:
            return -sum_above(reach)
        return -norm_above(reach) if self.norm == 2 else -float(reach.max(initial=0.0))

    def excess(self, moved: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        """How far the chord lies below."""
        if self.norm == math.inf:
            return np.zeros_like(moved)
        slopes, offsets = self._lines(lower - self.target, upper - self.target, -1)
        value = -np.abs(moved) if self.norm == 1 else -moved * moved
        return np.maximum(value - slopes * moved - offsets, 0.0)

    def middle(self, j: int, moved: float, lower: float, upper: float) -> float:
        """At the target for L1; for L2 at the point itself, unless it is near an end."""
        t = float(self.target[j])
        if self.norm == 1:
            return t
        at, room = t + moved, 0.1 * (upper - lower)
        return at if lower + room < at < upper - room else lower / 2 + upper / 2

    def shares(self, root: Part) -> list[Part]:
        """For L-infinity, each input that moves, upwards and downwards."""
        if self.norm != math.inf:
            return [root]
        a, b = (root.lower - self.target).tolist(), (root.upper - self.target).tolist()
        down, up = [float(np.nextafter(v, -np.inf)) for v in a], [-float(np.nextafter(v, np.inf)) for v in b]
        found = []
        for j in range(len(a)):
            found += [replace(root, bound=bound, coordinate=2 * j + k) for k, bound in enumerate((up[j], down[j]))]
        return found
