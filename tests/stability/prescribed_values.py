"""Matrices of floats whose singular values are known exactly."""

from __future__ import annotations

import numpy as np


def sylvester(n: int) -> np.ndarray:
    """Hadamard's matrix of order n, a power of 2: entries 1 and -1, orthogonal columns of length `sqrt(n)`."""
    H = np.ones((1, 1))
    while len(H) < n:
        H = np.block([[H, H], [H, -H]])
    return H


def prescribed(seed: int, m: int, d: int, exponents: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """A matrix (m, d), m and d powers of 2, and its min(m, d) singular values, descending.

    `H_m S H_d` with shuffled rows and columns, S with entries `2^-exponent` on its diagonal: sums of at most min(m, d)
    powers of two, which are floats where the exponents, from 0 to 45, do not differ by more.
    """
    rng = np.random.default_rng(seed)
    S = np.zeros((m, d))
    np.fill_diagonal(S, np.ldexp(1.0, -np.array(exponents)))
    A = rng.permutation(sylvester(m)) @ S @ rng.permutation(sylvester(d)).T
    return A, np.sqrt(float(m * d)) * np.sort(np.diag(S))[::-1]
