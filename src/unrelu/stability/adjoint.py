"""Carrying cotangents backward: the transposes of operators and of a whole network's Jacobian."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch.nn import functional, grad

from unrelu.operators import AffineOperator, Convolution, Dense, Reshape
from unrelu.stability.tangents import active_coordinates, not_linear, selected_coordinates

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    from unrelu.network.graph import Network
    from unrelu.network.node import Node
    from unrelu.operators import Shape
    from unrelu.stability.pattern import ActivationPattern

_INPUT_GRADIENTS: dict[int, Callable[..., Tensor]] = {1: grad.conv1d_input, 2: grad.conv2d_input, 3: grad.conv3d_input}


def pull(network: Network, pattern: ActivationPattern, cotangents: Tensor) -> Tensor:
    """`J' u` for several u: what reaches the input, back from the network's outputs.

    Args:
        network: the network whose Jacobian J (m, d) is meant, its outputs flattened and joined.
        pattern: active neurons of its ReLU layers, and what its max poolings select.
        cotangents: (k, m) float64, one u a row.

    Returns:
        (k, d) float64.

    Raises:
        UnsupportedOperator: if a node on the way is neither affine, a ReLU nor a max pooling.
    """
    sizes = [math.prod(network.node(name).shape) for name in network.outputs]
    waiting: dict[str, Tensor] = {}

    def deliver(name: str, part: Tensor) -> None:
        waiting[name] = waiting[name] + part if name in waiting else part

    for name, part in zip(network.outputs, cotangents.split(sizes, dim=1), strict=True):
        deliver(name, part.reshape(-1, *network.node(name).shape))
    entry = network.nodes[0]
    for node in reversed(network.nodes):
        if node is entry or node.name not in waiting:
            continue
        shapes = [network.node(name).shape for name in node.inputs]
        for name, part in zip(node.inputs, carry_back(node, shapes, waiting.pop(node.name), pattern), strict=True):
            deliver(name, part)
    if entry.name not in waiting:
        return cotangents.new_zeros(len(cotangents), network.input_size)
    return waiting[entry.name].reshape(len(cotangents), network.input_size)


def carry_back(node: Node, shapes: Sequence[Shape], cotangents: Tensor, pattern: ActivationPattern) -> list[Tensor]:
    """The cotangents of the nodes that a node takes, from its own: the transpose of `tangents.carry`.

    Args:
        node: a ReLU, a max pooling or an affine node.
        shapes: sample shapes of the nodes it takes.
        cotangents: (k, *shape) of the node.
        pattern: active neurons of the ReLU layers, and what max poolings select.

    Returns:
        For each node that it takes (k, *its shape).

    Raises:
        UnsupportedOperator: if the node is neither affine, a ReLU nor a max pooling.
    """
    operator = node.operator
    if node.is_relu:
        active = active_coordinates(node.name, pattern, cotangents.device)
        flat = cotangents.reshape(len(cotangents), -1)
        back = torch.zeros_like(flat).index_copy_(1, active, flat.index_select(1, active))
        return [back.reshape(cotangents.shape)]
    if node.is_max_pool:
        selected = selected_coordinates(node.name, pattern, cotangents.device)
        back = cotangents.new_zeros(len(cotangents), math.prod(shapes[0]))
        back.index_add_(1, selected, cotangents.reshape(len(cotangents), -1))
        return [back.reshape(-1, *shapes[0])]
    if not isinstance(operator, AffineOperator):
        raise not_linear(node)
    if isinstance(operator, Reshape):
        return [cotangents.reshape(-1, *shapes[0])]
    if isinstance(operator, Dense):
        return [cotangents @ operator.weight]
    if isinstance(operator, Convolution):
        return [_convolution_back(operator, shapes[0], cotangents)]
    # zeros that take no room: only their shape matters to a linear map's derivative
    zero = cotangents.new_zeros(1)
    with torch.enable_grad():
        operands = [zero.expand(len(cotangents), *shape).requires_grad_() for shape in shapes]
        value = operator.linear(*operands)
    return list(torch.autograd.grad(value, operands, cotangents))


def _convolution_back(operator: Convolution, shape: Shape, cotangents: Tensor) -> Tensor:
    """The transpose of a convolution, on the padded sample where its padding differs on both sides."""
    pads = operator.padding
    even = all(before == after for before, after in pads)
    padded = [size if even else size + sum(pair) for size, pair in zip(shape[1:], pads, strict=True)]
    back = _INPUT_GRADIENTS[len(pads)](
        (len(cotangents), shape[0], *padded),
        operator.weight,
        cotangents,
        operator.stride,
        tuple(before if even else 0 for before, _ in pads),
        operator.dilation,
        operator.groups,
    )
    return back if even else functional.pad(back, [-side for pair in reversed(pads) for side in pair])
