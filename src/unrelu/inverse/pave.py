"""Rectangles of two unknowns that hold no consistent value, or nothing else."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from unrelu.frontier.subproblems import Subproblems
from unrelu.inverse.covering import BATCH
from unrelu.inverse.members import slopes_at
from unrelu.inverse.paving import Paving
from unrelu.inverse.refinement import refine
from unrelu.inverse.whole_slices import whole_slices
from unrelu.preimages.search.examined import CAUTION, examine
from unrelu.rigor.rounding import UNDERFLOW, UNIT

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from unrelu.inverse.range_search import RangeSearch
    from unrelu.preimages.search.statement import InverseStatement

FIRST = 4
"""Rectangles a side that it begins with."""

NEWTON = 5
"""Steps to the middle of what is measured, from a member near a rectangle."""


def pave(
    search: RangeSearch,
    pair: tuple[int, int],
    cells: int,
    *,
    time_limit: float = math.inf,
    tell: Callable[[float], None] | None = None,
) -> Paving:
    """Rectangles over two unknowns, halved each way until they are settled or small.

    One is left out where no box of the covering has its two unknowns in it; boxes are cut as far as that needs. One is
    inner where over all of it a slice `x(u)`, affine in the two unknowns u, runs through the set: the others move as
    keeps the outputs about where they are.

    Args:
        search: a covering, and members.
        pair: two different inputs that are not fixed.
        cells: a side of the range of each is cut into so many at least.
        time_limit: seconds.
        tell: is called with the share that is done.
    """
    start, covering = time.monotonic(), search.covering
    both = list(pair)
    lower, upper = covering.lower[covering.open][:, both], covering.upper[covering.open][:, both]
    if not len(lower):
        none = np.zeros((0, 2))
        return Paving(pair, none, none, none, none, none, "")
    levels = max(0, math.ceil(math.log2(cells / FIRST)))
    finest = FIRST * 2**levels
    edges = [np.linspace(a, b, finest + 1) for a, b in zip(lower.min(axis=0), upper.max(axis=0), strict=True)]
    pending = np.ones((FIRST, FIRST), dtype=bool)
    inner: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    stopped = ""
    try:
        for level in range(levels + 1):
            now = _Grid(edges[0][:: 2 ** (levels - level)], edges[1][:: 2 ** (levels - level)], pending)
            within = np.full(covering.lower.shape[1], 2.0 / len(pending))
            within[both] = 1.0 / len(pending)
            left = time_limit - (time.monotonic() - start)
            fine = refine(search, within, wanted=lambda now=now: now.met(search, both), time_limit=left)
            now.keep(search, both)
            places = np.argwhere(pending)
            low, high = now.ends(places)
            whole = np.zeros(len(places), dtype=bool)
            for begin in range(0, len(places), BATCH):
                if time.monotonic() - start >= time_limit:
                    break
                part = slice(begin, begin + BATCH)
                whole[part] = _inner(search, both, low[part], high[part])
            inner.append((low[whole], high[whole]))
            pending[tuple(places[whole].T)] = False
            if tell is not None:
                tell((level + 1) / (levels + 1))
            if not fine or time.monotonic() - start >= time_limit:
                stopped = "time limit"
                break
            if level < levels:
                pending = pending.repeat(2, axis=0).repeat(2, axis=1)
    except KeyboardInterrupt:
        stopped = "interrupted"
    step = finest // len(pending)
    low, high = _Grid(edges[0][::step], edges[1][::step], pending).ends(np.argwhere(pending))
    inner_low, inner_high = (np.concatenate([low[:0], *(each[k] for each in inner)]) for k in (0, 1))
    outer = np.concatenate([inner_low, low]), np.concatenate([inner_high, high])
    return Paving(pair, *outer, inner_low, inner_high, search.members[:, both], stopped)


@dataclass(frozen=True, eq=False)
class _Grid:
    """Rectangles between edges in two unknowns, some of them pending."""

    first: NDArray[np.float64]
    second: NDArray[np.float64]
    pending: NDArray[np.bool_]

    def ends(self, places: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper ends of rectangles (k, 2)."""
        i, j = places.T
        return (
            np.stack([self.first[i], self.second[j]], axis=1),
            np.stack([self.first[i + 1], self.second[j + 1]], axis=1),
        )

    def _spans(self, search: RangeSearch, both: list[int]) -> tuple[NDArray[np.int64], ...]:
        """Of each open box, the first and the last rectangle that it meets, each way."""
        covering = search.covering
        low, high = covering.lower[covering.open][:, both], covering.upper[covering.open][:, both]
        spans = []
        for k, edges in enumerate((self.first, self.second)):
            begin = np.searchsorted(edges[1:], low[:, k], side="left")
            spans += [np.minimum(begin, len(edges) - 2), np.searchsorted(edges[:-1], high[:, k], side="right")]
        return tuple(spans)

    def met(self, search: RangeSearch, both: list[int]) -> NDArray[np.bool_]:
        """(N,) which boxes are open and meet a rectangle that is pending."""
        total = np.zeros(tuple(n + 1 for n in self.pending.shape), dtype=np.int64)
        total[1:, 1:] = self.pending.cumsum(axis=0).cumsum(axis=1)
        a, b, c, d = self._spans(search, both)
        found = np.zeros(len(search.covering.lower), dtype=bool)
        found[search.covering.open] = total[b, d] - total[a, d] - total[b, c] + total[a, c] > 0
        return found

    def keep(self, search: RangeSearch, both: list[int]) -> None:
        """Leave pending only rectangles that a box meets."""
        change = np.zeros(tuple(n + 1 for n in self.pending.shape), dtype=np.int64)
        a, b, c, d = self._spans(search, both)
        for rows, columns, sign in ((a, c, 1), (b, c, -1), (a, d, -1), (b, d, 1)):
            np.add.at(change, (rows, columns), sign)
        self.pending[change.cumsum(axis=0).cumsum(axis=1)[:-1, :-1] == 0] = False


