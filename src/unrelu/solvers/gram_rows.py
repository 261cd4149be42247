"""Products of the rows of a cone that many inputs share."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from unrelu.rigor.matrices import as_array
from unrelu.rigor.rounding import gamma
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.solvers.factors import least_singular_value, lower_factor, solve_with_factor, told_from_zero

GRAM_LIMIT = 2 * 2**30
"""Bytes that the Gram matrix of all rows may take; above it, its parts are formed where they are needed."""


@dataclass(frozen=True, eq=False)
class SinglePrecision:
    """float32 copies on the device.

    Attributes:
        rows: A, (m, d).
        inverse: `(A'A)^-1`, (d, d).
    """

    rows: torch.Tensor
    inverse: torch.Tensor


class GramRows:
    """The rows A (m, d) of a cone with `A A'` and a factor of `A'A`, each computed at most once and where it repays.

    Attributes:
        rows: the scaled rows.
        device: where products with all rows are computed.
    """

    def __init__(self, rows: ScaledRows, device: torch.device | str = "cpu") -> None:
        """Remember the rows and where the products with all of them are computed; nothing is computed yet."""
        self.rows = rows
        self.device = torch.device(device)
        self._gram: np.ndarray | None = None
        self._place = np.zeros(0, dtype=np.intp)
        self._scratch = threading.local()

    def prepare(self, equalities: np.ndarray) -> None:
        """Form the Gram matrix of all rows that inputs to come have as equalities, if that repays and it fits.

        Args:
            equalities: (n, m) bool, the equality rows of each input.
        """
        if self.rows.is_sparse:
            return
        used = np.flatnonzero(equalities.any(axis=0))
        work = int((np.count_nonzero(equalities, axis=1) ** 2).sum())
        if work > used.size**2 and 8 * used.size**2 <= GRAM_LIMIT:
            A = self.rows.matrix[used]
            self._gram = A @ A.T
            self._place = np.full(self.rows.shape[0], -1)
            self._place[used] = np.arange(used.size)

    def gram(self, chosen: np.ndarray) -> np.ndarray:
        """Inner products of some rows with each other, a new array (k, k)."""
        if self._gram is not None:
            places = self._place[chosen]
            if (places >= 0).all():
                return self._gram[places[:, None], places]
        own = self.gathered(chosen)
        return own @ own.T

    def gathered(self, chosen: np.ndarray) -> np.ndarray:
        """Some rows, in memory that the thread's next call uses again: fresh memory takes longer than the copy."""
        d = self.rows.shape[1]
        held = getattr(self._scratch, "held", None)
        if held is None or len(held) < len(chosen):
            held = self._scratch.held = np.empty((len(chosen) + len(chosen) // 2, d))
        return np.take(as_array(self.rows.matrix), chosen, axis=0, out=held[: len(chosen)], mode="clip")

    def combined(self, multipliers: np.ndarray) -> np.ndarray:
        """`A'v` for multipliers (n, m): (n, d)."""
        if self.device.type == "cpu":
            return multipliers @ self.rows.matrix
        return (torch.from_numpy(multipliers).to(self.device) @ self._there).cpu().numpy()

    def products(self, vectors: np.ndarray) -> np.ndarray:
        """`A z` for vectors (n, d): (n, m)."""
        if self.device.type == "cpu":
            return vectors @ self.rows.matrix.T
        return (torch.from_numpy(vectors).to(self.device) @ self._there.T).cpu().numpy()

    def completed(self, residuals: np.ndarray) -> np.ndarray:
        """The least changes D of the multipliers with `D A = R`, for residuals R: (n, d) -> (n, m)."""
        assert self.normal_factor is not None
        return self.products(solve_with_factor(self.normal_factor, residuals.T).T)

    def positive(self, multipliers: np.ndarray, inequalities: np.ndarray) -> list[np.ndarray | None]:
        """Multipliers, scaled to at least 1 on the inequality rows, where `Multipliers.verify` should prove them.

        Args:
            multipliers: (n, m), with `A'v = 0` up to rounding.
            inequalities: (n, m) bool.

        Returns:
            (m,) for each input; None where one is not positive, or not by much more than rounding.
        """
        least = np.where(inequalities, multipliers, np.inf).min(axis=1)
        # Twice what the proof needs, since the singular value is an estimate.
        rounding = gamma(multipliers.shape[1] + 2) * (np.abs(multipliers) @ self.rows.norms)
        residuals = np.linalg.norm(self.combined(multipliers), axis=1) + rounding
        clear = 2 * residuals < least * self.least_singular_value
        return [v / low if good else None for v, low, good in zip(multipliers, least, clear, strict=True)]

    @cached_property
    def row_sums(self) -> np.ndarray:
        """(m,) `A A'1`, the products of every row with the sum of all."""
        A = self.rows.matrix
        return A @ A.sum(axis=0)

    @cached_property
    def total_square(self) -> float:
        """`||A'1||^2`."""
        return float(self.row_sums.sum())

    @cached_property
    def normal_factor(self) -> np.ndarray | None:
        """The lower Cholesky factor of `A'A` (d, d), or None where A may not have full column rank."""
        factor = self._any_factor
        return None if factor is None or self.least_singular_value == 0 else factor

    @cached_property
    def least_singular_value(self) -> float:
        """An estimate of A's d-th; 0 where the Gram matrix cannot tell it from 0."""
        if self._any_factor is None:
            return 0.0
        return told_from_zero(least_singular_value(self._any_factor), self.rows.norms, self.rows.shape[0])

    @cached_property
    def _any_factor(self) -> np.ndarray | None:
        m, d = self.rows.shape
        if m < d:
            return None
        try:
            return lower_factor(self.rows.normal_matrix.copy())
        except np.linalg.LinAlgError:
            return None

    @cached_property
    def single_precision(self) -> SinglePrecision:
        """A and the inverse of `A'A` for iterations that need no more."""
        assert self.normal_factor is not None
        inverse = solve_with_factor(self.normal_factor, np.eye(self.rows.shape[1]))
        return SinglePrecision(
            *(torch.from_numpy(x.astype(np.float32)).to(self.device) for x in (self.rows.matrix, inverse))
        )

    @cached_property
    def _there(self) -> torch.Tensor:
        return torch.tensor(self.rows.matrix, device=self.device)
