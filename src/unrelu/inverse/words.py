"""What is known of an answer, in one sentence."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Context
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unrelu.inverse.consistent_ranges import ConsistentRanges
    from unrelu.inverse.inversion import Inversion
    from unrelu.inverse.solution import Solution

DIGITS = 6
"""Significant ones of numbers that are shown."""


def lower_end(value: float, digits: int = DIGITS) -> float:
    """A proved lower end to the digits that are shown, rounded down.

    >>> lower_end(1.2345678), upper_end(1.2345612), inner_end(1.2345678), upper_end(1.01e-15, 2)
    (1.23456, 1.23457, 1.23457, 1.1e-15)
    """
    return _rounded(value, ROUND_FLOOR, digits)


def upper_end(value: float, digits: int = DIGITS) -> float:
    """A proved upper end to the digits that are shown, rounded up."""
    return _rounded(value, ROUND_CEILING, digits)


def inner_end(value: float) -> float:
    """Any other number to the digits that are shown."""
    return _rounded(value, ROUND_HALF_EVEN, DIGITS)


def _rounded(value: float, way: str, digits: int) -> float:
    return float(Context(prec=digits, rounding=way).create_decimal(float(value)))


def told_of_solutions(found: Inversion) -> str:
    """How many solutions there are, and what is proved of that; without a full stop."""
    n = len(found.solutions)
    count = "no solution" if n == 0 else "1 solution" if n == 1 else f"{n} solutions"
    unique = {True: "; it is unique", False: "; not unique", None: "; uniqueness is open"}[found.unique] if n else ""
    if found.complete:
        return f"{count}, proved complete to {found.resolution.max():.1e} in the outputs{unique}"
    left = len(found.left[0])
    how = f" so far, {100 * found.settled:.4g} % of the domain settled, {left} part{'s' if left != 1 else ''} left"
    return count + how + (f" ({found.stopped})" if found.stopped else "") + unique


def told_of_ranges(ranges: ConsistentRanges) -> str:
    """Whether an input is consistent, and what the ranges are then; without a full stop."""
    why = f" ({ranges.stopped})" if ranges.stopped else ""
    if ranges.empty:
        return "no input is consistent, proved"
    if ranges.empty is None:
        return f"no consistent input is known so far{why}; if there are any, they lie in"
    return f"every consistent input lies in{why}"


def told_of_solution(each: Solution) -> str:
    """What is proved of one solution."""
    if each.is_flat:
        low, high = each.dimension.lower, each.dimension.upper
        return f"several inputs that hang together, of dimension {low}" + (f" to {high}" if high > low else "")
    said = {
        True: "an exact root",
        False: f"no exact root, the least noise is {each.noise[0]:.1e} to {each.noise[1]:.1e}",
        None: "whether it is exact is open",
    }
    holds = "" if each.holds else "not proved to be a solution, "
    return f"{holds}{said[each.exact]}, condition {each.condition:.1e}"
