"""Singular values through the Gram matrix, and what to do about the tail that it cannot resolve.

Computed in floating point, the eigenvalues of `G = A A'` (A: n x N, n <= N) have an absolute error of about
`c sigma_1^2`, `c = N eps`; a value s then has a relative error of about `c (sigma_1 / s)^2 / 2`. For a promised
relative accuracy rho, the values from `tau sigma_1` on, `tau^2 = c / rho`, are good as they are. For the others let V
be the eigenvectors of G below the cut and H the rest of an orthonormal basis. In it A A' is

    [ H'AA'H  E      ]
    [ E'      V'AA'V ]      with E = H'AA'V, ||E|| <= c sigma_1^2

and the singular values of `A'V`, the roots of the eigenvalues of the second block, are taken for the tail. Their
squares are off by at most `min(||E||, ||E||^2 / (tau^2 sigma_1^2 - s^2))` (Weyl; C.-K. Li and R.-C. Li, "A note on
eigenvalues of X is measured. What forming `A'V` rounds costs `c sigma_1`, as in any backward stable decomposition of A.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.linalg import eigh_tridiagonal, get_lapack_funcs

if TYPE_CHECKING:
    from torch import Tensor

EPSILON = float(np.finfo(np.float64).eps)

_MOST_TAIL = 0.5
"""Share of the values in the tail from which one decomposition of the whole is as fast; measured."""

_PROBES = 20
"""Random vectors that measure a norm: `3 sqrt(2 / pi)` times the largest result is too small with probability
`3^-20 = 3e-10` (Halko, Martinsson, Tropp 2011, Lemma 4.1)."""

_SAFE = (1e-40, 1e40)
"""Sizes of numbers whose fourth powers (squared norms of products with G) neither overflow nor underflow."""


_sytrd, _sytrd_lwork, _sterf, _ormqr = get_lapack_funcs(("sytrd", "sytrd_lwork", "sterf", "ormqr"), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class GramSplit:
    """The values that a Gram matrix resolves, and what is left to be decomposed.

    Attributes:
        values: those that it does, float64, descending.
        rest: (N, t) `A'V`, whose singular values are the others; None if there are none.
        doubt: `||E||^2 / (tau sigma_1)^2`: how far a square far below the cut may be off through the coupling alone.
    """

    values: np.ndarray
    rest: Tensor | None
    doubt: float

    def errors(self, values: np.ndarray) -> np.ndarray:
        """How far values computed from `rest` may be off through the coupling, where they are far below the cut.

        They are upper bounds of the true ones (Cauchy's interlacing), which are at least 0.
        """
        bound = np.minimum(math.sqrt(self.doubt), self.doubt / np.maximum(values, np.finfo(np.float64).tiny))
        return np.minimum(bound, values)


def gram_split(matrix: Tensor, accuracy: float) -> GramSplit | None:
    """Split the singular values of a matrix by what its Gram matrix can promise.

    Args:
        matrix: (a, b) float64, finite, without zero rows and columns.
        accuracy: relative accuracy promised, rho.

    Returns:
        None where a decomposition of the matrix itself is no slower, or the promise cannot be kept in this way.
    """
    A = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    n, wide = A.shape
    rounding = wide * EPSILON
    largest = float(torch.maximum(A.max(), -A.min()))
    if not _SAFE[0] < largest < _SAFE[1] or accuracy < 4 * rounding:
        return None
    eigen = _Eigen.on_cpu(A) if A.device.type == "cpu" else _Eigen.elsewhere(A)
    top = float(eigen.values[-1])
    squared_cut = rounding / accuracy * top
    tail = int(np.searchsorted(eigen.values, squared_cut))
    head = np.sqrt(eigen.values[tail:][::-1])
    if tail == 0:
        return GramSplit(head, None, 0.0)
    if tail > _MOST_TAIL * n:
        return None
    V = eigen.vectors(tail)
    rest = product(A.T, V)
    coupling, skew = _measured(A, V, rest)
    if coupling > rounding * top or skew > accuracy / 4:
        return None
    return GramSplit(head, rest, coupling**2 / squared_cut)


def product(first: Tensor, second: Tensor) -> Tensor:
    """A matrix product; on a CPU by NumPy, whose OpenBLAS is the faster on AMD processors."""
    if first.device.type == "cpu":
        return torch.from_numpy(first.numpy() @ second.numpy())
    return first @ second


@dataclass(frozen=True, eq=False)
class _Eigen:
    """Eigenvalues of a Gram matrix, ascending, and what its smallest ones' vectors can be computed from."""

    values: np.ndarray
    device: torch.device
    all_vectors: Tensor | None = None
    reflectors: np.ndarray | None = None
    scales: np.ndarray | None = None
    diagonal: np.ndarray | None = None
    beside: np.ndarray | None = None

    @classmethod
    def on_cpu(cls, A: Tensor) -> _Eigen:
        """LAPACK, one tridiagonalisation for values and vectors."""
        a = A.numpy()
        gram = np.asfortranarray((a @ a.T).T)  # NumPy sees a symmetric product, and does half the work
        size = len(gram)
        work = int(_sytrd_lwork(size, lower=1)[0])
        reflectors, d, e, tau, _ = _sytrd(gram, lower=1, lwork=work, overwrite_a=1)
        values, info = _sterf(d, e)
        if info:
            raise np.linalg.LinAlgError("dsterf did not converge")
        return cls(values, A.device, reflectors=reflectors, scales=tau, diagonal=d, beside=e)

    @classmethod
    def elsewhere(cls, A: Tensor) -> _Eigen:
        """Whatever PyTorch has on the device."""
        values, vectors = torch.linalg.eigh(A @ A.T)
        return cls(values.cpu().numpy(), A.device, all_vectors=vectors)

    def vectors(self, count: int) -> Tensor:
        """(n, count): orthonormal eigenvectors of the smallest values."""
        if self.all_vectors is not None:
            return self.all_vectors[:, :count]
        assert self.reflectors is not None
        _, Z = eigh_tridiagonal(self.diagonal, self.beside, select="i", select_range=(0, count - 1))
        lower = np.asfortranarray(self.reflectors[1:, :-1])
        below = np.asfortranarray(Z[1:])
        work = int(_ormqr("L", "N", lower, self.scales, below, -1)[1][0])
        Z[1:] = _ormqr("L", "N", lower, self.scales, below, work, overwrite_c=1)[0]
        return torch.from_numpy(np.ascontiguousarray(Z))


def _measured(A: Tensor, V: Tensor, rest: Tensor) -> tuple[float, float]:
    """`||(I - V V') A A' V||` and `||V' V - I||`, or more."""
    probes = torch.from_numpy(np.random.default_rng(0).standard_normal((V.shape[1], _PROBES))).to(V.device)
    image = product(A, product(rest, probes))
    image -= product(V, product(V.T, image))
    skew = product(V.T, product(V, probes)) - probes
    factor = 3 * math.sqrt(2 / math.pi)
    return factor * float(image.norm(dim=0).max()), factor * float(skew.norm(dim=0).max())
