"""Carrying cotangents backward: the transpose of a whole network's Jacobian."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from unrelu.network.interpreter import interpret_back
from unrelu.stability.linear_maps import cotangent_step

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.graph import Network
    from unrelu.stability.pattern import ActivationPattern


def pull(network: Network, pattern: ActivationPattern, cotangents: Tensor) -> Tensor:
    """`J' u` for several u: what reaches the input, back from the network's outputs.

    Args:
        network: the network whose Jacobian J (m, d) is meant, its outputs flattened and joined.
        pattern: of the region.
        cotangents: (k, m) float64, one u a row.

    Returns:
        (k, d) float64.

    Raises:
        UnsupportedOperator: if a node on the way is neither affine nor piecewise linear.
    """
    sizes = [math.prod(network.node(name).shape) for name in network.outputs]
    arrived: dict[str, Tensor] = {}
    for name, part in zip(network.outputs, cotangents.split(sizes, dim=1), strict=True):
        shaped = part.reshape(-1, *network.node(name).shape)
        arrived[name] = arrived[name] + shaped if name in arrived else shaped
    entry = network.nodes[0]
    interpret_back(network.nodes[1:], cotangent_step(network, pattern), torch.add, arrived)
    if entry.name not in arrived:
        return cotangents.new_zeros(len(cotangents), network.input_size)
    return arrived[entry.name].reshape(len(cotangents), network.input_size)
