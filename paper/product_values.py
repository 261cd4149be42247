"""Singular values of a product of matrices, also those far below rounding."""

from __future__ import annotations

from typing import cast

import numpy as np
from scipy.linalg import get_lapack_funcs, qr

Triple = tuple[np.ndarray, np.ndarray, np.ndarray]


def product_values(factors: list[np.ndarray]) -> np.ndarray:
    """The singular values of `factors[-1] ... factors[0]`, descending.

    The product is kept as `Q diag(scale) T` with an orthogonal Q, descending scale and a well-conditioned T, by one QR
    decomposition with pivoting a factor (Stewart, "On graded QR decompositions of products of matrices", 1995), and
    decomposed by Jacobi's method (LAPACK's gejsv), which sees the small values of scaled rows.

    Args:
        factors: (m, d) with m <= d first, then (m, m); all of full rank.
    """
    T = np.linalg.qr(factors[0].T).R.T
    Q, scale = np.eye(len(T)), np.ones(len(T))
    for factor in factors[1:]:
        Q, R, order = cast(Triple, qr(factor @ Q * scale, pivoting=True))
        scale = np.abs(R.diagonal())
        T = (R / scale[:, None])[:, np.argsort(order)] @ T
    (gejsv,) = get_lapack_funcs(("gejsv",), (T,))
    values, _, _, work, _, info = gejsv(T.T * scale, joba=0, jobu=3, jobv=3)  # 0: for scaled columns; 3: values only
    assert info == 0
    assert work[0] == work[1]  # LAPACK scales only what would overflow
    return np.sort(values)[::-1]
