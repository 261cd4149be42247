import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unrelu as ur
from stability.prescribed_values import prescribed
from stability.reference_networks import REFERENCES, normal, one_layer
from unrelu.across.far_pairs import start_directions
from unrelu.across.pair_search import descend, room
from unrelu.across.sharp_bound import smallest_value
from unrelu.errors import DomainError, InputError, ShapeError
from unrelu.polyhedra.domains import resolve


def splitting(d):
    """`ReLU([x; -x])`."""
    return ur.ReLULayer(np.vstack([np.eye(d), -np.eye(d)]), np.zeros(2 * d))


def ratios(layer, points):
    """Of all pairs of points."""
    features = np.maximum(points @ layer.dense_weight.T + layer.bias, 0)
    first, second = np.triu_indices(len(points), 1)
    return np.linalg.norm(features[first] - features[second], axis=1) / np.linalg.norm(
        points[first] - points[second], axis=1
    )


@pytest.mark.parametrize("d", [1, 2, 3])
def test_the_sign_splitting_layer_has_one_over_root_two(d):
    """For opposite signs of every coordinate `||f(x) - f(x')||^2 = ||x||^2 + ||x'||^2 >= ||x - x'||^2 / 2`."""
    found = ur.inverse_lipschitz(splitting(d))
    assert found.frame is not None
    assert len(found.frame.regions.regions) == 2**d
    assert found.frame.below == pytest.approx(1.0, rel=1e-13)
    assert found.frame.above == pytest.approx(1.0, rel=1e-13)
    assert found.lower == pytest.approx(0.5, rel=1e-13)
    assert found.lower <= 0.5
    assert found.upper == pytest.approx(math.sqrt(0.5), rel=1e-6)
    assert found.upper >= math.sqrt(0.5)
    assert found.constant_lower == pytest.approx(math.sqrt(2), rel=1e-6)
    assert found.constant_upper == pytest.approx(2.0, rel=1e-13)


@st.composite
def small_layers(draw):
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    m, d = draw(st.integers(1, 6)), draw(st.integers(1, 2))
    return ur.ReLULayer(random.standard_normal((m, d)), random.standard_normal(m))


@settings(max_examples=15)
@given(small_layers(), st.integers(0, 100))
def test_no_pair_of_the_domain_breaks_the_lower_bound_and_one_reaches_the_upper(layer, seed):
    box = ur.Box(-2, 2)
    found = ur.inverse_lipschitz(layer, box, n_starts=1, steps=30, seed=seed)
    points = np.random.default_rng(seed).uniform(-2, 2, (60, layer.n_inputs))
    seen = ratios(layer, points).min()
    assert found.lower <= seen * (1 + 1e-9)  # near pairs lose digits
    assert found.lower <= found.upper
    frame = found.frame
    assert frame is not None
    assert frame.below / 2 <= frame.lower <= frame.above
    assert found.upper <= frame.above
    # sigma_min of the active rows of each region, by NumPy
    for region, value in zip(frame.regions.regions, frame.values, strict=True):
        rows = layer.dense_weight[region.active]
        expected = np.linalg.svd(rows, compute_uv=False)[-1] if len(rows) >= layer.n_inputs else 0.0
        assert value == pytest.approx(expected, abs=1e-12)
    assert frame.below == pytest.approx(frame.values.min(), rel=1e-9, abs=1e-300)
    if found.witness is not None:
        x, other = found.witness.x.ravel(), found.witness.other.ravel()
        assert np.all(np.abs([x, other]) <= 2)
        (ratio,) = ratios(layer, np.array([x, other]))
        assert found.witness.ratio == pytest.approx(ratio, rel=1e-6, abs=1e-12)
        assert found.upper <= found.witness.ratio_bound


def test_no_witness_is_one_input_twice():
    """Where the ratio is the same all over a region, the descent may let the two inputs meet."""
    for seed in (53, 423, 1242, 1311, 1586):  # they met
        random = np.random.default_rng(seed)
        m = random.integers(1, 7)
        layer = ur.ReLULayer(random.standard_normal((m, 1)), random.standard_normal(m))
        found = ur.inverse_lipschitz(layer, ur.Box(-2, 2), n_starts=1, steps=30, seed=2)
        assert found.witness is not None
        assert found.witness.distance > 0
        assert found.lower <= found.witness.ratio <= found.witness.ratio_bound < math.inf


