"""All singular values of a dense matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class SingularValues:
    """Singular values and what they were computed from.

    Attributes:
        values: (k,) float64, descending; the values beyond are exactly 0.
        factored: shape of the matrix that was left once zero rows and columns were taken away.
        algorithm: what computed them.
    """

    values: np.ndarray
    factored: tuple[int, int]
    algorithm: str


def singular_values(matrix: Tensor) -> SingularValues:
    """All singular values that zero rows and columns do not force to be 0.

    Zero rows and columns are taken away first, which is exact. Then LAPACK's `gesdd` (Householder QR
    where one side is much longer, bidiagonalisation, implicit QR without vectors) on a CPU, through NumPy,
    whose OpenBLAS proved the faster on AMD processors; cuSOLVER's `gesvd` on a GPU. Both are backward
    stable: the values are exact for a matrix within `p(m, n) u sigma_1` of the given one, p a modest
    polynomial, so that each is off by at most that (Weyl). Values far below it are not resolved.

    Args:
        matrix: (a, b) float64, finite.
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
    if matrix.device.type == "cpu":
        return SingularValues(np.linalg.svd(matrix.numpy(), compute_uv=False), shape, "LAPACK gesdd")
    values = torch.linalg.svdvals(matrix, driver="gesvd").cpu().numpy()
    return SingularValues(values, shape, "cuSOLVER gesvd")


def triangular_factor(matrix: Tensor) -> Tensor:
    """R of `matrix = Q R` (Householder), which has the same singular values.

    Args:
        matrix: (a, b) float64 with a >= b; R is (b, b).
    """
    if matrix.device.type == "cpu":
        return torch.from_numpy(np.linalg.qr(matrix.numpy(), mode="r"))
    return torch.linalg.qr(matrix, mode="r").R
