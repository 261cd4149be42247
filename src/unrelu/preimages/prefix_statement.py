"""The statement that all questions about the inputs with the same features of a prefix are about."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from unrelu.cones.proofs import Cone
from unrelu.errors import DomainError
from unrelu.network.affine_rows import affine_rows
from unrelu.network.graph import Network
from unrelu.polyhedra.domain_at import DomainAt, domain_at
from unrelu.polyhedra.domain_rows import DomainRows
from unrelu.preimages.lifted.block import (
    Directions,
    Features,
    block_cone,
    branching,
    interior,
    last_rectifiers,
)
from unrelu.preimages.lifted.exact_values import OutOfWork
from unrelu.preimages.lifted.located import Located, locate
from unrelu.preimages.prefix_system import PrefixSystem
from unrelu.rigor.matrices import stacked
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.stability.pattern import ActivationPattern


@dataclass(frozen=True, eq=False)
class PrefixStatement:
    """`P = { x in D : |F(x) - y| <= eps }`, y being the exact features F(x0) of a point x0.

    F is the network of the stored rows (`AffineRows`), and D is D', the domain as it is at x0 (`DomainAt`). The piece
    of x0 is the part of P on which all units keep the branch that they take at x0, of branches that meet there the
    first; the units of a ReLU that the prefix ends in need keep none, as their features alone make a convex set.

    Attributes:
        system: the prefix F, the domain D and the tolerance eps.
        at: (d,) x0.
    """

    system: PrefixSystem
    at: np.ndarray

    @property
    def prefix(self) -> Network:
        """The network."""
        return self.system.prefix

    @cached_property
    def located(self) -> Located:
        """What the network does at x0, exactly.

        Raises:
            TooLarge: if the stored rows would take more memory than allowed.
        """
        return locate(self.prefix, self.at)

    @cached_property
    def domain_at(self) -> DomainAt | None:
        """The domain as it is at x0; None for the whole space.

        Raises:
            DomainError: if x0 is not in the domain.
        """
        rows = self.system.domain_rows
        if rows is None:
            return None
        (found,) = domain_at(rows, self.at[None], unit=self.system.unit, exact=self.system.exact)
        if isinstance(found, DomainError):
            raise found
        return found

    @property
    def is_about_a_set(self) -> bool:
        """Whether x0 is a member: whether it lies in D."""
        try:
            return self.domain_at is not None or self.system.domain is None
        except DomainError:
            return False

    @property
    def pattern(self) -> ActivationPattern:
        """The branches that all units take at x0."""
        return ActivationPattern.of(self.prefix, {name: each.branches for name, each in self.located.units.items()})

    @cached_property
    def is_sure(self) -> bool:
        """Whether all signs at x0 are known that the pattern and the features rest on."""
        return self.located.is_sure and not any(bool(unsure.any()) for _, unsure in self.above.values())

    @cached_property
    def above(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """By last ReLU: (m,) bool, the features above their tolerance, and of which of them that is open."""
        found = {}
        for name in last_rectifiers(interior(self.prefix, None, self.prefix.outputs), self.prefix.outputs):
            units, eps = self.located.units[name], self._tolerance(name)
            above, unsure = units.branches.reshape(-1) == 1, np.zeros(len(eps), dtype=bool)
            unsure[units.guards.units[units.unsure]] = True
            if eps.any():
                signs, left = self.located.signs(self.prefix, self.prefix.node(name).inputs[0], eps)
                above, unsure = signs > 0, unsure | left
            found[name] = above, unsure
        return found

    def _tolerance(self, name: str) -> np.ndarray:
        sizes = [math.prod(self.prefix.node(each).shape) for each in self.prefix.outputs]
        parts = np.split(self.system.tolerance, np.cumsum(sizes)[:-1])
        return parts[self.prefix.outputs.index(name)]

    @cached_property
    def active(self) -> np.ndarray:
        """(m,) bool, the features that the set fixes from below: of a last ReLU those above their tolerance."""
        parts = []
        for name in self.prefix.outputs:
            if name in self.above:
                parts.append(self.above[name][0])
            else:
                parts.append(np.ones(math.prod(self.prefix.node(name).shape), dtype=bool))
        return np.concatenate(parts)

    @cached_property
    def cuts(self) -> tuple[str, ...]:
        """The piecewise linear nodes before the end that all paths run through, in order."""
        ends = self.prefix.outputs
        return tuple(
            name for name in self.prefix.cuts if self.prefix.node(name).is_piecewise_linear and name not in ends
        )

    def branching(self, start: str | None, ends: tuple[str, ...]) -> list[str]:
        """The nodes of a part whose branches tell its pieces apart."""
        return branching(self.prefix, start, ends)

    def cone(self, start: str | None, ends: tuple[str, ...], directions: Directions) -> Cone:
        """The cone of a part of the prefix: from a cut, or the input if None, to the prefix's ends or to a cut."""
        domain: tuple[DomainRows, DomainAt] | None = None
        if start is None and self.system.domain_rows is not None:
            assert self.domain_at is not None
            domain = self.system.domain_rows, self.domain_at
        features = self._features(start, ends, directions)
        return block_cone(self.prefix, self.located, start, ends, features, directions, domain)

    def may_determine(self, cut: str, ends: tuple[str, ...], directions: Directions) -> bool:
        """Whether there are as many constraints from a cut on as there are numbers of it that can change.

        Where there are not, a direction leads from the cut to the same features, by counting; where no number can
        change there is nothing to prove.
        """
        changing = int(np.count_nonzero(self.located.units[cut].chosen.slopes.cpu().numpy()))
        inside = [self.located.units[name] for name in self.branching(cut, ends)]
        tight = directions is Directions.AT_POINT
        guards = sum(int(each.tight.sum()) if tight else len(each.guards) for each in inside)
        features = self._features(cut, ends, directions)
        return 0 < changing <= guards + sum(int((each.fixed | each.falling).sum()) for each in features)

    @cached_property
    def domain_cone(self) -> Cone | None:
        """The directions in which the domain goes on for ever; None for the whole space."""
        rows = self.system.domain_rows
        if rows is None:
            return None
        held, below = rows.recession
        n = rows.n_equalities
        stack = stacked([rows.equalities, rows.inequalities])
        if n + len(held) == 0:
            return None
        equal = np.concatenate([np.ones(n, dtype=bool), held])
        return Cone(ScaledRows(stack), equal, np.concatenate([np.zeros(n, dtype=bool), below]))

    def _features(self, start: str | None, ends: tuple[str, ...], directions: Directions) -> list[Features]:
        """What is fixed at the end of a part; at a cut, all its numbers."""
        at_end = ends == self.prefix.outputs
        last = last_rectifiers(interior(self.prefix, start, ends), ends)
        found = []
        for name in ends:
            eps = self._tolerance(name) if at_end else np.zeros(math.prod(self.prefix.node(name).shape))
            exact = (eps == 0) | (directions is Directions.FOR_EVER)
            if name not in last:
                found.append(Features(name, exact, np.zeros(len(eps), dtype=bool)))
                continue
            units = self.located.units[name]
            tight = np.zeros(len(eps), dtype=bool)
            tight[units.guards.units[units.tight]] = True
            unsure = np.zeros(len(eps), dtype=bool)
            unsure[units.guards.units[units.unsure]] = True
            above = units.branches.reshape(-1) == 1
            if at_end:
                above, unsure = self.above[name]
            fixed = (above | unsure) & exact
            falling = ~fixed if directions is Directions.FOR_EVER else tight & ~fixed & (eps == 0)
            found.append(Features(self.prefix.node(name).inputs[0], fixed, falling))
        return found

    def contains(self, x: np.ndarray) -> bool | None:
        """Whether a point (d,) is a member of P, in exact arithmetic; None where that would take too long."""
        domain = self.domain_at
        if domain is not None and not domain.contains(x):
            return False
        other = locate(self.prefix, x)
        for name in self.prefix.outputs:
            eps = self._tolerance(name)
            mine, theirs = self.located.values[name], other.values[name]
            gap = np.abs(mine.value - theirs.value)
            doubt = 1.001 * (mine.error + theirs.error) + 2.0**-50 * (np.abs(mine.value) + np.abs(theirs.value) + eps)
            if bool((gap - eps > doubt).any()):
                return False
            left = np.flatnonzero(~(gap + doubt < eps))
            if not left.size:
                continue
            if not (self.located.is_sure and other.is_sure):
                return None
            same = _within(self.located, other, name, left, eps[left])
            if not same:
                return same
        return True

    @property
    def folding_error(self) -> float:
        """How far a stored number may be from that of the network: of batch normalizations, whose factors are roots."""
        affine = [node.name for node in self.prefix.nodes if node.is_affine]
        return max((affine_rows(self.prefix, name).error for name in affine), default=0.0)


def _within(one: Located, other: Located, name: str, places: np.ndarray, eps: np.ndarray) -> bool | None:
    """Whether numbers of a node differ by at most eps, exactly; None where that takes too long."""
    try:
        (mine, a), (theirs, b) = (each.exact.of(name, places) for each in (one, other))
    except OutOfWork:
        return None
    return all(abs(x * b - y * a) <= Fraction(e) * (a * b) for x, y, e in zip(mine, theirs, eps.tolist(), strict=True))