def test_features_that_are_active_everywhere_are_not_halved():
    layer = ur.ReLULayer(np.vstack([np.eye(2), [[1.0, 1.0]]]), np.array([5.0, 5.0, 0.0]))
    found = ur.inverse_lipschitz(layer, ur.Box(-1, 1), n_starts=0)
    assert found.frame is not None
    assert found.lower == pytest.approx(1.0, rel=1e-13)
    assert found.frame.below / 2 == pytest.approx(0.5, rel=1e-13)
    assert found.upper == pytest.approx(1.0, rel=1e-13)
    assert found.witness is None


def test_too_few_active_features_somewhere_prove_that_there_is_no_inverse():
    found = ur.inverse_lipschitz(ur.ReLULayer(np.eye(2), np.zeros(2)))
    assert found.lower == found.upper == 0.0
    assert found.constant_lower == found.constant_upper == math.inf
    within = ur.inverse_lipschitz(ur.ReLULayer(np.eye(2), np.zeros(2)), ur.Nonnegative())
    assert within.lower == pytest.approx(1.0, rel=1e-13)
    assert within.upper == pytest.approx(1.0, rel=1e-13)


def test_a_network_of_one_layer_is_that_layer():
    weight, bias = normal(0, 5, 2).numpy(), normal(1, 5).numpy()
    net = ur.Network.from_layers([(weight, bias), (np.eye(5), np.zeros(5))])
    one = ur.inverse_lipschitz(net.upto("relu1"), ur.Box(-1, 1), n_starts=1)
    same = ur.inverse_lipschitz(ur.ReLULayer(weight, bias), ur.Box(-1, 1), n_starts=1)
    assert (one.lower, one.upper) == (same.lower, same.upper)


@pytest.mark.parametrize("kind", REFERENCES)
def test_a_deep_prefix_has_a_witness_and_what_holds_around_a_point(kind):
    reference = REFERENCES[kind]()
    network = reference.network
    x = normal(5, *network.input_shape).numpy()
    found = ur.inverse_lipschitz(network, at=x, n_starts=0, steps=20)
    assert found.frame is None
    assert "ReLU layers; the sandwich is about one" in found.reason
    assert found.lower == 0.0
    assert found.constant_upper == math.inf
    lin = ur.linearize(network, x)
    assert found.local is not None
    values = np.linalg.svd(lin.matrix, compute_uv=False)
    assert found.local.sigma == pytest.approx(values[-1] if lin.shape[0] >= lin.shape[1] else 0.0)
    assert found.local.radius == lin.radius
    assert found.witness is not None
    assert found.upper == found.witness.ratio_bound
    batch = np.stack([found.witness.x, found.witness.other])
    features = np.asarray(network(batch)).reshape(2, -1)
    moved = np.linalg.norm(features[0] - features[1])
    assert found.witness.feature_distance == pytest.approx(moved, abs=1e-11)
    assert found.witness.ratio <= found.witness.ratio_bound
    assert "kappa_L" in repr(found)


def test_why_there_is_no_sandwich_is_said():
    net = REFERENCES["dense"]().network
    assert ur.inverse_lipschitz(net.upto("dense1"), n_starts=0).reason == "the prefix is not one ReLU layer"
    assert ur.inverse_lipschitz(net, n_starts=0, limit=0).reason == "not asked for"
    many = ur.inverse_lipschitz(net.upto("relu1"), n_starts=0, limit=5)
    assert "more than 5 regions" in many.reason
    assert many.upper == math.inf


def test_misuse_is_refused():
    layer = splitting(1)
    with pytest.raises(InputError, match="must be 0 or more"):
        ur.inverse_lipschitz(layer, n_starts=-1)
    with pytest.raises(DomainError, match="no interior"):
        ur.inverse_lipschitz(layer, ur.Box(1, 1))
    with pytest.raises(DomainError, match="exceeds its upper bound 1"):
        ur.inverse_lipschitz(layer, ur.Box(0, 1), at=np.array([2.0]))
    with pytest.raises(ShapeError, match="the point has shape"):
        ur.inverse_lipschitz(layer, at=np.ones(2))


