"""Networks in our graph beside the same ones written in plain torch, by hand and independently of any intake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from unrelu.network.graph import INPUT, Network
from unrelu.network.node import Node
from unrelu.operators import (
    Add,
    AveragePool,
    Convolution,
    Dense,
    Elementwise,
    Input,
    Operator,
    Pad,
    ReLU,
    Reshape,
    Shape,
)


@dataclass(frozen=True)
class Reference:
    network: Network
    values: Callable[[Tensor], dict[str, Tensor]]
    """From one sample to the values of the network's ReLUs and of what they are fed, written in plain torch."""


class Graph:
    """Adds nodes one after another, with shapes worked out by the operators."""

    def __init__(self, *shape: int) -> None:
        self.shapes: dict[str, Shape] = {INPUT: shape}
        self.nodes = [Node(INPUT, Input(shape), (), shape)]

    def add(self, name: str, operator: Operator, *inputs: str) -> Graph:
        inputs = inputs or (self.nodes[-1].name,)
        self.shapes[name] = operator.output_shape(*(self.shapes[origin] for origin in inputs))
        self.nodes.append(Node(name, operator, inputs, self.shapes[name]))
        return self

    def network(self, *outputs: str) -> Network:
        return Network(tuple(self.nodes), outputs or (self.nodes[-1].name,))


def convolution(weight: Tensor, bias: Tensor, stride: int = 1, padding: int = 0, groups: int = 1) -> Convolution:
    dimensions = weight.ndim - 2
    return Convolution(
        weight, bias, (stride,) * dimensions, ((padding, padding),) * dimensions, (1,) * dimensions, groups
    )


def normal(seed: int, *shape: int) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def dense_reference() -> Reference:
    """A normalised input, then 12 - 20 - 9 - 15, narrow in the middle."""
    sizes = [12, 20, 9, 15]
    weights = [normal(k, m, d) / d**0.5 for k, (d, m) in enumerate(pairwise(sizes))]
    biases = [0.1 * normal(10 + k, m) for k, m in enumerate(sizes[1:])]
    factor, offset = 1.5 + normal(20, 12).abs(), normal(21, 12)
    graph = Graph(12).add("normalise", Elementwise(factor, offset))
    for k, (weight, bias) in enumerate(zip(weights, biases, strict=True), start=1):
        graph.add(f"dense{k}", Dense(weight, bias)).add(f"relu{k}", ReLU())

    def values(x: Tensor) -> dict[str, Tensor]:
        found = {}
        x = x * factor + offset
        for k, (weight, bias) in enumerate(zip(weights, biases, strict=True), start=1):
            found[f"dense{k}"] = weight @ x + bias
            found[f"relu{k}"] = x = torch.relu(found[f"dense{k}"])
        return found

    return Reference(graph.network(), values)


def convolutional_reference() -> Reference:
    """Strided and grouped convolutions, batch-norm-like scaling after a ReLU, average pooling, a dense end."""
    first, first_bias = normal(0, 6, 2, 3, 3) / 4, normal(1, 6)
    second, second_bias = normal(2, 8, 3, 2, 2) / 4, normal(3, 8)
    scale, shift = normal(6, 6, 1, 1), normal(7, 6, 1, 1)
    last, last_bias = normal(4, 7, 8) / 2, normal(5, 7)
    graph = (
        Graph(2, 7, 7)
        .add("conv1", convolution(first, first_bias, stride=2, padding=1))
        .add("relu1", ReLU())
        .add("norm", Elementwise(scale, shift))
        .add("conv2", convolution(second, second_bias, groups=2))
        .add("relu2", ReLU())
        .add("pool", AveragePool((3, 3), (3, 3), ((0, 0), (0, 0))))
        .add("flatten", Reshape((8,)))
        .add("dense", Dense(last, last_bias))
        .add("relu3", ReLU())
    )

    def values(x: Tensor) -> dict[str, Tensor]:
        found = {"conv1": functional.conv2d(x[None], first, first_bias, stride=2, padding=1)[0]}
        found["relu1"] = torch.relu(found["conv1"])
        normed = found["relu1"] * scale + shift
        found["conv2"] = functional.conv2d(normed[None], second, second_bias, groups=2)[0]
        found["relu2"] = torch.relu(found["conv2"])
        pooled = functional.avg_pool2d(found["relu2"][None], 3).flatten()
        found["dense"] = functional.linear(pooled, last, last_bias)
        found["relu3"] = torch.relu(found["dense"])
        return found

    return Reference(graph.network(), values)


def residual_reference() -> Reference:
    """A stem, a residual block with a second convolution on its skip path, and a dense end."""
    stem, stem_bias = normal(0, 4, 2, 3, 3) / 3, normal(1, 4)
    inner, inner_bias = normal(2, 4, 4, 3, 3) / 4, normal(3, 4) - 2
    outer, outer_bias = normal(4, 5, 4, 3, 3) / 4, normal(5, 5)
    skip, skip_bias = normal(6, 5, 4, 1, 1), normal(7, 5)
    last, last_bias = normal(8, 6, 80) / 5, normal(9, 6)
    graph = (
        Graph(2, 4, 4)
        .add("stem", convolution(stem, stem_bias, padding=1))
        .add("relu1", ReLU())
        .add("inner", convolution(inner, inner_bias, padding=1))
        .add("relu2", ReLU())
        .add("outer", convolution(outer, outer_bias, padding=1))
        .add("skip", convolution(skip, skip_bias), "relu1")
        .add("sum", Add(), "outer", "skip")
        .add("relu3", ReLU())
        .add("flatten", Reshape((80,)))
        .add("dense", Dense(last, last_bias))
        .add("relu4", ReLU())
    )

    def values(x: Tensor) -> dict[str, Tensor]:
        found = {"stem": functional.conv2d(x[None], stem, stem_bias, padding=1)[0]}
        found["relu1"] = torch.relu(found["stem"])
        found["inner"] = functional.conv2d(found["relu1"][None], inner, inner_bias, padding=1)[0]
        found["relu2"] = torch.relu(found["inner"])
        outer_value = functional.conv2d(found["relu2"][None], outer, outer_bias, padding=1)[0]
        found["sum"] = outer_value + functional.conv2d(found["relu1"][None], skip, skip_bias)[0]
        found["relu3"] = torch.relu(found["sum"])
        found["dense"] = functional.linear(found["relu3"].flatten(), last, last_bias)
        found["relu4"] = torch.relu(found["dense"])
        return found

    return Reference(graph.network(), values)


REFERENCES = {
    "dense": dense_reference,
    "convolutional": convolutional_reference,
    "residual": residual_reference,
}


def one_layer(matrix: np.ndarray, bias: np.ndarray | float = 0.0) -> Network:
    """`ReLU(A x + b)` alone, with nodes dense1 and relu1."""
    m = len(matrix)
    b = np.broadcast_to(np.asarray(bias, dtype=np.float64), (m,))
    return Network.from_layers([(matrix, b), (np.eye(m), np.zeros(m))]).upto("relu1")


def all_active(weights: list[np.ndarray], x: np.ndarray) -> Network:
    """Dense layers with these weights, and biases for which all pre-activations at x are 1."""
    layers, h = [], x
    for W in weights:
        layers.append((W, 1 - W @ h))
        h = np.ones(len(W))
    return Network.from_layers([*layers, (np.eye(h.size), np.zeros(h.size))]).upto(f"relu{len(layers)}")


def circular_pad(size: int) -> Pad:
    """Around the last two axes, for a kernel of that size: all of it before."""
    return Pad(((size - 1, 0), (size - 1, 0)), mode="circular")
