"""How far a network is from the model it was read from, over a whole forward pass."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unrelu.network.agreement import group_size
from unrelu.network.graph import Network
from unrelu.network.interpreter import interpret
from unrelu.network.node import Node
from unrelu.network.node_deviation import NodeDeviation


@dataclass(frozen=True, eq=False)
class _Worst:
    """The largest distance so far."""

    largest: float
    scale: float
    sample: int
    at: tuple[int, ...]
    dtype: str


def deviations(network: Network, inputs: Tensor, of: str) -> dict[str, NodeDeviation]:
    """The largest deviation of each node that the model computes too.

    Both run from the input on: the network in float64, the model in its own dtype, on inputs that were brought to it.
    So what the model rounds adds up along the way; whether each node by itself is right, `check_agreement` says.

    Args:
        network: with its source.
        inputs: (n, *input_shape) float64, n >= 1.
        of: what inputs they are, for the result.
    """
    worst: dict[str, _Worst] = {}
    size = group_size(network)
    for first in range(0, len(inputs), size):
        for name, found in _of_group(network, inputs[first : first + size], first).items():
            before = worst.get(name, found)
            furthest = max(before, found, key=lambda each: each.largest)
            scale = max(before.scale, found.scale)
            worst[name] = _Worst(furthest.largest, scale, furthest.sample, furthest.at, furthest.dtype)
    return {
        name: NodeDeviation(each.largest, each.scale, each.sample, of, each.at, each.dtype)
        for name, each in worst.items()
    }


def _of_group(network: Network, inputs: Tensor, first: int) -> dict[str, _Worst]:
    source = network.source
    assert source is not None
    theirs = source.values(inputs, source.nodes)
    # the network is given what the model's input was rounded to, or that rounding would be taken for a deviation
    entry = theirs[network.nodes[0].name].detach().to(device=network.device, dtype=torch.float64)
    found: dict[str, _Worst] = {}

    def step(node: Node, operands: list[Tensor]) -> Tensor:
        value = node.operator.apply(*operands) if node.inputs else entry
        own = theirs.pop(node.name, None)
        if own is not None:
            found[node.name] = _worst(value, own, first)
        return value

    interpret(network.nodes, step, {}, keep=())
    return found


def _worst(value: Tensor, own: Tensor, first: int) -> _Worst:
    exact = own.detach().to(device=value.device, dtype=torch.float64)
    distance = (value - exact).abs()
    place = np.unravel_index(int(distance.argmax()), tuple(distance.shape))
    return _Worst(
        largest=float(distance.max()),
        scale=float(exact.abs().max()),
        sample=first + int(place[0]),
        at=tuple(int(k) for k in place[1:]),
        dtype=str(own.dtype).removeprefix("torch."),
    )
