"""The tree of a search: what was done with each part of the domain."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


class Operation(enum.IntEnum):
    """What was done with a node."""

    OPEN = 0
    """Nothing yet."""
    CONTRACTED = 1
    """Cut down to its box; one child."""
    HALVED = 2
    """Cut down to its box, and that in two at `value` of input `place`; two children."""
    SIDES = 3
    """Cut down to its box, and that into where number `place` is at least `value` and at most; two children."""
    REFUTED = 4
    """It holds no solution."""
    BALL = 5
    """All solutions in it lie about its `point`."""
    FLAT = 6
    """On what is left of its box, the network is one affine map."""
    AWAY = 7
    """On what is left of its box, outputs are too far from the wanted ones, as they are at its `point`."""
    LEFT = 8
    """Too small to be cut further, and neither settled nor refuted."""


@dataclass(frozen=True, eq=False)
class Tree:
    """N nodes, the root first.

    Attributes:
        operation: (N,) int8.
        child: (N,) int64, the first child (a second one follows it); 0 for none.
        place: (N,) int64, of the input or the number that was cut.
        value: (N,) float64, where.
        lower: (N, d) float64, the box that was cut down to; of a ball, of its enclosure.
        upper: (N, d) float64.
        point: (N, d) float64, of a ball its centre, of a flat one of its points; where outputs were taken; else 0.
        holds: (N,) bool, of balls and flats: whether they are said to hold a solution.
        multipliers: (N, d, m) float64; (N, 0, m) where boxes were not split.
        weights: by some refuted nodes, weights of their inequalities, whose sum is broken everywhere.
    """

    operation: NDArray[np.int8]
    child: NDArray[np.int64]
    place: NDArray[np.int64]
    value: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    point: NDArray[np.float64]
    holds: NDArray[np.bool_]
    multipliers: NDArray[np.float64]
    weights: Mapping[int, NDArray[np.float64]]

    def __len__(self) -> int:
        """N."""
        return len(self.operation)


class GrowingTree:
    """A tree that nodes are added to; it starts with an open root."""

    def __init__(self, d: int, m: int, k: int | None = None) -> None:
        """Begin.

        Args:
            d: number of inputs.
            m: number of outputs.
            k: rows of multipliers that a node has; d if None.
        """
        self._count = 0
        self._columns = {
            "operation": np.zeros(0, dtype=np.int8),
            "child": np.zeros(0, dtype=np.int64),
            "place": np.zeros(0, dtype=np.int64),
            "value": np.zeros(0),
            "lower": np.zeros((0, d)),
            "upper": np.zeros((0, d)),
            "point": np.zeros((0, d)),
            "holds": np.zeros(0, dtype=np.bool_),
            "multipliers": np.zeros((0, d if k is None else k, m)),
        }
        self._weights: dict[int, NDArray[np.float64]] = {}
        self._weighing = 0
        self.add(1)

    def __len__(self) -> int:
        """How many nodes there are."""
        return self._count

    def add(self, count: int) -> int:
        """Add open nodes, one after another; the number of the first."""
        first, room, larger = self._count, self._room, self._room_for(count)
        self._count += count
        if larger > room:
            for name, column in self._columns.items():
                grown = np.zeros((larger, *column.shape[1:]), dtype=column.dtype)
                grown[:room] = column
                self._columns[name] = grown
        return first

    @property
    def _room(self) -> int:
        return len(self._columns["operation"])

    def _room_for(self, count: int) -> int:
        room, wanted = self._room, self._count + count
        return room if wanted <= room else max(wanted, 2 * room, room + 1024)

    def bytes_with(self, count: int) -> int:
        """What its arrays take once so many nodes are added; while it grows, up to as much again."""
        each = sum(column.itemsize * math.prod(column.shape[1:]) for column in self._columns.values())
        return self._room_for(count) * each + self._weighing

    def cut(self, count: int) -> None:
        """Forget all nodes but the first so many, and what was done with the parents of those that go."""
        gone = np.flatnonzero(self._columns["child"][:count] >= count)
        for column in self._columns.values():
            column[count : self._count] = 0
            column[gone] = 0
        self._weights = {number: each for number, each in self._weights.items() if number < count}
        self._weighing = sum(each.nbytes for each in self._weights.values())
        self._count = count

    def set(self, numbers: NDArray[np.int64], **values: NDArray[np.generic] | int) -> None:
        """Say what was done with some nodes: columns of `Tree` by name."""
        for name, each in values.items():
            self._columns[name][numbers] = each

    def weigh(self, number: int, weights: NDArray[np.float64]) -> None:
        """Give a refuted node weights of its inequalities."""
        self._weights[number] = weights
        self._weighing += weights.nbytes

    def frozen(self) -> Tree:
        """What it is now."""
        columns = {name: column[: self._count].copy() for name, column in self._columns.items()}
        return Tree(**columns, weights=dict(self._weights))
