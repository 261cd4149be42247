"""The Gram matrix of a convolutional network's Jacobian as a banded matrix, and its Cholesky factor."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg
import torch

from unrelu.network.folding import DENSE_LIMIT
from unrelu.operators.axis import Axis
from unrelu.operators.tangents import Tangents
from unrelu.rigor.arithmetic import is_ieee
from unrelu.rigor.rounding import gamma, lost
from unrelu.stability.extremes.receptive_fields import receptive_fields
from unrelu.stability.jacobian import CHUNK_BYTES, Start, collect

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.stability.operator import JacobianOperator

_TINY = 2.0**-900  # of a trace: a shift by less may be 0, and a Jacobian of zeros is never positive definite


@dataclass(frozen=True, eq=False)
class BandPlan:
    """How `J'J` of a network on pictures is assembled, and what that takes.

    Pixels are ordered row by row with their channels together; two of them share an output only if both lie in one
    receptive field, so that `J'J` is a band. Where columns would give a narrower one, rows and columns change places:
    a signal becomes a column. Inputs whose places agree modulo the widest receptive field share no output, so that
    one product with J gives all of their columns at once (Curtis, Powell and Reid, 1974).

    Attributes:
        turned: whether rows and columns have changed places, here and in all that follows.
        shape: (channels, height, width) of the input; a signal has only one row, or column where it is turned.
        rows: first input row that each output row sees.
        columns: first input column that each output column sees.
        height: of the tallest receptive field.
        width: of the widest.
        overlap: most output places that one input place reaches.
    """

    turned: bool
    shape: tuple[int, int, int]
    rows: np.ndarray
    columns: np.ndarray
    height: int
    width: int
    overlap: int

    @property
    def n(self) -> int:
        """Order of the matrix."""
        return int(np.prod(self.shape))

    @property
    def probes(self) -> int:
        """How many products with J it takes."""
        return self.shape[0] * self.height * self.width

    @property
    def band(self) -> int:
        """Diagonals below the main one."""
        return self.height * self.shape[2] * self.shape[0] - 1

    @property
    def flops(self) -> float:
        """Of the Cholesky factor."""
        return float(self.n) * self.band**2

    def turn(self, values: np.ndarray) -> np.ndarray:
        """Pictures (..., height, width) of the input as the plan has them, or back."""
        return values.swapaxes(-1, -2) if self.turned else values

    def ordered(self, vector: np.ndarray) -> np.ndarray:
        """Vectors (n,) in C order of the input in that of the band."""
        channels, high, wide = self.shape
        sides = (wide, high) if self.turned else (high, wide)
        return self.turn(vector.reshape(channels, *sides)).transpose(1, 2, 0).reshape(-1)

    def restored(self, vector: np.ndarray) -> np.ndarray:
        """The inverse of `ordered`."""
        channels, high, wide = self.shape
        return self.turn(vector.reshape(high, wide, channels).transpose(2, 0, 1)).reshape(-1)

    def places(self, support: np.ndarray) -> np.ndarray:
        """The plan's output places of flat output coordinates (channels, height, width)."""
        tall, broad = len(self.rows), len(self.columns)
        place = support % (tall * broad)
        return place % tall * broad + place // tall if self.turned else place


def band_plan(network: Network) -> BandPlan | None:
    """The plan for a network; None where receptive fields are not known, or the band would not fit in memory."""
    fields = receptive_fields(network)
    if fields is None or len(fields) > 2:
        return None
    channels, *spatial = network.input_shape
    alone = Axis(np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))
    rows, columns = [*([(alone, 1)] if len(fields) == 1 else []), *zip(fields, spatial, strict=True)]
    plan = min((_planned(channels, rows, columns, turned) for turned in (False, True)), key=lambda plan: plan.band)
    return plan if 8 * plan.n * (plan.band + 1) <= DENSE_LIMIT else None


def _planned(channels: int, rows: tuple[Axis, int], columns: tuple[Axis, int], turned: bool) -> BandPlan:
    (tall, high), (broad, wide) = (columns, rows) if turned else (rows, columns)
    return BandPlan(
        turned=turned,
        shape=(channels, high, wide),
        rows=np.minimum(tall.first, high - tall.width),
        columns=np.minimum(broad.first, wide - broad.width),
        height=tall.width,
        width=broad.width,
        overlap=_reached(tall, high) * _reached(broad, wide),
    )


def _reached(reach: Axis, size: int) -> int:
    """The most output places that one input place reaches along an axis."""
    places = np.arange(size)[:, None]
    return int(((reach.first <= places) & (places <= reach.last)).sum(axis=1).max())


