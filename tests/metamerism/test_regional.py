"""Metamers of deeper prefixes, within the original's linear region."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from unrelu.errors import UnsupportedOperator
from unrelu.metamerism.metamer import metamer
from unrelu.network.graph import Network
from unrelu.polyhedra.nearest import NORMS
from unrelu.stability.pattern import activation_pattern


def random_network(seed: int, sizes: tuple[int, ...] = (20, 8, 8, 6, 3)) -> Network:
    rng = np.random.default_rng(seed)
    return Network.from_layers([(rng.normal(size=(m, d)), rng.normal(size=m)) for d, m in pairwise(sizes)])


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ["relu2", "relu3", "dense3", "output"])
def test_deep_features_stay_and_so_does_the_region(name: str, norm: float) -> None:
    net = random_network(0)
    rng = np.random.default_rng(1)
    x0, t = rng.uniform(0, 1, 20), rng.uniform(0, 1, 20)
    prefix = net.upto(name)
    found = metamer(prefix, at=x0, target=t, norm=norm, search="region")
    assert found.regional
    assert found.feature_error < 1e-12
    np.testing.assert_allclose(prefix(np.asarray(found.x)[None]), prefix(x0[None]), atol=1e-12)
    assert found.distance < np.linalg.norm(x0 - t, ord=norm)
    assert found.optimal
    # Points strictly between the original and the metamer lie in the open region.
    inside = x0 + (np.asarray(found.x) - x0) * (1 - 1e-9)
    hidden = [layer for layer in prefix.layers if layer not in prefix.outputs]
    assert (
        activation_pattern(prefix, inside).restricted(hidden).same_as(activation_pattern(prefix, x0).restricted(hidden))
    )


def test_active_neurons_before_the_last_stay_active() -> None:
    """ReLU(x1 - 1/2) + ReLU(x2 - 1/2) stays on x1 + x2 = const, but only as long as both are at least 1/2."""
    net = Network.from_layers([(np.eye(2), np.full(2, -0.5)), (np.ones((1, 2)), np.zeros(1)), (np.eye(1), np.zeros(1))])
    found = metamer(
        net.upto("relu2"), at=np.full(2, 0.8), target=np.array([0.0, 1.6]), norm=math.inf, domain=None, search="region"
    )
    np.testing.assert_allclose(found.x, [0.5, 1.1], atol=1e-9)


def test_the_first_layer_is_searched_whole() -> None:
    net = random_network(0)
    x0 = np.random.default_rng(1).uniform(0, 1, 20)
    assert not metamer(net.upto("relu1"), at=x0, target=np.ones(20)).regional


def test_with_identities_before_it_the_region_gives_the_same_as_the_layer() -> None:
    """On inputs >= 0 a first layer ReLU(x) changes nothing, so region and layer ask the same of the rest."""
    rng = np.random.default_rng(3)
    W, b = rng.normal(size=(5, 7)), rng.normal(size=5)
    deep = Network.from_layers([(np.eye(7), np.zeros(7)), (W, b), (np.eye(5), np.zeros(5))]).upto("relu2")
    flat = Network.from_layers([(W, b), (np.eye(5), np.zeros(5))]).upto("relu1")
    x0, t = rng.uniform(0.2, 1, 7), rng.uniform(0, 1, 7)
    for norm in NORMS:
        for tolerance in (0.0, 0.01):
            regional = metamer(deep, at=x0, target=t, norm=norm, tolerance=tolerance, search="region")
            whole = metamer(flat, at=x0, target=t, norm=norm, tolerance=tolerance, search="region")
            assert regional.feature_error <= tolerance + 1e-12
            if tolerance == 0:
                assert regional.distance == pytest.approx(whole.distance, abs=1e-9)
            else:  # the region also keeps signs of the last layer
                assert regional.distance >= whole.distance - 1e-9


def test_residual_and_joined_prefixes() -> None:
    torch.manual_seed(0)

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.third = nn.Linear(9, 5), nn.Linear(5, 5), nn.Linear(5, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = torch.relu(self.first(x))
            return self.third(torch.relu(h + self.second(torch.relu(self.second(h)))))

    net = Network.from_torch(Residual().eval(), torch.rand(2, 9))
    x0, t = torch.rand(9), torch.rand(9)
    for prefix in (net.upto(net.layers[-1]), net.upto(*net.layers[:2]), net):
        found = metamer(prefix, at=x0, target=t, norm=1, search="region")
        assert found.regional
        assert found.feature_error < 1e-12
        assert found.forward_error is not None
        assert found.forward_error < 1e-5
        assert found.radius < 1e-9 or math.isinf(found.radius)
        assert found.optimal


def test_a_smooth_node_has_no_region_whose_best_point_would_be_a_metamer() -> None:
    """The linearization of a tanh leads to a point with other features, which no walk ends at."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(8, 12), nn.Tanh(), nn.Linear(12, 3)).double().eval()
    net = Network.from_torch(module, torch.zeros(1, 8))
    x, target = np.random.default_rng(0).random((2, 8))
    with pytest.raises(UnsupportedOperator, match="is smooth"):
        metamer(net, at=x, target=target, search="region", norm=2)
    walked = metamer(net, at=x, target=target, norm=2)
    assert walked.distance < np.linalg.norm(x - target) - 1e-3
    assert walked.relative_error < 1e-12
