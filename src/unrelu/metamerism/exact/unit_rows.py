"""A network as rows in its inputs and in how far each unit is fed beyond its kink, on either side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from unrelu.bounding.row_bounds import rows_on_units
from unrelu.errors import TooLarge, UnsupportedOperator
from unrelu.rigor.rounding import UNDERFLOW, UNIT, gamma

if TYPE_CHECKING:
    from unrelu.bounding.bounded_network import BoundedNetwork
    from unrelu.network.node import Node
    from unrelu.operators.kinked import Kinked
    from unrelu.preimages.search.statement import InverseStatement

LARGEST = 2**24
"""Numbers in all rows up to which a network is searched."""

MOST_ROWS = 2048
"""Rows, of which a square matrix is kept."""


@dataclass(frozen=True, eq=False)
class UnitRows:
    """`E v = e` and `G v <= g` for `v = (x - t, p, n)`: inputs with the same features, but for one thing.

    Each of the U numbers that units are fed is `z = kink + p - n` with p and n of at least 0; what a unit gives is an
    affine function of p and n, for a ReLU p itself. What is left out is that one of p and n is 0. Rows are rounded:
    for each input with the same features and what its units are fed, `|E v - e|` is at most `losses`, and
    `G v <= g + excess`.

    Attributes:
        matrix: (U + m, d + 2 U) float64: of the numbers that units are fed, then of the outputs.
        right: (U + m,) float64.
        losses: (U + m,) float64.
        falling: (U + m,) bool, the rows of G, outputs that may be anything below.
        tolerance: (U + m,) float64, by how much outputs may differ.
        kinks: (U,) float64, 0 where nothing bends.
        bends: (U,) bool: whether anything bends there.
        center: (d,) t.
    """

    matrix: np.ndarray
    right: np.ndarray
    losses: np.ndarray
    falling: np.ndarray
    tolerance: np.ndarray
    kinks: np.ndarray
    bends: np.ndarray
    center: np.ndarray

    @property
    def n_inputs(self) -> int:
        """D, the number of inputs."""
        return len(self.center)

    @property
    def n_units(self) -> int:
        """U, how many numbers units are fed."""
        return len(self.kinks)

    @classmethod
    def of(cls, statement: InverseStatement, center: np.ndarray) -> UnitRows:
        """The rows of a statement about one point's features.

        Args:
            statement: what is asked.
            center: (d,) t.

        Raises:
            UnsupportedOperator: if units that are fed the same number bend in two places.
            TooLarge: if the rows hold too many numbers.
        """
        bounded, d = statement.bounded, len(center)
        network, n_units = bounded.network, bounded.n_units
        outputs = network.outputs
        m = len(statement.features)
        size = (n_units + m) * (d + 2 * n_units)
        if size > LARGEST or n_units + m > MOST_ROWS:
            raise TooLarge(
                f"the exact search keeps rows of up to {LARGEST:,} numbers in up to {MOST_ROWS:,} rows, and this "
                f'network has {size:,} in {n_units + m:,}; give search="walk" or search="region".'
            )
        units = _Units.of(bounded)
        matrix = np.zeros((n_units + m, d + 2 * n_units))
        right, losses = np.zeros(n_units + m), np.zeros(n_units + m)
        y, spread = statement.features.numpy(), statement.spread.numpy()
        places = [(bounded.spans[name], name, units.kinks[bounded.spans[name]]) for name in bounded.feeds]
        start = n_units
        for name in outputs:
            width = math.prod(network.node(name).shape)
            places.append((slice(start, start + width), name, y[start - n_units : start - n_units + width]))
            start += width
        for rows, name, value in places:
            part, constant, loss = _written(bounded, units, name, center)
            matrix[rows] = part
            right[rows] = value - constant
            losses[rows] = loss + 4 * UNIT * (np.abs(value) + np.abs(constant)) * (constant != 0) + 0.0
        unit = np.arange(n_units)
        matrix[unit, d + unit] -= 1.0
        matrix[unit, d + n_units + unit] += 1.0
        falling = np.zeros(n_units + m, dtype=bool)
        falling[n_units:] = ~statement.held.numpy()
        tolerance = np.append(np.zeros(n_units), spread)
        return cls(matrix, right, losses, falling, tolerance, units.kinks, units.bends, center)

    def parts(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of p and n, joined, (2 U,) each, from bounds of what units are fed; rounded outward."""
        above, below = high - self.kinks, low - self.kinks
        moved = self.kinks != 0
        above = np.where(moved, np.nextafter(above, np.inf), above)
        below = np.where(moved, np.nextafter(below, -np.inf), below)
        least, most = np.maximum(below, 0.0), np.maximum(above, 0.0)
        least = np.where(moved & (least > 0), least * (1 - 4 * UNIT), least)
        under, over = np.maximum(-above, 0.0), np.maximum(-below, 0.0)
        under = np.where(moved & (under > 0), under * (1 - 4 * UNIT), under)
        return np.concatenate([least, under]), np.concatenate([most, over])


