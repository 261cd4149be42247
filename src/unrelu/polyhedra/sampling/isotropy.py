"""The covariance of a body, from draws that may be fewer than its dimensions."""

from __future__ import annotations

import numpy as np

_PASSES = 5

_LEAST = 1e-6
"""Least eigenvalue that is believed, relative to the common level; keeps the covariance of few draws definite."""


def shrunken_covariance(draws: np.ndarray, effective: float) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors of a covariance, with those that noise explains set to one level.

    Of k-dimensional draws worth N independent ones, whose covariance is the identity, the sample covariance has
    eigenvalues between `(1 - sqrt(g))^2` and `(1 + sqrt(g))^2` for `g = k/N` (Marchenko and Pastur). Those within
    become their common level; those outside stand for an eigenvalue l further in, seen at a direction whose cosine with
    the true one is c, and become `l c^2 + 1 - c^2`, which is nearest to the truth in the Frobenius norm (Donoho,
    Gavish and Johnstone, Optimal shrinkage of eigenvalues in the spiked covariance model, Annals of Statistics 46,
    2018, section 4).

    Args:
        draws: (N, k).
        effective: number of independent draws they are worth, at most N.

    Returns:
        (k,) eigenvalues, ascending no longer, and (k, k) orthonormal eigenvectors as columns.
    """
    k = draws.shape[1]
    centred = draws - draws.mean(axis=0)
    sizes, vectors = np.linalg.eigh(centred.T @ centred / max(1.0, len(draws) - 1.0))
    ratio = k / effective
    upper = (1 + np.sqrt(ratio)) ** 2
    lower = (1 - np.sqrt(ratio)) ** 2 if ratio < 1 else -1.0
    level = float(sizes.mean())
    for _ in range(_PASSES):
        bulk = (sizes <= upper * level) & (sizes >= lower * level)
        if not bulk.any():
            break
        level = float(sizes[bulk].mean())
    if not level > 0:  # a single draw, or equal ones
        return np.ones(k), vectors
    return level * _shrunken(sizes / level, ratio, lower, upper), vectors


def _shrunken(sizes: np.ndarray, ratio: float, lower: float, upper: float) -> np.ndarray:
    inside = (sizes <= upper) & (sizes >= lower)
    x = np.where(inside, upper, sizes)
    half = (x + 1 - ratio) / 2
    root = np.sqrt(np.maximum(half**2 - x, 0.0))
    true = np.where(x >= upper, half + root, half - root)
    excess = true - 1
    cosine = np.clip((1 - ratio / excess**2) / (1 + ratio / excess), 0.0, 1.0)
    return np.where(inside, 1.0, np.maximum(true * cosine + 1 - cosine, _LEAST))
