"""Inputs that are consistent with measured numbers and their noise: ranges in closed form, and against the oracle."""

from __future__ import annotations

import copy
import math
from fractions import Fraction

import numpy as np
import pytest
import torch

import unrelu as ur
from exact_areas import area, holds, shadows
from inverse.interrupting import Interrupting
from inverse_cases import inverse_case
from known_preimages import magnitudes, tents
from noise_against_oracle import faults, noise_of, truth_of
from unrelu.frontier.tree import Operation
from unrelu.inverse.members import are_members
from unrelu.preimages.search.completeness_certificate import CompletenessCertificate

ABSOLUTE = ur.Network.from_layers([(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))])


def sampled(
    d: int, m: int, units: int, seed: int, s: np.ndarray | float = 1.0
) -> tuple[ur.Network, np.ndarray, np.ndarray]:
    """A network of random numbers on inputs in units of s, an input in [-s, s], and the output there."""
    rng = np.random.default_rng(seed)
    sizes = [(units, d), (units, units), (m, units)]
    layers = [(rng.standard_normal(n) * (2 / n[1]) ** 0.5, 0.2 * rng.standard_normal(n[0])) for n in sizes]
    layers[0] = layers[0][0] / s, layers[0][1]
    net = ur.Network.from_layers(layers)
    x = s * rng.uniform(-1, 1, d)
    return net, x, np.asarray(net(x[None]))[0]


def consistent(
    net: ur.Network, y: np.ndarray | list[float], box: ur.Box, noise: object, **more: object
) -> ur.ConsistentSet:
    return ur.invert(net, np.asarray(y, dtype=float), domain=box, noise=noise, progress=False, **more)  # pyright: ignore[reportCallIssue, reportArgumentType]


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_wrong_about_random_problems(seed: int) -> None:
    case = inverse_case(seed, most_units=12)
    wrong, _, told = faults(case, noise_of(seed, case.measured.size), seed, time_limit=0.5)
    assert wrong == []
    assert told.reached.all() or told.stopped == "time limit"


@pytest.mark.parametrize(
    ("noise", "low", "high"),
    [
        (0.25, -0.75, 0.75),
        ([0.25], -0.75, 0.75),
        ([[0.25, 0.125]], -0.625, 0.625),
        ([[-0.125, 0.25]], -0.75, 0.75),
        ([[math.inf, 0.5]], -1.0, 1.0),
        ([[0.25, math.inf]], -1.0, 2.0),
        (math.inf, -1.0, 2.0),
        (7.0, -1.0, 2.0),
        (0.0, -0.5, 0.5),
    ],
)
def test_the_magnitude_in_closed_form(noise: object, low: float, high: float) -> None:
    """`|x| = 1/2` in [-1, 2], off by what is said."""
    found = consistent(ABSOLUTE, [0.5], ur.Box(-1, 2), noise)
    told = found.ranges(within=1e-3, progress=False)
    assert told.reached.all()
    assert told.empty is False
    assert low - 1e-5 <= told.outer[0, 0] <= low <= told.inner[0, 0] + 1e-9 <= low + 2e-3
    assert high - 2e-3 <= told.inner[0, 1] - 1e-9 <= high <= told.outer[0, 1] + 1e-12 <= high + 1e-5
    assert all(found.contains(x) for x in found.members)
    assert found.certificate.verify()


def test_limits_on_one_side_reach_as_far_as_the_network() -> None:
    """`-|x| <= -1/4`, however negative; and `|x| >= 1/4`, however large."""
    negative = ur.Network.from_layers([(np.array([[1.0], [-1.0]]), np.zeros(2)), (-np.ones((1, 2)), np.zeros(1))])
    for net, y, noise in ((negative, -0.5, [[math.inf, 0.25]]), (ABSOLUTE, 0.5, [[0.25, math.inf]])):
        found = consistent(net, [y], ur.Box(-1, 2), noise)
        assert found.ranges(progress=False).inner.tolist() == [[-1.0, 2.0]]
        assert found.contains(np.array([2.0]))
        assert not found.contains(np.array([0.125]))


def test_points_outside_the_domain_are_no_members() -> None:
    statement = consistent(ABSOLUTE, [0.5], ur.Box(0, 2), 0.25).statement
    points = torch.tensor([[-0.5], [0.5], [0.75], [0.75 + 1e-9], [2.5]], dtype=torch.float64)
    assert are_members(statement, points).tolist() == [False, True, True, False, False]


