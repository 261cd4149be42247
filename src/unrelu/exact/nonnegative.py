"""Linear equations in non-negative and free unknowns, decided in exact integer arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd

import numpy as np
from scipy.optimize import nnls

from unrelu.exact.integers import gram, products, smallest
from unrelu.exact.modular import MOST_TERMS, PRIMES, profile, residues_of_integers
from unrelu.exact.solve import TINY, Solution, solve

WORK = 5e8
"""Work after which an answer takes too long, in products of 30-bit numbers: ten to twenty seconds.

It is counted from sizes alone, so that what is decided does not depend on the machine.
"""

_FLOAT_BITS = 60


@dataclass(frozen=True)
class ExactAlternative:
    """Exactly one of `solution` and `farkas` is set.

    Attributes:
        solution: (k,) integers, none negative but those of free unknowns, with `A solution = denominator b`.
        denominator: a positive integer.
        farkas: (n,) integers y with `y'A <= 0`, zero for free unknowns, and `y'b > 0`, so that there is no solution.
    """

    solution: tuple[int, ...] | None = None
    denominator: int = 1
    farkas: tuple[int, ...] | None = None


def nonnegative_solution(
    A: Sequence[Sequence[int]], b: Sequence[int], *, free: Sequence[int] = (), work: float = WORK
) -> ExactAlternative | None:
    """Find x with `A x = b` that is non-negative but on free unknowns, or prove that there is none (Farkas).

    The method of Lawson and Hanson (Solving Least Squares Problems, 1974, chapter 23) for
    `min ||A x - b|| : x >= 0`, in rational arithmetic. Its residual `r = b - A x` has `A'r <= 0`, and `b'r = ||r||^2`,
    so it is Farkas' vector unless it is zero. The columns in use are independent, hence each step is one system of
    integer equations, and the residual shrinks strictly, so that it ends, however degenerate the equations. It starts
    from the columns that the same method uses in floats; mostly these are the right ones.

    Args:
        A: (n, k) integers.
        b: (n,) integers.
        free: the unknowns that may be negative.
        work: when to give up, see `WORK`.

    Returns:
        The answer, or None where it takes more work.

    >>> nonnegative_solution([[2, 1]], [3])
    ExactAlternative(solution=(3, 0), denominator=2, farkas=None)
    >>> nonnegative_solution([[2, 1]], [-3])
    ExactAlternative(solution=None, denominator=1, farkas=(-1,))
    """
    if len(A) > MOST_TERMS:
        return None
    problem = _scaled(A, b, free)
    search = _Search(problem, work)
    search.start()
    while not search.stopped:
        residual = search.residual()
        if not any(residual):
            return search.solution()
        entering = problem.steepest(residual)
        if entering is None:
            whole = [value * weight for value, weight in zip(residual, problem.weights, strict=True)]
            return ExactAlternative(farkas=smallest(whole))
        search.enter(entering)
    return None


@dataclass(frozen=True)
class _Problem:
    """The equations, each times a power of two, so that they are of like sizes once the columns are.

    Attributes:
        columns: k columns of n integers.
        right: n integers.
        free: which of the k unknowns may be negative.
        weights: the powers of two.
        sizes: (k,) bit lengths of the columns.
    """

    columns: list[tuple[int, ...]]
    right: tuple[int, ...]
    free: frozenset[int]
    weights: list[int]
    sizes: list[int]

    def steepest(self, residual: list[int]) -> int | None:
        """The unknown that lowers the residual most for its size; None where none does."""
        best, steepness = None, 0.0
        size = max(value.bit_length() for value in residual)
        for j, product in enumerate(products(self.columns, residual)):
            if product > 0 or (product < 0 and j in self.free):
                value = abs(_float(product, size + self.sizes[j]))
                if best is None or value > steepness:
                    best, steepness = j, value
        return best


def _scaled(A: Sequence[Sequence[int]], b: Sequence[int], free: Sequence[int]) -> _Problem:
    lengths = [max((value.bit_length() for value in column), default=0) for column in zip(*A, strict=True)]
    weights = []
    for row in A:
        # How far the row falls short of the greatest numbers of the columns it meets.
        short = min(
            (length - value.bit_length() for value, length in zip(row, lengths, strict=True) if value), default=0
        )
        weights.append(1 << short)
    rows = [[value * weight for value in row] for row, weight in zip(A, weights, strict=True)]
    columns = list(zip(*rows, strict=True))
    return _Problem(
        columns=columns,
        right=tuple(value * weight for value, weight in zip(b, weights, strict=True)),
        free=frozenset(free),
        weights=weights,
        sizes=[max(value.bit_length() for value in column) for column in columns],
    )


class _Search:
    """The columns in use, with their unknowns as fractions of one denominator."""

    def __init__(self, problem: _Problem, work: float) -> None:
        self.problem = problem
        self.work = work
        self.used: list[int] = []
        self.values: list[int] = []
        self.denominator = 1

    @property
    def stopped(self) -> bool:
        """Whether the work is used up."""
        return self.work < 0

    def start(self) -> None:
        """Use independent columns among those in use in floats, without those that turn out not to be positive."""
        P = self.problem
        guessed = [*sorted(P.free), *_guess(P)]
        self.used = guessed if len(guessed) <= min(TINY, len(P.right)) else self._independent(guessed)
        while True:
            found = self._least_squares()
            if found is None and self.used is guessed and not self.stopped:
                self.used = self._independent(guessed)
                continue
            if found is None:
                self.work = -1.0
                return
            values = found.columns[0]
            kept = [j for j, value in zip(self.used, values, strict=True) if value > 0 or j in P.free]
            if len(kept) == len(self.used):
                self.values, self.denominator = values, found.denominator
                return
            self.used = kept

    def _independent(self, columns: list[int]) -> list[int]:
        """Those of the columns that are independent of the ones before them modulo a prime."""
        rows = [[self.problem.columns[j][i] for j in columns] for i in range(len(self.problem.right))]
        return [columns[i] for i in profile(residues_of_integers(rows, len(columns), PRIMES[0]), PRIMES[0]).columns]

    def enter(self, column: int) -> None:
        """Use one more column, and walk to the least residual, leaving out the columns that reach zero on the way."""
        self.used.append(column)
        self.values.append(0)
        while True:
            found = self._least_squares()
            if found is None:
                self.work = -1.0
                return
            goal, denominator = found.columns[0], found.denominator
            blocking = [
                Fraction(x * denominator, x * denominator - s * self.denominator)
                for j, x, s in zip(self.used, self.values, goal, strict=True)
                if s <= 0 and j not in self.problem.free
            ]
            if not blocking:
                self.values, self.denominator = goal, denominator
                return
            step = min(blocking)
            p, q = step.numerator, step.denominator
            mixed = [
                x * denominator * (q - p) + s * self.denominator * p for x, s in zip(self.values, goal, strict=True)
            ]
            kept = [i for i, (j, x) in enumerate(zip(self.used, mixed, strict=True)) if x or j in self.problem.free]
            common = self.denominator * denominator * q
            divisor = gcd(common, *mixed)
            self.used = [self.used[i] for i in kept]
            self.values = [mixed[i] // divisor for i in kept]
            self.denominator = common // divisor

    def _least_squares(self) -> Solution | None:
        """The unknowns of the columns in use that leave the least residual.

        None where that takes too much work, the columns are dependent, or a few primes all divide the determinant.
        """
        P, columns = self.problem, [self.problem.columns[j] for j in self.used]
        p = len(columns)
        square = p == len(P.right)
        matrix = [list(row) for row in zip(*columns, strict=True)] if square else gram(columns)
        right = list(P.right) if square else products(columns, P.right)
        bits = max((value.bit_length() for row in matrix for value in row), default=1)
        self.work -= _cost(p, bits)
        return None if self.stopped else solve(matrix, [right])

    def residual(self) -> list[int]:
        """The residual times the denominator."""
        P = self.problem
        rows = zip(*(P.columns[j] for j in self.used), strict=True) if self.used else [()] * len(P.right)
        return [
            self.denominator * b - sum(a * x for a, x in zip(row, self.values, strict=True))
            for b, row in zip(P.right, rows, strict=True)
        ]

    def solution(self) -> ExactAlternative:
        """The unknowns, those of columns not in use being zero."""
        values = [0] * len(self.problem.columns)
        for j, value in zip(self.used, self.values, strict=True):
            values[j] = value
        return ExactAlternative(solution=tuple(values), denominator=self.denominator)


def _cost(unknowns: int, bits: int) -> float:
    """About how many products of 30-bit numbers it takes to solve such a system by lifting."""
    steps = unknowns * (bits + 8) / 11
    return unknowns**2 * steps * (1 + bits / 30)


def _guess(problem: _Problem) -> list[int]:
    """The columns that are in use in floats, those with the greatest unknowns first."""
    bounded = [j for j in range(len(problem.columns)) if j not in problem.free]
    size = max((value.bit_length() for value in problem.right), default=0)
    if not bounded or not size:
        return []
    A = np.array([[_float(value, problem.sizes[j]) for value in problem.columns[j]] for j in bounded]).T
    b = np.array([_float(value, size) for value in problem.right])
    if problem.free:
        F = np.array([[_float(value, problem.sizes[j]) for value in problem.columns[j]] for j in problem.free]).T
        U, sizes, _ = np.linalg.svd(F)
        rank = int((sizes > 1e-12 * sizes[0]).sum())
        A, b = U[:, rank:].T @ A, U[:, rank:].T @ b
    if not A.size:
        return []
    try:
        x, _ = nnls(A, b)
    except RuntimeError:  # it did not end, and leaves no trace
        return []
    order = np.argsort(-x, kind="stable")
    return [bounded[j] for j in order[: int((x > 0).sum())].tolist()]


def _float(value: int, bits: int) -> float:
    """`value / 2^bits`, nearly, for numbers of at most that many bits."""
    shift = bits - _FLOAT_BITS
    return float(value >> shift if shift > 0 else value << -shift) * 2.0**-_FLOAT_BITS
