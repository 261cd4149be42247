"""A layer by itself as a network of one layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from unrelu.network.graph import INPUT, Network
from unrelu.network.node import Node
from unrelu.operators import Dense, Input

if TYPE_CHECKING:
    from unrelu.network.layer import ReLULayer


def as_network(layer: ReLULayer) -> Network:
    """A layer by itself as a network."""
    d, m = layer.n_inputs, layer.n_outputs
    weight, bias = (torch.tensor(each, dtype=torch.float64) for each in (layer.dense_weight, layer.bias))
    nodes = (
        Node(INPUT, Input((d,)), (), (d,)),
        Node("dense", Dense(weight, bias), (INPUT,), (m,)),
        Node("activation", layer.activation, ("dense",), (m,)),
    )
    return Network(nodes, ("activation",))
