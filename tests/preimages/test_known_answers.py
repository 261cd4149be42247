"""Layers whose preimages are known by construction."""

from __future__ import annotations

import numpy as np
import pytest

from unrelu.cones.proofs import Counting, Direction, Enclosed, ExactDirection, FullRank, LocalCounting, Multipliers
from unrelu.network.layer import ReLULayer
from unrelu.preimages.kind import Kind
from unrelu.preimages.questions import classify, preimage


def simplex_rows(d: int) -> np.ndarray:
    """d + 1 rows that sum to zero and span R^d: only {0} has non-positive products with all."""
    return np.vstack([np.eye(d), -np.ones(d)])


@pytest.mark.parametrize("d", [1, 2, 5, 30])
def test_inactive_simplex_rows_bound_the_preimage(d: int) -> None:
    layer = ReLULayer(simplex_rows(d), -np.ones(d + 1))
    found = preimage(layer, at=np.zeros(d))
    assert found.kind is Kind.BOUNDED
    assert found.n_active == 0
    assert isinstance(found.certificate.bounded, Enclosed if d == 1 else Multipliers)
    assert isinstance(found.certificate.singleton, Counting)
    assert found.certificate.verify()
    assert (found.dimension.lower, found.dimension.upper) == (d, d)


@pytest.mark.parametrize("d", [2, 5, 30])
def test_one_simplex_row_less_leaves_it_unbounded(d: int) -> None:
    layer = ReLULayer(simplex_rows(d)[1:], -np.ones(d))
    found = preimage(layer, at=np.zeros(d))
    assert found.kind is Kind.UNBOUNDED
    assert isinstance(found.certificate.bounded, Counting)
    assert found.certificate.verify()


def test_row_and_negative_row_bound_every_direction() -> None:
    W = np.random.default_rng(0).standard_normal((6, 6))
    layer = ReLULayer(np.vstack([W, -W]), np.full(12, -1.0))
    found = preimage(layer, at=np.zeros(6))
    assert found.kind is Kind.BOUNDED
    assert found.certificate.verify()


def test_row_and_negative_row_at_zero_leave_a_single_point() -> None:
    W = np.random.default_rng(1).integers(-3, 4, (5, 5)).astype(float) + 10 * np.eye(5)
    x = np.arange(5.0)
    layer = ReLULayer(np.vstack([W, -W]), np.concatenate([-(W @ x), W @ x]))
    found = preimage(layer, at=x)
    assert found.pattern.tight.all()
    assert found.kind is Kind.SINGLETON
    assert found.certificate.verify()
    assert (found.dimension.lower, found.dimension.upper) == (0, 0)


def test_every_relu_open_is_a_single_point() -> None:
    W = np.random.default_rng(2).standard_normal((7, 5))
    x = np.ones(5)
    layer = ReLULayer(W, 1.0 - W @ x)
    found = preimage(layer, at=x)
    assert found.kind is Kind.SINGLETON
    assert isinstance(found.certificate.singleton, FullRank)
    assert found.certificate.verify()


def test_zero_on_the_boundary_of_the_hull_is_unbounded() -> None:
    # 0 = 1/2 (1, 0) + 1/2 (-1, 0) lies in the convex hull of the rows, on its boundary: the paper's linear program
    # (is there lam >= 0, sum lam = 1, A' lam = 0?) is feasible, yet (0, -1) is a direction of recession.
    layer = ReLULayer(np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]]), -np.ones(3))
    found = preimage(layer, at=np.zeros(2))
    assert found.kind is Kind.UNBOUNDED
    assert found.certificate.verify()
    certificate = found.certificate.bounded
    assert isinstance(certificate, Direction | ExactDirection | LocalCounting)


def test_rows_that_vanish_in_the_null_space_up_to_rounding_bound_nothing() -> None:
    # With a = (0.1, 0.2, 0.3) active, the other rows are a times numbers: they vanish on its null space exactly, but
    # their floating point projections do not, and multipliers of 1e17 would "prove" boundedness.
    a = np.array([0.1, 0.2, 0.3])
    rows = np.vstack([a, *(factor * a for factor in (-1.0, -0.3, -1.7)), [0.3, -0.1, -1 / 30]])
    found = preimage(ReLULayer(rows, np.zeros(5)), at=np.array([1.0, 1.0, 1.0]))
    assert found.bounded is False
    assert found.certificate.verify()


