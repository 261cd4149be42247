"""Batches against single inputs and against other people's solvers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from unrelu.errors import InputError, ShapeError
from unrelu.network.layer import ReLULayer
from unrelu.preimages.kind import Kind
from unrelu.preimages.questions import classify, preimage


def recession_direction_exists(A: np.ndarray, pre: np.ndarray) -> bool:
    """The paper's question as a linear program for HiGHS: minimise `sum G z` over the cone, cut off by a box."""
    active = pre > 0
    found = linprog(
        A[~active].sum(axis=0),
        A_ub=A[~active],
        b_ub=np.zeros(int((~active).sum())),
        A_eq=A[active] if active.any() else None,
        b_eq=np.zeros(int(active.sum())) if active.any() else None,
        bounds=(-1, 1),
        method="highs",
    )
    assert found.status == 0
    return bool(found.fun < -1e-7)


@pytest.mark.parametrize("shift", [0.0, 0.6, 1.2])
def test_boundedness_agrees_with_highs(shift: float) -> None:
    rng = np.random.default_rng(int(10 * shift))
    A = rng.standard_normal((120, 30))
    A[:, 0] += shift
    layer = ReLULayer(A, rng.standard_normal(120))
    inputs = rng.standard_normal((40, 30))
    inputs[:, 0] -= shift
    found = classify(layer, inputs, progress=False)
    for x, bounded in zip(inputs, found.bounded, strict=True):
        assert bounded is not recession_direction_exists(A, A @ x + layer.bias)
    assert found.verify(progress=False).all()


def test_large_batches_take_the_shared_path_and_say_the_same() -> None:
    # 400 x 60 is beyond the dense test's size, and the single calls form their own Gram matrices.
    rng = np.random.default_rng(7)
    A = rng.standard_normal((400, 60))
    A[:, 0] += 1.5
    layer = ReLULayer(A, rng.standard_normal(400) - 6.0)
    inputs = rng.standard_normal((70, 60)) * np.linspace(0.2, 0.7, 70)[:, None]
    found = classify(layer, inputs, progress=False)
    single = [preimage(layer, at=x) for x in inputs]
    assert [p.kind for p in single] == found.kind.tolist()
    assert {Kind.BOUNDED, Kind.UNBOUNDED} <= set(found.kind)
    assert found.verify(progress=False).all()
    assert classify(layer, inputs, progress=False, workers=1).kind.tolist() == found.kind.tolist()
    np.testing.assert_array_equal(found.n_active, (inputs @ A.T + layer.bias > 0).sum(axis=1))
    np.testing.assert_array_equal(found.dimension_lower, np.maximum(60 - found.n_active, 0))
    np.testing.assert_array_equal(found.dimension_upper, found.dimension_lower)
    assert len(found) == 70
    assert np.nanmin(found.margin) > 0
    assert np.nanmax(found.margin) <= 1


def test_torch_inputs_of_sample_shape_are_taken() -> None:
    layer = ReLULayer(torch.eye(4, dtype=torch.float32), torch.zeros(4))
    found = classify(layer, torch.ones(3, 2, 2), progress=False)
    assert found.kind.tolist() == [Kind.SINGLETON] * 3


def test_polyhedron_contains_the_point_and_no_other_features() -> None:
    rng = np.random.default_rng(8)
    layer = ReLULayer(rng.standard_normal((9, 6)), rng.standard_normal(9))
    x = rng.standard_normal(6)
    P = preimage(layer, at=x).polyhedron
    assert P.violation(x[None])[0] == 0.0
    away = x + 0.1 * layer.weight[preimage(layer, at=x).pattern.active][0]
    assert P.violation(away[None])[0] > 0.0


@pytest.mark.parametrize(
    ("inputs", "error", "words"),
    [
        (np.zeros(4), ShapeError, "needs \\(n, \\*shape\\)"),
        (np.zeros((2, 5)), ShapeError, "4 numbers each"),
        (np.zeros((0, 4)), ShapeError, "n >= 1"),
        (np.full((1, 4), np.nan), InputError, "NaN or infinite"),
        (np.full((1, 4), 1j), InputError, "must be real"),
    ],
)
def test_bad_inputs_get_one_sentence(inputs: np.ndarray, error: type[Exception], words: str) -> None:
    layer = ReLULayer(np.eye(4), np.zeros(4))
    with pytest.raises(error, match=words):
        classify(layer, inputs)


def test_a_point_of_another_size_is_refused() -> None:
    with pytest.raises(ShapeError, match="takes 4; give one input of the layer"):
        preimage(ReLULayer(np.eye(4), np.zeros(4), name="relu1"), at=np.zeros(3))


def test_a_batch_is_judged_as_each_of_its_inputs_alone_and_proved() -> None:
    """Together crowded cones are decided by splitting, alone by elimination."""
    rng = np.random.default_rng(5)
    layer = ReLULayer(rng.normal(size=(600, 40)), rng.normal(size=600) - 9.0)
    inputs = rng.normal(size=(40, 40)) * rng.uniform(0.2, 3.0, size=(40, 1))
    together = classify(layer, inputs, progress=False)
    alone = [preimage(ReLULayer(layer.weight, layer.bias), at=x).kind for x in inputs]
    assert together.kind.tolist() == alone
    assert set(alone) >= {Kind.BOUNDED, Kind.SINGLETON}
    assert together.verify(progress=False).all()


def test_a_device_may_be_named() -> None:
    layer = ReLULayer(np.array([[1.0], [-1.0]]), np.array([-1.0, -1.0]))
    assert classify(layer, np.zeros((1, 1)), device="cpu").kind.tolist() == [Kind.BOUNDED]


@pytest.mark.parametrize("device", ["nowhere", "meta"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    layer = ReLULayer(np.eye(2), np.zeros(2))
    with pytest.raises(InputError, match="cannot compute in double precision here"):
        classify(layer, np.zeros((1, 2)), device=device)
