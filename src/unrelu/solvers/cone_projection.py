"""The non-negative least-squares problem that decides whether a cone is trivial, for many inputs at once.

For the cone `K = { z : B z = 0, G z <= 0 }` it is

    minimise over lam >= 0 and mu free:   1/2 || G'(1 + lam) + B' mu ||^2 ,   r = -(G'(1 + lam) + B' mu).

The residual r is the projection of `-G'1` onto K: either it is a direction in K, or it is 0 and `1 + lam` are strictly
positive multipliers that show `K = null [B; G]` (Stiemke).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from unrelu.solvers.gram_rows import GramRows
from unrelu.solvers.pivoting import nonnegative_quadratic

MAX_ROUNDS = 60

VIOLATION = 1e-10
"""A row counts as violated by r where `g.r > VIOLATION ||r||`, rows having norms of about 1.

Only speed and completeness depend on it: what is found is judged by its certificate.
"""


class Outcome(enum.StrEnum):
    """What the projection found, in words that tell what follows."""

    MULTIPLIERS = "positive multipliers: the cone is the null space of all its rows"
    DIRECTION = "a direction inside the cone"
    UNSETTLED = "dependent rows or stalled pivoting: use the dense method"


@dataclass(frozen=True, eq=False)
class ProjectedDirection:
    """A direction inside the cone, up to rounding.

    Attributes:
        vector: (d,), r.
        products: (m,), all rows times r.
        held: indices of inequality rows that hold as equalities at r, linearly independent of each other and of the
            equality rows.
        least_singular_value: an estimate of that of the rows that hold.
        relative_size: `||r|| / ||G'1||`, between 0 and 1.
    """

    vector: np.ndarray
    products: np.ndarray
    held: np.ndarray
    least_singular_value: float
    relative_size: float


@dataclass(frozen=True, eq=False)
class ConeProjection:
    """What was found for one input; evidence, not proof.

    Attributes:
        outcome: which of the following are set.
        multipliers: (m,), at least 1 on all inequality rows (MULTIPLIERS).
        direction: the projection r and what belongs to it (DIRECTION).
    """

    outcome: Outcome
    multipliers: np.ndarray | None = None
    direction: ProjectedDirection | None = None


UNSETTLED = ConeProjection(Outcome.UNSETTLED)


class _Work:
    """One input on its way: the factor of its equality rows and the inequality rows that are positive so far."""

    def __init__(self, shared: GramRows, equalities: np.ndarray, inequalities: np.ndarray) -> None:
        self.shared = shared
        self.J = np.flatnonzero(equalities)
        self.cone = inequalities
        gram = shared.gram(self.J, self.J)
        self.L = np.linalg.cholesky(gram) if self.J.size else np.zeros((0, 0))
        # Products of the equality rows with G'1: all rows together without the equality rows.
        of_sum = shared.row_sums[self.J] - gram.sum(axis=1)
        self.first_mu = -scipy.linalg.cho_solve((self.L, True), of_sum, check_finite=False) if self.J.size else of_sum
        squared = float(shared.row_sums.sum() - 2 * shared.row_sums[self.J].sum() + gram.sum())
        self.size_of_sum = max(0.0, squared) ** 0.5  # ||G'1||
        self.chosen = np.zeros(0, dtype=np.intp)
        self.Y = np.zeros((self.J.size, 0))  # L^-1 times the Gram matrix of J and the chosen rows
        self.S = np.zeros((0, 0))  # Gram matrix of the chosen rows projected off the equality rows
        self.values = np.zeros(0)
        self.first_gradient = np.zeros(0)

    def multipliers(self) -> np.ndarray:
        """`1 + lam` on the inequality rows, and the mu that makes the residual orthogonal to the equality rows."""
        v = self.cone.astype(np.float64)
        v[self.chosen] += self.values
        v[self.J] = self.first_mu
        if self.chosen.size and self.J.size:
            pushed = self.Y @ self.values
            v[self.J] -= scipy.linalg.solve_triangular(self.L, pushed, lower=True, trans=1, check_finite=False)
        return v

    def may_be_trivial(self, n_violated: int, dimension: int) -> bool:
        """Whether so many rows push back that they may span what the equality rows leave free."""
        return int((self.values > 0).sum()) + n_violated >= dimension - self.J.size

    def grow(self, gradient: np.ndarray, violated: np.ndarray, dimension: int) -> bool:
        """Let the most violated rows in and solve the small problem; False where it is singular."""
        new = violated[~np.isin(violated, self.chosen)]
        free = dimension - self.J.size
        positive = self.values > 0
        room = max(1, (free - int(positive.sum())) // 2)
        new = new[np.argsort(-gradient[new], kind="stable")[:room]]
        keep = np.flatnonzero(positive)
        if not new.size or keep.size + new.size > free:
            return False
        old = self.chosen[keep]
        chosen = np.concatenate([old, new])
        products = self.shared.gram(np.concatenate([self.J, chosen]), new)
        added = products[: self.J.size]
        if self.J.size:
            added = scipy.linalg.solve_triangular(self.L, added, lower=True, check_finite=False)
        Y = np.concatenate([self.Y[:, keep], added], axis=1)
        S = np.empty((chosen.size, chosen.size))
        block = products[self.J.size :] - Y.T @ added
        S[: old.size, : old.size] = self.S[np.ix_(keep, keep)]
        S[:, old.size :] = block
        S[old.size :, : old.size] = block[: old.size].T
        values = nonnegative_quadratic(S, self.first_gradient[chosen], np.ones(chosen.size, dtype=bool))
        if values is None:
            return False
        self.chosen, self.Y, self.S, self.values = chosen, Y, S, values
        return True


def project(shared: GramRows, equalities: np.ndarray, inequalities: np.ndarray) -> list[ConeProjection]:
    """Project for a block of inputs; every product with all rows is done for the whole block at once.

    Args:
        shared: the rows (m, d).
        equalities: (n, m) bool, which rows are in B.
        inequalities: (n, m) bool, which rows are in G; together with B all rows.

    Returns:
        One projection an input; `UNSETTLED` where the equality rows are dependent or pivoting does not settle.
    """
    found: list[ConeProjection] = [UNSETTLED] * len(equalities)
    works: dict[int, _Work] = {}
    for k, (B, G) in enumerate(zip(equalities, inequalities, strict=True)):
        try:
            works[k] = _Work(shared, B, G)
        except np.linalg.LinAlgError:
            continue
    for _ in range(MAX_ROUNDS):
        if not works:
            break
        for k, result in _round(shared, works).items():
            found[k] = result
            del works[k]
    return found


def _round(shared: GramRows, works: dict[int, _Work]) -> dict[int, ConeProjection]:
    """One look at all rows for every input under way; gives those that are finished by it."""
    A = shared.rows.matrix
    V = np.stack([work.multipliers() for work in works.values()])
    R = -(V @ A)
    Q = R @ A.T
    results: dict[int, ConeProjection] = {}
    pushed: dict[int, tuple[int, np.ndarray]] = {}
    for c, (k, work) in enumerate(works.items()):
        if not work.first_gradient.size:
            work.first_gradient = Q[c]
        size = float(np.linalg.norm(R[c]))
        violated = np.flatnonzero(work.cone & (Q[c] > VIOLATION * size))
        fresh = np.setdiff1d(violated, work.chosen, assume_unique=True)
        if fresh.size:
            pushed[k] = (c, fresh)
        else:
            results[k] = _direction(work, R[c], Q[c])
    results.update(_completed(shared, works, V, R, pushed))
    for k, (c, fresh) in pushed.items():
        if k not in results and not works[k].grow(Q[c], fresh, A.shape[1]):
            results[k] = UNSETTLED
    return results


def _completed(
    shared: GramRows, works: dict[int, _Work], V: np.ndarray, R: np.ndarray, pushed: dict[int, tuple[int, np.ndarray]]
) -> dict[int, ConeProjection]:
    """Inputs whose multipliers stay positive when the least change of all of them makes the residual zero."""
    d = R.shape[1]
    hopeful = {k: c for k, (c, fresh) in pushed.items() if works[k].may_be_trivial(fresh.size, d)}
    if not hopeful or shared.normal_factor is None:
        return {}
    chosen = list(hopeful.values())
    completed = V[chosen] + shared.completed(R[chosen])
    results = {}
    for position, k in enumerate(hopeful):
        least = float(completed[position, works[k].cone].min())
        if least > 0:
            results[k] = ConeProjection(Outcome.MULTIPLIERS, multipliers=completed[position] / least)
    return results


def _direction(work: _Work, r: np.ndarray, products: np.ndarray) -> ConeProjection:
    keep = np.flatnonzero(work.values > 0)
    held = work.chosen[keep]
    p = work.J.size
    factor = np.zeros((p + keep.size, p + keep.size))
    factor[:p, :p] = work.L
    factor[p:, :p] = work.Y[:, keep].T
    try:
        factor[p:, p:] = np.linalg.cholesky(work.S[np.ix_(keep, keep)])
    except np.linalg.LinAlgError:
        return UNSETTLED
    found = ProjectedDirection(
        vector=np.ascontiguousarray(r),
        products=products,
        held=np.sort(held),
        least_singular_value=_least_singular_value(factor),
        relative_size=min(1.0, float(np.linalg.norm(r)) / work.size_of_sum) if work.size_of_sum > 0 else float("nan"),
    )
    return ConeProjection(Outcome.DIRECTION, direction=found)


def _least_singular_value(factor: np.ndarray) -> float:
    """That of rows whose Gram matrix has this lower Cholesky factor, by inverse iteration; inf for no rows."""
    if not len(factor):
        return float("inf")
    vector = np.random.default_rng(0).standard_normal(len(factor))
    for _ in range(3):
        vector /= np.linalg.norm(vector)
        vector = scipy.linalg.cho_solve((factor, True), vector, check_finite=False)
    return float(np.linalg.norm(vector)) ** -0.5
