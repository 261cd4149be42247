"""Samples against the exact moments and margins of bodies whose uniform distribution is known.

Means are compared in standard errors that the sample's own effective sample size gives; with a few hundred compared
at fixed seeds, more than five would mean a wrong distribution.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from polyhedra.sampling.bodies import by_chain, cube, flat_simplex, simplex, standard_errors_off
from unrelu.errors import InputError, SamplingWarning
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.sampling.diagnostics import R_HAT_LIMIT, effective_sample_size
from unrelu.polyhedra.sampling.sample import Sample, draw, sample

N = 6400
WORST = 5.0


def drawn(polyhedron: Polyhedron, n: int = N, **options: int) -> Sample:
    found = sample(polyhedron, n, progress=False, **options)
    assert found.points.shape == (n, polyhedron.n_coordinates)
    scale = 1 + float(np.abs(found.points - polyhedron.origin).max())
    assert found.violation.max() <= 1e-13 * scale
    assert (found.points >= polyhedron.lower).all()
    assert (found.points <= polyhedron.upper).all()
    return found


def moments_off(found: Sample, mean: np.ndarray | float, covariance: np.ndarray) -> float:
    """Standard errors by which means, variances and covariances of all coordinates are off, the worst."""
    d = found.points.shape[1]
    centred = found.points - mean
    i, j = np.triu_indices(d)
    products = centred[:, i] * centred[:, j]
    return max(standard_errors_off(found, found.points, mean), standard_errors_off(found, products, covariance[i, j]))


def dirichlet_covariance(parts: int) -> np.ndarray:
    """Of Dirichlet(1, ..., 1) with so many parts."""
    return (np.eye(parts) / parts - 1 / parts**2) / (parts + 1)


@pytest.mark.parametrize("d", [1, 2, 10, 40])
def test_simplex(d: int) -> None:
    found = drawn(simplex(d), seed=d, thin=8)
    assert moments_off(found, 1 / (d + 1), dirichlet_covariance(d + 1)[:d, :d]) < WORST
    for coordinate in found.points.T[:3]:
        assert stats.kstest(coordinate, stats.beta(1, d).cdf).pvalue > 1e-3
    assert found.dimension == d


@pytest.mark.parametrize("d", [2, 3, 11])
def test_flat_simplex(d: int) -> None:
    found = drawn(flat_simplex(d), seed=d, thin=8)
    assert moments_off(found, 1 / d, dirichlet_covariance(d)) < WORST
    assert stats.kstest(found.points[:, 0], stats.beta(1, d - 1).cdf).pvalue > 1e-3
    assert found.dimension == d - 1


@pytest.mark.parametrize("d", [1, 3, 30])
def test_cube(d: int) -> None:
    found = drawn(cube(d), seed=d)
    assert moments_off(found, 0.5, np.eye(d) / 12) < WORST
    for coordinate in found.points.T[:3]:
        assert stats.kstest(coordinate, "uniform").pvalue > 1e-3


def test_a_flat_cube_given_by_rows_far_from_zero() -> None:
    # The cube [0, 1]^3 in a plane of R^5, turned, and moved to where a right-hand side would be rounded.
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    origin = 1e4 * rng.standard_normal(5)
    polyhedron = Polyhedron(
        A_ub=np.vstack([Q[:3], -Q[:3]]),
        b_ub=np.r_[np.ones(3), np.zeros(3)],
        A_eq=Q[3:],
        b_eq=np.zeros(2),
        origin=origin,
    )
    found = sample(polyhedron, N, progress=False)
    assert found.violation.max() < 1e-10  # 1e4 has spacing 2e-12
    z = (found.points - origin) @ Q[:3].T
    assert standard_errors_off(found, z, 0.5) < WORST
    assert standard_errors_off(found, (z - 0.5) ** 2, 1 / 12) < WORST


def test_a_thin_box() -> None:
    widths = np.logspace(-6, 0, 7)
    found = drawn(Polyhedron(lower=3.0, upper=3.0 + widths, origin=np.zeros(7)))
    scaled = (found.points - 3.0) / (3.0 + widths - 3.0)
    assert standard_errors_off(found, scaled, 0.5) < WORST
    assert standard_errors_off(found, (scaled - 0.5) ** 2, 1 / 12) < WORST
    assert np.nanmin(found.effective_sample_size) > N / 2


def test_a_thin_skew_box() -> None:
    # x = M t for t in the cube, with directions of lengths 1 to 1e-6.
    rng = np.random.default_rng(1)
    Q = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    M = (Q * np.logspace(0, -6, 5)) @ np.linalg.qr(rng.standard_normal((5, 5)))[0]
    inverse = np.linalg.inv(M)
    found = sample(Polyhedron(np.vstack([inverse, -inverse]), np.r_[np.ones(5), np.zeros(5)]), N, progress=False)
    t = found.points @ inverse.T
    assert standard_errors_off(found, t, 0.5) < WORST
    assert standard_errors_off(found, (t - 0.5) ** 2, 1 / 12) < WORST


def test_functions_of_all_coordinates_in_many_dimensions() -> None:
    # Of Dirichlet(1, ..., 1) with d parts: E sum x^2 = 2 / (d + 1), and E max x = (1 + 1/2 + ... + 1/d) / d.
    d = 120
    found = drawn(flat_simplex(d), 1600)
    squares, largest = (found.points**2).sum(axis=1, keepdims=True), found.points.max(axis=1, keepdims=True)
    assert standard_errors_off(found, squares, 2 / (d + 1)) < WORST
    assert standard_errors_off(found, largest, (1 / np.arange(1, d + 1)).sum() / d) < WORST
    assert standard_errors_off(found, found.points, 1 / d) < WORST


def test_areas_of_parts_of_a_triangle() -> None:
    found = drawn(simplex(2), thin=8)
    x, y = found.points.T
    # The lines through the midpoints of the sides cut four triangles of equal area.
    part = np.select([x > 0.5, y > 0.5, x + y < 0.5], [0, 1, 2], 3)
    counts = np.bincount(part, minlength=4)
    assert stats.chi2(3).sf(np.sum((counts - N / 4) ** 2) / (N / 4)) > 1e-3


def test_a_body_without_symmetry_against_rejection() -> None:
    rng = np.random.default_rng(4)
    rows, slack = rng.standard_normal((8, 3)), 0.1 + rng.random(8)
    polyhedron = Polyhedron(rows, slack, lower=-1.0, upper=2.0)
    found = drawn(polyhedron, thin=8)
    tried = rng.uniform(-1, 2, (400_000, 3))
    exact = tried[(tried @ rows.T <= slack).all(axis=1)]
    assert len(exact) > 10_000
    for direction in (*np.eye(3), np.ones(3)):
        assert stats.kstest(found.points @ direction, exact @ direction).pvalue > 1e-3


def test_crowded_facets_are_rounded_away() -> None:
    # A thousand rows that nearly say x0 <= 1 push the analytic centre to the far side, and shrink its ellipsoid.
    rng = np.random.default_rng(0)
    rows = np.eye(10)[[0] * 1000] + 1e-9 * rng.standard_normal((1000, 10))
    found = drawn(Polyhedron(A_ub=rows, b_ub=np.ones(1000), lower=0.0, upper=2.0), 3200)
    truth = np.where(np.arange(10) == 0, 0.5, 1.0)
    assert standard_errors_off(found, found.points, truth) < WORST
    assert found.effective_sample_size.min() > 1600
    assert found.r_hat.max() < 1.02


def test_a_long_thin_pyramid() -> None:
    # { |x_i| <= 1 - h, 0 <= h <= 1 } in 12 dimensions: h is Beta(1, 12), however narrow the top.
    k = 11
    side = np.hstack([np.eye(k), np.ones((k, 1))])
    rows = np.vstack([side, side * np.r_[-np.ones(k), 1.0]])
    found = drawn(Polyhedron(rows, np.ones(2 * k), lower=np.r_[np.full(k, -np.inf), 0.0]), thin=8)
    assert stats.kstest(found.points[:, -1], stats.beta(1, k + 1).cdf).pvalue > 1e-3
    assert standard_errors_off(found, found.points[:, -1:], 1 / (k + 2)) < WORST


def test_the_effective_sample_size_is_what_means_show() -> None:
    # Means of many independent samples scatter as one sample's effective size says.
    found = [draw(simplex(8), 400, seed=seed, thin=1, progress=False) for seed in range(50)]
    means = np.array([one.points.mean(axis=0) for one in found])
    claimed = np.median([one.effective_sample_size for one in found])
    variance = dirichlet_covariance(9)[0, 0]
    observed = variance / np.mean((means - 1 / 9) ** 2)
    assert 0.7 < observed / claimed < 1.4


def test_few_points_are_warned_of_and_many_are_not() -> None:
    body = simplex(8)
    with pytest.warns(
        SamplingWarning, match=r"R-hat of these 20 points reaches 1\.\d+, .* draw more, say 2000"
    ) as seen:
        found = sample(body, 20, progress=False)
    assert found.r_hat.max() > R_HAT_LIMIT
    assert seen[0].filename == __file__
    assert sample(body, 2000, progress=False).r_hat.max() < R_HAT_LIMIT  # a warning would be an error


def test_implicit_equalities_are_found() -> None:
    # x0 + x1 <= 0 and x >= 0 leave x0 = x1 = 0 and a cube in the other coordinates.
    polyhedron = Polyhedron(A_ub=np.array([[1.0, 1, 0, 0]]), b_ub=np.zeros(1), lower=0.0, upper=1.0)
    found = drawn(polyhedron, 640)
    assert found.dimension == 2
    assert np.abs(found.points[:, :2]).max() < 1e-12
    assert standard_errors_off(found, found.points[:, 2:], 0.5) < WORST


def test_equalities_that_bounds_make_implicit_are_found() -> None:
    # x0 + x1 = 0 and x >= 0 leave x0 = x1 = 0; rounding makes slacks of 1e-31 that are none.
    d = 5
    found = drawn(Polyhedron(A_eq=np.eye(1, d) + np.eye(1, d, 1), b_eq=np.zeros(1), lower=0.0, upper=1.0), 640)
    assert found.dimension == d - 2
    assert not found.points[:, :2].any()


@pytest.mark.parametrize("size", [1.0, 1e-7, 1e-16, 1e-30])
def test_a_small_triangle_in_the_corner_of_a_cube(size: float) -> None:
    # { x >= 0, x0 + x1 <= size }, with bounds at 1 far away: slacks near a bound keep all their digits.
    found = drawn(Polyhedron(np.array([[1.0, 1.0, 0.0]]), np.array([size]), lower=0.0, upper=1.0))
    scaled = found.points / [size, size, 1.0]
    assert standard_errors_off(found, scaled, np.array([1 / 3, 1 / 3, 1 / 2])) < WORST
    assert standard_errors_off(found, scaled**2, np.array([1 / 6, 1 / 6, 1 / 3])) < WORST


@pytest.mark.parametrize(
    "polyhedron",
    [
        Polyhedron(lower=np.array([0.3, 0.0, 0.0]), upper=np.array([0.3, 1.0, 1.0])),
        Polyhedron(A_eq=np.array([[1, 0.3, 0.7], [1, -0.3, -0.7]]), b_eq=np.zeros(2), lower=-1.0, upper=1.0),
    ],
)
def test_coordinates_that_do_not_move_have_no_diagnostics(polyhedron: Polyhedron) -> None:
    found = drawn(polyhedron, 640)
    assert np.ptp(found.points[:, 0]) < 1e-15
    assert np.isnan(found.effective_sample_size).tolist() == [True, False, False]
    assert np.isnan(found.r_hat).tolist() == [True, False, False]


def test_a_single_point_is_repeated() -> None:
    found = drawn(Polyhedron(A_eq=np.eye(3), b_eq=np.zeros(3), origin=np.array([1.0, 2.0, 3.0])), 5)
    assert (found.points == [1.0, 2.0, 3.0]).all()
    assert found.dimension == 0
    assert np.isnan(found.effective_sample_size).all()
    assert repr(found) == "Sample(5 points in 0 dimensions, effective sample size nan, R-hat at most nan)"


def test_the_seed_decides() -> None:
    first = drawn(simplex(5), 300, seed=7, workers=1)
    again = drawn(simplex(5), 300, seed=7, workers=2)
    other = drawn(simplex(5), 300, seed=8)
    np.testing.assert_array_equal(first.points, again.points)
    assert not np.isin(other.points, first.points).any()


def test_chains_and_draws_are_where_they_are_said_to_be() -> None:
    found = drawn(simplex(3), 1280, thin=1, chains=16)
    assert found.chains == 16
    np.testing.assert_allclose(
        effective_sample_size(by_chain(found, found.points)), found.effective_sample_size, rtol=1e-12
    )


@pytest.mark.parametrize("n", [1, 3, 19, 45])
def test_any_number_of_points(n: int) -> None:
    found = drawn(cube(2), n)
    assert len(found) == n
    assert np.unique(found.points, axis=0).shape == (n, 2)
    assert np.isnan(found.r_hat).all() == (n < 4)


def test_points_of_a_preimage_have_its_features() -> None:
    rng = np.random.default_rng(0)
    layer = ReLULayer(rng.standard_normal((12, 30)), rng.standard_normal(12))
    x0 = np.where(rng.random(30) < 0.5, 0.0, rng.random(30))
    before = layer.weight @ x0 + layer.bias
    active = before > 0
    polyhedron = Polyhedron(
        layer.weight[~active], -before[~active], layer.weight[active], np.zeros(active.sum()), 0.0, 1.0, x0
    )
    found = drawn(polyhedron, 320)
    features = np.maximum(found.points @ layer.weight.T + layer.bias, 0.0)
    assert np.abs(features - np.maximum(before, 0.0)).max() < 1e-13
    assert found.dimension == 30 - active.sum()


@pytest.mark.parametrize(
    "polyhedron",
    [
        Polyhedron(lower=0.0, origin=np.zeros(2)),
        Polyhedron(origin=np.zeros(2)),
        Polyhedron(A_ub=np.array([[1.0, 0.0], [-1.0, 0.0]]), b_ub=np.ones(2)),
        Polyhedron(A_ub=np.array([[1.0, 0.0], [-1.0, 0.0]]), b_ub=np.zeros(2), lower=0.0),
    ],
)
def test_unbounded_sets_are_refused(polyhedron: Polyhedron) -> None:
    with pytest.raises(InputError, match=r"unbounded.*bound it by a domain such as Box\(0, 1\)"):
        sample(polyhedron, 10)


@pytest.mark.parametrize(
    "polyhedron",
    [
        Polyhedron(A_eq=np.ones((2, 2)), b_eq=np.array([0.0, 1.0])),
        Polyhedron(A_ub=np.ones((1, 2)), b_ub=-np.ones(1), lower=0.0, upper=1.0),
    ],
)
def test_empty_sets_are_refused(polyhedron: Polyhedron) -> None:
    with pytest.raises(InputError, match="the polyhedron is empty, so it has no points to sample"):
        sample(polyhedron, 10)


def test_slabs_thinner_than_rounding_are_sampled_if_small_and_else_refused() -> None:
    def slab(d: int) -> Polyhedron:
        row = np.zeros((1, d))
        row[0, :2] = 1 / 3, 1 / 7
        origin = np.full(d, 0.5)
        origin[:2] = 0.3, 0.4
        return Polyhedron(np.vstack([row, -row]), np.full(2, 1e-16), lower=0.1, upper=1.0, origin=origin)

    found = sample(slab(2), 320)
    assert found.dimension == 2
    assert found.violation.max() < 1e-15
    # From (0.1, 13/15) to (0.4 + ..., 0.1), cut off at x = 0.1 and y = 0.1.
    low, high = 0.1, 0.3 + 3 / 7 * 0.3
    assert found.points[:, 0].mean() == pytest.approx((low + high) / 2, abs=0.03)
    with pytest.raises(InputError, match=r"strictly inside the polyhedron was found|floats do not see where it ends"):
        sample(slab(70), 10)


@pytest.mark.parametrize(("n", "options"), [(0, {}), (5, {"chains": 0}), (5, {"thin": -1})])
def test_numbers_that_are_not_positive_are_refused(n: int, options: dict[str, int]) -> None:
    with pytest.raises(InputError, match="positive n, chains and thin"):
        drawn(cube(2), n, **options)


def test_moments_of_a_long_body_in_many_dimensions() -> None:
    # A product of 60 unit intervals and a simplex of 40 coordinates that a thousand-fold stretch makes long.
    k, stretch = 40, 1e3
    rows = np.zeros((1, 100))
    rows[0, 60:] = 1 / stretch
    upper = np.where(np.arange(100) < 60, 1.0, np.inf)
    found = drawn(Polyhedron(rows, np.ones(1), lower=0.0, upper=upper), 3200)
    mean = np.where(np.arange(100) < 60, 0.5, stretch / (k + 1))
    assert standard_errors_off(found, found.points, mean) < WORST
    variance = np.where(np.arange(100) < 60, 1 / 12, stretch**2 * k / ((k + 1) ** 2 * (k + 2)))
    assert standard_errors_off(found, (found.points - mean) ** 2, variance) < WORST