@pytest.mark.parametrize("depth", [1, 3, 4])
def test_tents_leave_a_union_of_intervals(depth: int) -> None:
    """`2^k - 1` interior points of [0, 1] at which the tent map, k times, is 1/2 or more; so are ranges and parts."""
    case = tents(depth, 0.75)
    found = consistent(case.network, case.measured, ur.Box(case.lower, case.upper), 0.125)
    told = found.ranges(within=1e-3, progress=False)
    width = 2.0**-depth
    low, high = 0.625 * width, 1 - 0.625 * width
    assert told.outer[0] == pytest.approx([low, high], abs=2e-3)
    assert told.outer[0, 0] <= low <= told.inner[0, 0]
    assert told.inner[0, 1] <= high <= told.outer[0, 1]
    assert found.parts <= 2**depth


def test_members_and_functionals_of_a_cross_polytope() -> None:
    """`|x1| + |x2|` below a number: ranges of any functional are known."""
    ends = np.vstack([np.eye(2), -np.eye(2)])
    net = ur.Network.from_layers([(ends, np.zeros(4)), (np.ones((1, 4)), np.zeros(1))])
    found = consistent(net, [0.5], ur.Box(-2, 2), [[math.inf, 0.5]])
    rows = np.array([[1.0, 0.0], [1.0, 1.0], [3.0, -1.0], [0.0, 0.0]])
    told = found.ranges(rows, within=1e-3, progress=False)
    most = np.abs(rows).max(axis=1)
    assert told.outer == pytest.approx(np.stack([-most, most], axis=1), abs=5e-3)
    for k, row in enumerate(rows):
        for end, x in zip(told.inner[k], told.members[k], strict=True):
            assert found.contains(x)
            assert end == pytest.approx(row @ x)
    assert (told.outer[:, 0] <= told.inner[:, 0]).all()
    assert (told.inner[:, 1] <= told.outer[:, 1]).all()
    assert (told.gap[:3] <= 1e-3).all()


def test_no_noise_leaves_the_solutions() -> None:
    net, _, y = sampled(2, 2, 12, 0)
    listed = ur.invert(net, y, domain=ur.Box(-1, 1), progress=False)
    told = consistent(net, y, ur.Box(-1, 1), 0.0).ranges(progress=False)
    centers = np.array([each.center for each in listed.solutions])
    assert listed.complete
    assert told.empty is False
    assert told.outer == pytest.approx(np.stack([centers.min(axis=0), centers.max(axis=0)], axis=1), abs=1e-7)
    assert told.inner == pytest.approx(told.outer, abs=1e-7)
    assert told.reached.all()
    if len(centers) == 1:
        assert "as near as was asked" in repr(told)


def test_nothing_is_consistent_with_outputs_out_of_reach() -> None:
    found = consistent(ABSOLUTE, [-1.0], ur.Box(-1, 2), 0.5)
    told = found.ranges(progress=False)
    assert (told.empty, found.empty, found.parts) == (True, True, 0)
    assert np.isnan(told.outer).all()
    assert np.isnan(told.gap).all()
    assert "proved empty" in repr(told)
    assert "proved empty" in repr(found)
    assert found.certificate.complete
    assert found.certificate.verify()


def test_all_fits_where_noise_is_large_enough() -> None:
    net, _, y = sampled(3, 4, 16, 1)
    lower, upper = np.array([-1.0, 0.5, -2.0]), np.array([1.0, 0.5, 3.0])
    told = consistent(net, y, ur.Box(lower, upper), 1e6).ranges(progress=False)
    assert np.array_equal(told.outer, np.stack([lower, upper], axis=1))
    assert np.array_equal(told.inner, told.outer)
    assert (told.gap == 0).all()


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1e3, 1e6])
def test_the_units_of_inputs_do_not_matter(scale: float) -> None:
    s = np.array([1.0, 2.0 ** round(math.log2(scale))])
    net, x, y = sampled(2, 3, 10, 3)
    scaled, _, _ = sampled(2, 3, 10, 3, s)
    plain = consistent(net, y, ur.Box(-1, 1), 0.05).ranges(progress=False)
    told = consistent(scaled, y, ur.Box(-s, s), 0.05).ranges(progress=False)
    for each in (plain, told):
        assert each.reached.all()
    inner, outer = told.inner / s[:, None], told.outer / s[:, None]
    assert (outer[:, 0] <= x).all()
    assert (x <= outer[:, 1]).all()
    assert (plain.outer[:, 0] <= inner[:, 0] * (1 + 1e-12) + 1e-12).all()
    assert (outer[:, 0] <= plain.inner[:, 0] * (1 + 1e-12) + 1e-12).all()
    assert (inner[:, 1] <= plain.outer[:, 1] + 1e-12).all()
    assert (plain.inner[:, 1] <= outer[:, 1] + 1e-12).all()


