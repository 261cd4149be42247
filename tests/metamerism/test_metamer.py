"""Metamers of the first layer: closed forms, scipy's own programs, and features that really are the same."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from polyhedra.nearest_reference import nearest_distance
from unrelu.errors import DomainError, InputError, ShapeError, SolverFailure
from unrelu.metamerism.metamer import metamer
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box
from unrelu.polyhedra.nearest import NORMS
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.solvers.status import Status


def relu(layer: ReLULayer, x: np.ndarray) -> np.ndarray:
    return np.maximum(layer.weight @ x.ravel() + layer.bias, 0.0)


def random_layer(seed: int, m: int = 8, d: int = 12) -> ReLULayer:
    rng = np.random.default_rng(seed)
    return ReLULayer(rng.normal(size=(m, d)), rng.normal(size=m))


def plain_distance(layer: ReLULayer, at: np.ndarray, target: np.ndarray, norm: float, tolerance: float = 0.0) -> float:
    """By scipy, from constraints on the features written down directly and not centred at the original."""
    A, b, y = layer.weight, layer.bias, relu(layer, at)
    lower = y > tolerance
    same = lower if tolerance == 0 else np.zeros(len(y), dtype=bool)
    polyhedron = Polyhedron(
        A_ub=np.vstack([A[~same], -A[lower & ~same]]),
        b_ub=np.concatenate([(y + tolerance - b)[~same], (b - y + tolerance)[lower & ~same]]),
        A_eq=A[same],
        b_eq=(y - b)[same],
        lower=0.0,
        upper=1.0,
    )
    return nearest_distance(polyhedron, target, norm)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("seed", range(5))
def test_distance_is_scipys_features_are_the_same_and_the_bound_proves_it(seed: int, norm: float) -> None:
    layer = random_layer(seed)
    rng = np.random.default_rng(50 + seed)
    x0, t = rng.uniform(0, 1, 12).round(1), rng.uniform(0, 1, 12)  # .round(1) puts some at the bounds
    found = metamer(layer, at=x0, target=t, norm=norm)
    assert found.distance == pytest.approx(plain_distance(layer, x0, t, norm), abs=1e-6)
    assert found.distance <= np.linalg.norm(x0 - t, ord=norm) + 1e-12
    np.testing.assert_allclose(relu(layer, np.asarray(found.x)), relu(layer, x0), atol=1e-14)
    assert found.feature_error <= 1e-14
    assert ((found.x >= 0) & (found.x <= 1)).all()
    assert found.bound <= found.distance + 1e-12
    assert found.optimal
    assert found.distance - found.bound < 1e-9
    assert found.radius < 1e-11
    assert not found.regional
    assert found.status is Status.OPTIMAL


@pytest.mark.parametrize("norm", NORMS)
def test_a_single_active_neuron_leaves_its_hyperplane(norm: float) -> None:
    a, t, x0 = np.array([2.0, 1.0, -1.0]), np.array([0.3, 0.9, 0.1]), np.array([1.0, 0.5, 0.25])
    found = metamer(ReLULayer(a[None], np.zeros(1)), at=x0, target=t, norm=norm, domain=None)
    dual = {1: math.inf, 2: 2, math.inf: 1}[norm]
    assert found.distance == pytest.approx(abs(a @ (t - x0)) / np.linalg.norm(a, ord=dual), abs=1e-12)
    assert found.optimal


@pytest.mark.parametrize("norm", NORMS)
def test_a_single_inactive_neuron_leaves_its_half_space(norm: float) -> None:
    layer = ReLULayer(np.array([[1.0, 1.0]]), np.array([-1.0]))
    inside = metamer(layer, at=np.zeros(2), target=np.array([0.25, 0.5]), norm=norm)
    np.testing.assert_allclose(inside.x, [0.25, 0.5], atol=1e-9)
    outside = metamer(layer, at=np.zeros(2), target=np.ones(2), norm=norm)
    assert outside.distance == pytest.approx({1: 1.0, 2: math.sqrt(0.5), math.inf: 0.5}[norm])
    assert outside.feature_error == 0.0


@pytest.mark.parametrize("norm", NORMS)
def test_a_layer_of_both_signs_sees_everything(norm: float) -> None:
    """With [W; -W] and W invertible, ReLU(Wx) - ReLU(-Wx) = Wx: the original is its only metamer."""
    W = np.random.default_rng(0).normal(size=(5, 5))
    x0 = np.full(5, 0.5)
    found = metamer(ReLULayer(np.vstack([W, -W]), np.zeros(10)), at=x0, target=np.ones(5), norm=norm)
    np.testing.assert_array_equal(found.x, x0)
    assert (found.feature_error, found.radius) == (0.0, 0.0)
    assert found.distance == pytest.approx(np.linalg.norm(np.full(5, 0.5), ord=norm))
    assert found.optimal


def test_a_dead_layer_forgets_everything() -> None:
    layer = ReLULayer(-np.ones((3, 4)), np.full(3, -1.0))
    target = np.array([0.0, 1.0, 0.5, 0.2])
    for norm in NORMS:
        found = metamer(layer, at=np.zeros(4), target=target, norm=norm)
        np.testing.assert_allclose(found.x, target, atol=1e-9)
        assert found.distance < 1e-9


def test_the_domain_keeps_what_the_features_would_let_go() -> None:
    layer = ReLULayer(np.array([[1.0, 0.0]]), np.zeros(1))
    x0, target = np.array([0.5, 0.5]), np.array([0.5, 7.0])
    assert metamer(layer, at=x0, target=target).x[1] == 1.0
    assert metamer(layer, at=x0, target=target, domain=Box(0, 2)).x[1] == 2.0
    assert metamer(layer, at=x0, target=target, domain=None).x[1] == pytest.approx(7.0)
    # x0 + x1 <= 1.25 as a general row, and x0 = x1 as another.
    below = Polyhedron(A_ub=np.ones((1, 2)), b_ub=np.array([1.25]))
    assert metamer(layer, at=x0, target=target, domain=below).x[1] == pytest.approx(0.75)
    equal = Polyhedron(A_eq=np.array([[1.0, -1.0]]), b_eq=np.zeros(1))
    assert metamer(layer, at=x0, target=target, domain=equal).x[1] == pytest.approx(0.5)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("tolerance", [0.05, 2.0])
def test_a_tolerance_widens_the_preimage_to_what_it_says(norm: float, tolerance: float) -> None:
    layer = random_layer(11)
    rng = np.random.default_rng(11)
    x0, t = rng.uniform(0, 1, 12), rng.uniform(0, 1, 12)
    found = metamer(layer, at=x0, target=t, norm=norm, tolerance=tolerance)
    assert found.distance == pytest.approx(plain_distance(layer, x0, t, norm, tolerance), abs=1e-6)
    assert found.feature_error <= tolerance + 1e-12
    assert found.distance < metamer(layer, at=x0, target=t, norm=norm).distance
    assert found.optimal


def test_signs_are_those_of_exact_arithmetic() -> None:
    # 1 + 2^-60 - 1 is positive, though float64 has it at 0: an equality holds x at the original.
    row = np.array([[1.0, 2.0**-60]])
    found = metamer(ReLULayer(row, -np.ones(1)), at=np.ones(2), target=np.zeros(2))
    assert found.x[0] == pytest.approx(1.0)
    # 1 - 1 is exactly 0: an inequality lets it go.
    found = metamer(ReLULayer(np.array([[1.0, 0.0]]), -np.ones(1)), at=np.ones(2), target=np.zeros(2))
    np.testing.assert_array_equal(found.x, [0.0, 0.0])


def test_arrays_come_back_in_their_kind_and_shape() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 16, 3)).eval()
    net = Network.from_torch(module, torch.rand(2, 1, 6, 6))
    x0, target = torch.rand(1, 6, 6), torch.rand(1, 6, 6)
    prefix = net.upto(net.layers[0])
    found = metamer(prefix, at=x0, target=target, norm=2)
    assert isinstance(found.x, torch.Tensor)
    assert isinstance(found.original, torch.Tensor)
    assert found.x.shape == found.target.shape == (1, 6, 6)
    assert found.x.dtype == torch.float64
    as_arrays = metamer(prefix, at=x0.numpy(), target=target.numpy(), norm=2)
    assert isinstance(as_arrays.x, np.ndarray)
    np.testing.assert_allclose(as_arrays.x, found.x.numpy())
    # Float64 features agree to float64 rounding, those of the float32 module to float32 rounding.
    features = module[:2].double()
    difference = (features(found.x[None]) - features(found.original[None])).abs().max().item()
    assert difference < 1e-14
    assert found.feature_error < 1e-14
    assert found.forward_error is not None
    assert found.forward_error < 1e-5


def test_forward_error_is_the_users_own() -> None:
    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 2)).eval()
    net = Network.from_torch(module, torch.rand(2, 6))
    x0, target = torch.rand(6), torch.rand(6)
    found = metamer(net.upto(net.layers[0]), at=x0, target=target, norm=math.inf)
    assert isinstance(found.x, torch.Tensor)
    with torch.no_grad():
        own = module[:2](torch.stack([x0, found.x.float()]))
    assert found.forward_error == (own[0] - own[1]).abs().max().item()
    assert metamer(random_layer(0), at=np.zeros(12), target=np.ones(12)).forward_error is None


def test_a_time_limit_leaves_the_original_and_says_so() -> None:
    layer = random_layer(0, m=200, d=150)
    x0 = np.full(150, 0.5)
    found = metamer(layer, at=x0, target=np.ones(150), time_limit=0.0)
    assert found.status is Status.TIME_LIMIT
    np.testing.assert_array_equal(found.x, x0)
    assert (found.feature_error, found.radius) == (0.0, 0.0)
    assert not found.optimal
    far = metamer(layer, at=x0, target=np.ones(150), objective="farthest", time_limit=0.0)
    assert far.status is Status.TIME_LIMIT
    np.testing.assert_array_equal(far.x, x0)
    assert far.bound >= far.distance == pytest.approx(75.0)


def test_misuse_is_told() -> None:
    layer = random_layer(0)
    x0, t = np.full(12, 0.5), np.ones(12)
    with pytest.raises(InputError, match="the objective of a metamer is 'nearest' or 'farthest', not 'other'"):
        metamer(layer, at=x0, target=t, objective="other")
    with pytest.raises(InputError, match="arbitrarily far away, so there is no farthest; bound them by a domain"):
        metamer(layer, at=x0, target=t, objective="farthest", domain=None)
    with pytest.raises(InputError, match="measured in the norms"):
        metamer(layer, at=x0, target=t, norm=0)
    with pytest.raises(InputError, match="the tolerance must be a finite number of at least 0, not"):
        metamer(layer, at=x0, target=t, tolerance=-1.0)
    for limit in (None, -1.0, math.nan):
        with pytest.raises(InputError, match=r"the time limit must be a number of seconds, math\.inf for none, not"):
            metamer(layer, at=x0, target=t, time_limit=limit)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ShapeError, match="the target has shape"):
        metamer(layer, at=x0, target=np.ones(11))
    with pytest.raises(ShapeError, match="give one sample, without a batch axis"):
        metamer(layer, at=x0[None], target=t)
    with pytest.raises(InputError, match="not of a list"):
        metamer([layer], at=x0, target=t)  # pyright: ignore[reportArgumentType]
    with pytest.raises(
        DomainError,
        match=r"original lies outside the domain: coordinate 3 is 1\.5, which exceeds its upper bound 1 by 0\.5; clip",
    ):
        metamer(layer, at=np.where(np.arange(12) == 3, 1.5, x0), target=t)
    with pytest.raises(DomainError, match=r"it breaks inequality row 0 of the domain by 5\.0, where"):
        metamer(layer, at=x0, target=t, domain=Polyhedron(A_ub=np.ones((1, 12)), b_ub=np.ones(1)))
    with pytest.raises(DomainError, match=r"it breaks equality row 0 of the domain by 5\.0, where"):
        metamer(layer, at=x0, target=t, domain=Polyhedron(A_eq=np.ones((1, 12)), b_eq=np.ones(1)))


def test_a_solver_without_an_answer_is_told() -> None:
    # A target this far away is infinite to HiGHS.
    with pytest.raises(SolverFailure):
        metamer(random_layer(0), at=np.full(12, 0.5), target=np.full(12, 1e300), norm=math.inf, domain=None)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_small_integer_layers(data: st.DataObject) -> None:
    """Rows that repeat, vanish, oppose each other, and are exactly zero at the original."""
    d, m = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 6))
    rows = data.draw(st.lists(st.lists(st.integers(-2, 2), min_size=d, max_size=d), min_size=m, max_size=m))
    layer = ReLULayer(
        np.array(rows, float), np.array(data.draw(st.lists(st.integers(-2, 2), min_size=m, max_size=m)), float)
    )
    point = st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=d, max_size=d)
    x0, target = np.array(data.draw(point)), np.array(data.draw(point))
    norm = data.draw(st.sampled_from(NORMS))
    found = metamer(layer, at=x0, target=target, norm=norm)
    np.testing.assert_allclose(relu(layer, np.asarray(found.x)), relu(layer, x0), atol=1e-12)
    assert ((found.x >= 0) & (found.x <= 1)).all()
    assert found.bound <= found.distance + 1e-12
    assert found.optimal
    if norm != 2:
        assert found.distance == pytest.approx(plain_distance(layer, x0, target, norm), abs=1e-6)


@pytest.mark.parametrize("norm", [1, 2, np.inf])
def test_the_only_input_with_its_features_is_its_own_metamer(norm: float) -> None:
    rng = np.random.default_rng(0)
    layer = ReLULayer(rng.standard_normal((60, 20)), np.full(60, 30.0))  # all active, far more than inputs
    original, target = rng.random((2, 20))
    found = metamer(layer, at=original, target=target, norm=norm)
    np.testing.assert_array_equal(found.x, original)
    assert found.optimal
    assert found.radius == found.feature_error == 0.0
    assert found.unique
    assert found.distance == np.linalg.norm(original - target, ord=norm)
    assert found.bound == pytest.approx(found.distance, rel=1e-12)
    assert _is_at_most_the_distance(found.bound, original, target, norm)


def _is_at_most_the_distance(bound: float, x: np.ndarray, target: np.ndarray, norm: float) -> bool:
    """In exact arithmetic."""
    gaps = [abs(Fraction(a) - Fraction(b)) for a, b in zip(x.tolist(), target.tolist(), strict=True)]
    if norm == 2:
        return Fraction(bound) ** 2 <= sum(gap**2 for gap in gaps)
    return Fraction(bound) <= (sum(gaps) if norm == 1 else max(gaps))
