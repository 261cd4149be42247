import math

import numpy as np
import pytest
import torch
from torch import nn

import unrelu as ur
from paper.networks import THIN, network

SIZES = {
    "MLP-100": [100] * 10,
    "MLP-3500": [3500, 784],
    "WideCIFAR": [32 * 32 * 32, 64 * 256, 64 * 256, 32 * 256, 32 * 256, 64 * 64, 512],
    "ThinCIFAR": [32 * 32 * 32, 32 * 256, 16 * 256, 16 * 256, 16 * 256, 32 * 64, 512],
}


def example(name):
    return torch.rand(2, 3, 32, 32) if "CIFAR" in name else torch.rand(2, 28, 28)


@pytest.mark.parametrize("name", SIZES)
def test_layers_have_the_sizes_of_appendix_a4(name):
    net = ur.Network.from_torch(network(name).eval(), example(name))
    assert [math.prod(net.node(layer).shape) for layer in net.layers] == SIZES[name]
    assert net.output_size == 10


def test_stride_2_pads_nothing_before_and_one_after_as_keras_does():
    module = network("ThinCIFAR").eval()
    x = torch.rand(1, 32, 32, 32)
    pad, conv = module.get_submodule("pad2"), module.get_submodule("conv2")
    assert isinstance(conv, nn.Conv2d)
    found = conv(pad(x)).detach()[0]
    padded = np.pad(x[0].numpy(), ((0, 0), (0, 1), (0, 1)))
    for i, j in ((0, 0), (7, 3), (15, 15)):
        patch = padded[:, 2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
        np.testing.assert_allclose(found[:, i, j], (conv.weight.detach().numpy() * patch).sum((1, 2, 3)), atol=1e-5)
    assert found.shape == (THIN[1][0], 16, 16)


@pytest.mark.parametrize("name", SIZES)
def test_weights_are_glorot_uniform_and_seeded(name):
    for key, part in network(name).named_children():
        if isinstance(part, nn.Linear | nn.Conv2d):
            same, other = (network(name, seed=seed).get_submodule(key) for seed in (0, 1))
            assert isinstance(same, nn.Linear | nn.Conv2d)
            assert isinstance(other, nn.Linear | nn.Conv2d)
            area = math.prod(part.weight.shape[2:])
            bound = math.sqrt(6 / (area * (part.weight.shape[0] + part.weight.shape[1])))
            assert 0.95 * bound < part.weight.abs().max() <= bound
            assert torch.equal(part.weight, same.weight)
            assert not torch.equal(part.weight, other.weight)
            assert part.bias is not None
            assert not part.bias.any()


def test_the_first_node_normalises_pixels_or_leaves_them():
    black = torch.zeros(1, 28, 28)
    assert network("MLP-100").get_submodule("normalise")(black).max() == pytest.approx(-0.1307 / 0.3081)
    assert not network("MLP-100", normalised=False).get_submodule("normalise")(black).any()
