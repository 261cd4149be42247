"""Small non-negative least-squares problems by block principal pivoting."""

from __future__ import annotations

import numpy as np

MAX_EXCHANGES = 100
_PATIENCE = 3


def nonnegative_quadratic(S: np.ndarray, q: np.ndarray, passive: np.ndarray) -> np.ndarray | None:
    """Minimise `1/2 l'S l - q'l` over `l >= 0`, for a positive definite S.

    Block principal pivoting (Judice and Pires, Computers and Operations Research 21, 1994): all indices of wrong
    sign change sides at once, one at a time where that stops making progress.

    Args:
        S: (n, n).
        q: (n,).
        passive: (n,) bool, the indices to start with as positive.

    Returns:
        The minimiser (n,), or None where the matrix is singular in floating point or pivoting does not settle.
    """
    n = q.size
    inside = passive.copy()
    fewest, patience = n + 1, _PATIENCE
    small = 1e-12 * float(np.abs(q).max(initial=0.0))
    for _ in range(MAX_EXCHANGES):
        chosen = np.flatnonzero(inside)
        values = np.zeros(n)
        if chosen.size:
            try:
                values[chosen] = np.linalg.solve(S[np.ix_(chosen, chosen)], q[chosen])
            except np.linalg.LinAlgError:
                return None
        gradient = S @ values - q
        wrong = (inside & (values < 0)) | (~inside & (gradient < -small))
        count = int(wrong.sum())
        if count == 0:
            return values
        if count < fewest:
            fewest, patience = count, _PATIENCE
        elif patience > 0:
            patience -= 1
        else:
            last = int(np.flatnonzero(wrong)[-1])
            wrong = np.zeros(n, dtype=bool)
            wrong[last] = True
        inside ^= wrong
    return None
