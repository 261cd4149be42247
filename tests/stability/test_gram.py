"""Spectra known by construction through the Gram matrix: the accuracy that is promised is met."""

import numpy as np
import pytest
import torch

from unrelu.stability import gram
from unrelu.stability.gram import gram_split
from unrelu.stability.singular_values import singular_values

EPSILON = np.finfo(np.float64).eps
RHO = 1e-8


def orthonormal(rng, n, k):
    return np.linalg.qr(rng.standard_normal((n, k)))[0]


def with_values(values, wide, seed=0):
    """A matrix (n, wide) with these singular values, up to rounding of a few eps of the largest."""
    rng = np.random.default_rng(seed)
    n = len(values)
    return torch.from_numpy((orthonormal(rng, n, n) * values) @ orthonormal(rng, wide, n).T)


def spectra(n):
    """Singular values of several shapes, descending."""
    few = n // 5
    most = np.linspace(1.0, 0.05, n - few)
    return {
        "resolved": np.linspace(1.0, 0.05, n),
        "across the cut": np.logspace(0, -4, n),
        "a tail below the cut": np.r_[most, np.logspace(-2, -6, few)],
        "a far tail": np.r_[most, np.logspace(-2, -10, few)],
        "a cliff at the cut": np.r_[most, np.full(few, 7e-3)],
        "zeros": np.r_[most, np.zeros(few)],
        "equal": np.ones(n),
    }


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("kind", spectra(400))
def test_the_promise_is_met(kind, transposed):
    expected = spectra(400)[kind]
    A = with_values(expected, 1500)
    found = singular_values(A.T.contiguous() if transposed else A, RHO)
    assert "Gram" in found.algorithm
    assert found.accuracy == RHO
    allowed = RHO * expected + 1500 * EPSILON
    assert np.all(np.abs(found.values - expected) <= allowed)
    assert np.all(np.diff(found.values) <= 0)


def test_the_gram_matrix_alone_would_break_it():
    expected = spectra(400)["a far tail"]
    A = with_values(expected, 1500).numpy()
    alone = np.sqrt(np.maximum(np.linalg.eigvalsh(A @ A.T)[::-1], 0))
    assert np.any(np.abs(alone - expected) > RHO * expected + 1500 * EPSILON)


@pytest.mark.parametrize("size", [1e-160, 1e-80, 1e-38, 1e38, 1e80, 1e160])
def test_sizes_do_not_matter_even_where_squares_overflow(size):
    expected = spectra(300)["across the cut"]
    found = singular_values(size * with_values(expected, 900), RHO)
    assert ("Gram" in found.algorithm) == (1e-40 < size < 1e40)
    assert np.all(np.abs(found.values / size - expected) <= RHO * expected + 900 * EPSILON)


def test_where_the_tail_is_most_of_it_one_decomposition_is_made():
    expected = np.r_[1.0, np.logspace(-4, -9, 299)]
    found = singular_values(with_values(expected, 900), RHO)
    assert found.algorithm == "LAPACK gesdd"
    assert found.accuracy == 0.0
    assert np.all(np.abs(found.values - expected) <= 900 * EPSILON)


def test_a_promise_that_no_gram_matrix_can_keep_is_kept_directly():
    A = with_values(spectra(300)["across the cut"], 900)
    assert gram_split(A, 1e-13) is None
    assert singular_values(A, 1e-13).algorithm == "LAPACK gesdd"
    assert singular_values(A, 0.0).algorithm == "LAPACK gesdd"
    assert singular_values(A[:200], RHO).algorithm == "LAPACK gesdd"


def test_a_coupling_that_would_break_it_is_noticed(monkeypatch):
    A = with_values(spectra(400)["a far tail"], 1500)
    vectors = gram._Eigen.vectors

    def skewed(self, count):  # as an eigensolver might whose vectors are only good to 1e-7
        V = vectors(self, count).clone()
        V[:, 0] += 1e-7 * vectors(self, 400)[:, -1]
        return V

    monkeypatch.setattr(gram._Eigen, "vectors", skewed)
    assert gram_split(A, RHO) is None
    assert singular_values(A, RHO).algorithm == "LAPACK gesdd"


def test_a_small_coupling_counts_where_values_are_far_below_the_cut(monkeypatch):
    vectors = gram._Eigen.vectors

    def skewed(self, count):
        V = vectors(self, count).clone()
        V[:, 0] += 3e-14 * vectors(self, 400)[:, -1]
        return V

    monkeypatch.setattr(gram._Eigen, "vectors", skewed)
    near, far = (with_values(spectra(400)[kind], 1500) for kind in ("a tail below the cut", "a far tail"))
    for A in (near, far):
        assert gram_split(A, RHO) is not None
    assert "Gram" in singular_values(near, RHO).algorithm
    assert singular_values(far, RHO).algorithm == "LAPACK gesdd"
    assert "Gram" in singular_values(far, RHO, rank=350).algorithm, "what the structure makes 0 need not be resolved"


def test_a_long_tail_takes_several_rounds():
    expected = np.r_[np.linspace(1.0, 0.1, 560), np.logspace(-3, -3.5, 240), np.logspace(-6, -6.4, 200)]
    found = singular_values(with_values(expected, 1300), RHO)
    assert "in 2 rounds" in found.algorithm
    assert len(found.values) == 1000
    assert np.all(np.abs(found.values - expected) <= RHO * expected + 1300 * EPSILON)


def test_the_other_eigensolver_keeps_it_too(monkeypatch):
    monkeypatch.setattr(gram._Eigen, "on_cpu", gram._Eigen.elsewhere)
    expected = spectra(400)["a tail below the cut"]
    split = gram_split(with_values(expected, 1500), RHO)
    assert split is not None
    assert split.rest is not None
    values = np.r_[split.values, np.linalg.svd(split.rest.numpy(), compute_uv=False)]
    assert np.all(np.abs(values - expected) <= RHO * expected + 1500 * EPSILON)
