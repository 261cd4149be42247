"""All inputs that give a wanted output."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING

import numpy as np

from unrelu.errors import InputError, ShapeError
from unrelu.frontier.tree import Tree
from unrelu.inverse.assemble import assemble
from unrelu.inverse.running import run
from unrelu.inverse.sampler_seen import SamplerSeen, seen_by_sampler
from unrelu.inverse.solution import Solution
from unrelu.network.arrays import Array, as_numpy
from unrelu.preimages.search.completeness_certificate import CompletenessCertificate
from unrelu.preimages.search.search import Search
from unrelu.preimages.search.watched import MEMORY

if TYPE_CHECKING:
    from unrelu.preimages.search.statement import InverseStatement
    from unrelu.progress import Progress
    from unrelu.report.write import Report


@dataclass(frozen=True, eq=False)
class Inversion:
    """What a search for `S = { x in D : |F(x) - y| <= rho }` found, and what it proved.

    Attributes:
        statement: the network F, the box D, the wanted output y and the resolution rho.
        tree: what was done with each part of D.
        settled: the share of D's volume that is settled, from 0 to 1.
        seconds: that the search took.
        stopped: why it stopped before the end: "time limit", "memory limit", "interrupted", or "".
    """

    statement: InverseStatement
    tree: Tree
    settled: float
    seconds: float
    stopped: str
    _search: Search

    @cached_property
    def solutions(self) -> tuple[Solution, ...]:
        """The solutions, in the order of their first input; those that touch are one."""
        return assemble(self.statement, self.tree)

    @property
    def resolution(self) -> np.ndarray:
        """(m,) rho: every input whose output is within it of the wanted one is meant by `complete`."""
        return self.statement.resolution.numpy()

    @property
    def complete(self) -> bool:
        """Whether every input in S is proved to lie in one of `solutions`."""
        return self.certificate.complete

    @property
    def unique(self) -> bool | None:
        """Whether there is one solution, up to its radius; None where that is open.

        False where two that do not touch are found, or where there is none at all.
        """
        found = self.solutions
        if sum(each.holds for each in found) > 1 or (self.complete and not found):
            return False
        if not self.complete or len(found) > 1:
            return None
        return True if all(each.holds and not each.is_flat for each in found) else None

    @cached_property
    def certificate(self) -> CompletenessCertificate:
        """The proof; `certificate.verify()` checks it without the search."""
        return CompletenessCertificate(self.statement, self.tree)

    @property
    def left(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends, (k, d) each, of the parts of the domain that are neither settled nor refuted."""
        return self._search.left

    @property
    def outer_ranges(self) -> np.ndarray:
        """(d, 2) float64: between these every input in S lies, whatever was settled; NaN where S is proved empty."""
        parts = [(each.lower[None], each.upper[None]) for each in self.solutions] + [self.left]
        lower, upper = (np.concatenate([each[k] for each in parts]) for k in (0, 1))
        if not len(lower):
            return np.full((len(self.statement.lower), 2), np.nan)
        return np.stack([lower.min(axis=0), upper.max(axis=0)], axis=1)

    def contains(self, x: Array) -> bool:
        """Whether an input is in S, by its exact output.

        Args:
            x: d numbers.

        Raises:
            ShapeError: if it has another size.
        """
        point = as_numpy(x, "the input x").reshape(-1)
        if point.size != len(self.statement.lower):
            raise ShapeError(
                f"the input x has {point.size} numbers, but the network takes {len(self.statement.lower)}."
            )
        return self.statement.is_member(self.statement.lower.new_tensor(point))

    def seen_by(self, points: Array, *, near: float = 0.05) -> SamplerSeen:
        """At which of the solutions a sampler's points lie.

        Args:
            points: (n, d), of a Markov chain, nested sampling, many fits.
            near: how far from a solution's box a point may be in each input and still be at it, as a share of the
                domain's width.

        Raises:
            ShapeError: if points have another number of entries.
            InputError: if one is not finite, or `near` is negative.
        """
        if not 0 <= near < math.inf:
            raise InputError(f"near is a share of the domain's width, 0 or more, not {near!r}.")
        reach = near * (self.statement.upper - self.statement.lower).numpy()
        places = [((each.lower - reach)[None], (each.upper + reach)[None]) for each in self.solutions]
        return seen_by_sampler(self.statement, points, places)

    def report(
        self,
        path: str | PathLike[str] = "solutions.html",
        *,
        names: Sequence[str] | None = None,
        shown: Sequence[int] | None = None,
        points: Array | None = None,
        title: str | None = None,
    ) -> Report:
        """Write a page with the picture of the answer: one HTML file, and its figure as PNG in a folder beside it.

        Args:
            path: the HTML file to write.
            names: of the inputs; "x0" and so on if left out.
            shown: which inputs are in the picture, at most four; the first that are not fixed if left out.
            points: (n, d) of a sampler or another method, to be held against the answer (`seen_by`).
            title: heading of the page.

        Raises:
            ShapeError: if there are not as many names as inputs, or points of another size.
            InputError: if inputs that are shown do not exist, are fixed, or are too many; points are not finite.
            MissingExtra: if matplotlib or jinja2 are not installed.
            StoreError: if the file cannot be written.
        """
        from unrelu.inverse.answer import answer
        from unrelu.report.write_answers import write_answers

        told = answer(self, names=names, shown=shown, points=points)
        return write_answers([told], path, title=title)

    def go_on(
        self, *, time_limit: float = math.inf, memory_limit: float = MEMORY, progress: Progress | bool | None = None
    ) -> Inversion:
        """Search on where this search stopped; this result keeps what it says, and the memory that it takes.

        Args:
            time_limit: seconds from now.
            memory_limit: as for `invert`; where that was the reason to stop, a larger one.
            progress: as for `invert`.

        Raises:
            InputError: if the memory limit is not positive.
        """
        return run(self._search.copy(), time_limit=time_limit, memory_limit=memory_limit, progress=progress)

    def __repr__(self) -> str:
        """A line with how many there are and what is proved."""
        count = len(self.solutions)
        words = "no solution" if count == 0 else "1 solution" if count == 1 else f"{count} solutions"
        if self.complete:
            return f"Inversion({words}, proved complete to the resolution)"
        left = f"{len(self.left[0])} part{'s' * (len(self.left[0]) != 1)} left"
        why = f", {self.stopped}" if self.stopped else ""
        return f"Inversion({words} so far; {100 * self.settled:.4g} % of the domain settled, {left}{why})"
