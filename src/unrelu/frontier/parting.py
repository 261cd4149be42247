"""The parts that a sub-problem is cut into: the one rule, for searches and for who checks them."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from unrelu.frontier.subproblems import Subproblems, Twins
from unrelu.frontier.tree import Operation


def parts(
    problems: Subproblems, operation: Operation, place: Tensor, value: Tensor, first: Tensor, twins: Twins
) -> list[Subproblems]:
    """The children of n sub-problems, which together hold all that they do.

    Args:
        problems: with the boxes that they were cut down to.
        operation: one that has children, the same for all.
        place: (n,) int64, of the input that is halved, or of the number whose sides are told apart.
        value: (n,) float64, where.
        first: (n,) int64, the number of the first child; a second one follows it.
        twins: as for `Subproblems.fixing`.
    """
    if operation is Operation.CONTRACTED:
        return [_numbered(problems, first, 1.0)]
    if operation is Operation.SIDES:
        one = torch.ones_like(value)
        above, below = (problems.fixing(place, side * one, value, twins) for side in (1.0, -1.0))
        return [_numbered(above, first, 0.5), _numbered(below, first + 1, 0.5)]
    every = torch.arange(len(problems))
    upper, lower = problems.upper.clone(), problems.lower.clone()
    upper[every, place], lower[every, place] = value, value
    return [
        _numbered(replace(problems, upper=upper), first, 0.5),
        _numbered(replace(problems, lower=lower), first + 1, 0.5),
    ]


def _numbered(problems: Subproblems, numbers: Tensor, share: float) -> Subproblems:
    return replace(problems, number=numbers, share=problems.share * share)
