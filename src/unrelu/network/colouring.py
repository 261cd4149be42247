"""Unit vectors that may be pushed through affine nodes together, since what they reach is disjoint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from unrelu.network.interpreter import interpret
from unrelu.network.node import Node
from unrelu.operators.base import Shape
from unrelu.operators.extent import Extent

SAVING = 2
"""Fewer pushes by at least this factor are worth it."""


@dataclass(frozen=True)
class Colour:
    """Unit vectors of one channel, at places that are a multiple of the spacing apart.

    Attributes:
        channel: of the origin.
        offsets: first place along each axis.
    """

    channel: int
    offsets: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Colouring:
    """All unit vectors of an image-like node, in few groups of which no two reach the same place of another node.

    The columns of a sparse Jacobian are so found together (Curtis, Powell, Reid, On the estimation of sparse Jacobian
    matrices, 1974). A convolution of 3 x 3 needs 9 pushes a channel, however large the picture.

    Attributes:
        origin: sample shape (channels, *places) of the node.
        target: sample shape (channels, *places) of the node that is reached.
        spacing: along each axis.
        owners: for each axis and each offset below the spacing, (places of the target,) int64: the place of the origin
            with that offset, modulo the spacing, that reaches it; -1 where none does.
    """

    origin: Shape
    target: Shape
    spacing: tuple[int, ...]
    owners: tuple[tuple[np.ndarray, ...], ...]

    @property
    def count(self) -> int:
        """The number of groups."""
        return self.origin[0] * math.prod(self.spacing)

    def colour(self, index: int) -> Colour:
        """One of the groups."""
        channel, *offsets = np.unravel_index(index, (self.origin[0], *self.spacing))
        return Colour(int(channel), tuple(map(int, offsets)))

    def units(self, colours: Sequence[Colour]) -> np.ndarray:
        """(n, *origin) float64, the sum of the unit vectors of each of n groups."""
        found = np.zeros((len(colours), *self.origin))
        for row, colour in zip(found, colours, strict=True):
            places = tuple(slice(o, None, step) for o, step in zip(colour.offsets, self.spacing, strict=True))
            row[(colour.channel, *places)] = 1.0
        return found

    def columns(self, colours: Sequence[Colour], values: np.ndarray) -> sparse.coo_array:
        """(m, d) the part of the matrix that n groups are: each number in the column of the unit vector it comes from.

        Args:
            colours: the groups.
            values: (n, *target), what became of them.
        """
        index = np.nonzero(values)
        group, out = index[0], index[1:]
        places = []
        for axis, (owners, seen) in enumerate(zip(self.owners, out[1:], strict=True)):
            table = np.stack([owners[colour.offsets[axis]] for colour in colours])
            places.append(table[group, seen])
        channels = np.array([colour.channel for colour in colours])[group]
        column = np.ravel_multi_index((channels, *places), self.origin)
        row = np.ravel_multi_index(out, self.target)
        return sparse.coo_array((values[index], (row, column)), shape=(math.prod(self.target), math.prod(self.origin)))


def colouring(chain: Sequence[Node], origin: Node) -> Colouring | None:
    """Groups of unit vectors of a node that can be pushed together.

    Args:
        chain: the affine nodes that follow, in order; the last is the one that is reached.
        origin: the node.

    Returns:
        The groups; None where these nodes are not image-like, or nothing is gained.
    """
    target = chain[-1]
    n_axes = len(origin.shape) - 1
    if n_axes < 1 or len(target.shape) != n_axes + 1:
        return None
    spacing, owners = [], []
    for axis in range(n_axes):
        reached = [_interval(chain, origin, axis, place) for place in range(origin.shape[1 + axis])]
        intervals = [interval for interval in reached if interval is not None]
        if len(intervals) < len(reached):
            return None
        step = _step(intervals)
        spacing.append(step)
        owners.append(tuple(_owners(intervals, offset, step, target.shape[1 + axis]) for offset in range(step)))
    found = Colouring(origin.shape, target.shape, tuple(spacing), tuple(owners))
    return found if SAVING * found.count <= math.prod(origin.shape) else None


def _interval(chain: Sequence[Node], origin: Node, axis: int, place: int) -> tuple[int, int] | None:
    """The first place along an axis that a place reaches, and the one after the last."""
    n_axes = len(origin.shape) - 1
    extents: dict[str, Extent | None] = {
        origin.name: Extent(tuple(place * (k == axis) for k in range(n_axes)), (1,) * n_axes)
    }
    interpret(chain, lambda node, operands: node.operator.reach(operands, node.shape), extents)
    found = extents[chain[-1].name]
    return None if found is None else (found.starts[axis], found.stops[axis])


def _step(intervals: list[tuple[int, int]]) -> int:
    """The least spacing at which what is reached is disjoint."""
    n = len(intervals)
    for step in range(1, n):
        if all(intervals[i][1] <= intervals[i + step][0] for i in range(n - step)):
            return step
    return n


def _owners(intervals: list[tuple[int, int]], offset: int, step: int, size: int) -> np.ndarray:
    owner = np.full(size, -1, dtype=np.int64)
    for place in range(offset, len(intervals), step):
        owner[slice(*intervals[place])] = place
    return owner
