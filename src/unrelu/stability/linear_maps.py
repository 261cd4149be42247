"""The linear maps that nodes are on a linear region, and how they carry tangents and cotangents."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from unrelu.errors import UnsupportedOperator
from unrelu.operators.patch import Patch

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from unrelu.network.graph import Network
    from unrelu.network.node import Node
    from unrelu.operators.affine import AffineOperator
    from unrelu.operators.tangents import Tangents
    from unrelu.stability.pattern import ActivationPattern


def linear_map(node: Node, pattern: ActivationPattern, device: torch.device | None = None) -> AffineOperator:
    """The affine map that a node is on a linear region, or at a point if it is smooth, from the nodes it takes.

    Args:
        node: not the input.
        pattern: of the region.
        device: where to; the processor by default.

    Raises:
        UnsupportedOperator: if the node is none.
    """
    if node.is_affine:
        return node.affine
    if node.name in pattern or node.name in pattern.local:
        return pattern.map(node.name, device)
    raise UnsupportedOperator(
        f"node {node.name!r} ({type(node.operator).__name__}) is neither affine, piecewise linear nor smooth, so it "
        "has no linearization; ask about a prefix that ends before it."
    )


def tangent_step(
    network: Network, pattern: ActivationPattern
) -> Callable[[Node, list[Tangents | Patch]], Tangents | Patch]:
    """The arithmetic of tangents: a node's derivatives from those of the nodes it takes, on patches where it can."""
    device = network.device

    def step(node: Node, operands: list[Tangents | Patch]) -> Tangents | Patch:
        rule = linear_map(node, pattern, device)
        patches = [operand for operand in operands if isinstance(operand, Patch)]
        if len(patches) == len(operands):
            extent = node.operator.reach([patch.extent for patch in patches], node.shape)
            values = None if extent is None else rule.on_patch(patches, node.shape, extent)
            if extent is not None and values is not None:
                return Patch(values, node.shape, extent)
        return rule.tangents([o.tangents() if isinstance(o, Patch) else o for o in operands], node.shape)

    return step


def cotangent_step(network: Network, pattern: ActivationPattern) -> Callable[[Node, Tensor], list[Tensor]]:
    """The arithmetic of cotangents: those of the nodes that a node takes from its own, (k, *shape) each."""
    device = network.device

    def step(node: Node, cotangents: Tensor) -> list[Tensor]:
        shapes = [network.node(name).shape for name in node.inputs]
        return linear_map(node, pattern, device).adjoint(cotangents, shapes)

    return step
