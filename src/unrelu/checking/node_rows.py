"""The nodes of a model, read or not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from unrelu.checking.node_check import NodeCheck
from unrelu.checking.node_kind import NodeKind
from unrelu.intake.survey import Survey
from unrelu.intake.unread_node import UnreadNode
from unrelu.network.node import Node
from unrelu.network.node_deviation import NodeDeviation


def node_rows(survey: Survey, deviations: Mapping[str, NodeDeviation]) -> Iterator[NodeCheck]:
    """All nodes: those that were read, in order, then the others."""
    shapes = {node.name: node.shape for node in (*survey.network.nodes, *survey.unread)}
    for node in survey.network.nodes:
        yield NodeCheck(
            name=node.name,
            operator=type(node.operator).__name__,
            kind=_kind(node),
            inputs=node.inputs,
            input_shapes=tuple(shapes[name] for name in node.inputs),
            output_shape=node.shape,
            parameters=sum(tensor.numel() for tensor in node.operator.tensors()),
            why="",
            deviation=deviations.get(node.name),
        )
    for node in survey.unread:
        yield NodeCheck(
            name=node.name,
            operator=node.operator,
            kind=NodeKind.REFUSED if node.is_refused else NodeKind.BEHIND,
            inputs=node.inputs,
            input_shapes=tuple(shapes.get(name) for name in node.inputs),
            output_shape=node.shape,
            parameters=None,
            why=_why(node),
            deviation=None,
        )


def _kind(node: Node) -> NodeKind:
    if node.operator.is_input:
        return NodeKind.INPUT
    if node.is_affine:
        return NodeKind.AFFINE
    return NodeKind.SMOOTH if node.is_smooth else NodeKind.PIECEWISE_LINEAR


def _why(node: UnreadNode) -> str:
    return str(node.error) if node.is_refused else f"it depends on {node.behind!r}, which is refused"
