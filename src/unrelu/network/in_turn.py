"""A network whose units bend once each: functions with two kinks written as two, one after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

from unrelu.network.node import Node

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.operators.kinked import Kinked


def in_turn(network: Network) -> Network:
    """The same function, in exact arithmetic: `min(max(x, a), b)` is a maximum and then a minimum.

    The last of the nodes in place of one has its name.

    Args:
        network: any network.
    """
    nodes: list[Node] = []
    taken = {node.name for node in network.nodes}
    for node in network.nodes:
        *before, last = cast("Kinked", node.piecewise).in_turn() if node.is_layer else (node.operator,)
        inputs = node.inputs
        for operator in before:
            name = f"{node.name}.first"
            while name in taken:
                name += "_"
            taken.add(name)
            nodes.append(Node(name, operator, inputs, node.shape))
            inputs = (name,)
        nodes.append(Node(node.name, last, inputs, node.shape))
    return network if len(nodes) == len(network.nodes) else replace(network, nodes=tuple(nodes), source=None)
