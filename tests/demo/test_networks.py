"""The paper's dense networks."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from unrelu.demo.networks import mlp, mlp_100, mlp_3500


@pytest.mark.parametrize(("make", "sizes"), [(mlp_3500, [784, 3500, 784, 10]), (mlp_100, [784, *[100] * 10, 10])])
def test_sizes_are_the_papers(make: object, sizes: list[int]) -> None:
    module = make(0)  # type: ignore[operator]
    dense = [part for part in module if isinstance(part, nn.Linear)]
    assert [dense[0].in_features, *[part.out_features for part in dense]] == sizes
    names = [name for name, _ in module.named_children()]
    n = len(dense)
    assert names[:2] == ["normalise", "flatten"]
    assert names[2:] == [f"{kind}{k}" for k in range(1, n + 1) for kind in ("dense", "relu")][:-1]


def test_the_first_node_normalises_pictures() -> None:
    module = mlp([5])
    x = torch.rand(3, 28, 28)
    bare = nn.Sequential(*list(module)[1:])
    torch.testing.assert_close(module(x), bare((x - 0.1307) / 0.3081))


def test_weights_are_glorot_uniform_and_biases_zero() -> None:
    module = mlp([400])
    dense = module.get_submodule("dense1")
    assert isinstance(dense, nn.Linear)
    limit = math.sqrt(6 / (784 + 400))  # Glorot and Bengio 2010, equation 16
    weight = dense.weight.detach().double()
    assert 0.999 * limit < float(weight.abs().max()) <= limit * (1 + 1e-6)
    assert abs(float(weight.std()) / (limit / math.sqrt(3)) - 1) < 0.01  # standard deviation of that uniform law
    assert not bool(dense.bias.any())


def test_the_seed_alone_decides_and_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    first, again, other = mlp([7], seed=5), mlp([7], seed=5), mlp([7], seed=6)
    assert torch.equal(torch.rand(3), expected)
    weights = [module.get_parameter("dense1.weight") for module in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
