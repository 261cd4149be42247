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

from unrelu.solvers.factors import (
    least_singular_value,
    lower_factor,
    norm,
    solve_lower,
    solve_with_factor,
    told_from_zero,
)
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
        self.cone = inequalities
        self.J = np.flatnonzero(equalities)
        gram = shared.gram(self.J)
        # Products of the equality rows with G'1: all rows together without the equality rows.
        of_sum = shared.row_sums[self.J] - gram.sum(axis=1)
        squared = float(shared.total_square - 2 * shared.row_sums[self.J].sum() + gram.sum())
        self.size_of_sum = max(0.0, squared) ** 0.5  # ||G'1||
        self.L = lower_factor(gram)
        self.first_mu = -solve_with_factor(self.L, of_sum)
        self.chosen = np.zeros(0, dtype=np.intp)
        self.Y = np.zeros((self.J.size, 0))  # L^-1 times the Gram matrix of J and the chosen rows
        self.S = np.zeros((0, 0))  # Gram matrix of the chosen rows projected off the equality rows
        self.values = np.zeros(0)
        self.first_residual = np.zeros(0)
        self.residual = np.zeros(0)
        self.first_gradient = np.zeros(0)

    def pushed(self) -> np.ndarray:
        """What the chosen rows' multipliers take off those of the equality rows."""
        return solve_lower(self.L, self.Y @ self.values, transposed=True)

    def multipliers(self) -> np.ndarray:
        """`1 + lam` on the inequality rows, and the mu that makes the residual orthogonal to the equality rows."""
        v = self.cone.astype(np.float64)
        v[self.J] = self.first_mu
        if self.chosen.size:
            v[self.chosen] += self.values
            v[self.J] -= self.pushed()
        return v

    def may_be_trivial(self, n_violated: int) -> bool:
        """Whether so many rows push back that they may span what the equality rows leave free."""
        return int(np.count_nonzero(self.values)) + n_violated >= self.residual.size - self.J.size

    def look(self, residual: np.ndarray, products: np.ndarray) -> np.ndarray:
        """Indices of rows that a residual violates and that were not let in yet."""
        if not self.first_gradient.size:
            self.first_residual, self.first_gradient = residual, products
        self.residual = residual
        violated = self.cone & (products > VIOLATION * norm(residual))
        violated[self.chosen] = False
        return np.flatnonzero(violated)

    def grow(self, gradient: np.ndarray, new: np.ndarray) -> bool:
        """Let the most violated rows in and solve the small problem; False where it is singular."""
        p, free = self.J.size, self.residual.size - self.J.size
        keep = np.flatnonzero(self.values)
        room = max(1, (free - keep.size) // 2)
        if new.size > room:
            new = new[np.argsort(-gradient[new], kind="stable")[:room]]
        if not new.size or keep.size + new.size > free:
            return False
        old = self.chosen[keep]
        chosen = np.concatenate([old, new])
        rows = self.shared.gathered(np.concatenate([self.J, chosen]))
        products = rows @ rows[p + old.size :].T
        added = solve_lower(self.L, products[:p])
        Y = np.concatenate([self.Y[:, keep], added], axis=1)
        S = np.empty((chosen.size, chosen.size))
        block = products[p:] - Y.T @ added
        S[: old.size, : old.size] = self.S[keep[:, None], keep]
        S[:, old.size :] = block
        S[old.size :, : old.size] = block[: old.size].T
        values = nonnegative_quadratic(S, self.first_gradient[chosen])
        if values is None:
            return False
        self.chosen, self.Y, self.S, self.values = chosen, Y, S, values
        change = np.concatenate([-self.pushed(), values])
        self.residual = self.first_residual - change @ rows
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
    if works:
        first = -shared.combined(np.stack([work.multipliers() for work in works.values()]))
        for work, residual in zip(works.values(), first, strict=True):
            work.residual = residual
    for _ in range(MAX_ROUNDS):
        if not works:
            break
        for k, result in _round(shared, works).items():
            found[k] = result
            del works[k]
    return found


def _round(shared: GramRows, works: dict[int, _Work]) -> dict[int, ConeProjection]:
    """One look at all rows for every input under way; gives those that are finished by it."""
    R = np.stack([work.residual for work in works.values()])
    Q = shared.products(R)
    results: dict[int, ConeProjection] = {}
    pushed: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    for (k, work), r, products in zip(works.items(), R, Q, strict=True):
        fresh = work.look(r, products)
        if fresh.size:
            pushed[k] = (products, fresh)
        else:
            results[k] = _direction(work, products)
    results.update(
        _completed(shared, {k: works[k] for k, (_, fresh) in pushed.items() if works[k].may_be_trivial(fresh.size)})
    )
    for k, (products, fresh) in pushed.items():
        if k not in results and not works[k].grow(products, fresh):
            results[k] = UNSETTLED
    return results


def _completed(shared: GramRows, hopeful: dict[int, _Work]) -> dict[int, ConeProjection]:
    """Inputs whose multipliers stay positive when the least change of all of them makes the residual zero."""
    if not hopeful or shared.normal_factor is None:
        return {}
    R = np.stack([work.residual for work in hopeful.values()])
    completed = np.stack([work.multipliers() for work in hopeful.values()]) + shared.completed(R)
    found = shared.positive(completed, np.stack([work.cone for work in hopeful.values()]))
    return {
        k: ConeProjection(Outcome.MULTIPLIERS, multipliers=values)
        for k, values in zip(hopeful, found, strict=True)
        if values is not None
    }


def _direction(work: _Work, products: np.ndarray) -> ConeProjection:
    keep = np.flatnonzero(work.values)
    p = work.J.size
    factor = np.zeros((p + keep.size, p + keep.size), order="F")
    factor[:p, :p] = work.L
    factor[p:, :p] = work.Y[:, keep].T
    try:
        factor[p:, p:] = lower_factor(work.S[keep[:, None], keep])
    except np.linalg.LinAlgError:
        return UNSETTLED
    held = np.concatenate([work.J, work.chosen[keep]])
    rows = work.shared.rows
    least = told_from_zero(least_singular_value(factor), rows.norms[held], rows.shape[1])
    if least == 0:
        return UNSETTLED
    found = ProjectedDirection(
        vector=work.residual,
        products=products,
        held=np.sort(work.chosen[keep]),
        least_singular_value=least,
        relative_size=min(1.0, norm(work.residual) / work.size_of_sum) if work.size_of_sum > 0 else float("nan"),
    )
    return ConeProjection(Outcome.DIRECTION, direction=found)
