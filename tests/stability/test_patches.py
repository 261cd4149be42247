import itertools

import numpy as np
import pytest
import torch

from operators.affine_instances import instances
from stability.reference_networks import REFERENCES, Graph, circular_pad, convolution, normal
from unrelu.operators import (
    Add,
    AveragePool,
    Broadcast,
    Clamp,
    Concatenate,
    Convolution,
    Dense,
    Elementwise,
    LargestAlong,
    LeakyReLU,
    Maximum,
    MaxPool,
    Normalization,
    Pad,
    Permute,
    Quotient,
    ReLU,
    Reshape,
    Slice,
    Subtract,
)
from unrelu.operators.extent import Extent
from unrelu.operators.patch import Patch, hull, unit_patch
from unrelu.stability import parts
from unrelu.stability.linear_maps import linear_map, tangent_step
from unrelu.stability.linearization import linearize
from unrelu.stability.parts import tiled_parts
from unrelu.stability.pattern import activation_pattern

SHAPE = (2, 6, 7)

OPERATORS = {
    "relu": ReLU(),
    "elementwise": Elementwise(normal(0, 2, 6, 1), normal(1, 7)),
    "a constant for each column": Elementwise(normal(0, 7), normal(1, 1)),
    "quotient": Quotient(1 + normal(0, 6, 7).abs()),
    "normalization": Normalization(normal(0, 2), normal(1, 2).square(), normal(2, 2), normal(3, 2), 1e-3),
    "convolution": convolution(normal(0, 3, 2, 3, 3), normal(1, 3), padding=1),
    "strided": convolution(normal(0, 3, 2, 3, 3), normal(1, 3), stride=2),
    "windows apart": convolution(normal(0, 3, 2, 1, 1), normal(1, 3), stride=3),
    "uneven": Convolution(normal(0, 3, 2, 3, 2), normal(1, 3), (2, 1), ((0, 1), (3, 0)), (1, 2)),
    "dilated groups": Convolution(normal(0, 4, 1, 2, 3), normal(1, 4), (1, 2), ((2, 1), (2, 2)), (3, 2), groups=2),
    "cropping": Convolution(normal(0, 3, 2, 2, 2), normal(1, 3), (1, 1), ((-2, 0), (0, -1)), (1, 1)),
    "average": AveragePool((2, 3), (2, 2), ((0, 0), (0, 0))),
    "average over the edge": AveragePool((2, 3), (2, 2), ((1, 0), (1, 1))),
    "max": MaxPool((2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1), ceil_mode=True),
    "max, overlapping and padded": MaxPool((3, 3), (2, 1), ((1, 1), (0, 1)), (1, 2)),
    "pad": Pad(((1, 2), (0, 3))),
    "pad the last": Pad(((2, 1),)),
    "crop": Pad(((-1, 2), (0, -3))),
    "circular": circular_pad(3),
    "reflect": Pad(((1, 2), (2, 2)), mode="reflect"),
    "permute": Permute((0, 2, 1)),
    "slice": Slice(2, 1, 6, 2),
    "broadcast": Broadcast((3, 2, 6, 7)),
    "reshape": Reshape((84,)),
    "dense": Dense(normal(0, 3, 7), normal(1, 3)),
    "leaky": LeakyReLU(normal(0, 2, 1, 1)),
    "clamp": Clamp(torch.tensor(-0.5, dtype=torch.float64), torch.tensor(0.7, dtype=torch.float64)),
    "largest channel": LargestAlong((0,), keep=True),
    "largest of a column": LargestAlong((1,)),
    **instances(SHAPE),
}

EXTENTS = [
    Extent((top, left), (height, width))
    for top, left, height, width in [
        (0, 0, 6, 7),
        (0, 0, 1, 1),
        (5, 6, 1, 1),
        (1, 2, 1, 1),
        (2, 3, 2, 3),
        (3, 0, 3, 2),
    ]
]


@pytest.mark.parametrize("name", OPERATORS)
def test_a_patch_is_carried_as_the_whole(name):
    net = Graph(*SHAPE).add(name, OPERATORS[name]).network()
    pattern = activation_pattern(net, normal(5, *SHAPE))
    for k, extent in enumerate(EXTENTS):
        patch = Patch(normal(k, 4, 2, *extent.sizes), SHAPE, extent)
        node = net.node(name)
        expected = linear_map(node, pattern).linear(patch.full().reshape(4, *SHAPE)).reshape(4, -1)
        found = tangent_step(net, pattern)(node, [patch])
        torch.testing.assert_close(found.full(), expected, rtol=0, atol=1e-14)
        torch.testing.assert_close(found.squares(), expected.square().sum(dim=0), rtol=0, atol=1e-12)


