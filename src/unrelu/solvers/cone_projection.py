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
class ConeProjection:
    """What was found for one input; evidence, not proof.

    Attributes:
        outcome: which of the following are set.
        multipliers: (m,), at least 1 on all inequality rows (MULTIPLIERS).
        direction: (d,), the projection r (DIRECTION).
        held: indices of inequality rows that hold as equalities at r, linearly independent of each other and of the
            equality rows (DIRECTION).
        rounds: how many times all rows were looked at.
    """

    outcome: Outcome
    multipliers: np.ndarray | None = None
    direction: np.ndarray | None = None
    held: np.ndarray | None = None
    rounds: int = 0


UNSETTLED = ConeProjection(Outcome.UNSETTLED)


class _Work:
    """One input on its way: the factor of its equality rows and the inequality rows that are positive so far."""

    def __init__(self, shared: GramRows, equalities: np.ndarray, inequalities: np.ndarray) -> None:
        self.shared = shared
        self.J = np.flatnonzero(equalities)
        self.cone = inequalities
        self.ones = inequalities.astype(np.float64)
        self.L = np.linalg.cholesky(shared.gram(self.J, self.J)) if self.J.size else np.zeros((0, 0))
        self.chosen = np.zeros(0, dtype=np.intp)
        self.Y = np.zeros((self.J.size, 0))  # L^-1 times the Gram matrix of J and the chosen rows
        self.S = np.zeros((0, 0))  # Gram matrix of the chosen rows projected off the equality rows
        self.values = np.zeros(0)
        self.first_gradient = np.zeros(0)
        self.rounds = 0

    def free_multipliers(self, products: np.ndarray) -> np.ndarray:
        """`mu` that makes the residual orthogonal to the equality rows, from the products of all rows with `G'lam`."""
        if not self.J.size:
            return np.zeros(0)
        return -scipy.linalg.cho_solve((self.L, True), products[self.J], check_finite=False)

    def multipliers(self, products: np.ndarray) -> np.ndarray:
        """All multipliers for the current positive rows; `products` as above."""
        v = self.lifted()
        v[self.J] = self.free_multipliers(products)
        return v

    def lifted(self) -> np.ndarray:
        """`1 + lam` on the inequality rows, 0 elsewhere."""
        v = self.ones.copy()
        v[self.chosen] += self.values
        return v

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
        added = self.shared.gram(self.J, new)
        if self.J.size:
            added = scipy.linalg.solve_triangular(self.L, added, lower=True, check_finite=False)
        Y = np.concatenate([self.Y[:, keep], added], axis=1)
        S = np.empty((chosen.size, chosen.size))
        block = self.shared.gram(chosen, new) - Y.T @ added
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
    lifted = np.stack([work.lifted() for work in works.values()], axis=1)
    products = A @ (A.T @ lifted)
    V = np.stack([work.multipliers(products[:, c]) for c, work in enumerate(works.values())], axis=1)
    R = -(A.T @ V)
    Q = A @ R
    completed = V + shared.completed(R) if shared.normal_factor is not None else None
    results: dict[int, ConeProjection] = {}
    for c, (k, work) in enumerate(works.items()):
        work.rounds += 1
        if completed is not None and float(completed[work.cone, c].min()) > 0:
            positive = completed[:, c] / float(completed[work.cone, c].min())
            results[k] = ConeProjection(Outcome.MULTIPLIERS, multipliers=positive, rounds=work.rounds)
            continue
        gradient = Q[:, c]
        if not work.first_gradient.size:
            work.first_gradient = gradient
        size = float(np.linalg.norm(R[:, c]))
        violated = np.flatnonzero(work.cone & (gradient > VIOLATION * size))
        fresh = np.setdiff1d(violated, work.chosen, assume_unique=True)
        if not fresh.size:
            results[k] = _direction(work, R[:, c])
        elif not work.grow(gradient, fresh, A.shape[1]):
            results[k] = UNSETTLED
    return results


def _direction(work: _Work, r: np.ndarray) -> ConeProjection:
    held = np.sort(work.chosen[work.values > 0])
    return ConeProjection(Outcome.DIRECTION, direction=r, held=held, rounds=work.rounds)