# -- the smallest singular value, enclosed --------------------------------------------------------------


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(0, 4), st.integers(0, 12))
def test_the_enclosure_holds_and_is_sharp(seed, d, more, decades):
    random = np.random.default_rng(seed)
    q = [np.linalg.qr(random.standard_normal((n, d)))[0] for n in (d + more, d)]
    values = np.geomspace(1.0, 10.0**-decades, d)
    found = smallest_value(q[0] * values @ q[1].T)
    noise = 1e-14  # that the matrix itself was rounded by
    assert found.below <= values[-1] + noise
    assert found.above >= values[-1] - noise
    assert found.below <= found.above
    if decades <= 6:
        assert found.below >= values[-1] * (1 - 1e-9 * 10**decades / 1e3) - 10 * noise


def test_the_enclosure_is_exact_rationally():
    """`[[a, b], [0, c]]` with whole numbers: `sigma_min^2` is the smaller root of a quadratic, checked in integers."""
    from fractions import Fraction

    for a, b, c in ((3, 1, 2), (7, 5, 1), (1, 1000, 1)):
        found = smallest_value(np.array([[a, b], [0, c]], dtype=float))
        trace, det = a * a + b * b + c * c, (a * c) ** 2

        def sign(s, trace=trace, det=det):
            square = Fraction(s) ** 2
            return square * square - trace * square + det

        assert sign(found.below) >= 0  # at most the smaller root
        assert sign(found.above) <= 0  # at least the smaller root


def test_far_pairs_are_far_and_alike():
    net = REFERENCES["dense"]().network
    x = normal(3, 12).numpy()
    found = ur.far_pairs(net, x, n=3, apart=2.0, domain=ur.Box(-5, 5), n_regions=10, steps=50)
    assert len(found) == 3
    start = np.asarray(net(x[None]))[0]
    for one in found:
        np.testing.assert_array_equal(one.x, x)
        assert np.all(np.abs(one.other) <= 5)
        assert one.distance == pytest.approx(np.linalg.norm(one.other - x))
        assert one.distance >= 2.0
        moved = np.linalg.norm(np.asarray(net(one.other[None]))[0] - start)
        assert one.feature_distance == pytest.approx(moved, rel=1e-9, abs=1e-12)
        assert one.ratio == one.feature_distance / one.distance <= one.ratio_bound
    for one, two in pairwise(found):
        assert one.ratio <= two.ratio
        assert np.linalg.norm(one.other - two.other) >= 1.0
    again = ur.far_pairs(net, x, n=3, apart=2.0, domain=ur.Box(-5, 5), n_regions=10, steps=50)
    for one, two in zip(found, again, strict=True):
        np.testing.assert_array_equal(one.other, two.other)


def test_the_descent_improves_on_the_paths():
    """More features than inputs in every layer, so that no direction is invisible at once."""
    weights = [normal(0, 24, 6).numpy(), normal(1, 40, 24).numpy(), np.eye(40)]
    net = ur.Network.from_layers([(weight, np.zeros(len(weight))) for weight in weights]).upto("relu2")
    x = normal(3, 6).numpy()
    paths = ur.far_pairs(net, x, n=2, apart=1.0, domain=ur.Box(-3, 3), n_regions=10, steps=0)
    better = ur.far_pairs(net, x, n=2, apart=1.0, domain=ur.Box(-3, 3), n_regions=10, steps=50)
    assert 0.01 < better[0].ratio < paths[0].ratio
    assert "ratio" in repr(better[0])


def test_rows_of_a_domain_are_kept():
    layer = splitting(2)
    net = ur.Network.from_layers([(layer.dense_weight, layer.bias), (np.eye(4), np.zeros(4))]).upto("relu1")
    triangle = ur.Polyhedron(A_ub=np.array([[1.0, 1.0], [-1.0, 0.0], [0.0, -1.0]]), b_ub=np.array([1.0, 1.0, 1.0]))
    for one in ur.far_pairs(net, np.array([0.2, 0.3]), n=4, apart=0.5, domain=triangle):
        assert triangle.violation(one.other[None])[0] <= 1e-12
    found = ur.inverse_lipschitz(layer, triangle)
    assert found.lower <= math.sqrt(0.5) * (1 + 1e-12) <= found.upper * (1 + 1e-9)
    line = ur.Polyhedron(A_eq=np.array([[1.0, 1.0]]), b_eq=np.array([0.0]))
    for one in ur.far_pairs(net, np.array([1.0, -1.0]), n=2, apart=0.5, domain=line):
        assert abs(one.other.sum()) <= 1e-12


