"""All inputs that are consistent with measured outputs, each of which may be off by its noise."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.errors import InputError, ShapeError
from unrelu.inverse.best_fit import BestFit
from unrelu.inverse.consistent_ranges import ConsistentRanges
from unrelu.inverse.covering import Covering
from unrelu.inverse.find_best_fit import find_best_fit
from unrelu.inverse.pave import pave
from unrelu.inverse.paving import Paving
from unrelu.inverse.range_search import RangeSearch, ranges_of
from unrelu.inverse.refinement import refine, visit
from unrelu.inverse.running import telling
from unrelu.inverse.sampler_seen import SamplerSeen, ends_of, seen_by_sampler
from unrelu.inverse.set_sample import sample_members
from unrelu.network.arrays import Array, as_numpy
from unrelu.preimages.search.completeness_certificate import CompletenessCertificate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from unrelu.preimages.search.statement import InverseStatement
    from unrelu.progress import Progress
    from unrelu.report.write import Report

LARGEST = 2.0**900
"""Of a functional, so that no sum of its terms overflows."""

FINE = 0.1
"""Of the ranges: boxes that a sample is drawn from are no wider, if that is had in time."""

LONGEST = 10.0
"""Seconds that each of the two questions before it takes at most."""


class ConsistentSet:
    """The set `S = { x in D : |F(x) - y| <= rho }` of a network F, known from outside by boxes, inside by members.

    Nothing is searched before something is asked. What one question learned, the next one begins with; results that
    were given stay what they are. Of each question, a time limit or an interrupt (Ctrl-C) gives what is known by then.

    Attributes:
        statement: the network, the box D, y and rho.
        measured: (m,) float64, the numbers that were measured: y, but where intervals are not symmetric.
        time_limit: seconds that a question may take if it names no other number.

    >>> import unrelu as ur
    >>> net = ur.Network.from_layers([([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])])  # |x|
    >>> found = ur.invert(net, [0.5], domain=ur.Box(-1, 2), noise=0.25)
    >>> ranges = found.ranges()
    >>> ranges.outer.round(3).tolist(), found.certificate.verify()
    ([[-0.75, 0.75]], True)
    """

    def __init__(
        self, statement: InverseStatement, *, measured: np.ndarray | None = None, time_limit: float = math.inf
    ) -> None:
        """Ask nothing yet.

        Args:
            statement: what is consistent.
            measured: (m,) the numbers that were measured; the middles of the intervals if left out.
            time_limit: seconds that a question may take if it names no other number.
        """
        self.statement = statement
        self.measured = statement.features.numpy() if measured is None else measured
        self.time_limit = time_limit

    @cached_property
    def _search(self) -> RangeSearch:
        return RangeSearch(Covering(self.statement))

    @property
    def intervals(self) -> np.ndarray:
        """(m, 2) float64, between which each output has to lie."""
        y, rho = self.statement.features.numpy(), self.statement.resolution.numpy()
        return np.stack([y - rho, y + rho], axis=1)

    @property
    def members(self) -> np.ndarray:
        """(n, d) float64, the consistent inputs that were met so far, each proved."""
        return self._search.members.copy()

    @property
    def empty(self) -> bool | None:
        """True if it is proved that no input is consistent, False if one is known, None where that is open."""
        return self._search.empty

    @property
    def boxes(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends, (n, d) each, of boxes that together hold the set."""
        covering = self._search.covering
        return covering.lower[covering.open], covering.upper[covering.open]

    @property
    def outer_ranges(self) -> np.ndarray:
        """(d, 2) float64: between these every consistent input lies; NaN where none is. `ranges` sharpens them."""
        lower, upper = self.boxes
        if not len(lower):
            return np.full((len(self.statement.lower), 2), np.nan)
        return np.stack([lower.min(axis=0), upper.max(axis=0)], axis=1)

    @property
    def parts(self) -> int:
        """At least so many connected parts the set has, proved: groups of boxes that touch and hold a member.

        As many as the boxes tell apart that there are now; `refine` cuts them.
        """
        return len(visit(self._search))

    @property
    def part_ranges(self) -> np.ndarray:
        """(p, d, 2) float64, between which ends each of the `parts` lies: those of its boxes."""
        return ends_of(self._places, len(self.statement.lower))

    @property
    def _places(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The boxes of each part, parts in the order of their ends."""
        covering = self._search.covering
        groups = sorted(visit(self._search), key=lambda group: covering.lower[group].min(axis=0).tolist())
        return [(covering.lower[group], covering.upper[group]) for group in groups]

    def seen_by(self, points: Array) -> SamplerSeen:
        """In which of the `parts` a sampler's points lie, and which of them are consistent.

        A point lies in a part if it is in one of the boxes that hold it; `refine` cuts them.

        Args:
            points: (n, d), of a Markov chain, nested sampling, many fits.

        Raises:
            ShapeError: if points have another number of entries.
            InputError: if one is not finite.
        """
        return seen_by_sampler(self.statement, points, self._places)

    @property
    def certificate(self) -> CompletenessCertificate:
        """The proof of `outer_ranges` as they are now, and of `empty`; `certificate.verify()` checks it.

        Functionals other than the unknowns themselves have none.
        """
        return CompletenessCertificate(self.statement, self._search.covering.tree.frozen())

    def ranges(
        self,
        functionals: Array | None = None,
        *,
        within: float = 0.05,
        time_limit: float | None = None,
        progress: Progress | bool | None = None,
    ) -> ConsistentRanges:
        """The least and the largest value of each unknown over the set, from outside and from inside.

        Best first: the boxes that determine the worst ends are bounded and cut; members come by sequential linear
        programming from where the bounds are least. All ends share the same boxes.

        Args:
            functionals: (k, d) rows c, for the ranges of `c x`; the unknowns themselves if left out.
            within: how much of each range's width may lie between its outer and its inner ends; a billionth of what it
                changes over the domain always may.
            time_limit: seconds.
            progress: where to show how near the ends are; see `unrelu.Progress`.

        Raises:
            ShapeError: if functionals have another number of entries.
            InputError: if `within` is not above 0, or functionals are not finite, or their values not.
        """
        d = len(self.statement.lower)
        rows = np.eye(d) if functionals is None else as_numpy(functionals, "functionals")
        if rows.ndim != 2 or rows.shape[1] != d:
            raise ShapeError(f"functionals are rows of {d} numbers, one an input, of shape (k, {d}), not {rows.shape}.")
        with np.errstate(over="ignore"):
            largest = np.abs(rows) @ torch.maximum(self.statement.lower.abs(), self.statement.upper.abs()).numpy()
        if not bool((largest < LARGEST).all()):
            raise InputError("a functional's values overflow on the domain; give smaller numbers.")
        within = checked_share(within)
        search = self._search
        places = search.covering.ask(np.stack([rows, -rows], axis=1).reshape(-1, d))
        limit = self.time_limit if time_limit is None else time_limit
        before, stopped = search.covering.seconds, ""
        with telling(progress, "ends of ranges that are near, ‰") as tell:
            try:
                ended = search.run(places, within=within, time_limit=limit, tell=tell)
                stopped = "" if ended else "time limit"
            except KeyboardInterrupt:
                stopped = "interrupted"
        return ranges_of(search, rows, places, within, search.covering.seconds - before, stopped)

    def refine(
        self, within: float = 0.05, *, time_limit: float | None = None, progress: Progress | bool | None = None
    ) -> bool:
        """Cut the boxes all over the set, which tells its parts apart; whether all are as small as asked.

        Args:
            within: how wide boxes may be, as a share of the outer ranges; those of nothing but members may be wider.
            time_limit: seconds.
            progress: where to show how far it is.

        Raises:
            InputError: if `within` is not above 0.
        """
        share = np.full(len(self.statement.lower), checked_share(within))
        limit = self.time_limit if time_limit is None else time_limit
        with telling(progress, "boxes that are as small as asked, ‰") as tell:
            try:
                return refine(self._search, share, time_limit=limit, tell=tell)
            except KeyboardInterrupt:
                return False

    def sample(self, n: int, *, seed: int = 0, time_limit: float | None = None) -> np.ndarray:
        """(n, d) float64, consistent inputs, each proved, from all parts that are known.

        Where the boxes are not much larger than the set, points are uniform in it, but that each part has one at
        least. Where the set is too thin for that, points are moved into it, and no share of them means anything.

        Args:
            n: how many.
            seed: of what is drawn.
            time_limit: seconds for cutting boxes first.

        Raises:
            InputError: if no consistent input is known; n is not at least 1.
        """
        if n < 1:
            raise InputError(f"a sample has at least 1 point, not {n}.")
        limit = self.time_limit if time_limit is None else time_limit
        self.ranges(within=2 * FINE, time_limit=min(limit, LONGEST), progress=False)
        self.refine(FINE, time_limit=min(limit, LONGEST), progress=False)
        if not self.parts:
            why = "there is none, proved" if self.empty else "ask for `ranges` first, which searches for one"
            raise InputError(f"no consistent input is known: {why}.")
        return sample_members(self._search, n, seed)

    def paving(
        self,
        pair: tuple[int, int],
        *,
        cells: int = 64,
        time_limit: float | None = None,
        progress: Progress | bool | None = None,
    ) -> Paving:
        """Which values of two unknowns are consistent, as rectangles from outside and from inside.

        Args:
            pair: the numbers of two inputs that are not fixed.
            cells: the range of each is cut into so many at least where that is needed.
            time_limit: seconds.
            progress: where to show how far it is.

        Raises:
            InputError: if these are not two inputs that are not fixed, or `cells` is not at least 1.
        """
        d = len(self.statement.lower)
        i, j = (int(k) for k in pair)
        free = (self.statement.upper > self.statement.lower).tolist()
        if i == j or not all(0 <= k < d and free[k] for k in (i, j)):
            raise InputError(
                f"a paving is of two different inputs of 0 to {d - 1} that are not fixed, not of {i} and {j}."
            )
        if cells < 1:
            raise InputError(f"a range is cut into at least 1 cell, not {cells}.")
        start = time.monotonic()
        limit = self.time_limit if time_limit is None else time_limit
        self.ranges(within=1 / cells, time_limit=limit / 2, progress=False)
        with telling(progress, "levels of the paving, ‰") as tell:
            return pave(self._search, (i, j), cells, time_limit=limit - (time.monotonic() - start), tell=tell)

    def best_fit(
        self,
        sigma: ArrayLike,
        *,
        within: float = 0.01,
        time_limit: float | None = None,
        progress: Progress | bool | None = None,
    ) -> BestFit:
        """The input of the domain whose outputs are nearest to the measured ones, for Gaussian errors.

        It is of the whole domain, whether it is consistent or not: intervals do not matter here.

        Args:
            sigma: the standard errors of the outputs, one number or one for each.
            within: how much of the misfit may be open.
            time_limit: seconds.
            progress: where to show how near the proof is.

        Raises:
            ShapeError: if there is another number of errors.
            InputError: if one is not above 0, or `within` is not.
        """
        m = len(self.measured)
        errors = np.asarray(sigma, dtype=np.float64)
        errors = np.full(m, float(errors)) if errors.ndim == 0 else errors
        if errors.shape != (m,):
            raise ShapeError(f"sigma is one number, or one for each of the {m} measured ones, not {errors.shape}.")
        if not bool(((errors > 0) & np.isfinite(errors)).all()):
            raise InputError("sigma holds a number that is not above 0; give the standard error of each output.")
        limit = self.time_limit if time_limit is None else time_limit
        asked = replace(self.statement, features=torch.from_numpy(self.measured.copy()))
        with telling(progress, "proof of the least misfit, ‰") as tell:
            return find_best_fit(asked, torch.from_numpy(errors), checked_share(within), time_limit=limit, tell=tell)

    def report(
        self,
        path: str | PathLike[str] = "solutions.html",
        *,
        names: Sequence[str] | None = None,
        shown: Sequence[int] | None = None,
        points: Array | None = None,
        title: str | None = None,
        time_limit: float | None = None,
        progress: Progress | bool | None = None,
    ) -> Report:
        """Write a page with the picture of the answer: one HTML file, and its figure as PNG in a folder beside it.

        Args:
            path: the HTML file to write.
            names: of the inputs; "x0" and so on if left out.
            shown: which inputs are in the picture, at most four; the first that are not fixed if left out.
            points: (n, d) of a sampler or another method, to be held against the answer (`seen_by`).
            title: heading of the page.
            time_limit: seconds for what is not known yet; 20 if left out.
            progress: where to show how far it is.

        Raises:
            ShapeError: if there are not as many names as inputs, or points of another size.
            InputError: if inputs that are shown do not exist, are fixed, or are too many; points are not finite.
            MissingExtra: if matplotlib or jinja2 are not installed.
            StoreError: if the file cannot be written.
        """
        from unrelu.inverse.answer import answer
        from unrelu.report.write_answers import write_answers

        told = answer(self, names=names, shown=shown, points=points, time_limit=time_limit, progress=progress)
        return write_answers([told], path, title=title)

    def contains(self, x: Array) -> bool:
        """Whether an input is consistent, by its exact output.

        Args:
            x: d numbers.

        Raises:
            ShapeError: if it has another size.
        """
        point = as_numpy(x, "the input x").reshape(-1)
        d = len(self.statement.lower)
        if point.size != d:
            raise ShapeError(f"the input x has {point.size} numbers, but the network takes {d}.")
        return self.statement.is_member(torch.from_numpy(point))

    def __repr__(self) -> str:
        """A line with what is known."""
        empty = self.empty
        if empty:
            return "ConsistentSet(proved empty)"
        n = len(self._search.members)
        known = "nothing asked yet" if empty is None else f"{n} member{'s' * (n != 1)} known"
        return f"ConsistentSet({len(self._search.covering.open)} boxes, {known})"


def checked_share(within: float) -> float:
    """How near two ends are asked to be, as a share.

    Raises:
        InputError: if it is not above 0.
    """
    if not within > 0 or not math.isfinite(within):
        raise InputError(f"within is a share above 0, as 0.05, not {within!r}: ends meet in no time at all.")
    return float(within)
