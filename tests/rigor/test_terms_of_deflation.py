"""Each term by which the bound of nearly dependent columns is reduced is as large as the theorem says."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import sparse

from coarse import coarsen
from rigor.nearly_dependent_rows import SMALL, nearly_dependent
from unrelu.rigor import deflation
from unrelu.rigor.normal_band import NormalBand
from unrelu.rigor.rounding import frobenius_above


def deflated(A: np.ndarray) -> float:
    return deflation.deflated_bound(sparse.csr_array(A), NormalBand(sparse.csr_array(A)), np.ones(len(A), dtype=bool))


FREE = np.arange(4) != 1
"""The columns that stay where column 1 is taken apart."""


def made(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows with numbers everywhere, and some T, near the best one or far from it."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((12, 4)) * 2.0 ** rng.integers(-2, 3)
    T = np.zeros((4, 1))
    T[1] = 1.0
    T[FREE] = -np.linalg.lstsq(A[:, FREE], A[:, [1]], rcond=None)[0] + rng.choice([0.0, 0.1]) * rng.random((3, 1))
    return A, T


def deflated_exactly(monkeypatch: pytest.MonkeyPatch, A: np.ndarray, T: np.ndarray) -> float:
    """The bound where those that it is made of are the singular values themselves."""
    monkeypatch.setattr(deflation, "_columns_that_are_nearly_dependent", lambda *_: np.array([1]))
    monkeypatch.setattr(NormalBand, "complement", lambda *_: T)
    of_S = np.linalg.svd(A[:, FREE], compute_uv=False)[-1]
    monkeypatch.setattr(NormalBand, "least_singular_value", lambda *_, **__: float(of_S))
    monkeypatch.setattr(deflation, "bound_from_gram", lambda gram, *_: math.sqrt(np.linalg.eigvalsh(gram)[0]))
    return deflated(A)


Errors = dict[str, float]


def of_theorem(A: np.ndarray, T: np.ndarray, errors: Errors) -> float:
    """The bound of the theorem where N, W, `M_S' W` and T X are off by as much as this."""
    N = A @ T
    X = 1 / np.linalg.norm(N)
    off = errors.get("N", 0.0) * X + errors.get("W", 0.0)
    a = np.linalg.svd(A[:, FREE], compute_uv=False)[-1] ** 2
    b = (1 - off) ** 2
    # An error of W goes into the products with M_S, too.
    c = np.linalg.norm((N * X).T @ A[:, FREE]) + errors.get("mixed", 0.0) + off * np.linalg.norm(A)
    reach = np.linalg.norm(T) * X + errors.get("TX", 0.0)
    squared = (a * b - c * c) / (a + b)
    return math.sqrt(squared) / float(1 + reach) if squared > 0 and off < 1 else 0.0


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("unit", [0.0, 2.0**-14, 2.0**-9, 2.0**-7, 2.0**-5, 0.5])
def test_a_deflated_bound_is_less_the_worst_of_all_roundings(
    monkeypatch: pytest.MonkeyPatch, seed: int, unit: float
) -> None:
    A, T = made(seed)
    X = 1 / float(np.linalg.norm(A @ T))
    of_T, size = float(np.linalg.norm(T)), float(np.linalg.norm(A))
    of_N = 2 * 6 * unit * float(np.linalg.norm(np.abs(A) @ np.abs(T)))
    cases: list[tuple[Callable[[int], bool], Errors]] = [
        (lambda n: n == 6, {"N": of_N}),
        (lambda n: n == 3, {"W": 3 * unit, "TX": 3 * unit * of_T * X}),
        (lambda n: n == 14, {"mixed": 14 * unit * size}),
    ]
    cases.append((lambda _: True, {name: value for _, errors in cases for name, value in errors.items()}))
    for lengths, errors in cases:
        coarsen(monkeypatch, deflation, unit, lengths)
        bound, granted = deflated_exactly(monkeypatch, A, T), of_theorem(A, T, errors)
        assert bound <= granted * (1 - 2.0**-46)
        assert bound == pytest.approx(granted, rel=1e-10)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("loss", [2.0**-14, 2.0**-10, 2.0**-7, 2.0**-4])
def test_a_deflated_bound_is_less_what_underflow_takes(monkeypatch: pytest.MonkeyPatch, seed: int, loss: float) -> None:
    A, T = made(seed)
    cases: list[tuple[Callable[..., bool], Errors]] = [
        (lambda terms, *_: terms == 4, {"N": 12 * loss}),
        (lambda terms, *sizes: terms == 1 and sizes[0] == of_N, {"W": 12 * loss}),
        (lambda terms, *_: terms == 12, {"mixed": 3 * loss}),
        (lambda terms, *sizes: terms == 1 and sizes[0] == of_T, {"TX": 4 * loss}),
    ]
    of_N, of_T = frobenius_above(sparse.csr_array(A) @ T), frobenius_above(T)
    for which, errors in cases:
        monkeypatch.setattr(deflation, "lost", lambda *given, which=which: loss if which(*given) else 0.0)
        bound, granted = deflated_exactly(monkeypatch, A, T), of_theorem(A, T, errors)
        assert bound <= granted * (1 - 2.0**-46)
        assert bound == pytest.approx(granted, rel=1e-10)


@pytest.mark.parametrize("seed", range(20))
def test_a_deflated_bound_holds_for_any_columns_and_any_t(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    A, T = made(seed)
    assert deflated_exactly(monkeypatch, A, T) <= np.linalg.svd(A, compute_uv=False)[-1]


def test_rows_that_are_too_large_or_too_small_are_not_deflated() -> None:
    A = nearly_dependent(SMALL)
    assert deflated(A * 2.0**251) == 0.0
    assert deflated(A * 2.0**-251) == 0.0
    assert deflated(A * 2.0**-200) > 0
    assert deflated(np.eye(4)) == 0.0  # nothing is small
    A[:, 1] = A[:, 0]
    assert deflated(A) == 0.0
