"""Matrices that are stored whole and by their numbers say the same, zeros that are stored included."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from unrelu.rigor.matrices import (
    Matrix,
    as_array,
    column,
    most_terms,
    row_numbers,
    stacked,
    times_powers,
    touches,
    uses_column,
    without_copies,
)

A = np.array([[0.0, 1.0, 0.0, 0.0], [2.0, 0.0, 0.0, -3.0], [0.0, 0.0, 0.0, 0.0], [0.0, -1.0, 0.0, 4.0]])


def with_zeros(matrix: np.ndarray) -> Matrix:
    """Every number is stored, zeros too."""
    m, n = matrix.shape
    return sparse.csr_array((matrix.ravel(), np.tile(np.arange(n), m), np.arange(0, m * n + 1, n)), shape=(m, n))


@pytest.fixture(params=["whole", "few", "with zeros"])
def matrix(request: pytest.FixtureRequest) -> Matrix:
    return {"whole": A, "few": sparse.csr_array(A), "with zeros": with_zeros(A)}[request.param]


def test_what_is_used_and_touched(matrix: Matrix) -> None:
    assert uses_column(matrix).tolist() == [True, True, False, True]
    for columns in ([0], [1], [2], [3], [0, 2], [1, 3], [0, 1, 2, 3], []):
        chosen = np.isin(np.arange(4), columns)
        assert touches(matrix, chosen).tolist() == [bool(row[chosen].any()) for row in A]
    for j in range(4):
        assert column(matrix, j).tolist() == A[:, j].tolist()
    for i in range(4):
        columns, numbers = row_numbers(matrix, i)
        assert np.bincount(columns, numbers, minlength=4).tolist() == A[i].tolist()
    assert as_array(matrix).tolist() == A.tolist()
    assert most_terms(matrix) >= 2


@pytest.mark.parametrize("exponents", [[0, 1, -2, 3], [1000, -1000, 5, 1000], [1001, -1001, 0, 1], [1022, -1040, 0, 1]])
def test_rows_times_powers_of_two(matrix: Matrix, exponents: list[int]) -> None:
    scaled = as_array(times_powers(matrix, np.array(exponents)))
    assert scaled.tolist() == np.ldexp(A, np.array(exponents)[:, None]).tolist()


def test_tiny_rows_times_powers_that_are_no_floats() -> None:
    tiny = np.array([[2.0**-1070, -3 * 2.0**-1074], [1.0, 0.0]])
    for matrix in (tiny, sparse.csr_array(tiny)):
        assert as_array(times_powers(matrix, np.array([1070, 0]))).tolist() == [[1.0, -3 / 16], [1.0, 0.0]]


def test_copies_and_opposites_are_one_row() -> None:
    rows = np.array(
        [
            [1.0, -2.0, 0.0],
            [-1.0, 2.0, 0.0],
            [1.0, -2.0, 0.0],
            [0.0, 3.0, 1.0],
            [1.0, -2.0, 1.0],
            [0.0, -3.0, 1.0],
            [1.0, 0.0, -2.0],
        ]
    )
    distinct = {(1.0, -2.0, 0.0), (0.0, 3.0, 1.0), (1.0, -2.0, 1.0), (0.0, 3.0, -1.0), (1.0, 0.0, -2.0)}
    for matrix in (rows, sparse.csr_array(rows), with_zeros(rows)):
        kept = as_array(without_copies(matrix))
        signs = np.sign(kept[np.arange(len(kept)), (kept != 0).argmax(axis=1)])
        assert sorted(map(tuple, (kept * signs[:, None] + 0.0).tolist())) == sorted(distinct)


def test_matrices_below_each_other(matrix: Matrix) -> None:
    both = stacked([matrix, A])
    assert as_array(both).tolist() == np.vstack([A, A]).tolist()
    assert isinstance(both, np.ndarray) == isinstance(matrix, np.ndarray)
