"""Which part of a picture each output position of a network can depend on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unrelu.network.interpreter import interpret

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.network.node import Node
    from unrelu.operators.axis import Axis

Fields = tuple["Axis", ...] | None


def receptive_fields(network: Network) -> tuple[Axis, ...] | None:
    """The receptive fields of a network's output, one `Axis` a spatial axis.

    None where they are not rectangles that can be told axis by axis: other inputs than (channels, *size), several
    outputs, or operators that mix places (dense, reshape, permute).

    Args:
        network: any network.
    """
    if len(network.input_shape) < 2 or len(network.outputs) != 1:
        return None

    def step(node: Node, operands: list[Fields]) -> Fields:
        known = [operand for operand in operands if operand is not None]
        return node.operator.receptive_fields(known, node.shape) if len(known) == len(operands) else None

    return interpret(network.nodes, step, {})[network.outputs[0]]