@dataclass(frozen=True, eq=False)
class LocalRows:
    """The live rows of J, each on its own receptive field only, ordered by output place.

    Attributes:
        plan: of the network.
        entries: (m_live, probes) float64; columns: channel, row and column modulo the receptive field.
        begins: (places + 1,) where the rows of each output place begin.
    """

    plan: BandPlan
    entries: np.ndarray
    begins: np.ndarray

    @property
    def rounding(self) -> float:
        """Bound on what rounding does to `J'J` and a Cholesky factor of it, as a multiple of its trace.

        Rump, Verification of positive definiteness (BIT, 2006), for the factor; `gamma_k |J|'|J|` for the product.
        """
        return 4 * gamma(self.plan.band + self.terms + 20)

    @property
    def terms(self) -> int:
        """Most products that go into one number of `J'J`."""
        return int(np.diff(self.begins).max(initial=0)) * self.plan.overlap

    def gram(self) -> np.ndarray:
        """`J'J` in LAPACK's lower banded storage, (band + 1, n) in Fortran order."""
        plan = self.plan
        channels, _, wide = plan.shape
        pixel = channels * wide
        band = np.zeros((plan.band + 1, plan.n), order="F")
        tall = plan.height * pixel
        for y, top in enumerate(plan.rows):
            strip = np.zeros((plan.height, wide, channels, plan.height, wide, channels))
            for x, left in enumerate(plan.columns):
                place = y * len(plan.columns) + x
                block = self.entries[self.begins[place] : self.begins[place + 1]]
                if not len(block):
                    continue
                block = block.reshape(-1, channels, plan.height, plan.width)
                block = np.roll(block, (-int(top), -int(left)), axis=(2, 3))
                block = block.transpose(0, 2, 3, 1).reshape(len(block), -1)
                side = (plan.height, plan.width, channels)
                right = int(left) + plan.width
                strip[:, left:right, :, :, left:right] += (block.T @ block).reshape(*side, *side)
            square, corner = strip.reshape(tall, tall), int(top) * pixel
            for j in range(tall):
                band[: tall - j, corner + j] += square[j, j:]
        return band


def local_rows(operator: JacobianOperator, plan: BandPlan, advance: Callable[[int], None]) -> LocalRows:
    """All of J, from one product for each probe."""
    network = operator.network
    entry, (output,) = network.nodes[0], network.outputs
    channels, high, wide = plan.shape
    widest = max(int(np.prod(node.shape)) for node in network.nodes)
    part = max(1, CHUNK_BYTES // (8 * widest))
    entries, order, places = np.zeros((0, 0)), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    for first in range(0, plan.probes, part):
        stop = min(first + part, plan.probes)
        probes = np.zeros((stop - first, channels, high, wide))
        for k in range(first, stop):
            channel, rest = divmod(k, plan.height * plan.width)
            row, column = divmod(rest, plan.width)
            probes[k - first, channel, row :: plan.height, column :: plan.width] = 1.0
        values = torch.from_numpy(plan.turn(probes).reshape(stop - first, plan.n)).to(network.device)
        start = Start(stop - first, {entry.name: Tangents(values, entry.shape)})
        pushed = collect(network, operator.pattern, start, [output])[output]
        operator.n_products += stop - first
        if first == 0:
            size = int(np.prod(pushed.shape))
            places = plan.places(np.arange(size) if pushed.support is None else pushed.support.cpu().numpy())
            order = np.argsort(places, kind="stable")
            entries = np.empty((len(places), plan.probes))
        entries[:, first:stop] = pushed.values.T.cpu().numpy()[order]
        advance(stop - first)
    begins = np.searchsorted(places[order], np.arange(len(plan.rows) * len(plan.columns) + 1))
    return LocalRows(plan, entries, begins)


@dataclass(frozen=True, eq=False)
class BandFactor:
    """A Cholesky factor of `J'J + shift I`.

    Attributes:
        plan: the order of the coordinates.
        factor: LAPACK's banded storage.
        shift: 0 unless `J'J` alone is singular to rounding.
    """

    plan: BandPlan
    factor: np.ndarray
    shift: float

    def solve(self, vector: np.ndarray) -> np.ndarray:
        """`(J'J + shift I)^-1 v` for vectors (n,) in C order of the picture."""
        ordered = self.plan.ordered(vector)
        solved = scipy.linalg.cho_solve_banded((self.factor, True), ordered, check_finite=False)
        return self.plan.restored(solved)


def band_factor(rows: LocalRows) -> BandFactor:
    """The factor, with the least shift that surely makes the matrix positive definite where it is not."""
    trace = float(np.einsum("ij,ij->", rows.entries, rows.entries))
    shift = 0.0
    while True:
        band = rows.gram()
        band[0] += shift
        try:
            factor = scipy.linalg.cholesky_banded(band, overwrite_ab=True, lower=True, check_finite=False)
            return BandFactor(rows.plan, factor, shift)
        except np.linalg.LinAlgError:
            shift = max(10 * shift, rows.rounding * max(trace, _TINY))


def proved_floor(rows: LocalRows, value: float) -> float | None:
    """A number, a little below a value, that no singular value of J (as stored in these rows) is smaller than.

    A Cholesky factorisation of `J'J - value^2 I` that runs to its end proves it, with all its rounding e:
    `sigma_d^2 >= value^2 - e`. None where it breaks down, or where e is larger than the square, or where this thread
    does not compute as `is_ieee` demands.
    """
    if not is_ieee():
        return None
    with np.errstate(over="ignore"):  # to infinity, which proves nothing
        trace = float(np.einsum("ij,ij->", rows.entries, rows.entries))
    square, n = value * value, rows.plan.n
    # As in `unrelu.rigor.singular.proved_slack`.
    underflow = n * (lost(rows.terms, 2 * (1 + trace)) + lost(2 * (rows.plan.band + 1), 3 * trace))
    below = square * (1 - 1e-14) - rows.rounding * trace - underflow
    if not 0 < below < math.inf:
        return None
    band = rows.gram()
    band[0] -= square
    try:
        scipy.linalg.cholesky_banded(band, overwrite_ab=True, lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        return None
    return math.sqrt(below) * (1 - 1e-15)
