"""Linear equations in orthonormal rows, so that weak ones weigh as much as strong ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

DEPENDENT = 1e-11
"""Singular values below this part of the largest are taken for 0: what rounding leaves of dependent rows."""

WEAK = 1e-6
"""Rows whose distance from the span of others is below this part of their size, where there are many."""

MANY = 600
"""Rows above which the Gram matrix is factored in place of the rows themselves: several times as fast."""


@dataclass(frozen=True, eq=False)
class Equations:
    """`rows z = mix b` says the same of z as `A z = b` does, where that has a solution.

    Attributes:
        rows: (r, d), orthonormal up to rounding.
        mix: (r, k).
        weakest: the smallest singular value that was not taken for 0, as a part of the largest; nan without any.
    """

    rows: np.ndarray
    mix: np.ndarray
    weakest: float

    @classmethod
    def of(cls, A: np.ndarray) -> Equations:
        """Those with a matrix (k, d)."""
        k = len(A)
        if not k or not A.any():
            return cls(np.zeros((0, A.shape[1])), np.zeros((0, k)), np.nan)
        if k > MANY:
            sizes = np.linalg.norm(A, axis=1)
            moving = np.flatnonzero(sizes)
            scaled = A[moving] / sizes[moving, None]
            # Rows that depend on those before them, up to the rounding of a Gram matrix, are left out.
            L, order, r, _ = scipy.linalg.lapack.dpstrf(  # pyright: ignore[reportAttributeAccessIssue], its stubs lack it
                scaled @ scaled.T, lower=1, tol=WEAK**2
            )
            chosen = moving[order[:r] - 1]
            L = np.tril(L[:r, :r])
            mix = np.zeros((r, k))
            mix[:, chosen] = scipy.linalg.solve_triangular(L, np.diag(1 / sizes[chosen]), lower=True)
            return cls(mix[:, chosen] @ A[chosen], mix, float(L.diagonal().min()))
        U, s, V = scipy.linalg.svd(A, full_matrices=False, check_finite=False, lapack_driver="gesdd")
        r = int((s > DEPENDENT * s[0]).sum())
        return cls(V[:r], U[:, :r].T / s[:r, None], float(s[r - 1] / s[0]))
