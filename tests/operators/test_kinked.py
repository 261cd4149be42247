"""Functions of one number: closed forms, kinks hit exactly, and the same function asked in different ways."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from stability.reference_networks import Graph, normal
from unrelu.operators import Absolute, AtLeast, AtMost, Clamp, Dense, LeakyReLU, Operator, ReLU
from unrelu.operators.kinked import Kinked
from unrelu.operators.on_line import OnLine
from unrelu.operators.piecewise_linear import PiecewiseLinear
from unrelu.stability.following.follow import follow
from unrelu.stability.linearization import linearize
from unrelu.stability.pattern import activation_pattern
from unrelu.stability.region import linear_region


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


CASES: dict[str, tuple[Kinked, Callable[[Tensor], Tensor]]] = {
    "relu": (ReLU(), torch.relu),
    "leaky": (LeakyReLU(number(0.25)), lambda x: torch.where(x > 0, x, 0.25 * x)),
    "no slope": (LeakyReLU(number(0.0)), torch.relu),
    "no kink": (LeakyReLU(number(1.0)), lambda x: x),
    "steeper": (LeakyReLU(number(2.0)), lambda x: torch.where(x > 0, x, 2 * x)),
    "falling": (LeakyReLU(number(-0.5)), lambda x: torch.where(x > 0, x, -0.5 * x)),
    "one a channel": (
        LeakyReLU(torch.tensor([[0.1], [1.0], [-2.0]]).double()),
        lambda x: torch.where(x > 0, x, torch.tensor([[0.1], [1.0], [-2.0]]).double() * x),
    ),
    "magnitude": (Absolute(), torch.abs),
    "six": (Clamp(number(0.0), number(6.0)), lambda x: torch.clamp(x, 0, 6)),
    "hardtanh": (Clamp(number(-1.0), number(1.0)), lambda x: torch.clamp(x, -1, 1)),
    "one value": (Clamp(number(0.5), number(0.5)), lambda x: torch.full_like(x, 0.5)),
    "floor": (AtLeast(number(-0.25)), lambda x: torch.clamp(x, min=-0.25)),
    "ceiling": (AtMost(number(0.75)), lambda x: torch.clamp(x, max=0.75)),
}

POINTS = [
    *np.linspace(-8, 8, 33),
    *[np.nextafter(k, side) for k in (0.0, 6.0, 1.0, -1.0, 0.5, -0.25, 0.75) for side in (-9.0, k, 9.0)],
]


def samples() -> Tensor:
    flat = torch.tensor(POINTS, dtype=torch.float64)
    return torch.stack([flat, flat.flip(0), -flat]).T[..., None]  # (n, 3, 1)


@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_torch(name):
    operator, plain = CASES[name]
    torch.testing.assert_close(operator.apply(samples()), plain(samples()), rtol=0, atol=0)
    derived = Kinked.apply(operator, samples())
    torch.testing.assert_close(derived, plain(samples()), rtol=0, atol=0)


@pytest.mark.parametrize("name", CASES)
def test_the_piece_of_a_point_is_the_function_there_and_its_guards_hold(name):
    operator, plain = CASES[name]
    x = samples()
    branches = operator.branches(x)
    for k in range(len(x)):
        selected = operator.selected(branches[k], [(3, 1)])
        torch.testing.assert_close(selected.apply(x[k : k + 1]), plain(x[k : k + 1]), rtol=0, atol=0)
        guards = operator.guards(branches[k].numpy(), [(3, 1)])
        assert (guards.margins(x[k].reshape(-1).numpy()) >= 0).all()
    # All other points keep the guards exactly if the function there is that of the piece.
    first = operator.selected(branches[3], [(3, 1)])
    guards = operator.guards(branches[3].numpy(), [(3, 1)])
    for k in range(len(x)):
        inside = (guards.margins(x[k].reshape(-1).numpy()) >= 0).all()
        assert not inside or torch.equal(first.apply(x[k : k + 1]), plain(x[k : k + 1]))
        assert inside or not torch.equal(branches[k], branches[3])


@pytest.mark.parametrize("name", CASES)
def test_derived_rules_agree_with_those_of_the_maximum_where_it_is_one(name):
    """The lines that a convex unit lies between, by its pieces and by its candidates."""
    operator, plain = CASES[name]
    slopes = [float(each.max()) for each in operator.pieces().slopes]
    if slopes != sorted(slopes) or name == "one a channel":
        pytest.skip("not a maximum of its lines")
    low, high = torch.full((1, 3, 1), -1.5).double(), torch.full((1, 3, 1), 2.5).double()
    kinked, derived = operator.relax((low, high)), PiecewiseLinear.relax(operator, (low, high))
    torch.testing.assert_close(derived.upper_slopes, kinked.upper_slopes, rtol=0, atol=1e-14)
    torch.testing.assert_close(derived.upper_offsets, kinked.upper_offsets, rtol=0, atol=1e-13)
    x = torch.linspace(-1.5, 2.5, 41).double()
    for lines in (kinked, derived):
        assert bool((lines.lower_slopes[0, 0] * x + lines.lower_offsets[0, 0] <= plain(x)).all())
        assert bool((lines.upper_slopes[0, 0] * x + lines.upper_offsets[0, 0] >= plain(x)).all())


@pytest.mark.parametrize("name", CASES)
def test_lines_hold_at_every_float_that_is_tried(name):
    operator, plain = CASES[name]
    rng = np.random.default_rng(3)
    for _ in range(40):
        ends = np.sort(rng.choice(POINTS, size=(2, 3, 1)), axis=0)
        low, high = (torch.from_numpy(end)[None] for end in ends)
        lines = operator.relax((low, high))
        for share in (0.0, 0.3, 0.5, 1.0):
            x = torch.minimum(torch.maximum(low + share * (high - low), low), high)
            y = plain(x).reshape(1, -1)
            flat = x.reshape(1, -1)
            assert bool((lines.lower_slopes * flat + lines.lower_offsets <= y).all())
            assert bool((lines.upper_slopes * flat + lines.upper_offsets >= y).all())


@pytest.mark.parametrize("name", CASES)
def test_jacobians_radii_and_regions(name):
    operator, plain = CASES[name]
    weight, bias = normal(3, 3, 4), normal(4, 3)
    graph = Graph(4).add("dense", Dense(weight, bias))
    graph.add("bend", operator if name != "one a channel" else LeakyReLU(torch.tensor([0.1, 1.0, -2.0]).double()))
    net = graph.add("last", Dense(normal(5, 2, 3), normal(6, 2))).network()

    def value(x: Tensor) -> Tensor:
        h = weight @ x + bias
        bent = plain(h[:, None])[:, 0] if name == "one a channel" else plain(h)
        return normal(5, 2, 3) @ bent + normal(6, 2)

    for seed in range(6):
        x = 2 * normal(20 + seed, 4)
        lin = linearize(net, x)
        np.testing.assert_allclose(lin.matrix, torch.func.jacrev(value)(x), rtol=0, atol=1e-12)
        np.testing.assert_allclose(lin(x[None])[0], value(x), rtol=0, atol=1e-12)
        region = linear_region(net, x.numpy())
        for step in (0.3, 1.0, 3.0):
            other = x + step * normal(40 + seed, 4)
            inside = (region.A_ub @ (other.numpy() - region.origin) <= region.b_ub).all()
            same = activation_pattern(net, other).same_as(activation_pattern(net, x))
            assert inside == same


@pytest.mark.parametrize("name", CASES)
def test_following_crosses_every_kink(name):
    operator, plain = CASES[name]
    if name == "one a channel":
        operator = LeakyReLU(torch.tensor([0.1, 1.0, -2.0]).double())
    weight, bias = normal(7, 3, 2), normal(8, 3)
    net = Graph(2).add("dense", Dense(weight, bias)).add("bend", operator).network()

    def value(x: np.ndarray) -> Tensor:
        h = weight @ torch.from_numpy(x) + bias
        return plain(h[:, None])[:, 0] if name == "one a channel" else plain(h)

    start = np.array([-9.0, -9.0])
    path = follow(net, start, np.array([1.0, 1.0]), n_regions=12)
    for t in np.linspace(0, min(path.end, 40.0), 200):
        np.testing.assert_allclose(path.feature(t), value(path.point(t)), rtol=0, atol=1e-11)
    crossed = {flip.neuron for each in path.breakpoints for flip in each.flips}
    patterns = [activation_pattern(net, start + t * np.ones(2) / np.sqrt(2)).branches["bend"] for t in (0.0, 1e3)]
    assert crossed >= set(np.flatnonzero(patterns[0] != patterns[1]).tolist())


def test_a_unit_without_a_kink_bounds_no_region():
    net = Graph(3).add("bend", LeakyReLU(number(1.0))).network()
    assert len(linear_region(net, np.array([1.0, -1.0, 0.0])).b_ub) == 0
    assert linearize(net, np.zeros(3)).radius == np.inf


def test_kinks_hit_exactly_belong_to_the_piece_on_the_left():
    operator: Operator = Clamp(number(0.0), number(6.0))
    net = Graph(4).add("bend", operator).network()
    found = activation_pattern(net, np.array([0.0, np.nextafter(0.0, 1.0), 6.0, np.nextafter(6.0, 7.0)]))
    assert found.branches["bend"].tolist() == [0, 1, 1, 2]
    assert found.active("bend").tolist() == [False, True, True, False]


@pytest.mark.parametrize("t_error", [0.0, 1e-3])
def test_a_rectifier_moves_as_any_function_of_one_kink(t_error):
    """`ReLU.on_line` is written once more for speed; signs, ties and errors of all kinds."""
    rng = np.random.default_rng(0)
    pick = lambda *choices: torch.from_numpy(rng.choice(choices, size=(1, 400)))  # noqa: E731
    fed = OnLine(
        pick(0.0, 1.0, -1.0, 1e-3, -1e-3),
        pick(0.0, 1e-3, 2.0),
        pick(0.0, 1.0, -1.0, 1e-9),
        pick(0.0, 1e-9, 0.5),
        torch.from_numpy(rng.standard_normal((3, 400))),
        torch.from_numpy(rng.standard_normal((3, 400))),
    )
    for tied in (None, torch.from_numpy(rng.random(400) < 0.3)):
        fast, plain = ReLU().on_line([fed], tied, t_error), Kinked.on_line(ReLU(), [fed], tied, t_error)
        for name in ("value", "error", "slope", "slope_error", "values", "slopes"):
            torch.testing.assert_close(getattr(fast.result, name), getattr(plain.result, name), rtol=0, atol=1e-18)
        assert torch.equal(fast.branches, plain.branches)
        assert (fast.sure, fast.lasting) == (plain.sure, plain.lasting)
        for name in ("owners", "after", "errors"):
            assert torch.equal(getattr(fast.crossings, name), getattr(plain.crossings, name))