def test_pairs_that_cannot_be_asked_for_are_refused():
    net = REFERENCES["dense"]().network
    with pytest.raises(InputError, match="must be positive"):
        ur.far_pairs(net, np.zeros(12), n=0)
    with pytest.raises(InputError, match="must be positive"):
        ur.far_pairs(net, np.zeros(12), apart=0.0)
    assert ur.far_pairs(net, np.zeros(12), n=1, apart=10.0, domain=ur.Box(-1, 1), steps=1) == ()


def test_the_room_in_a_domain_ends_just_before_its_nearest_constraint():
    triangle = ur.Polyhedron(A_ub=np.array([[1.0, 1.0], [-1.0, 0.0]]), b_ub=np.array([1.0, 1.0]), upper=np.full(2, 0.7))
    x = np.zeros(2)
    for v, expected in (((1.0, 0.0), 0.7), ((0.6, 0.8), 1 / 1.4), ((-1.0, 0.0), 1.0), ((0.0, -1.0), math.inf)):
        assert room(triangle, x, np.array(v)) == pytest.approx(expected, rel=1e-8)
        assert room(triangle, x, np.array(v)) < expected or expected == math.inf
    line = ur.Polyhedron(A_eq=np.array([[1.0, 1.0]]), b_eq=np.array([0.0]))
    assert room(line, x, np.array([1.0, 0.0])) == 0.0
    assert room(line, x, np.array([1.0, -1.0])) == math.inf


# -- where the search begins ----------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.data())
def test_the_search_begins_along_the_smallest_singular_values(data):
    """However many of them are below 1e-8 of the largest, where the eigenvectors of J'J are mixed by rounding."""
    m, d = data.draw(st.sampled_from([(4, 4), (8, 4), (16, 8), (8, 8), (32, 4)]))
    exponents = data.draw(st.lists(st.integers(0, 43), min_size=d, max_size=d, unique=True))
    A, values = prescribed(data.draw(st.integers(0, 2**32)), m, d, exponents)
    lengths = np.abs(A @ np.array(start_directions(one_layer(A, 100.0), np.zeros(d), d, 0)[: 2 * d : 2]).T)
    noise = 30 * np.finfo(float).eps * values[0]
    np.testing.assert_allclose(np.linalg.norm(lengths, axis=0), values[::-1], rtol=1e-12, atol=noise)


def test_directions_that_the_features_cannot_see_come_first():
    A, values = prescribed(0, 4, 16, [0, 3, 20, 40])
    first = np.array(start_directions(one_layer(A, 100.0), np.zeros(16), 13, 0)[:26:2])
    lengths = np.linalg.norm(A @ first.T, axis=0)
    assert lengths[:12].max() <= 1e-14 * values[0]
    assert lengths[12] == pytest.approx(values[-1], rel=1e-3)


@pytest.mark.parametrize("steps", [0, 50])
@pytest.mark.parametrize("exponents", [[0, 1, 2, 3, 4, 5, 30, 37], [0, 0, 0, 0, 0, 27, 29, 39]])
def test_no_witness_of_a_linear_map_is_far_above_its_smallest_singular_value(exponents, steps):
    """Features that are all active: the best pair has `sigma_d` as its ratio, which both directions reach."""
    A, values = prescribed(1, 16, 8, exponents)
    net = one_layer(A, 500.0)
    (best,) = ur.far_pairs(net, np.zeros(8), n=1, apart=4.0, domain=ur.Box(-8, 8), steps=steps)
    noise = best.feature_error / best.distance
    assert values[-1] - noise <= best.ratio <= 1.01 * values[-1] + noise
    assert best.distance >= 4.0


def test_a_descent_never_ends_above_its_start():
    """Even from a start that lies nearer than asked by a rounding, which no step of its own might."""
    A, values = prescribed(2, 8, 8, [0, 0, 1, 1, 2, 2, 30, 38])
    net, x = one_layer(A, 50.0), np.zeros(8)
    v = start_directions(net, x, 1, 0)[0]
    other = v * 4.0 * (1 - 1e-12) / np.linalg.norm(v)
    for steps in (1, 20):
        _, better = descend(net, x, other, resolve(ur.Box(-8, 8), 8), 4.0, both=False, steps=steps)
        assert np.linalg.norm(A @ better) / np.linalg.norm(better) <= 1.1 * values[-1]