@dataclass(frozen=True, eq=False)
class _Given:
    """What the units of a node give: `values + above p - below n`.

    Attributes:
        span: of the numbers that they are fed.
        values: (size,) at the kink.
        errors: (size,) how far these may be off.
        above: (size,) slopes.
        below: (size,) slopes.
    """

    span: slice
    values: np.ndarray
    errors: np.ndarray
    above: np.ndarray
    below: np.ndarray


@dataclass(frozen=True, eq=False)
class _Units:
    kinks: np.ndarray
    bends: np.ndarray
    given: dict[str, _Given]
    reach: np.ndarray

    @classmethod
    def of(cls, bounded: BoundedNetwork) -> _Units:
        kinks, bends = np.zeros(bounded.n_units), np.zeros(bounded.n_units, dtype=bool)
        nodes = [node for node in bounded.network.nodes[1:] if not node.is_affine]
        for node in nodes:
            span = bounded.spans[node.inputs[0]]
            for each in _kinked(node).kinks_of(bounded.network.node(node.inputs[0]).shape):
                found = each.numpy()
                real = ~np.isnan(found)
                if bool((real & bends[span] & (kinks[span] != found)).any()):
                    raise UnsupportedOperator(
                        f"the exact search is for numbers at which units bend in one place, and some of "
                        f"{node.inputs[0]} have units that bend in two, {node.name} being one of them; give "
                        'search="walk" or search="region".'
                    )
                kinks[span] = np.where(real, found, kinks[span])
                bends[span] |= real
        given = {node.name: _given(bounded, node, kinks) for node in nodes}
        reach = np.concatenate([np.zeros(0), *(bounded.magnitudes[name].numpy() for name in bounded.feeds)])
        return cls(kinks, bends, given, reach + np.abs(kinks))


def _kinked(node: Node) -> Kinked:
    """The operator of a node, which in a network without choices bends at single numbers."""
    return cast("Kinked", node.piecewise)


def _given(bounded: BoundedNetwork, node: Node, kinks: np.ndarray) -> _Given:
    """Left of its kink a unit follows one line, right of it another; where it does not bend they are the same."""
    shape = bounded.network.node(node.inputs[0]).shape
    span = bounded.spans[node.inputs[0]]
    operator = _kinked(node)
    _, slopes, offsets = (each.numpy() for each in operator.tables(shape, bounded.network.device))
    kink = kinks[span]
    own = np.stack([each.numpy() for each in operator.kinks_of(shape)] or [np.full(len(kink), np.nan)])
    numbers = np.arange(len(kink))
    # Each side is a piece: that after the last kink on the left, and after the last kink here, if there are several.
    real = ~np.isnan(own)
    low, high = np.zeros(len(kink), dtype=np.int64), np.zeros(len(kink), dtype=np.int64)
    for k in range(len(own)):
        low = np.where(real[k] & (own[k] < kink), k + 1, low)
        high = np.where(real[k] & (own[k] <= kink), k + 1, high)
    below, above = slopes[low, numbers], slopes[high, numbers]
    product = below * kink
    values = np.where((kink == 0) | (below == 0), 0.0, product) + offsets[low, numbers]
    size = np.abs(product) + np.abs(offsets[low, numbers])
    exact = (kink == 0) | (below == 0)
    errors = np.where(exact, 0.0, 4 * UNIT * size + UNDERFLOW)
    return _Given(span, values, errors, above, below)


def _written(
    bounded: BoundedNetwork, units: _Units, name: str, center: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of a node as rows in v, (size, d + 2 U), with constants and losses, (size,) each."""
    found = rows_on_units(bounded, name)
    d, n_units = len(center), len(units.kinks)
    rows = np.zeros((len(found.offsets), d + 2 * n_units))
    constant, loss = found.offsets.numpy().copy(), found.losses.numpy().copy()
    for source, matrix in found.matrices.items():
        M = matrix.numpy()
        terms = M.shape[1]
        if source == bounded.network.nodes[0].name:
            rows[:, :d] += M
            shift, sizes = M @ center, np.abs(M) @ np.abs(center)
        else:
            given = units.given[source]
            for column, slope in ((d, given.above), (d + n_units, -given.below)):
                span = slice(column + given.span.start, column + given.span.stop)
                product = M * slope
                doubt = UNIT * np.abs(product) * ~np.isin(np.abs(slope), (0.0, 1.0))
                again = (rows[:, span] != 0) & (product != 0)  # two units are fed the same number
                rows[:, span] += product
                doubt = doubt + again * UNIT * np.abs(rows[:, span])
                loss += doubt @ units.reach[given.span] * (1 + 2.0**-20)
                loss += 2 * UNDERFLOW * terms * (1 + units.reach[given.span].sum()) * bool(doubt.any())
            shift, sizes = M @ given.values, np.abs(M) @ np.abs(given.values)
            loss += np.abs(M) @ given.errors * (1 + 2.0**-20)
        some = sizes > 0
        constant += shift
        rounding = 4 * gamma(terms + 8) * sizes + 4 * UNIT * np.abs(constant) + 4 * (terms + 4) * UNDERFLOW
        loss += np.where(some, rounding, 0.0)
    return rows, constant, loss
