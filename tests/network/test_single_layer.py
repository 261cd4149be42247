"""A prefix that is one ReLU layer on the input is that layer, whatever affine nodes come before the ReLU."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import unrelu as ur
from unrelu.network.single_layer import single_layer


class Branches(nn.Module):
    """Two affine branches join before the first ReLU, a skip connection before the second."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.three = nn.Linear(3, 4), nn.Linear(3, 4), nn.Linear(4, 4)
        self.first, self.second = nn.ReLU(), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.first(self.one(x) + self.two(2 * x))
        return self.second(self.three(h) + self.one(x))


def read(module: nn.Module, *shape: int) -> ur.Network:
    torch.manual_seed(0)
    return ur.Network.from_torch(module.eval(), torch.zeros(1, *shape))


PICTURES = read(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.ReLU()), 1, 4, 4)


@pytest.mark.parametrize(
    ("net", "name"), [(read(Branches(), 3), "first"), (PICTURES, "2")], ids=["branches", "convolution"]
)
def test_one_layer_is_asked_as_that_layer(net: ur.Network, name: str) -> None:
    prefix, layer = net.upto(name), net.layer(name)
    found = single_layer(prefix)
    assert found is not None
    np.testing.assert_array_equal(found.dense_weight, layer.dense_weight)
    np.testing.assert_array_equal(found.bias, layer.bias)
    inputs = np.random.default_rng(0).standard_normal((5, *net.input_shape))
    for domain in (None, ur.Box(-4, 4)):
        by_layer = ur.classify(layer, inputs, domain=domain, progress=False)
        by_prefix = ur.classify(prefix, inputs, domain=domain, progress=False)
        assert by_prefix.kind.tolist() == by_layer.kind.tolist()
        assert by_prefix.verify().all()
    one = ur.preimage(prefix, at=inputs[0])
    assert isinstance(one, ur.LayerPreimage)
    assert (one.kind, one.layer.name) == (ur.preimage(layer, at=inputs[0]).kind, name)
    features = np.asarray(prefix(inputs[:1])).reshape(-1)
    by_features = ur.preimage(prefix, features=features, tolerance=1e-6)
    assert isinstance(by_features, ur.LayerPreimage)
    assert by_features.empty is False


@pytest.mark.parametrize(
    ("net", "names"),
    [
        (read(Branches(), 3), ("second",)),
        (read(Branches(), 3), ("one",)),
        (read(Branches(), 3), ("first", "one")),
        (PICTURES, ("4",)),  # a ReLU on a max pooling
        (PICTURES, ("3",)),
        (PICTURES, ("input",)),
    ],
)
def test_anything_else_is_none(net: ur.Network, names: tuple[str, ...]) -> None:
    assert single_layer(net.upto(*names)) is None