@pytest.mark.parametrize("operator", [Add(), Subtract(), Concatenate(0), Maximum()])
def test_patches_of_two_nodes_are_joined(operator):
    net = Graph(*SHAPE).add("relu", ReLU()).add("sum", operator, "relu", "input").network()
    for first, second in itertools.product(EXTENTS, EXTENTS):
        patches = [
            Patch(normal(0, 4, 2, *first.sizes), SHAPE, first),
            Patch(normal(1, 4, 2, *second.sizes), SHAPE, second),
        ]
        pattern = activation_pattern(net, normal(5, *SHAPE))
        step = tangent_step(net, pattern)
        found = step(net.node("sum"), [*patches])
        whole = [patch.full().reshape(4, *SHAPE) for patch in patches]
        expected = linear_map(net.node("sum"), pattern).linear(*whole).flatten(1)
        torch.testing.assert_close(found.full(), expected)
        mixed = step(net.node("sum"), [patches[0].tangents(), patches[1]])
        torch.testing.assert_close(mixed.full(), found.full())


def test_only_what_is_reached_is_touched():
    net = Graph(3, 64, 64).add("conv", convolution(normal(0, 4, 3, 3, 3), normal(1, 4), stride=2, padding=1)).network()
    units = torch.tensor([64 * 10 + 20, 64 * 64 + 64 * 13 + 21])
    assert hull(units, (3, 64, 64)) == Extent((10, 20), (4, 2))
    step = tangent_step(net, activation_pattern(net, np.zeros((3, 64, 64))))
    found = step(net.node("conv"), [unit_patch(units, (3, 64, 64), net.device)])
    assert isinstance(found, Patch)
    assert found.extent == Extent((5, 10), (3, 2))


def pooled():
    """A small stack in the manner of VGG, with a dense end."""
    return (
        Graph(3, 12, 12)
        .add("conv1", convolution(normal(0, 4, 3, 3, 3) / 5, normal(1, 4), padding=1))
        .add("relu1", ReLU())
        .add("pool", MaxPool((2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1)))
        .add("conv2", convolution(normal(2, 5, 4, 3, 3) / 5, normal(3, 5), padding=1))
        .add("relu2", ReLU())
        .add("flatten", Reshape((180,)))
        .add("dense", Dense(normal(4, 9, 180) / 9, normal(5, 9)))
        .add("relu3", ReLU())
        .network()
    )


def skipping():
    """A strided convolution, a residual block, means."""
    return (
        Graph(2, 13, 13)
        .add("stem", convolution(normal(0, 4, 2, 3, 3) / 3, normal(1, 4), stride=2, padding=1))
        .add("relu1", ReLU())
        .add("inner", convolution(normal(2, 4, 4, 3, 3) / 4, normal(3, 4), padding=1))
        .add("relu2", ReLU())
        .add("skip", convolution(normal(4, 4, 4, 1, 1), normal(5, 4)), "relu1")
        .add("sum", Add(), "relu2", "skip")
        .add("relu3", ReLU())
        .add("means", AveragePool((3, 3), (2, 2), ((0, 0), (0, 0))))
        .add("relu4", ReLU())
        .network()
    )


NETWORKS = {"pooled": pooled, "skipping": skipping, "convolutional": lambda: REFERENCES["convolutional"]().network}


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("limit", [2**27, 8 * 300])
def test_pushing_in_tiles_changes_nothing(kind, limit, monkeypatch):
    net = NETWORKS[kind]()
    x = normal(99, *net.input_shape)
    prefixes = [(net.upto(name), relu) for name in net.layers for relu in (False, True)]
    monkeypatch.setattr(parts, "_STEP_WORK", 10**12)
    whole = [linearize(prefix, x, relu=relu) for prefix, relu in prefixes]
    monkeypatch.setattr(parts, "_STEP_WORK", 0)
    monkeypatch.setattr("unrelu.stability.jacobian.CHUNK_BYTES", limit)
    tiles = tiled_parts(net, torch.arange(net.input_size), net.nodes[1:], limit)
    assert tiles is not None
    assert len(tiles) >= 4
    assert limit > 8 * 300 or max(len(rows) for rows in tiles) <= 4, "no more at once than memory allows"
    assert sorted(torch.cat(tiles).tolist()) == list(range(net.input_size))
    for (prefix, relu), expected in zip(prefixes, whole, strict=True):
        found = linearize(prefix, x, relu=relu)
        np.testing.assert_allclose(found.matrix, expected.matrix, rtol=0, atol=1e-13)
        assert found.radius == pytest.approx(expected.radius, rel=1e-12)
