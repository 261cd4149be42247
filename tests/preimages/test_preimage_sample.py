"""Points drawn from preimages: where they lie, how they are distributed, and what is proved of them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from scipy import stats
from scipy.sparse import csr_array

from unrelu.cones.decision import still_open
from unrelu.errors import InputError, SamplingWarning
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.dimension_interval import DimensionInterval
from unrelu.polyhedra.domains import Box, Domain
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.layer_preimage import LayerPreimage
from unrelu.preimages.questions import preimage


def random_preimage(seed: int, tolerance: float = 0.0) -> LayerPreimage:
    """Of 8 rows at a picture of shape (4, 5), some pixels of which are black."""
    rng = np.random.default_rng(seed)
    layer = ReLULayer(rng.standard_normal((8, 20)), rng.standard_normal(8), input_shape=(4, 5))
    x0 = np.where(rng.random((4, 5)) < 0.3, 0.0, rng.random((4, 5)))
    return preimage(layer, at=x0, domain=Box(0, 1), tolerance=tolerance)


@pytest.mark.parametrize("tolerance", [0.0, 1e-3])
@pytest.mark.parametrize("seed", range(3))
def test_points_have_the_features_and_members_near_them(seed: int, tolerance: float) -> None:
    pre = random_preimage(seed, tolerance)
    found = pre.sample(640, seed=seed, progress=False)
    assert found.points.shape == (640, 4, 5)
    assert found.r_hat.shape == found.effective_sample_size.shape == (4, 5)
    assert len(found) == 640
    assert found.points.min() >= 0
    assert found.points.max() <= 1
    assert found.dimension == 20 - (0 if tolerance else pre.n_active)
    features = np.maximum(found.points.reshape(640, 20) @ pre.layer.weight.T + pre.layer.bias, 0)
    off = np.abs(features - np.maximum(pre.layer.weight @ pre.at + pre.layer.bias, 0)).max(axis=1)
    np.testing.assert_allclose(found.feature_error, off, atol=1e-14)
    assert found.feature_error.max() < tolerance + 1e-13
    if tolerance:
        assert found.feature_error.max() > 0.9 * tolerance
    assert found.radius.max() < 1e-12
    assert np.unique(found.points.reshape(640, 20), axis=0).shape == (640, 20)


def test_they_are_uniform_on_a_flat_simplex_and_on_half_a_square() -> None:
    # { x >= 0, sum x = 1 } and { x in [0, 1]^2 : x1 + x2 <= 1 } are Dirichlet(1, ..., 1).
    flat = preimage(ReLULayer(np.ones((1, 6)), np.zeros(1)), at=np.full(6, 1 / 6), domain=Box(0, 1))
    half = preimage(ReLULayer(np.ones((1, 2)), -np.ones(1)), at=np.full(2, 0.25), domain=Box(0, 1))
    for pre, dimension in ((flat, 5), (half, 2)):
        found = pre.sample(3200, progress=False)
        assert found.dimension == dimension
        for coordinate in found.points.T:
            assert stats.kstest(coordinate, stats.beta(1, dimension).cdf).pvalue > 1e-4


def test_the_radius_holds_in_exact_arithmetic() -> None:
    # A line through a square; 0.1, 0.3, 0.7 are not the decimals they look like.
    a, x0 = np.array([0.1, 0.3]), np.array([0.7, 0.6])
    found = preimage(ReLULayer(a[None], np.ones(1)), at=x0, domain=Box(0, 1)).sample(300, progress=False)
    row, start = [Fraction(v) for v in a], [Fraction(v) for v in x0]
    off = 0
    for x, radius in zip(found.points, found.radius, strict=True):
        residual = sum(r * (Fraction(v) - s) for r, v, s in zip(row, x, start, strict=True))
        squared = residual**2 / sum(r**2 for r in row)
        assert squared <= Fraction(radius) ** 2
        off += residual != 0
    assert off > 200
    assert found.radius.max() < 1e-14


@pytest.mark.parametrize("tolerance", [0.0, 0.1])
def test_right_hand_sides_are_within_their_error(tolerance: float) -> None:
    """Against rational arithmetic, where pre-activations and slacks of the domain cancel."""
    rng = np.random.default_rng(0)
    A, x0 = rng.standard_normal((12, 5)), rng.standard_normal(5)
    b = -(A @ x0) + np.repeat([1e-12, 1.0, -1e-12, -1e-16], 3) * rng.random(12)
    C, origin = rng.standard_normal((3, 5)), 1e3 * rng.standard_normal(5)
    domain = Polyhedron(C, C @ (x0 - origin) + 1e-9, origin=origin)
    pre = preimage(ReLULayer(A, b), at=x0, domain=domain, tolerance=tolerance)
    active, P = pre.pattern.active, pre.polyhedron
    eps = Fraction(tolerance)
    exact = [
        max(-_value(row, x0, constant), Fraction(0)) + eps
        for row, constant, used in zip(A, b, ~active | (tolerance > 0), strict=True)
        if used
    ]
    exact += [eps] * (int(active.sum()) if tolerance else 0)
    exact += [
        Fraction(right) - _value(row, x0, 0.0) + _value(row, origin, 0.0)
        for row, right in zip(C, domain.b_ub, strict=True)
    ]
    off = [abs(Fraction(value) - truth) for value, truth in zip(P.b_ub, exact, strict=True)]
    assert all(error <= Fraction(bound) for error, bound in zip(off, P.ub_error, strict=True))
    assert any(off)
    assert P.ub_error.max() < 1e-10
    # About the point itself equalities hold exactly.
    assert len(P.b_eq) == (0 if tolerance else active.sum())
    assert not P.b_eq.any()
    assert not P.eq_error.any()


def _value(row: np.ndarray, x: np.ndarray, constant: float) -> Fraction:
    return sum((Fraction(a) * Fraction(v) for a, v in zip(row, x, strict=True)), Fraction(constant))


def test_a_single_point_is_repeated() -> None:
    x0 = np.array([0.1, 0.2, 0.3])
    pre = preimage(ReLULayer(np.eye(3), np.ones(3), input_shape=(1, 3)), at=x0)
    found = pre.sample(4, progress=False)
    assert (found.points == x0).all()
    assert found.points.shape == (4, 1, 3)
    assert found.dimension == 0
    assert found.radius.tolist() == found.feature_error.tolist() == [0.0] * 4
    assert np.isnan(found.effective_sample_size).all()
    assert repr(found) == "PreimageSample(4 points in 0 dimensions)"


def test_few_points_are_warned_of_where_they_were_asked_for() -> None:
    with pytest.warns(SamplingWarning, match="R-hat of these 20 points reaches") as seen:
        found = random_preimage(0).sample(20, progress=False)
    assert np.nanmax(found.r_hat) > 1.05
    assert [warning.filename for warning in seen] == [__file__]


def test_the_seed_decides_and_the_line_tells() -> None:
    pre = random_preimage(0)
    first, again, other = (pre.sample(300, seed=seed, progress=False) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.points, again.points)
    assert not (first.points == other.points).any(axis=(1, 2)).any()
    assert repr(first).startswith(f"PreimageSample(300 points in {first.dimension} dimensions, effective sample size ")


@pytest.mark.parametrize("domain", [None, Box(lower=0.0)])
def test_unbounded_ones_are_refused(domain: Domain | None) -> None:
    pre = preimage(ReLULayer(np.array([[1.0, -1.0]]), np.ones(1)), at=np.ones(2), domain=domain)
    with pytest.raises(InputError, match=r"unbounded, so it has no uniform distribution; bound it by a domain such as"):
        pre.sample(10)


def test_undecided_ones_are_refused() -> None:
    pre = replace(random_preimage(0), bounded_decision=still_open("left open"))
    with pytest.raises(InputError, match=r"is undecided; bound it by a domain such as Box"):
        pre.sample(10)


def test_no_points_are_refused() -> None:
    with pytest.raises(InputError, match="positive n"):
        random_preimage(0).sample(0)


def test_another_dimension_than_the_proved_one_is_refused() -> None:
    pre = random_preimage(0)
    vars(pre)["_dimension"] = DimensionInterval(3, 4)  # stands for a proof that the floats of the sampler contradict
    with pytest.raises(InputError, match=r"too thin for floats: 1\d dimensions were found, where 3 to 4 are proved"):
        pre.sample(10, progress=False)


def test_sparse_rows_give_the_same_points() -> None:
    pre = random_preimage(0)
    sparse = ReLULayer(csr_array(pre.layer.weight), pre.layer.bias, input_shape=(4, 5))
    found = preimage(sparse, at=pre.at, domain=Box(0, 1)).sample(100, progress=False)
    expected = pre.sample(100, progress=False)
    np.testing.assert_allclose(found.points, expected.points, atol=1e-9)
    np.testing.assert_allclose(found.feature_error, expected.feature_error, atol=1e-13)
