"""All Jacobians on a box lie in the hull, and the hull is no wider than one unit makes it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from stability.reference_networks import Graph
from unrelu.bounding.bounded_network import BoundedNetwork
from unrelu.bounding.jacobian_hull import JacobianHull, jacobian_hull
from unrelu.bounding.unit_bounds import bound_units
from unrelu.network.graph import Network
from unrelu.operators import Absolute, Add, Clamp, Dense, LargestAlong, LeakyReLU, Maximum, Operator, ReLU

BENT: dict[str, Operator] = {
    "relu": ReLU(),
    "leaky": LeakyReLU(torch.tensor(0.1).double()),
    "falling": LeakyReLU(torch.tensor(-0.5).double()),
    "bounded": Clamp(torch.tensor(-0.5).double(), torch.tensor(0.5).double()),
    "magnitude": Absolute(),
}


def dense(rng: np.random.Generator, m: int, d: int) -> Dense:
    return Dense(torch.from_numpy(rng.standard_normal((m, d))), torch.from_numpy(rng.standard_normal(m)))


def deep(kind: str, seed: int) -> Network:
    rng = np.random.default_rng(seed)
    graph = Graph(3)
    for k, (m, d) in enumerate(((8, 3), (7, 8), (6, 7))):
        graph = graph.add(f"dense{k}", dense(rng, m, d)).add(f"bent{k}", BENT[kind])
    return graph.add("end", dense(rng, 4, 6)).network()


def joined(seed: int) -> Network:
    """A sum of two ways, the larger of two, and the largest of all."""
    rng = np.random.default_rng(seed)
    graph = Graph(3).add("one", dense(rng, 6, 3)).add("relu", ReLU())
    graph = graph.add("two", dense(rng, 6, 3), "input").add("sum", Add(), "relu", "two")
    graph = graph.add("three", dense(rng, 6, 6)).add("larger", Maximum(), "three", "sum")
    return graph.add("end", dense(rng, 5, 6)).add("largest", LargestAlong((0,))).network()


def hull_on(network: Network, low: np.ndarray, high: np.ndarray) -> JacobianHull:
    bounded = BoundedNetwork(network)
    box = torch.from_numpy(low)[None], torch.from_numpy(high)[None]
    return jacobian_hull(bounded, bound_units(bounded, *box))


def jacobian_at(network: Network, x: np.ndarray) -> np.ndarray:
    """By torch's own differentiation."""
    point = torch.from_numpy(x)
    f = lambda z: network.values(z[None], network.outputs)[network.outputs[0]].reshape(-1)  # noqa: E731
    return torch.autograd.functional.jacobian(f, point).numpy()


def boxes(seed: int, width: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A box, and points of it, corners among them."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(-1, 1, 3)
    high = low + width * rng.uniform(0.2, 1, 3)
    points = rng.uniform(low, high, (40, 3))
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
    return low, high, np.concatenate([points, corners])


@pytest.mark.parametrize("width", [1.0, 0.1, 1e-3])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", [*BENT, "joined"])
def test_jacobians_at_points_of_the_box_are_in_the_hull(kind: str, seed: int, width: float) -> None:
    network = joined(seed) if kind == "joined" else deep(kind, seed)
    low, high, points = boxes(seed, width)
    hull = hull_on(network, low, high)
    rng = np.random.default_rng(seed + 100)
    M = torch.from_numpy(rng.standard_normal((1, 3, network.output_size)))
    far, middle = hull.distance(M)[0].numpy(), (M @ hull.middle)[0].numpy()
    for x in points:
        J = jacobian_at(network, x)
        assert (np.abs(M[0].numpy() @ J - middle) <= far + 1e-12).all()
        assert (np.abs(J) <= hull.steepest[0].numpy() + 1e-12).all()


def test_without_a_kink_inside_the_hull_is_the_jacobian_up_to_rounding() -> None:
    network = deep("relu", 3)
    x = np.array([0.3, -0.2, 0.7])
    hull = hull_on(network, x - 1e-9, x + 1e-9)
    J = jacobian_at(network, x)
    far = hull.distance(torch.eye(4).double()[None])[0].numpy()
    assert (np.abs(hull.middle[0].numpy() - J) <= far).all()
    assert far.max() < 1e-10 * np.abs(J).max()


@pytest.mark.parametrize("outer", [1.0, -2.0, 1e6])
def test_one_unit_with_a_kink_changes_what_it_feeds_and_no_more(outer: float) -> None:
    """`outer ReLU(2 x)` on [-1, 1] has slopes 0 and 2 outer: the middle is outer, and both are |outer| away."""
    graph = Graph(1).add("in", Dense(torch.tensor([[2.0]]).double(), torch.zeros(1).double())).add("relu", ReLU())
    network = graph.add("out", Dense(torch.tensor([[outer]]).double(), torch.zeros(1).double())).network()
    hull = hull_on(network, np.array([-1.0]), np.array([1.0]))
    assert float(hull.middle) == outer
    assert abs(outer) <= float(hull.distance(torch.ones(1, 1, 1).double())) <= abs(outer) * (1 + 1e-8)


def test_a_change_behind_a_change_counts() -> None:
    """`x - 2 ReLU(ReLU(x - 1) - 1/10)` is linear at first order, and folds back behind 1.1 (DESIGN 1.8)."""
    one = Dense(torch.tensor([[1.0]]).double(), torch.tensor([-1.0]).double())
    two = Dense(torch.tensor([[1.0]]).double(), torch.tensor([-0.1]).double())
    graph = Graph(1).add("one", one).add("relu1", ReLU()).add("two", two).add("relu2", ReLU())
    scaled = Dense(torch.tensor([[-2.0]]).double(), torch.zeros(1).double())
    network = graph.add("scaled", scaled).add("sum", Add(), "scaled", "input").network()
    hull = hull_on(network, np.array([0.5]), np.array([1.5]))
    middle, far = float(hull.middle), float(hull.distance(torch.ones(1, 1, 1).double()))
    assert middle - far <= -1 <= 1 <= middle + far
