"""The constraints of a linear or quadratic program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy import sparse

from unrelu.errors import InputError, ShapeError


@dataclass(frozen=True, eq=False)
class RowSystem:
    """`{ x : row_lower <= A x <= row_upper, lower <= x <= upper }`.

    Equalities are rows with `row_lower == row_upper`.

    Attributes:
        matrix: A, (m, n), sparse by rows, float64.
        row_lower: (m,) float64, -inf where there is no bound.
        row_upper: (m,) float64, inf where there is no bound.
        lower: (n,) float64, -inf where there is no bound.
        upper: (n,) float64, inf where there is no bound.
    """

    matrix: sparse.csr_array
    row_lower: np.ndarray
    row_upper: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def __init__(
        self,
        matrix: np.ndarray | sparse.sparray | sparse.spmatrix,
        row_lower: np.ndarray | float = -np.inf,
        row_upper: np.ndarray | float = np.inf,
        lower: np.ndarray | float = -np.inf,
        upper: np.ndarray | float = np.inf,
    ) -> None:
        """Make a system; whatever is left out does not constrain.

        Args:
            matrix: A, (m, n), dense or sparse.
            row_lower: (m,) or one number.
            row_upper: (m,) or one number.
            lower: (n,) or one number.
            upper: (n,) or one number.

        Raises:
            ShapeError: if the arrays do not fit together.
            InputError: if a number of the matrix is not finite, or a bound is NaN.
        """
        A = sparse.csr_array(matrix, dtype=np.float64)
        shape = cast("tuple[int, ...]", A.shape)
        if len(shape) != 2:
            raise ShapeError(f"the matrix of a program needs shape (m, n), not {shape}.")
        if not bool(np.isfinite(A.data).all()):
            raise InputError("the matrix of a program holds NaN or infinite values; clean it first.")
        m, n = shape
        for key, value in {
            "matrix": A,
            "row_lower": _bound(row_lower, m, "row_lower"),
            "row_upper": _bound(row_upper, m, "row_upper"),
            "lower": _bound(lower, n, "lower"),
            "upper": _bound(upper, n, "upper"),
        }.items():
            object.__setattr__(self, key, value)

    @property
    def n_rows(self) -> int:
        """m, the number of rows."""
        return self.row_lower.size

    @property
    def n_unknowns(self) -> int:
        """n, the number of unknowns."""
        return self.lower.size


def _bound(values: np.ndarray | float, size: int, name: str) -> np.ndarray:
    given = np.asarray(values, dtype=np.float64)
    if given.shape not in {(), (size,)}:
        raise ShapeError(f"{name} needs one number or shape ({size},), not {given.shape}.")
    if bool(np.isnan(given).any()):
        raise InputError(f"{name} holds NaN; use -inf or inf where there is no bound.")
    bound = np.array(np.broadcast_to(given, (size,)))
    bound.flags.writeable = False
    return bound


def checked_costs(costs: np.ndarray, system: RowSystem) -> np.ndarray:
    """The costs of an objective as contiguous float64, (n,).

    Raises:
        ShapeError: if they do not fit the constraints.
        InputError: if one is not finite.
    """
    c = np.ascontiguousarray(costs, dtype=np.float64)
    if c.shape != (system.n_unknowns,):
        raise ShapeError(f"the costs need shape ({system.n_unknowns},), not {c.shape}.")
    if not bool(np.isfinite(c).all()):
        raise InputError("the costs hold NaN or infinite values; clean them first.")
    return c