def test_equal_ends_fix_an_input() -> None:
    case = magnitudes(3)
    fixed = ur.Box(np.array([0.25, -2.0, -2.0]), np.array([0.25, 2.0, 2.0]))
    told = consistent(case.network, case.measured, fixed, 0.25).ranges(progress=False)
    assert told.outer[0].tolist() == told.inner[0].tolist() == [0.25, 0.25]
    assert told.outer[1:] == pytest.approx(np.array([[-0.75, 0.75], [-1.0, 1.0]]), abs=0.1)
    point = ur.Box(np.full(3, 0.25), np.full(3, 0.25))
    assert consistent(case.network, case.measured, point, 0.1).ranges(progress=False).empty is True
    assert consistent(case.network, case.measured, point, 0.5).ranges(progress=False).empty is False


def test_what_is_asked_again_goes_on_from_where_it_was() -> None:
    net, x, y = sampled(2, 3, 16, 2)
    found = consistent(net, y, ur.Box(-1, 1), 0.02)
    nothing = found.ranges(time_limit=0.0, progress=False)
    assert (nothing.empty, nothing.stopped, found.empty) == (None, "time limit", None)
    assert nothing.outer.tolist() == [[-1.0, 1.0]] * 2
    assert nothing.gap.tolist() == [1.0] * 2
    assert "no consistent input known so far, time limit" in repr(nothing)
    rough = found.ranges(within=0.5, progress=False)
    before = found._search.covering.n_examined
    fine = found.ranges(within=0.02, progress=False)
    assert found._search.covering.n_examined > before
    assert found.ranges(within=0.02, progress=False).outer.tolist() == fine.outer.tolist()  # no more to do
    assert (rough.outer[:, 0] <= fine.outer[:, 0]).all()
    assert (fine.outer[:, 1] <= rough.outer[:, 1]).all()
    assert (fine.gap <= 0.02).all()
    assert ((fine.outer[:, 0] <= x) & (x <= fine.outer[:, 1])).all()
    assert nothing.outer.tolist() == [[-1.0, 1.0]] * 2  # it keeps what it says
    again = consistent(net, y, ur.Box(-1, 1), 0.02, time_limit=0.0)
    assert again.ranges(progress=False).stopped == "time limit"
    assert again.ranges(time_limit=math.inf, progress=False).stopped == ""


def test_an_interrupt_returns_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    net, x, y = sampled(2, 2, 16, 2)
    whole = consistent(net, y, ur.Box(-1, 1), 0.02).ranges(progress=False)
    found = consistent(net, y, ur.Box(-1, 1), 0.02)
    told = found.ranges(progress=Interrupting(1))
    assert told.stopped == "interrupted"
    assert ((told.outer[:, 0] <= x) & (x <= told.outer[:, 1])).all()
    assert found.certificate.verify()
    # In the middle of a batch: as if it had not been begun.
    boxes, count = found.boxes, len(found._search.covering.tree)

    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("unrelu.inverse.covering.parts", pressed)
        assert found.ranges(progress=False).stopped == "interrupted"
    assert [each.tolist() for each in found.boxes] == [each.tolist() for each in boxes]
    assert len(found._search.covering.tree) == count
    rest = found.ranges(progress=False)
    assert rest.stopped == ""
    assert found.certificate.verify()
    assert (rest.outer[:, 0] <= whole.inner[:, 0]).all()
    assert (whole.inner[:, 1] <= rest.outer[:, 1]).all()


def test_a_certificate_that_claims_more_is_none() -> None:
    """A box in the tree that is cut by a hair too much."""
    found = consistent(ABSOLUTE, [0.5], ur.Box(-1, 2), 0.25)
    found.ranges(progress=False)
    proof = found.certificate
    assert proof.verify()
    assert np.array_equal(proof.outer_ranges, found.outer_ranges)
    cut = int(np.flatnonzero(proof.tree.upper[:, 0] > 0.7)[-1])
    proof.tree.upper[cut, 0] = 0.74
    assert not proof.verify()


def test_misuse_is_told() -> None:
    found = consistent(ABSOLUTE, [0.5], ur.Box(-1, 2), 0.25)
    with pytest.raises(ur.errors.ShapeError, match="the input x has 2 numbers, but the network takes 1"):
        found.contains(np.zeros(2))
    for rows in (np.ones(1), np.ones((1, 2))):
        with pytest.raises(ur.errors.ShapeError, match="functionals are rows of 1 numbers"):
            found.ranges(rows)
    with pytest.raises(ur.errors.InputError, match="values overflow"):
        found.ranges(np.array([[1e308]]))
    for within in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ur.errors.InputError, match="within is a share above 0"):
            found.ranges(within=within)