def test_dependent_columns_leave_a_line() -> None:
    rng = np.random.default_rng(3)
    half = rng.integers(-4, 5, (12, 4)).astype(float)
    layer = ReLULayer(np.hstack([half, half[:, :2] + half[:, 2:]]), rng.standard_normal(12))
    found = preimage(layer, at=rng.standard_normal(6))
    assert found.kind is Kind.UNBOUNDED
    assert found.certificate.verify()


def test_a_dead_input_is_a_line_for_every_picture() -> None:
    rng = np.random.default_rng(4)
    A = rng.standard_normal((60, 20))
    A[:, 7] = 0.0
    found = classify(ReLULayer(A, rng.standard_normal(60)), rng.standard_normal((5, 20)), progress=False)
    assert set(found.kind) == {Kind.UNBOUNDED}
    assert found.verify(progress=False).all()


@pytest.mark.parametrize(("at", "kind"), [(2.0, Kind.SINGLETON), (-2.0, Kind.UNBOUNDED)])
def test_single_neuron(at: float, kind: Kind) -> None:
    found = preimage(ReLULayer(np.array([[1.0]]), np.array([0.0])), at=np.array([at]))
    assert found.kind is kind
    assert found.certificate.verify()


def test_one_input_between_two_neurons_is_an_interval() -> None:
    found = preimage(ReLULayer(np.array([[1.0], [-2.0]]), np.array([-1.0, -1.0])), at=np.array([0.0]))
    assert found.kind is Kind.BOUNDED
    assert found.certificate.verify()


def test_a_layer_of_zeros_keeps_nothing() -> None:
    found = preimage(ReLULayer(np.zeros((9, 3)), np.ones(9)), at=np.ones(3))
    assert found.kind is Kind.UNBOUNDED
    assert found.certificate.verify()


def test_scaling_rows_changes_nothing() -> None:
    rows = simplex_rows(3) * np.array([[1e-150], [1e150], [1.0], [1e-3]])
    found = preimage(ReLULayer(rows, -np.ones(4)), at=np.zeros(3))
    assert found.kind is Kind.BOUNDED
    assert found.certificate.verify()


def planted_face(d: int, m: int, seed: int) -> np.ndarray:
    """m rows of small integers that are at most 0 at a planted z; many are 0 there, some of those on the whole cone."""
    rng = np.random.default_rng(seed)
    z = np.zeros(d, dtype=int)
    support = rng.choice(d, d // 3, replace=False)
    z[support] = rng.choice([-1, 1], d // 3)
    A = rng.integers(-2, 3, (m, d))
    for i in range(3 * m // 4):
        while A[i] @ z:
            j = rng.choice(support)
            A[i, j] -= np.sign(A[i] @ z) * z[j]
    for k in range(m // 12):
        A[3 * m // 4 - 1 - k] = -A[3 * k : 3 * k + 3].sum(axis=0)
    loose = A[3 * m // 4 :]
    loose *= -np.sign(loose @ z)[:, None]
    return A.astype(float)


@pytest.mark.parametrize(("d", "m"), [(45, 78), (60, 90), (90, 200)])
def test_large_integer_layers_with_many_rows_tight_on_a_face(d: int, m: int) -> None:
    A = planted_face(d, m, seed=d)
    found = preimage(ReLULayer(A, np.zeros(m)), at=np.zeros(d))
    assert found.kind is Kind.UNBOUNDED
    assert found.certificate.verify()
    # A row that undoes the sum of all others leaves nothing but 0.
    whole = np.vstack([A, -A.sum(axis=0)])
    found = preimage(ReLULayer(whole, np.zeros(m + 1)), at=np.zeros(d))
    rank = int(np.linalg.matrix_rank(A))
    assert found.kind is (Kind.SINGLETON if rank == d else Kind.UNBOUNDED)
    assert found.certificate.verify()


def test_an_ulp_makes_a_singleton_of_60_inputs() -> None:
    rng = np.random.default_rng(0)
    A = rng.integers(-(2**20), 2**20, (60, 60)).astype(float)
    A[-1] = A[:8].sum(axis=0)
    bias = np.full(60, 1.0)
    assert preimage(ReLULayer(A, bias), at=np.zeros(60)).kind is not Kind.SINGLETON
    A[-1, 1] = np.nextafter(A[-1, 1], np.inf)
    found = preimage(ReLULayer(A, bias), at=np.zeros(60))
    assert found.kind is Kind.SINGLETON
    assert isinstance(found.certificate.singleton, FullRank)
    assert found.certificate.verify()
