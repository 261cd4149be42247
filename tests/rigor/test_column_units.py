"""Cones in other units of the coordinates: the same signs of products, and proofs that floats else cannot carry."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from unrelu.cones.cone import Cone
from unrelu.cones.proofs import Direction, Multipliers, direction, multipliers
from unrelu.rigor.column_units import in_units
from unrelu.rigor.matrices import as_array
from unrelu.rigor.scaled_rows import ScaledRows

FEW = pytest.mark.parametrize("few", [False, True])


def scaled(A: np.ndarray, few: bool) -> ScaledRows:
    return ScaledRows(sparse.csr_array(A) if few else A)


def chain(n: int, factor: float, few: bool, *, closed: bool) -> tuple[Cone, np.ndarray]:
    """Rows `z_{i+1} - factor z_i <= 0` and `z_0 <= 0`; closed by `z_{n-1} >= z_0`, and the sum of rows that vanishes.

    Open, all of z grow along by the factor at most, downwards; closed, `z_0 <= z_{n-1} <= factor^(n-1) z_0 <= z_0`.
    """
    A = np.zeros((n + 1, n))
    A[0, 0] = 1.0
    for i in range(n - 1):
        A[i + 1, i], A[i + 1, i + 1] = -factor, 1.0
    if closed:
        A[n, n - 1], A[n, 0] = -1.0, 1.0
    every = np.ones(n + 1, dtype=bool)
    # The last row once, row i + 1 of the chain factor^(n-2-i) times, and the first what is left of z_0.
    of_chain = [Fraction(factor) ** (n - 2 - i) for i in range(n - 1)]
    v = np.array([float(Fraction(factor) ** (n - 1) - 1), *map(float, of_chain), 1.0])
    rows = scaled(A, few)
    return Cone(rows, ~every, every), v / np.where(rows.is_zero, 1.0, rows.scales)


@FEW
def test_the_signs_of_products_stay_and_no_number_is_rounded(few: bool) -> None:
    rng = np.random.default_rng(0)
    A = rng.standard_normal((7, 5)) * (rng.random((7, 5)) < 0.7)
    exponents = rng.integers(-300, 300, 5)
    found = in_units(scaled(A, few), exponents)
    assert found is not None
    moved = as_array(found.matrix)
    for i in range(7):
        first = next((j for j in range(5) if A[i, j]), None)
        for j in range(5):
            if first is not None:  # one positive number for all of the row
                factor = Fraction(moved[i, first]) / (Fraction(A[i, first]) * Fraction(2) ** int(exponents[first]))
                assert factor > 0
                assert Fraction(moved[i, j]) == factor * Fraction(A[i, j]) * Fraction(2) ** int(exponents[j])


@FEW
@pytest.mark.parametrize("exponents", [[0, -1073], [0, 1030], [-1074, 0]])
def test_units_in_which_a_number_would_be_rounded_are_refused(few: bool, exponents: list[int]) -> None:
    assert in_units(scaled(np.array([[0.75, 0.75], [0.5, 0.625]]), few), np.array(exponents)) is None


@FEW
@pytest.mark.parametrize("factor", [4.0, 3.0])
def test_multipliers_that_grow_along_a_chain_prove(monkeypatch: pytest.MonkeyPatch, factor: float, few: bool) -> None:
    """What 61 steps multiply to is rounded by far more than the least multiplier, which is 1."""
    cone, v = chain(61, factor, few, closed=True)
    assert Multipliers(v).verify(cone)
    wrong = v.copy()
    wrong[30] *= 1.25
    assert not Multipliers(wrong).verify(cone)
    open_cone, _ = chain(61, factor, few, closed=False)
    assert not Multipliers(v).verify(open_cone)
    monkeypatch.setattr(multipliers, "SPREAD", 10**6)
    assert not Multipliers(v).verify(cone)


@FEW
def test_a_direction_that_grows_along_a_chain_proves(monkeypatch: pytest.MonkeyPatch, few: bool) -> None:
    """`z_{i+1} = 3 z_i` are equalities, which no floats keep; the last of z is too long for the first to be seen."""
    cone, _ = chain(41, 3.0, few, closed=False)
    equal = np.arange(42) > 0
    cone = Cone(cone.rows, equal & ~cone.rows.is_zero, ~equal)
    z = -(3.0 ** np.arange(41.0))
    none = np.zeros(0, dtype=int)
    assert Direction(z, none).verify(cone)
    assert not Direction(-z, none).verify(cone)
    assert not Direction(np.where(np.arange(41) == 20, 1.5 * z, z), none).verify(cone)
    monkeypatch.setattr(direction, "SPREAD", 10**6)
    assert not Direction(z, none).verify(cone)