def test_intervals_are_what_was_given() -> None:
    found = consistent(ABSOLUTE, [0.5], ur.Box(-1, 2), [[0.25, 0.5]])
    low, high = found.intervals[0]
    assert low <= 0.25
    assert high >= 1.0
    assert (low, high) == pytest.approx((0.25, 1.0))
    assert not found.contains(np.array([0.2499]))
    assert found.contains(np.array([-1.0]))
    assert Fraction(float(found.statement.resolution[0])) > 0


def corners(lower: np.ndarray, upper: np.ndarray) -> list[tuple[Fraction, Fraction]]:
    """Of a rectangle, and its middle."""
    (a, b), (c, d) = ([Fraction(v) for v in each.tolist()] for each in (lower, upper))
    return [(a, b), (a, d), (c, b), (c, d), ((a + c) / 2, (b + d) / 2)]


@pytest.mark.parametrize("seed", [3, 10, 14, 53, 61, 62, 68, 72, 82, 84, 86, 88, 89])
def test_pavings_hold_the_set_and_nothing_else_inside(seed: int) -> None:
    """Two or three inputs: what lies over a rectangle is known exactly."""
    case = inverse_case(seed, most_units=10)
    free = np.flatnonzero(case.upper > case.lower)
    if len(free) < 2:
        with pytest.raises(ur.errors.InputError, match="two different inputs"):
            consistent(case.network, case.measured, ur.Box(case.lower, case.upper), 0.5).paving((0, 1))
        return
    i, j = int(free[-1]), int(free[0])
    found = consistent(case.network, case.measured, ur.Box(case.lower, case.upper), 0.5)
    told = found.paving((i, j), cells=16, time_limit=1.0, progress=False)
    truth = truth_of(case, found)
    polygons = shadows(truth, i, j)
    outer = list(zip(told.outer_lower, told.outer_upper, strict=True))
    for x in truth.samples():
        assert any(a[0] <= x[i] <= b[0] and a[1] <= x[j] <= b[1] for a, b in outer)
    for a, b in zip(told.inner_lower, told.inner_upper, strict=True):
        assert all(any(holds(each, point) for each in polygons) for point in corners(a, b))
    if case.lower.size == 2:
        exact = float(sum((area(each) for each in polygons if len(each) > 2), Fraction(0)))
        assert told.inner_area <= exact * (1 + 1e-12) + 1e-300
        assert exact <= told.outer_area * (1 + 1e-12) + 1e-300
    assert all(found.contains(x) for x in found.members)


def test_a_paving_of_a_square_by_hand() -> None:
    """`|x1| + |x2| <= 1/2`: the area is 1/2, and it comes near from both sides."""
    ends = np.vstack([np.eye(2), -np.eye(2)])
    net = ur.Network.from_layers([(ends, np.zeros(4)), (np.ones((1, 4)), np.zeros(1))])
    found = consistent(net, [0.5], ur.Box(-2, 2), [[math.inf, 0.0]])
    areas = []
    for cells in (8, 32):
        told = found.paving((0, 1), cells=cells, progress=False)
        assert told.inner_area <= 0.5 + 1e-6
        assert told.outer_area >= 0.5 - 1e-6
        areas.append((told.inner_area, told.outer_area))
        assert told.stopped == ""
    assert areas[1][0] > 0.4
    assert areas[1][1] < 0.6
    assert areas[0][0] <= areas[1][0]
    assert "inputs 0 and 1" in repr(told)
    with pytest.raises(ur.errors.InputError, match="two different inputs of 0 to 1"):
        found.paving((1, 1))
    with pytest.raises(ur.errors.InputError, match="at least 1 cell"):
        found.paving((0, 1), cells=0)


def test_tents_fall_into_the_parts_that_they_have() -> None:
    case = tents(3, 0.75)
    found = consistent(case.network, case.measured, ur.Box(case.lower, case.upper), 0.125)
    assert found.refine(0.02, progress=False)
    assert found.parts == 8
    points = found.sample(40, seed=1)
    assert points.shape == (40, 1)
    assert all(found.contains(x) for x in points)
    ends = [
        (k + s * y) / 8
        for k, s in ((0, 1), (2, -1), (2, 1), (4, -1), (4, 1), (6, -1), (6, 1), (8, -1))
        for y in (0.75,)
    ]
    assert {int(np.abs(np.array(ends) - x).argmin()) for x in points[:, 0]} == set(range(8))
    assert np.array_equal(found.sample(40, seed=1), points)
    few = found.sample(3, seed=2)
    assert few.shape == (3, 1)


