"""What holds for all points of a box, checked in exact arithmetic, by closed forms and by points."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch

from stability.reference_networks import REFERENCES, Graph, normal
from unrelu.bounding.linear_bounds import LinearBounds, linear_bounds
from unrelu.errors import InputError, UnsupportedOperator
from unrelu.network.graph import Network
from unrelu.operators import (
    Absolute,
    Clamp,
    Dense,
    LargestAlong,
    LeakyReLU,
    Maximum,
    MaxPool,
    Minimum,
    Operator,
    ReLU,
    Reshape,
    Sigmoid,
)

PIECEWISE: dict[str, Operator] = {
    "relu": ReLU(),
    "leaky": LeakyReLU(torch.tensor(0.1, dtype=torch.float64)),
    "negative slope": LeakyReLU(torch.tensor(-0.5, dtype=torch.float64)),
    "steep": LeakyReLU(torch.tensor(3.0, dtype=torch.float64)),
    "bounded": Clamp(torch.tensor(-0.5, dtype=torch.float64), torch.tensor(0.5, dtype=torch.float64)),
    "magnitude": Absolute(),
}


def numbers(values: torch.Tensor | np.ndarray) -> list[Fraction]:
    return [Fraction(float(each)) for each in np.asarray(values).reshape(-1)]


def exact_dense(layers: list[tuple[np.ndarray, np.ndarray]], kind: str, x: list[Fraction]) -> list[Fraction]:
    """A dense network in rationals; the activation written once more."""
    activations = {
        "relu": lambda z: max(z, Fraction(0)),
        "leaky": lambda z: z if z > 0 else Fraction(0.1) * z,
        "negative slope": lambda z: z if z > 0 else Fraction(-0.5) * z,
        "steep": lambda z: z if z > 0 else 3 * z,
        "bounded": lambda z: min(max(z, Fraction(-0.5)), Fraction(0.5)),
        "magnitude": abs,
    }
    for k, (weight, bias) in enumerate(layers):
        x = [
            sum((Fraction(float(w)) * each for w, each in zip(row, x, strict=True)), Fraction(float(b)))
            for row, b in zip(weight, bias, strict=True)
        ]
        if k < len(layers) - 1:
            x = [activations[kind](z) for z in x]
    return x


def dense(sizes: list[int], kind: str, seed: int) -> tuple[Network, list[tuple[np.ndarray, np.ndarray]]]:
    rng = np.random.default_rng(seed)
    layers = [(rng.standard_normal((m, d)), rng.standard_normal(m) / 2) for d, m in pairwise(sizes)]
    graph = Graph(sizes[0])
    for k, (weight, bias) in enumerate(layers):
        graph.add(f"dense{k}", Dense(torch.from_numpy(weight), torch.from_numpy(bias)))
        if k < len(layers) - 1:
            graph.add(f"bend{k}", PIECEWISE[kind])
    return graph.network(), layers


def holds(found: LinearBounds, box: int, x: list[Fraction], y: list[Fraction]) -> bool:
    for j, value in enumerate(y):
        below = sum((a * b for a, b in zip(numbers(found.lower_slopes[box, j]), x, strict=True)), Fraction(0))
        above = sum((a * b for a, b in zip(numbers(found.upper_slopes[box, j]), x, strict=True)), Fraction(0))
        low, high = Fraction(float(found.lower[box, j])), Fraction(float(found.upper[box, j]))
        if not below + Fraction(float(found.lower_offsets[box, j])) <= value:
            return False
        if not value <= above + Fraction(float(found.upper_offsets[box, j])):
            return False
        if not low <= value <= high:
            return False
    return True


@pytest.mark.parametrize("kind", PIECEWISE)
@pytest.mark.parametrize("scale", [1.0, 2.0**-40, 2.0**30])
def test_bounds_hold_exactly_at_corners_and_between(kind, scale):
    network, layers = dense([2, 4, 3, 2], kind, seed=3)
    rng = np.random.default_rng(7)
    lower = scale * rng.standard_normal((4, 2))
    widths = scale * np.array([[0.0, 0.0], [1e-9, 1e-9], [1.0, 0.5], [3.0, 0.0]])
    upper = lower + widths
    found = linear_bounds(network, torch.from_numpy(lower), torch.from_numpy(upper))
    for box in range(4):
        for share in ([0, 0], [1, 0], [0, 1], [1, 1], [Fraction(1, 3), Fraction(3, 7)]):
            x = [
                low + s * (high - low)
                for low, high, s in zip(numbers(lower[box]), numbers(upper[box]), share, strict=True)
            ]
            assert holds(found, box, x, exact_dense(layers, kind, x))


@pytest.mark.parametrize("kind", PIECEWISE)
def test_a_box_that_is_a_point_is_bounded_to_rounding(kind):
    network, _ = dense([3, 5, 4, 2], kind, seed=1)
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((6, 3)))
    found = linear_bounds(network, x, x)
    value = torch.from_numpy(np.asarray(network(x)))
    assert bool(((found.lower <= value) & (value <= found.upper)).all())
    assert float((found.upper - found.lower).max()) < 1e-11


@pytest.mark.parametrize("kind", REFERENCES)
def test_graphs_of_all_kinds(kind):
    network = REFERENCES[kind]().network
    rng = np.random.default_rng(5)
    center = rng.standard_normal(network.input_shape)
    for width in (0.01, 0.3):
        lower, upper = torch.from_numpy(center - width)[None], torch.from_numpy(center + width)[None]
        found = linear_bounds(network, lower, upper)
        points = center + width * rng.uniform(-1, 1, size=(200, *center.shape))
        y = np.asarray(network(points)).reshape(200, -1)
        assert (y >= found.lower.numpy() - 1e-12).all()
        assert (y <= found.upper.numpy() + 1e-12).all()
        flat = points.reshape(200, -1)
        below = flat @ found.lower_slopes[0].numpy().T + found.lower_offsets[0].numpy()
        above = flat @ found.upper_slopes[0].numpy().T + found.upper_offsets[0].numpy()
        assert (below <= y + 1e-12).all()
        assert (y <= above + 1e-12).all()


@pytest.mark.parametrize(
    ("operator", "inputs"),
    [(Maximum(), 2), (Minimum(), 2), (LargestAlong((0,)), 1), (MaxPool((2,), (1,), ((1, 1),), (2,)), 1)],
)
def test_choices_lie_between_their_lines(operator, inputs):
    graph = Graph(6).add("dense", Dense(normal(0, 8, 6), normal(1, 8))).add("shape", Reshape((2, 4)))
    graph.add("other", Dense(normal(2, 4, 4), normal(3, 4)), "shape")
    graph.add("choose", operator, *(["shape", "other"] if inputs == 2 else ["shape"]))
    network = graph.network()
    rng = np.random.default_rng(2)
    for width in (0.05, 0.5, 3.0):
        center = rng.standard_normal(6)
        box = (torch.from_numpy(center - width)[None], torch.from_numpy(center + width)[None])
        found = linear_bounds(network, *box)
        points = center + width * rng.uniform(-1, 1, size=(500, 6))
        y = np.asarray(network(points)).reshape(500, -1)
        below = points @ found.lower_slopes[0].numpy().T + found.lower_offsets[0].numpy()
        above = points @ found.upper_slopes[0].numpy().T + found.upper_offsets[0].numpy()
        assert ((below <= y + 1e-12) & (y <= above + 1e-12)).all()


def test_one_rectifier_lies_under_its_chord_and_over_the_nearer_line():
    net = Graph(1).add("relu", ReLU()).network()
    for low, high, slope in ((-1.0, 3.0, 1.0), (-3.0, 1.0, 0.0)):
        found = linear_bounds(net, torch.tensor([[low]]).double(), torch.tensor([[high]]).double())
        assert float(found.upper_slopes) == pytest.approx(high / (high - low), rel=1e-15)
        assert float(found.upper_offsets) == pytest.approx(-low * high / (high - low), rel=1e-14)
        assert float(found.lower_slopes) == slope
        assert float(found.lower_offsets) == pytest.approx(0.0, abs=1e-14)
        assert (float(found.lower), float(found.upper)) == pytest.approx((min(low * slope, 0.0), high), abs=1e-13)


def test_units_that_stay_on_one_branch_are_exact():
    """All units stable: both bounds are the affine map of the region, and errors stay rounding."""
    network, _ = dense([3, 6, 5, 2], "relu", seed=4)
    x = np.random.default_rng(8).standard_normal(3)
    found = linear_bounds(network, torch.from_numpy(x - 1e-6)[None], torch.from_numpy(x + 1e-6)[None])
    point = torch.from_numpy(x).requires_grad_()
    value = network.values(point[None], network.outputs)[network.outputs[0]]
    jacobian = torch.stack([torch.autograd.grad(value[0, k], point, retain_graph=True)[0] for k in range(2)])
    torch.testing.assert_close(found.lower_slopes[0], jacobian, rtol=0, atol=1e-12)
    torch.testing.assert_close(found.upper_slopes[0], jacobian, rtol=0, atol=1e-12)


def test_parts_change_nothing(monkeypatch):
    network = REFERENCES["convolutional"]().network
    box = [torch.from_numpy(np.full((2, *network.input_shape), end)) for end in (-0.1, 0.2)]
    whole = linear_bounds(network, *box)
    monkeypatch.setattr("unrelu.bounding.row_bounds.CHUNK_BYTES", 1)
    found = linear_bounds(network, *box)
    torch.testing.assert_close(found.lower, whole.lower, rtol=0, atol=1e-13)
    torch.testing.assert_close(found.upper_slopes, whole.upper_slopes, rtol=0, atol=1e-13)


def test_what_is_no_box_is_refused():
    net = Graph(2).add("relu", ReLU()).network()
    zero, one = torch.zeros(1, 2).double(), torch.ones(1, 2).double()
    for lower, upper in ((one, zero), (zero, one * np.inf), (zero[:, :1], one[:, :1]), (zero.float(), one.float())):
        with pytest.raises(InputError, match="box"):
            linear_bounds(net, lower, upper)
    with pytest.raises(UnsupportedOperator, match="smooth"):
        linear_bounds(Graph(2).add("sigmoid", Sigmoid()).network(), zero, one)
