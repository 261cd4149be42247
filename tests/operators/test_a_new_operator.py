"""One operator, written in one file (this one), is known to every walk over the graph: `maximum(x, 2 x)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor

from stability.reference_networks import Graph, normal
from unrelu.bounding.linear_bounds import linear_bounds
from unrelu.network.agreement import forward_passes
from unrelu.network.graph import Network
from unrelu.operators import Dense, Shape
from unrelu.operators.candidates import Candidates
from unrelu.operators.piecewise_linear import PiecewiseLinear
from unrelu.stability.following.follow import follow
from unrelu.stability.linearization import linearize
from unrelu.stability.operator import jacobian_operator
from unrelu.stability.region import linear_region
from unrelu.stability.spectrum import spectrum


@dataclass(frozen=True, eq=False)
class Doubling(PiecewiseLinear):
    """`x -> max(x, 2 x)`."""

    def output_shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def candidates(self, shapes: Sequence[Shape], device: torch.device) -> Candidates:
        own = torch.arange(int(np.prod(shapes[0])), device=device)[:, None].expand(-1, 2)
        return Candidates(own, torch.tensor([[1.0, 2.0]], dtype=torch.float64, device=device).expand(len(own), 2))


WEIGHTS = [(normal(0, 5, 4), normal(1, 5)), (normal(2, 6, 5), normal(3, 6)), (normal(4, 3, 6), normal(5, 3))]

X = normal(9, 4).numpy()


def network() -> Network:
    graph = Graph(4)
    for k, (weight, bias) in enumerate(WEIGHTS):
        graph.add(f"dense{k}", Dense(weight, bias)).add(f"doubling{k}", Doubling())
    return graph.network()


def value(x: Tensor) -> Tensor:
    """The same in plain torch."""
    for weight, bias in WEIGHTS:
        x = weight @ x + bias
        x = torch.where(x > 0, 2 * x, x)
    return x


def test_forward_pass() -> None:
    np.testing.assert_allclose(network()(X[None])[0], value(torch.from_numpy(X)), rtol=0, atol=1e-12)


def test_jacobian_both_ways() -> None:
    J = torch.func.jacrev(value)(torch.from_numpy(X)).numpy()
    lin = linearize(network(), X)
    np.testing.assert_allclose(lin.matrix, J, rtol=0, atol=1e-12)
    np.testing.assert_allclose(lin(X[None])[0], value(torch.from_numpy(X)), rtol=0, atol=1e-12)
    operator = jacobian_operator(network(), X)
    np.testing.assert_allclose(operator.T @ np.eye(3), J.T, rtol=0, atol=1e-12)


def test_region_on_both_sides_of_every_guard() -> None:
    net = network()
    region = linear_region(net, X)
    lin = linearize(net, X)
    assert len(region.b_ub) == 5 + 6 + 3
    slack = region.b_ub - region.A_ub @ (X - region.origin)
    assert (slack > 0).all()
    steps = slack / np.linalg.norm(region.A_ub, axis=1)
    nearest = int(steps.argmin())
    assert lin.radius == pytest.approx(steps[nearest], rel=1e-10)
    direction = region.A_ub[nearest] / np.linalg.norm(region.A_ub[nearest])
    assert lin.same_region(X + 0.999 * steps[nearest] * direction)
    assert not lin.same_region(X + 1.001 * steps[nearest] * direction)


def test_spectrum() -> None:
    J = torch.func.jacrev(value)(torch.from_numpy(X)).numpy()
    np.testing.assert_allclose(spectrum(network(), X).values, np.linalg.svd(J, compute_uv=False), rtol=1e-12)


def test_error_bound() -> None:
    found, error = forward_passes(network(), torch.from_numpy(X)[None])
    assert 0 < float(error.max()) < 1e-11
    np.testing.assert_allclose(found[0], value(torch.from_numpy(X)), rtol=0, atol=float(error.max()))


def test_linear_bounds() -> None:
    rng = np.random.default_rng(0)
    for width in (0.0, 0.1, 2.0):
        found = linear_bounds(network(), torch.from_numpy(X - width)[None], torch.from_numpy(X + width)[None])
        for _ in range(200):
            x = torch.from_numpy(X + width * rng.uniform(-1, 1, size=4))
            y = value(x)
            assert bool((found.lower_slopes[0] @ x + found.lower_offsets[0] <= y + 1e-12).all())
            assert bool((y <= found.upper_slopes[0] @ x + found.upper_offsets[0] + 1e-12).all())
        assert width or float((found.upper - found.lower).max()) < 1e-11


def test_one_unit_lies_under_its_chord() -> None:
    net = Graph(1).add("doubling", Doubling()).network()
    found = linear_bounds(net, torch.tensor([[-1.0]]).double(), torch.tensor([[3.0]]).double())
    assert float(found.upper_slopes) == pytest.approx(7 / 4, rel=1e-15)  # from (-1, -1) to (3, 6)
    assert float(found.upper_offsets) == pytest.approx(3 / 4, rel=1e-14)
    assert float(found.lower_slopes) in (1.0, 2.0)
    assert float(found.lower_offsets) == pytest.approx(0.0, abs=1e-13)


def test_moving_on_a_line() -> None:
    net = network()
    path = follow(net, X, normal(11, 4).numpy(), n_regions=8)
    assert path.confirmed.all()
    edges = [0.0, *(each.t for each in path.breakpoints)]
    for k in range(path.n_regions):
        middle = torch.from_numpy(path.point((edges[k] + edges[k + 1]) / 2))
        J = torch.func.jacrev(value)(middle).numpy()
        np.testing.assert_allclose(path.velocities[k], J @ path.directions[k], rtol=0, atol=1e-11)
        np.testing.assert_allclose(path.feature((edges[k] + edges[k + 1]) / 2), value(middle), rtol=0, atol=1e-10)


def test_a_kink_hit_exactly_belongs_to_both_sides() -> None:
    net = Graph(2).add("doubling", Doubling()).network()
    region = linear_region(net, np.array([0.0, 1.0]))
    assert (region.A_ub @ (np.array([-1.0, 1.0]) - region.origin) <= region.b_ub).all()
    assert not (region.A_ub @ (np.array([1.0, 1.0]) - region.origin) <= region.b_ub).all()
    assert linearize(net, np.array([0.0, 1.0])).radius == 0.0