def test_a_sample_is_uniform_where_the_set_has_volume() -> None:
    """The triangle below a line: means of its coordinates are known."""
    net = ur.Network.from_layers([(np.array([[1.0, 1.0]]), np.zeros(1)), (np.ones((1, 1)), np.zeros(1))])
    found = consistent(net, [0.5], ur.Box(0, 2), 0.5)  # x1 + x2 in [0, 1]
    points = found.sample(4000, seed=0)
    assert points.mean(axis=0) == pytest.approx([1 / 3, 1 / 3], abs=0.02)
    assert (points.sum(axis=1) <= 1 + 1e-9).all()
    assert found.parts == 1


def test_a_sample_of_a_thin_set_has_members() -> None:
    net, x, y = sampled(3, 2, 12, 1)  # a curve, hardly thicker than rounding
    found = consistent(net, y, ur.Box(-1, 1), 1e-9)
    points = found.sample(12, seed=0, time_limit=2.0)
    assert all(found.contains(point) for point in points)
    assert len(np.unique(points.round(6), axis=0)) > 3
    assert found.contains(x)


def test_no_sample_of_nothing() -> None:
    found = consistent(ABSOLUTE, [-1.0], ur.Box(-1, 2), 0.5)
    with pytest.raises(ur.errors.InputError, match="there is none, proved"):
        found.sample(3)
    with pytest.raises(ur.errors.InputError, match="at least 1 point"):
        found.sample(0)
    with pytest.raises(ur.errors.InputError, match="ask for `ranges` first"):
        consistent(ABSOLUTE, [-1.0], ur.Box(-1, 2), 0.5).sample(3, time_limit=0.0)
    flat = consistent(magnitudes(2).network, [9.0, 9.0], ur.Box(-1, 1), 0.5).paving((0, 1), progress=False)
    assert (flat.inner_area, flat.outer_area, len(flat.members)) == (0.0, 0.0, 0)


def test_a_domain_of_a_few_floats_is_asked_like_any_other() -> None:
    """Boxes that cannot be halved any more are left, and the search ends."""
    net = ur.Network.from_layers([(np.array([[1.0, 1.0]]), np.array([-2.0])), (np.ones((1, 1)), np.zeros(1))])
    ulp = 2.0**-52
    box = ur.Box(np.array([1.0, 1.0]), np.array([1 + 4 * ulp, 1 + 64 * ulp]))
    found = consistent(net, [8 * ulp], box, 0.0)
    told = found.ranges(within=1e-3, time_limit=5.0, progress=False)
    assert told.stopped != "time limit"
    assert (told.outer[:, 0] >= 1.0).all()
    assert told.outer[0, 1] <= 1 + 4 * ulp
    assert found.certificate.verify()
    wide = consistent(net, [8 * ulp], box, 1.0)
    assert wide.ranges(progress=False).inner.tolist() == [[1.0, 1 + 4 * ulp], [1.0, 1 + 64 * ulp]]


def test_a_box_that_becomes_tiny_at_once_is_bounded_again() -> None:
    """Such a box was left as it was, where its bounds refute it."""
    case = inverse_case(403, most_units=12)
    wrong, _, told = faults(case, 0.5, 403)
    assert wrong == []
    assert told.reached.all()


def test_what_is_no_tree_covers_everything() -> None:
    found = consistent(ABSOLUTE, [0.5], ur.Box(-1, 2), 0.25)
    found.ranges(progress=False)
    proof = found.certificate
    cut = int(np.flatnonzero(proof.tree.child)[-1])
    for child in (cut, 0, len(proof.tree) + 5):
        tree = copy.deepcopy(proof.tree)
        tree.child[cut] = child
        tree.operation[cut] = Operation.HALVED
        forged = CompletenessCertificate(proof.statement, tree)
        assert not forged.verify()
        assert forged.outer_ranges.tolist() == [[-1.0, 2.0]]


def test_listed_solutions_have_outer_ranges_that_are_proved_too() -> None:
    net, x, y = sampled(2, 2, 12, 0)
    for limit in (0.0, math.inf):
        listed = ur.invert(net, y, domain=ur.Box(-1, 1), time_limit=limit, progress=False)
        low, high = listed.certificate.outer_ranges.T
        assert ((low <= x) & (x <= high)).all()
        assert (listed.certificate.outer_ranges[:, 0] >= listed.outer_ranges[:, 0] - 1e-9).all()
        assert (listed.certificate.outer_ranges[:, 1] <= listed.outer_ranges[:, 1] + 1e-9).all()