def _inner(
    search: RangeSearch, both: list[int], low: NDArray[np.float64], high: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """(k,) over which rectangles a slice of members is found."""
    statement = search.covering.statement
    if not len(low) or not len(search.members):
        return np.zeros(len(low), dtype=bool)
    middle = low / 2 + high / 2
    unit = np.where(high > low, high - low, 1.0)
    near = (np.abs(search.members[None][..., both] - middle[:, None]) / unit[:, None]).max(axis=2).argmin(axis=1)
    x = torch.from_numpy(search.members[near].copy())
    x[:, both] = torch.from_numpy(middle)
    rest = [k for k in range(x.shape[1]) if k not in both]
    rest = [k for k in rest if bool(statement.upper[k] > statement.lower[k])]
    x, J = _centred(statement, x, rest)
    half = torch.from_numpy(np.maximum(high - middle, middle - low)) * (1 + 4 * UNIT) + UNDERFLOW
    spread = torch.zeros(len(x), x.shape[1], 2, dtype=torch.float64)
    for q, k in enumerate(both):
        spread[:, k, q] = half[:, q]
    if rest:
        moved = -_inverse(statement, J[:, :, rest], rest) @ (J[:, :, both] * half[:, None])
        spread[:, rest] = torch.nan_to_num(moved)
    reach = spread.abs().sum(dim=2) * (1 + 8 * UNIT)
    box_low, box_high = _outward(x, -reach), _outward(x, reach)
    for q, k in enumerate(both):  # exactly the rectangle
        box_low[:, k], box_high[:, k] = torch.from_numpy(low[:, q]), torch.from_numpy(high[:, q])
    inside = ((statement.lower <= box_low) & (box_high <= statement.upper)).all(dim=1)
    at = torch.nonzero(inside)[:, 0]
    found = torch.zeros(len(x), dtype=torch.bool)
    if len(at):
        root = Subproblems.root(statement.lower, statement.upper, statement.bounded.n_units)
        problems = replace(root.take(torch.zeros_like(at)), lower=box_low[at], upper=box_high[at])
        seen = examine(statement, problems, caution=CAUTION)
        found[at] = whole_slices(statement, seen, x[at], spread[at])
    search.add(x[found])
    return found.numpy()


def _outward(x: Tensor, change: Tensor) -> Tensor:
    moved = torch.nextafter(x + change, change.sign() * torch.inf)
    return torch.where(change == 0, x, moved)


def _centred(statement: InverseStatement, x: Tensor, rest: list[int]) -> tuple[Tensor, Tensor]:
    """Points moved in some inputs to where outputs are nearest to the measured ones, and the Jacobians there."""
    unit = (statement.resolution + statement.forward_error + UNDERFLOW)[:, None]
    best, J = x.clone(), slopes_at(statement, x)
    off = statement.values(x) - statement.features
    least = (off.abs() / unit[:, 0]).amax(dim=1)
    for _ in range(NEWTON if rest else 0):
        step = (_inverse(statement, J[:, :, rest], rest) @ off[..., None])[..., 0]
        x = x.clone()
        x[:, rest] = torch.minimum(
            torch.maximum(x[:, rest] - torch.nan_to_num(step), statement.lower[rest]), statement.upper[rest]
        )
        off, J = statement.values(x) - statement.features, slopes_at(statement, x)
        size = (off.abs() / unit[:, 0]).amax(dim=1)
        best = torch.where((size < least)[:, None], x, best)
        least = torch.minimum(least, size)
    return best, slopes_at(statement, best)


def _inverse(statement: InverseStatement, J: Tensor, rest: list[int]) -> Tensor:
    """Pseudo-inverses of Jacobians (n, m, r) by some inputs, outputs in units of the resolution: (n, r, m)."""
    unit = statement.resolution + statement.forward_error + UNDERFLOW
    widths = (statement.upper - statement.lower)[rest]
    return widths[:, None] * torch.linalg.pinv(J * widths / unit[:, None]) / unit
