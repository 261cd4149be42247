"""Bands are Gram matrices however they are cut, and the formulas about them are compared with fractions."""

from __future__ import annotations

import math
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from coarse import coarsen
from unrelu.rigor import deflation, matrices, normal_band
from unrelu.rigor.arithmetic import proof
from unrelu.rigor.normal_band import NormalBand
from unrelu.rigor.rounding import UNDERFLOW

U = Fraction(1, 2**53)


def exact_gamma(n: int) -> Fraction:
    return n * U / (1 - n * U)


@pytest.mark.parametrize("frobenius", [0.0, 2.0**-600, 0.3, 1.0, 2.0**60])
@pytest.mark.parametrize(
    ("d", "terms", "width"), [(1, 1, 0), (9, 3000, 1), (9, 1, 3000), (7, 2**40, 3), (3, 5, 2**40), (3, 2**50, 2**50)]
)
def test_the_slack_of_a_band_is_what_the_theorem_asks_for(frobenius: float, d: int, terms: int, width: int) -> None:
    """As for a whole Gram matrix, with the terms of a column and the width in place of sides."""
    square = Fraction(frobenius) ** 2
    trace = square * (1 + exact_gamma(terms))
    factored = exact_gamma(2 * (width + 1) + 2)
    needed = exact_gamma(terms) * square + (factored / (1 - factored) + U) * trace
    lost = d * Fraction(UNDERFLOW) * (terms * (3 + Fraction(frobenius)) + 2 * (width + 1) * (3 + trace))
    about = SimpleNamespace(terms=terms, width=width, _size=d)
    slack = Fraction(NormalBand.slack(about, frobenius))  # pyright: ignore[reportArgumentType]
    assert needed + lost <= slack
    few = max(terms, width) < 10
    assert slack <= needed * (16 if few else 1.1) + 50 * (terms + width + 9) * d * Fraction(UNDERFLOW) * (5 + square)


@pytest.mark.parametrize("slack", [0.0, 0.1, 0.3, 1 / 7, 0.5, 0.89, 0.9, 0.95, 1e-17])
def test_a_band_is_bounded_by_the_shift_less_the_slack(monkeypatch: pytest.MonkeyPatch, slack: float) -> None:
    for estimate in (1.0, 0.999, 0.7, 1 / 3):
        monkeypatch.setattr(NormalBand, "_least_eigenvalue_estimate", lambda *_, found=estimate: found)
        monkeypatch.setattr(NormalBand, "slack", lambda *_: slack)
        bound = NormalBand(sparse.csr_array(np.eye(3))).least_singular_value(np.ones(3, dtype=bool), 2.0)
        exact = Fraction(0.9 * estimate) - Fraction(slack)
        if exact <= 0:
            assert bound == 0.0
        else:
            assert exact * (1 - Fraction(1, 2**47)) <= Fraction(bound) ** 2 <= exact


@pytest.mark.parametrize("frobenius", [1.0, 3.0, 1 / 3, 1.7, 30.1])
def test_what_takes_the_place_of_columns_adds_to_the_trace(monkeypatch: pytest.MonkeyPatch, frobenius: float) -> None:
    asked: list[float] = []
    monkeypatch.setattr(NormalBand, "slack", lambda _, size: asked.append(size) or 0.0)
    for most in (1.0, 1.1, 3.0, 0.7):
        normal = NormalBand(sparse.csr_array(np.diag([1.0, 0.5, most, most, 0.25])))
        for columns in ([1], [2, 3], [0, 1, 4]):
            normal.least_singular_value(np.ones(5, dtype=bool), frobenius, without=np.array(columns))
            band = normal.band(np.ones(5))
            normal._leave_out(band, np.array(columns))
            exact = Fraction(frobenius) ** 2 + len(columns) * Fraction(float(band[0].max()))
            assert exact <= Fraction(asked[-1]) ** 2 <= exact * (1 + Fraction(1, 2**45))


def test_products_that_overflow_prove_nothing_whatever_the_norm() -> None:
    for rows in (np.eye(3) * 1e200, np.diag([1e200, 1.0, 1.0]), np.diag([1.0, 1.0, 1e200])):
        normal, every = NormalBand(sparse.csr_array(rows)), np.ones(3, dtype=bool)
        assert normal.least_singular_value(every, 1.0) == 0.0
        assert not normal.proves_full_column_rank(every, 1.0)


