"""All singular values of a dense matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.stability.gram import EPSILON, GramSplit, gram_split

if TYPE_CHECKING:
    from torch import Tensor


SMALL = 256
"""Shorter sides below this are decomposed directly: what a Gram matrix saves there is not worth its rounding."""


@dataclass(frozen=True, eq=False)
class SingularValues:
    """Singular values and what they were computed from.

    Attributes:
        values: (k,) float64, descending; the values beyond are exactly 0.
        factored: shape of the matrix that was left once zero rows and columns were taken away.
        algorithm: what computed them.
        accuracy: relative error that was allowed besides the rounding of a backward stable decomposition; 0 for
            a direct one.
    """

    values: np.ndarray
    factored: tuple[int, int]
    algorithm: str
    accuracy: float = 0.0


def singular_values(matrix: Tensor, accuracy: float = 0.0, rank: int | None = None) -> SingularValues:
    """All singular values that zero rows and columns do not force to be 0.

    Zero rows and columns are taken away first, which is exact. What is left is decomposed directly where it is small
    or `accuracy` is 0, else through its Gram matrix (see `gram.py`), which takes a fraction of the time.

    Args:
        matrix: (a, b) float64, finite.
        accuracy: the relative error allowed in each value s besides the rounding of a direct decomposition: it is
            within about `accuracy * s + max(a, b) eps sigma_1` of the true one.
        rank: an upper bound of the rank, where one is known; values beyond need not be accurate.
    """
    rows = matrix.any(dim=1)
    columns = matrix.any(dim=0)
    if not bool(rows.all()):
        matrix = matrix[rows]
    if not bool(columns.all()):
        matrix = matrix[:, columns]
    shape = (matrix.shape[0], matrix.shape[1])
    if 0 in shape:
        return SingularValues(np.zeros(0), (0, 0), "no decomposition")
    through_gram = None if accuracy == 0 or min(shape) < SMALL else _through_gram(matrix, accuracy, rank)
    if through_gram is not None:
        return through_gram
    values, algorithm = _direct(matrix)
    return SingularValues(values, shape, algorithm)


def _direct(matrix: Tensor) -> tuple[np.ndarray, str]:
    """All singular values by a backward stable decomposition, and its name.

    LAPACK's `gesdd` (Householder QR where one side is much longer, bidiagonalisation, implicit QR without vectors) on
    a CPU, through NumPy, whose OpenBLAS proved the faster on AMD processors; cuSOLVER's `gesvd` on a GPU. The values
    are exact for a matrix within `p(m, n) u sigma_1` of the given one, p a modest polynomial, so that each is off by
    at most that (Weyl). Values far below it are not resolved.
    """
    if matrix.device.type == "cpu":
        return np.linalg.svd(matrix.numpy(), compute_uv=False), "LAPACK gesdd"
    return torch.linalg.svdvals(matrix, driver="gesvd").cpu().numpy(), "cuSOLVER gesvd"


def _through_gram(matrix: Tensor, accuracy: float, rank: int | None) -> SingularValues | None:
    """The values through Gram matrices, each of what the one before left; None where that is not the way."""
    shape = (matrix.shape[0], matrix.shape[1])
    splits: list[GramSplit] = []
    rest: Tensor | None = matrix
    parts = []
    while rest is not None and min(rest.shape) >= SMALL:
        split = gram_split(rest, accuracy)
        if split is None:
            break
        splits.append(split)
        parts.append(split.values)
        rest = split.rest
    if not splits:
        return None
    solver = "LAPACK dsytrd, dsterf" if matrix.device.type == "cpu" else "PyTorch eigh"
    algorithm = f"Gram matrix and symmetric eigensolver ({solver})"
    if rest is not None:
        values, direct = _direct(rest)
        parts.append(values)
        algorithm += f", the {len(values)} smallest by {direct} of the matrix on their eigenvectors,"
    if len(splits) > 1:
        algorithm += f" in {len(splits)} rounds"
    values = np.sort(np.concatenate(parts))[::-1]
    resolved = min(len(values), len(values) if rank is None else rank)
    allowed = accuracy * values + max(shape) * EPSILON * values[0]
    start = 0
    for split in splits:
        start += len(split.values)
        if bool((split.errors(values[start:resolved]) > allowed[start:resolved]).any()):
            return None
    return SingularValues(values, shape, algorithm, accuracy)


def triangular_factor(matrix: Tensor) -> Tensor:
    """R of `matrix = Q R` (Householder), which has the same singular values.

    Args:
        matrix: (a, b) float64 with a >= b; R is (b, b).
    """
    if matrix.device.type == "cpu":
        return torch.from_numpy(np.linalg.qr(matrix.numpy(), mode="r"))
    return torch.linalg.qr(matrix, mode="r").R
