"""Layers with other activations than the ReLU, against closed forms and against rationals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from exact_activations import features_at, intervals, lines, random_activation, union_of
from exact_sets import constraints, dot, fractions_of, set_of
from small_systems import small_system
from unrelu.errors import InputError
from unrelu.network.layer import ReLULayer
from unrelu.operators import Absolute, AtLeast, AtMost, Clamp, LeakyReLU, ReLU
from unrelu.operators.kinked import Kinked
from unrelu.polyhedra.domains import Box
from unrelu.preimages.kind import Kind
from unrelu.preimages.questions import classify, preimage


def number(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


RELU6 = Clamp(number(0.0), number(6.0))


def of_one_number(activation: Kinked) -> ReLULayer:
    return ReLULayer(np.eye(1), np.zeros(1), activation=activation)


HUNDREDS = [(monotone, seed) for monotone in (True, False) for seed in range(20 if monotone else 10)]


@pytest.mark.parametrize(("monotone", "seed"), HUNDREDS)
def test_no_verdict_about_an_input_is_wrong(monotone: bool, seed: int) -> None:
    rng = np.random.default_rng([seed, 7, monotone])
    for k in range(40):
        system = small_system(int(rng.integers(2**31)), 3 if monotone else 2, of_a_point=True)
        layer, point = of_system(rng, system.layer, system.point, monotone=monotone)
        eps = np.where(rng.random(layer.n_outputs) < 0.6, 0.0, 0.5) * (k % 2)
        y = features_at(layer, point)
        D = None if system.domain is None else system.polyhedron
        truth = union_of(layer, y, eps, ([], []) if D is None else constraints(D))
        found = preimage(layer, at=point, domain=D, tolerance=eps, exact=True)
        check(found, truth, monotone=monotone)
        errors = np.concatenate([found.polyhedron.ub_error, found.polyhedron.eq_error])
        if not errors.any():
            mine = set_of(found.polyhedron)
            assert any(same(mine, piece) for piece in truth.pieces)
        assert found.contains(point)


@pytest.mark.parametrize(("monotone", "seed"), HUNDREDS)
def test_no_verdict_about_features_is_wrong(monotone: bool, seed: int) -> None:
    rng = np.random.default_rng([seed, 8, monotone])
    for k in range(25):
        system = small_system(int(rng.integers(2**31)), 3 if monotone else 2, of_a_point=True)
        layer, point = of_system(rng, system.layer, system.point, monotone=monotone)
        eps = np.where(rng.random(layer.n_outputs) < 0.5, 0.0, rng.choice([0.25, 1.0])) * (k % 2)
        y = np.array([float(value) for value in features_at(layer, point)])
        if rng.random() < 0.4:
            y[rng.integers(y.size)] += rng.choice([1.0, -1.0, 0.25, 1e-9, -(2.0**-52)])
        D = None if system.domain is None else system.polyhedron
        truth = union_of(layer, fractions_of(y.tolist()), eps, ([], []) if D is None else constraints(D))
        found = preimage(layer, features=y, domain=D, tolerance=eps)
        check(found, truth, monotone=monotone)
        if found.point is not None:
            assert (np.abs(layer(found.point) - y) <= eps + 1e-9).all()


def of_system(
    rng: np.random.Generator, layer: ReLULayer, x: np.ndarray, *, monotone: bool
) -> tuple[ReLULayer, np.ndarray]:
    """The layer with another activation, of which some pre-activations at x are kinks."""
    m = layer.n_outputs
    activation = random_activation(rng, m, monotone=monotone)
    kinks = [np.broadcast_to(kink.numpy(), (m,)) for kink in activation.pieces().kinks]
    bias = np.where(rng.random(m) < 0.5, kinks[rng.integers(len(kinks))] - layer.dense_weight @ x, layer.bias)
    return ReLULayer(layer.dense_weight, bias, activation=activation), x


def check(found, truth, *, monotone: bool) -> None:
    about = (found.kind, truth.kind, found.layer.weight, found.layer.bias, found.layer.activation)
    assert found.complete or not truth.single or truth.empty, about
    assert found.dimension.lower <= truth.dimension <= found.dimension.upper, about
    assert found.bounded in {truth.bounded, None}, about
    assert found.singleton in {truth.singleton, None}, about
    if found.kind is Kind.UNDECIDED:
        assert not truth.single, about
        assert "several pieces" in found.reason
        assert not found.certificate.verify()
        return
    assert found.kind == truth.kind, about
    assert found.certificate.verify(), about
    if monotone:
        assert truth.single


def same(first, second) -> bool:
    return (
        all(first.coordinate(j) == second.coordinate(j) for j in range(first.n)) and first.dimension == second.dimension
    )


UP, DOWN = np.inf, -np.inf
ULP = float(np.nextafter(6, 9))


@pytest.mark.parametrize(
    ("activation", "x", "eps", "ends"),
    [
        (RELU6, -1.0, 0.0, (DOWN, 0.0)),
        (RELU6, 0.0, 0.0, (DOWN, 0.0)),
        (RELU6, 5e-324, 0.0, (5e-324, 5e-324)),
        (RELU6, np.nextafter(6, 0), 0.0, (np.nextafter(6, 0), np.nextafter(6, 0))),
        (RELU6, 6.0, 0.0, (6.0, UP)),
        (RELU6, ULP, 0.0, (6.0, UP)),
        (RELU6, 0.25, 0.25, (DOWN, 0.5)),
        (RELU6, 0.5, 0.25, (0.25, 0.75)),
        (RELU6, 5.75, 0.25, (5.5, UP)),
        (RELU6, 7.0, 0.25, (5.75, UP)),
        (RELU6, -7.0, 6.0, (DOWN, UP)),
        (AtLeast(number(2.0)), 1.0, 0.0, (DOWN, 2.0)),
        (AtMost(number(2.0)), 3.0, 0.5, (1.5, UP)),
        (Clamp(number(2.0), number(2.0)), 3.0, 0.0, (DOWN, UP)),
        (LeakyReLU(number(2.0)), -1.0, 0.5, (-1.25, -0.75)),
        (LeakyReLU(number(0.5)), -1.0, 1.0, (-3.0, 0.5)),
        (LeakyReLU(number(0.0)), -1.0, 0.0, (DOWN, 0.0)),
        (LeakyReLU(number(1.0)), -1.0, 0.25, (-1.25, -0.75)),
        (Absolute(), 1.0, 2.0, (-3.0, 3.0)),
        (Absolute(), 0.0, 0.0, (0.0, 0.0)),
        (LeakyReLU(number(-2.0)), 1.0, 1.0, (-1.0, 2.0)),
    ],
)
def test_the_interval_of_one_unit(activation: Kinked, x: float, eps: float, ends: tuple[float, float]) -> None:
    found = preimage(of_one_number(activation), at=np.array([x]), tolerance=eps)
    truth = set_of(found.polyhedron).coordinate(0)
    assert truth == tuple(Fraction(end) if np.isfinite(end) else end for end in ends)
    kind = Kind.SINGLETON if ends[0] == ends[1] else Kind.BOUNDED if np.isfinite(ends).all() else Kind.UNBOUNDED
    assert found.kind is kind
    assert found.complete
    assert found.certificate.verify()


@pytest.mark.parametrize("slope", [1 / 3, 0.01, 3.0, 0.7])
def test_ends_that_are_no_floats_are_known_up_to_the_error_that_is_stored(slope: float) -> None:
    for y, eps in ((-1.0, 0.0), (-1.0, 0.3), (-1e-9, 0.1), (0.1, 0.3)):
        P = preimage(of_one_number(LeakyReLU(number(slope))), features=np.array([y]), tolerance=eps).polyhedron
        for end, right, error in zip(
            (Fraction(y) + Fraction(eps), -Fraction(y) + Fraction(eps)),
            [*P.b_ub, *P.b_eq, *-P.b_eq],
            [*P.ub_error, *P.eq_error, *P.eq_error],
            strict=True,
        ):
            sign = 1 if end == Fraction(y) + Fraction(eps) else -1
            t = sign * end
            exact = sign * (t / Fraction(slope) if t < 0 else t)
            about = sign * Fraction(float(P.origin[0]))
            assert abs(Fraction(float(right)) + about - exact) <= Fraction(float(error)), (y, eps)


def test_two_points_have_one_magnitude() -> None:
    found = preimage(of_one_number(Absolute()), at=np.array([2.0]))
    assert (found.kind, found.complete) == (Kind.BOUNDED, False)
    assert (found.dimension.lower, found.dimension.upper) == (0, 0)
    assert found.contains(np.array([-2.0]))
    assert not found.contains(np.array([0.0]))
    with pytest.raises(InputError, match=r"pre\.region\.ranges"):
        found.ranges()
    assert found.region.ranges().lower == found.region.ranges().upper == 2.0
    of_features = preimage(of_one_number(Absolute()), features=np.array([2.0]))
    assert (of_features.kind, of_features.pieces, of_features.complete) == (Kind.UNDECIDED, (), False)
    assert of_features.contains(np.array([2.0]))
    assert of_features.contains(np.array([-2.0]))
    assert not of_features.contains(np.array([1.0]))
    for ask in (lambda: of_features.region, of_features.ranges):
        with pytest.raises(InputError, match="none of which is known"):
            ask()
    # Where the domain leaves one of them the proof that it does is by the other pieces, which are not looked at.
    assert preimage(of_one_number(Absolute()), at=np.array([2.0]), domain=Box(0, 9)).singleton is None
    # At a corner of the domain what encloses both points touches it in one.
    assert preimage(of_one_number(Absolute()), at=np.array([2.0]), domain=Box(2, 9)).kind is Kind.SINGLETON
    assert preimage(of_one_number(Absolute()), at=np.array([-2.0]), domain=Box(-9, -2)).kind is Kind.SINGLETON


def test_a_flat_magnitude_is_unbounded_by_its_own_piece() -> None:
    layer = ReLULayer(np.array([[1.0, 1.0]]), np.zeros(1), activation=Absolute())
    found = preimage(layer, at=np.array([1.0, 1.0]))
    assert (found.kind, found.complete) == (Kind.UNBOUNDED, False)
    assert found.certificate.verify()
    found = preimage(layer, at=np.array([1.0, 1.0]), domain=Box(0, 3))
    assert found.kind is Kind.BOUNDED
    assert found.certificate.verify()


def test_many_inputs_are_one_by_one() -> None:
    rng = np.random.default_rng(3)
    for activation in (RELU6, Absolute(), LeakyReLU(torch.from_numpy(rng.choice([-1.0, 0.0, 0.5], 30)))):
        layer = ReLULayer(rng.integers(-2, 3, (30, 6)).astype(float), rng.integers(-2, 7, 30), activation=activation)
        inputs = rng.integers(-1, 2, (40, 6)).astype(float)
        found = classify(layer, inputs)
        for x, each in zip(inputs, found.preimages, strict=True):
            alone = preimage(layer, at=x)
            assert (each.kind, each.bounded, each.singleton) == (alone.kind, alone.bounded, alone.singleton)
        assert (found.verify() == (found.kind != Kind.UNDECIDED)).all()


def test_a_relu_in_other_words_is_a_relu() -> None:
    rng = np.random.default_rng(5)
    A, b = rng.integers(-2, 3, (12, 4)).astype(float), rng.integers(-1, 2, 12).astype(float)
    for activation in (AtLeast(number(0.0)), LeakyReLU(number(0.0)), Clamp(number(0.0), number(1e9))):
        for x in rng.integers(-1, 2, (20, 4)).astype(float):
            for eps in (0.0, 0.5):
                mine = preimage(ReLULayer(A, b, activation=activation), at=x, tolerance=eps, domain=Box(-2, 2))
                its = preimage(ReLULayer(A, b), at=x, tolerance=eps, domain=Box(-2, 2))
                assert mine.kind is its.kind
                assert mine.dimension == its.dimension
                np.testing.assert_array_equal(mine.polyhedron.A_eq, its.polyhedron.A_eq)


def test_noise_about_a_unique_input_of_a_leaky_layer() -> None:
    rng = np.random.default_rng(8)
    A = rng.standard_normal((6, 3))
    layer = ReLULayer(A, rng.standard_normal(6), activation=LeakyReLU(number(0.25)))
    x = rng.standard_normal(3)
    found = preimage(layer, at=x)
    assert found.kind is Kind.SINGLETON
    for eps in (1e-3, 0.1):
        radius = found.stability_radius(eps).radius
        far = preimage(layer, at=x, tolerance=eps).farthest(x, 2)
        assert far.distance <= radius < 60 * eps
    # Below the kink four times as far, whichever the side of the noise: from 0.1 down to -1.6, and up to 1.6 mirrored.
    for sign in (1.0, -1.0):
        single = ReLULayer(sign * np.eye(1), np.zeros(1), activation=LeakyReLU(number(0.25)))
        assert preimage(single, at=np.array([sign * 0.1])).stability_radius(0.5).radius == pytest.approx(1.7)
    # One unit at 6 holds 0 from below, the other one at 0 from above.
    flat = ReLULayer(np.array([[1.0], [1.0]]), np.array([6.0, 0.0]), activation=RELU6)
    assert preimage(flat, at=np.zeros(1)).kind is Kind.SINGLETON
    assert 0.5 <= preimage(flat, at=np.zeros(1)).stability_radius(0.5).radius < 1.5
    steep = ReLULayer(np.array([[1.0], [1024.0]]), np.array([6.0, 0.0]), activation=RELU6)
    assert preimage(steep, at=np.zeros(1)).stability_radius(0.5).radius >= 0.5
    assert preimage(ReLULayer(A, np.zeros(6), activation=Absolute()), at=x).stability_radius(0.1).radius == np.inf


def test_what_is_no_continuous_function_is_refused() -> None:
    with pytest.raises(InputError, match="do not ascend"):
        of_one_number(Clamp(number(1.0), number(0.0)))
    with pytest.raises(InputError, match="NaN or infinite"):
        of_one_number(AtLeast(number(np.nan)))
    with pytest.raises(InputError, match="not int"):
        ReLULayer(np.eye(1), np.zeros(1), activation=3)  # pyright: ignore[reportArgumentType]
    assert repr(of_one_number(RELU6)) == "ReLULayer(1 features of 1 inputs, Clamp)"
    assert of_one_number(ReLU()).is_rectifier


def test_independent_rows_of_magnitudes_leave_several_points() -> None:
    rng = np.random.default_rng(11)
    for m, d in ((1, 1), (4, 4), (3, 5)):
        A = rng.standard_normal((m, d))
        layer, x = ReLULayer(A, rng.standard_normal(m), activation=Absolute()), rng.standard_normal(d)
        found = preimage(layer, at=x)
        assert found.kind is (Kind.BOUNDED if m == d else Kind.UNBOUNDED)
        assert (found.dimension.lower, found.dimension.upper) == (d - m, d - m)
        assert found.certificate.verify()
        if m == d:
            signs = np.array([1.0, *[-1.0] * (d - 1)]) if d > 1 else -np.ones(1)
            other = np.linalg.solve(A, signs * (A @ x + layer.bias) - layer.bias)
            np.testing.assert_allclose(layer(other), layer(x), atol=1e-12)
    # Within a domain, and with dependent rows, there may be no other.
    layer = ReLULayer(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), np.array([0.0, 1.0, 0.0]), activation=Absolute())
    assert preimage(layer, at=np.array([1.0, 0.0])).kind is Kind.UNDECIDED  # |t| = 1 and |t + 1| = 2 at 1 only
    assert preimage(ReLULayer(np.eye(2), np.zeros(2), activation=Absolute()), at=np.ones(2), domain=Box(0, 2)).kind is (
        Kind.UNDECIDED
    )
    # A unit at its kink has the feature there only.
    assert preimage(ReLULayer(np.eye(2), np.zeros(2), activation=Absolute()), at=np.zeros(2)).kind is Kind.SINGLETON


@pytest.mark.parametrize("given", ["at", "features"])
def test_right_hand_sides_are_off_by_no_more_than_they_say(given: str) -> None:
    """Of layers of floats whose pre-activations are rounded sums of large terms, and of ends on other pieces."""
    rng = np.random.default_rng(12)
    m, d, seen = 40, 12, 0
    for scale, eps in ((1.0, 0.3), (1e6, 3e6), (1e6, 0.3), (1.0, 0.0), (1e-3, 1e3)):
        A, b = rng.standard_normal((m, d)) * scale, rng.standard_normal(m) * scale
        slopes = torch.from_numpy(rng.choice([1 / 3, 0.01, 2.1, 0.0, 0.7], m))
        for activation in (LeakyReLU(slopes), Clamp(number(-0.4 * scale), number(0.7 * scale))):
            layer, x = ReLULayer(A, b, activation=activation), rng.standard_normal(d)
            y = features_at(layer, x) if given == "at" else [Fraction(value) for value in layer(x).tolist()]
            if given == "at":
                P = preimage(layer, at=x, tolerance=eps).polyhedron
            else:
                P = preimage(layer, features=layer(x), tolerance=eps).statement.about(x + 0.1)
            center = fractions_of(P.origin.tolist())
            units = lines(activation, m)
            for rows, right, error in ((P.A_ub, P.b_ub, P.ub_error), (P.A_eq, P.b_eq, P.eq_error)):
                for row, value, off in zip(rows, right.tolist(), error.tolist(), strict=True):
                    unit = int(np.flatnonzero((np.abs(A) == np.abs(row)).all(axis=1))[0])
                    ((low, high),) = intervals(units[unit], y[unit], Fraction(eps))
                    sign = 1 if row[0] == A[unit, 0] else -1
                    end = sign * ((high if sign > 0 else low) - Fraction(float(b[unit])))
                    exact = end - dot(fractions_of(row.tolist()), center)
                    assert abs(Fraction(value) - exact) <= Fraction(off)
                    assert off <= 1e-9 * (abs(value) + scale + eps)
                    seen += 1
    assert seen > 250


def test_a_feature_at_its_tolerance_is_decided_exactly() -> None:
    """`0.1 + 0.2 - 0.3` is 2.8e-17 for these floats, and 5.6e-17 as it is computed."""
    A, b, x = np.array([[0.1, 0.2]]), np.array([-0.3]), np.ones(2)
    for activation in (ReLU(), RELU6, LeakyReLU(number(0.0)), AtMost(number(0.0))):
        sign = -1.0 if isinstance(activation, AtMost) else 1.0
        layer = ReLULayer(sign * A, sign * b, activation=activation)
        for eps, active in ((4e-17, False), (2.0**-55, False), (2.7e-17, True)):
            assert preimage(layer, at=x, tolerance=eps).pattern.active.tolist() == [active]