@pytest.mark.parametrize("chunk", [1, 20, 100, 2**20])
@pytest.mark.parametrize("seed", range(4))
def test_a_band_is_the_gram_matrix_however_it_is_cut(monkeypatch: pytest.MonkeyPatch, seed: int, chunk: int) -> None:
    monkeypatch.setattr(normal_band, "_CHUNK", chunk)
    rng = np.random.default_rng(seed)
    rows = np.zeros((60, 12))
    for row in rows:
        first, length = rng.integers(0, 9), rng.integers(1, 4)
        row[first : first + length] = rng.integers(1, 5, length)
    normal = NormalBand(sparse.csr_array(rows))
    for weights in (np.ones(60), (rng.random(60) < 0.5).astype(float), rng.integers(0, 4, 60).astype(float)):
        gram = rows.T @ (weights[:, None] * rows)
        ordered = gram[np.ix_(normal.order, normal.order)]
        band = normal.band(weights)
        for k in range(normal.width + 1):
            np.testing.assert_array_equal(band[k, : 12 - k], np.diagonal(ordered, -k))
        assert not np.tril(ordered, -normal.width - 1).any()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("unit", [2.0**-14, 2.0**-10, 2.0**-8])
def test_two_columns_taken_apart_count_with_all_their_norms(
    monkeypatch: pytest.MonkeyPatch, seed: int, unit: float
) -> None:
    """The products of W with M_S are off by gamma ||W|| ||M||, of which the first norm is that of two unit vectors."""
    rng = np.random.default_rng(seed)
    A, columns = rng.standard_normal((12, 5)), np.array([1, 3])
    free = ~np.isin(np.arange(5), columns)
    T = np.zeros((5, 2))
    T[columns] = np.eye(2)
    T[free] = -np.linalg.lstsq(A[:, free], A[:, columns], rcond=None)[0]
    of_S = float(np.linalg.svd(A[:, free], compute_uv=False)[-1])
    monkeypatch.setattr(deflation, "_columns_that_are_nearly_dependent", lambda *_: columns)
    monkeypatch.setattr(NormalBand, "complement", lambda *_: T)
    monkeypatch.setattr(NormalBand, "least_singular_value", lambda *_, **__: of_S)
    asked: list[tuple[float, int]] = []

    def from_gram(gram: np.ndarray, frobenius: float, n: int) -> float:
        asked.append((frobenius, n))
        return math.sqrt(np.linalg.eigvalsh(gram)[0])

    monkeypatch.setattr(deflation, "bound_from_gram", from_gram)
    coarsen(monkeypatch, deflation, unit, lambda n: n == 14)
    of = sparse.csr_array(A)
    bound = deflation.deflated_bound(of, NormalBand(of), np.ones(12, dtype=bool))
    X = np.linalg.inv(np.linalg.qr(A @ T)[1])
    c = np.linalg.norm((A @ T @ X).T @ A[:, free]) + 14 * unit * math.sqrt(2) * np.linalg.norm(A)
    a, reach = of_S**2, np.linalg.norm(T @ X)
    squared = (a - c * c) / (a + 1)
    granted = math.sqrt(squared) / (1 + reach) if squared > 0 else 0.0
    assert bound <= granted * (1 - 2.0**-46)
    assert bound == pytest.approx(granted, rel=1e-9)
    assert math.sqrt(2) <= asked[0][0] <= math.sqrt(2) * (1 + 1e-12)
    assert asked[0][1] == 12


def test_powers_beyond_those_of_floats_scale_too() -> None:
    for number, exponent in ((2.0**60, -1080), (2.0**-1000, 1900), (3.0, -1002), (3.0, 1001), (1.0, -1000)):
        exact = math.ldexp(number, exponent)
        for matrix in (np.array([[number]]), sparse.csr_array(np.array([[number]]))):
            found = matrices.times_powers(matrix, np.array([exponent]))
            assert matrices.as_array(found).tolist() == [[exact]]


def test_a_proof_is_what_its_check_says() -> None:
    for answer in (True, False):
        assert proof(lambda found=answer: found)() is answer
