"""What a bound by preconditioning is made of, put in exactly, and rows that are too few for any bound."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from coarse import coarsen
from unrelu.rigor import singular
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.rigor.singular import _bound_by_preconditioning, proves_full_rank


@pytest.mark.parametrize("unit", [2.0**-16, 2.0**-13])
def test_a_preconditioned_bound_is_less_the_error_of_its_product(monkeypatch: pytest.MonkeyPatch, unit: float) -> None:
    rng = np.random.default_rng(0)
    wide = (0.5 + 0.5 * rng.random((6, 40))) * rng.choice([-1.0, 1.0], (6, 40))
    asked = []
    monkeypatch.setattr(singular, "bound_from_gram", lambda gram, size, n: asked.append((gram, size, n)) or 1.0)
    coarsen(monkeypatch, singular, unit, lambda n: n == 8)
    X = np.linalg.norm(np.linalg.inv(np.linalg.qr(wide.T)[1]))
    exact = (1 - 8 * unit * X * np.linalg.norm(wide)) / X
    assert _bound_by_preconditioning(wide) == pytest.approx(exact, rel=1e-9)
    gram, size, n = asked[0]
    np.testing.assert_allclose(gram, np.eye(6), atol=1e-12)
    assert np.sqrt(6) <= size <= np.sqrt(6) * (1 + 1e-12)
    assert n == 40


@pytest.mark.parametrize("bound", [1.0, 0.1, 1 / 3, 0.9])
@pytest.mark.parametrize("size", [3.0, 0.7, 1.9, 49.0, 0.1])
def test_a_preconditioned_bound_is_rounded_down(monkeypatch: pytest.MonkeyPatch, bound: float, size: float) -> None:
    monkeypatch.setattr(singular, "bound_from_gram", lambda *_: bound)
    monkeypatch.setattr(singular, "frobenius_above", lambda _: size)
    monkeypatch.setattr(singular, "gamma", lambda _: 0.0)
    monkeypatch.setattr(singular, "lost", lambda *_: 0.0)
    exact = Fraction(bound) / Fraction(size)
    found = Fraction(_bound_by_preconditioning(np.eye(2)))
    assert exact * (1 - Fraction(1, 2**48)) <= found <= exact


def test_no_rows_have_full_rank_and_too_few_have_no_bound() -> None:
    assert proves_full_rank(np.zeros((0, 3)))
    assert proves_full_rank(np.zeros((3, 0)))
    rows = np.eye(4)
    for matrix in (rows, sparse.csr_array(rows)):
        scaled = ScaledRows(matrix)
        for chosen in (np.array([True, True, True, False]), np.zeros(4, dtype=bool)):
            assert scaled.column_bound_of(chosen) == 0.0
            assert scaled.sharper_column_bound_of(chosen) == 0.0
            assert not scaled.proves_full_column_rank(chosen)
        assert scaled.column_bound_of(np.ones(4, dtype=bool)) > 0.4
        assert (scaled.sharper_column_bound_of(np.ones(4, dtype=bool)) > 0.4) or isinstance(matrix, np.ndarray)


def test_components_are_of_rows_with_numbers() -> None:
    rows = np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    for matrix in (rows, sparse.csr_array(rows)):
        assert ScaledRows(matrix).components.count == 2
