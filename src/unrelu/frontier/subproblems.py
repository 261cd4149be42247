"""Parts of a domain that a search has to settle: boxes, some with units whose branch is fixed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

Twins = Mapping[int, tuple[tuple[int, float], ...]]


@dataclass(frozen=True, eq=False)
class Subproblems:
    """The inputs in a box at which some numbers that units are fed lie on one side of a kink: n such sets.

    Attributes:
        number: (n,) int64, of their nodes in the tree.
        lower: (n, d) float64.
        upper: (n, d) float64.
        low: (n, U) float64, what is known of the numbers that units are fed, sides that are fixed included.
        high: (n, U) float64, the same from above.
        fixed: (n, F) int64, which numbers have a side that is fixed; -1 for none.
        sides: (n, F) float64, 1 where the number is at least `kinks`, -1 where at most.
        kinks: (n, F) float64.
        share: (n,) float64, the part of the domain's volume that each stands for (a unit's sides count as halves).
    """

    number: Tensor
    lower: Tensor
    upper: Tensor
    low: Tensor
    high: Tensor
    fixed: Tensor
    sides: Tensor
    kinks: Tensor
    share: Tensor

    def __len__(self) -> int:
        """N."""
        return len(self.number)

    @property
    def is_conditional(self) -> Tensor:
        """(n,) bool: whether any side is fixed."""
        return (self.fixed >= 0).any(dim=1)

    @classmethod
    def root(cls, lower: Tensor, upper: Tensor, n_units: int) -> Subproblems:
        """The whole box (d,), of whose units nothing is known."""
        none = torch.zeros(1, 0, dtype=torch.float64)
        unknown = torch.full((1, n_units), torch.inf, dtype=torch.float64)
        first = torch.zeros(1, dtype=torch.int64)
        return cls(first, lower[None], upper[None], -unknown, unknown, none.long(), none, none, torch.ones(1).double())

    def take(self, places: Tensor) -> Subproblems:
        """Some of them, by number or mask."""
        return Subproblems(*(getattr(self, field.name)[places] for field in fields(self)))

    def trimmed(self) -> Subproblems:
        """The same, sides one after another, with no more room for them than one of them needs."""
        width = self.fixed.shape[1]
        if width == 0 or not len(self):
            return self
        most = int((self.fixed >= 0).sum(dim=1).max())
        order = (self.fixed < 0).to(torch.int8).argsort(dim=1, stable=True)[:, :most]
        return replace(self, **{name: getattr(self, name).gather(1, order) for name in ("fixed", "sides", "kinks")})

    def fixing(self, units: Tensor, sides: Tensor, kinks: Tensor, twins: Twins) -> Subproblems:
        """The part of each where one number (n,) lies on a side of a kink.

        Args:
            units: (n,) int64, of the numbers.
            sides: (n,) float64, 1 or -1.
            kinks: (n,) float64.
            twins: by number, its exact multiples and the sign of the factor.
        """
        every = torch.arange(len(self))
        low, high = self.low.clone(), self.high.clone()
        above = sides > 0
        low[every, units] = torch.where(above, torch.maximum(low[every, units], kinks), low[every, units])
        high[every, units] = torch.where(above, high[every, units], torch.minimum(high[every, units], kinks))
        for place in torch.nonzero(kinks == 0)[:, 0].tolist() if twins else ():
            for other, sign in twins.get(int(units[place]), ()):
                if sign * float(sides[place]) > 0:
                    low[place, other] = max(float(low[place, other]), 0.0)
                else:
                    high[place, other] = min(float(high[place, other]), 0.0)
        return replace(
            self,
            low=low,
            high=high,
            fixed=torch.cat([self.fixed, units[:, None]], dim=1),
            sides=torch.cat([self.sides, sides[:, None]], dim=1),
            kinks=torch.cat([self.kinks, kinks[:, None]], dim=1),
        )


def joined(parts: list[Subproblems]) -> Subproblems:
    """All of several, one after another."""
    if len(parts) == 1:
        return parts[0].trimmed()
    most = max(part.fixed.shape[1] for part in parts)

    def padded(each: Tensor, value: float) -> Tensor:
        room = most - each.shape[1]
        return each if room == 0 else torch.cat([each, each.new_full((len(each), room), value)], dim=1)

    columns = []
    for field in fields(Subproblems):
        found = [getattr(part, field.name) for part in parts]
        if field.name in ("fixed", "sides", "kinks"):
            found = [padded(each, -1 if field.name == "fixed" else 0) for each in found]
        columns.append(torch.cat(found))
    return Subproblems(*columns).trimmed()


def popped(stack: list[Subproblems], most: int) -> Subproblems:
    """Take sub-problems from the top of a stack that is not empty, at most so many."""
    found: list[Subproblems] = []
    count = 0
    while stack and count < most:
        part = stack.pop()
        if len(part) > most - count:
            keep = len(part) - (most - count)
            stack.append(part.take(torch.arange(keep)))
            part = part.take(torch.arange(keep, len(part)))
        found.append(part)
        count += len(part)
    return joined(found)
