"""What a walk keeps and what it makes small."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from unrelu.errors import NonFiniteWeights
from unrelu.metamerism.walk.distances import AlongSlope, Distance, HalfSquare, LargestChange, SumOfChanges
from unrelu.network.folding import DENSE_LIMIT
from unrelu.preimages.union.search_statement import before_last

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.polyhedra.polyhedron import Polyhedron

COSTLY = 2**22
"""Numbers that are computed for the equations' rows, about, above which they are costly."""

_SUMS: dict[float, type[Distance]] = {1: SumOfChanges, 2: HalfSquare, math.inf: LargestChange}


@dataclass(frozen=True, eq=False)
class WalkStatement:
    """Inputs x of a polyhedron D with `low <= G(x) <= high`, as near to a target as can be, or as far from it.

    G is the prefix up to what its last ReLUs are fed: where a feature is 0, that may be anything up to 0. Walks are in
    units of the way to the target: `x = origin + unit u`.

    Attributes:
        prefix: F, whose features are kept.
        network: G, of m outputs.
        low: (m,), -inf where an output may fall.
        high: (m,).
        features: (k,) y = F(x0).
        domain: D, in d coordinates.
        origin: (d,) x0.
        target: (d,).
        objective: "nearest" or "farthest".
        norm: 1, 2 or inf.
        unit: a power of 2.
    """

    prefix: Network
    network: Network
    low: np.ndarray
    high: np.ndarray
    features: np.ndarray
    domain: Polyhedron
    origin: np.ndarray
    target: np.ndarray
    objective: str
    norm: float
    unit: float

    @classmethod
    def of(
        cls,
        prefix: Network,
        at: np.ndarray,
        target: np.ndarray,
        *,
        domain: Polyhedron,
        tolerance: np.ndarray,
        objective: str = "nearest",
        norm: float = 1,
    ) -> WalkStatement:
        """The statement about the features of a point.

        Args:
            prefix: F, of k features.
            at: (d,) x0, in the domain.
            target: (d,).
            domain: D.
            tolerance: (k,) by how much each feature may differ.
            objective: "nearest" or "farthest".
            norm: 1, 2 or inf.
        """
        network = before_last(prefix)
        y = _flat(prefix, at)
        before = _flat(network, at)
        sizes = [math.prod(network.node(name).shape) for name in network.outputs]
        rectified = np.repeat([a != b for a, b in zip(prefix.outputs, network.outputs, strict=True)], sizes)
        falls = rectified & (y <= tolerance)
        low = np.where(falls, -np.inf, before - tolerance)
        high = np.where(falls, tolerance + np.maximum(y, 0.0), before + tolerance)
        way = np.abs(target - at).max(initial=0.0)
        if objective == "farthest":
            widths = domain.upper - domain.lower
            way = max(way, float(widths[np.isfinite(widths)].max(initial=0.0))) or 1.0
        unit = 2.0 ** round(math.log2(way)) if way > 0 and math.isfinite(way) else 1.0
        return cls(prefix, network, low, high, y, domain, at, target, objective, norm, unit)

    @cached_property
    def is_costly(self) -> bool:
        """Whether rows of another point take long, so that they are used for further steps."""
        numbers = sum(math.prod(node.shape) for node in self.network.nodes)
        return int((self.low == self.high).sum()) * numbers > COSTLY

    @property
    def fits(self) -> bool:
        """Whether the rows of what is kept fit into memory."""
        return 8 * int(np.isfinite(self.low).sum()) * self.origin.size <= DENSE_LIMIT

    @cached_property
    def rough(self) -> Network | None:
        """G in float32, a third of the time, for rows of steps; None where rows cost little, or weights do not fit."""
        if not self.is_costly:
            return None
        try:
            nodes = tuple(replace(node, operator=node.operator.single()) for node in self.network.nodes)
            return replace(self.network, nodes=nodes, source=None, whole=None)
        except NonFiniteWeights:
            return None

    @property
    def size(self) -> float:
        """The largest feature: what errors are relative to."""
        return float(np.abs(self.features).max(initial=0.0)) or 1.0

    def input(self, u: np.ndarray) -> np.ndarray:
        """The input (d,) of a point of the walk, within the domain's bounds, and at them where the walk is."""
        x = self.origin + self.unit * u
        lower, upper = self.bounds
        x = np.where(u <= lower, self.domain.lower, np.where(u >= upper, self.domain.upper, x))
        return np.where(u == 0, self.origin, np.clip(x, self.domain.lower, self.domain.upper))

    def walked(self, x: np.ndarray) -> np.ndarray:
        """A point of the domain in the walk's units, at its bounds where the input (d,) is."""
        lower, upper = self.bounds
        u = np.clip((x - self.origin) / self.unit, lower, upper)
        return np.where(x <= self.domain.lower, lower, np.where(x >= self.domain.upper, upper, u))

    @property
    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """The domain's bounds in the walk's units, (d,) each."""
        return (self.domain.lower - self.origin) / self.unit, (self.domain.upper - self.origin) / self.unit

    @property
    def domain_rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The domain's general rows in these units: (r, d), and the ends (r,) between which they lie."""
        D = self.domain
        shift = self.origin - D.origin
        rows = np.vstack([D.A_eq, D.A_ub])
        at = rows @ shift
        high = np.concatenate([D.b_eq, D.b_ub]) - at
        low = np.concatenate([D.b_eq - at[: len(D.b_eq)], np.full(len(D.b_ub), -np.inf)])
        high[len(D.b_eq) :] = np.maximum(high[len(D.b_eq) :], 0.0)  # x0 is in it
        high[: len(D.b_eq)] = low[: len(D.b_eq)] = 0.0
        return rows * self.unit, low, high

    def outputs(self, u: np.ndarray) -> np.ndarray:
        """G at a point of the walk: (m,)."""
        return _flat(self.network, self.input(u))

    def broken(self, outputs: np.ndarray) -> np.ndarray:
        """By how much outputs miss what they shall be, with sign: (m,)."""
        return np.maximum(outputs - self.high, 0.0) - np.maximum(self.low - outputs, 0.0)

    def off(self, outputs: np.ndarray) -> float:
        """By how much the worst output misses what it shall be, as a part of the largest feature."""
        return float(np.abs(self.broken(outputs)).max(initial=0.0)) / self.size

    def feature_error(self, x: np.ndarray) -> float:
        """The largest difference of a feature of an input (d,) from those of x0."""
        return float(np.abs(_flat(self.prefix, x) - self.features).max(initial=0.0))

    def distance(self, x: np.ndarray) -> float:
        """From the target, in the norm."""
        return float(np.linalg.norm(x - self.target, ord=self.norm))

    def near(self, u: np.ndarray, along: np.ndarray | None = None) -> Distance:
        """What is made small near a point of the walk, in its units.

        Args:
            u: (d,).
            along: (d,) where to go, where a farthest point begins at its target.
        """
        lower, upper = self.bounds
        t = (self.target - self.origin) / self.unit
        if self.objective == "nearest":
            return _SUMS[self.norm](t, lower, upper)
        off = u - t
        if along is not None:
            off = np.where(off == 0, along * 2.0**-60, off)
        if self.norm == 1:
            slope = np.sign(off)
        elif self.norm == 2:
            slope = off / (np.linalg.norm(off) or 1.0)
        else:
            slope = np.zeros_like(off)
            place = int(np.abs(off).argmax())
            slope[place] = np.sign(off[place])
        return AlongSlope(t, lower, upper, -slope)


def _flat(network: Network, x: np.ndarray) -> np.ndarray:
    return np.asarray(network(x.reshape(1, *network.input_shape)), dtype=np.float64).reshape(-1)
