"""Linear equations in non-negative unknowns, decided in exact integer arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

MAX_PIVOTS = 2000
"""Pivots after which an answer takes too long; systems of a few dozen equations need a few hundred."""


@dataclass(frozen=True)
class ExactAlternative:
    """Exactly one of `solution` and `farkas` is set.

    Attributes:
        solution: (k,) integers, none negative, with `A solution = denominator b`.
        denominator: a positive integer.
        farkas: (n,) integers y with `y'A <= 0` and `y'b > 0`, so that no non-negative solution exists.
    """

    solution: tuple[int, ...] | None = None
    denominator: int = 1
    farkas: tuple[int, ...] | None = None


def nonnegative_solution(A: list[list[int]], b: list[int], *, max_pivots: int = MAX_PIVOTS) -> ExactAlternative | None:
    """Find `x >= 0` with `A x = b`, or prove that there is none (Farkas).

    Phase one of the simplex method on a table of integers with one common denominator (Edmonds, Systems of distinct
    representatives and linear algebra, 1967; Bareiss, 1968): every entry is a minor of `(A, b)`, so that all
    divisions are exact and no number grows beyond Hadamard's bound. The steepest column enters, and after a step that
    made no progress the first one (Bland), so that it ends.

    Args:
        A: (n, k) integers.
        b: (n,) integers.
        max_pivots: when to give up.

    Returns:
        The answer, or None after so many pivots.

    >>> nonnegative_solution([[2, 1]], [3])
    ExactAlternative(solution=(3, 0), denominator=2, farkas=None)
    >>> nonnegative_solution([[2, 1]], [-3])
    ExactAlternative(solution=None, denominator=1, farkas=(-1,))
    """
    n, k = len(A), len(A[0]) if A else 0
    signs = [-1 if value < 0 else 1 for value in b]
    # Columns: the unknowns, one artificial unknown a row, the right-hand side.
    table = [
        [*(sign * value for value in row), *(int(i == j) for j in range(n)), sign * value]
        for i, (row, value, sign) in enumerate(zip(A, b, signs, strict=True))
    ]
    # By how much a unit of each unknown lowers the sum of the artificial ones; last, that sum.
    gain = [sum(row[j] for row in table) - int(k <= j < k + n) for j in range(k + n + 1)]
    basis = list(range(k, k + n))
    denominator, progressing = 1, True
    for _ in range(max_pivots):
        entering = _entering(gain[:k], steepest=progressing)
        if entering is None:
            return _alternative(table, basis, gain, signs, denominator, k)
        leaving = _leaving(table, basis, entering)
        pivot_row = table[leaving]
        pivot, progressing = pivot_row[entering], pivot_row[-1] != 0
        for i, row in enumerate(table):
            if i != leaving:
                table[i] = _pivoted(row, pivot_row, entering, pivot, denominator)
        gain = _pivoted(gain, pivot_row, entering, pivot, denominator)
        basis[leaving], denominator = entering, pivot
    return None


def _entering(gain: list[int], *, steepest: bool) -> int | None:
    """An unknown that lowers the sum; None if none does."""
    if steepest:
        best = max(range(len(gain)), key=gain.__getitem__, default=None)
        return best if best is not None and gain[best] > 0 else None
    return next((j for j, value in enumerate(gain) if value > 0), None)


def _leaving(table: list[list[int]], basis: list[int], entering: int) -> int:
    """The row that limits the entering unknown; of several, the one whose basic unknown comes first."""
    best: int | None = None
    for i, row in enumerate(table):
        if row[entering] <= 0:
            continue
        if best is None:
            best = i
            continue
        mine, other = row[-1] * table[best][entering], table[best][-1] * row[entering]
        if mine < other or (mine == other and basis[i] < basis[best]):
            best = i
    assert best is not None  # the sum of the artificial unknowns cannot fall for ever
    return best


def _pivoted(row: list[int], pivot_row: list[int], entering: int, pivot: int, denominator: int) -> list[int]:
    factor = row[entering]
    if factor == 0:
        return row if pivot == denominator else [value * pivot // denominator for value in row]
    return [(value * pivot - factor * other) // denominator for value, other in zip(row, pivot_row, strict=True)]


def _alternative(
    table: list[list[int]], basis: list[int], gain: list[int], signs: list[int], denominator: int, k: int
) -> ExactAlternative:
    if gain[-1] > 0:
        # The gains are y'A, and for the artificial unknowns, which cost 1 each, y' - 1, over the common denominator.
        artificial = gain[k:-1]
        return ExactAlternative(
            farkas=tuple(sign * (value + denominator) for sign, value in zip(signs, artificial, strict=True))
        )
    solution = [0] * k
    for row, unknown in zip(table, basis, strict=True):
        if unknown < k:
            solution[unknown] = row[-1]
    return ExactAlternative(solution=tuple(solution), denominator=denominator)
