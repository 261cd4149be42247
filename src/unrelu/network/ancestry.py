"""Which nodes depend on which: ancestors, affine ancestry, cuts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from unrelu.errors import JoinedLayer
from unrelu.network.node import Node


def ancestors(nodes: Sequence[Node], names: Iterable[str]) -> set[str]:
    """Names of all nodes that these depend on, themselves and the input included.

    Args:
        nodes: all nodes, each after those it takes, the input first.
        names: where to start.
    """
    needed = {nodes[0].name, *names}
    for node in reversed(nodes):
        if node.name in needed:
            needed.update(node.inputs)
    return needed


def affine_sources(index: Mapping[str, Node], name: str) -> tuple[str, ...]:
    """The non-affine nodes (or the input) on which a node depends through affine nodes only, in order.

    Args:
        index: all nodes by name, each after those it takes.
        name: the node.
    """
    found: set[str] = set()
    visited: set[str] = set()
    pending = [name]
    while pending:
        node = index[pending.pop()]
        if node.name in visited:
            continue
        visited.add(node.name)
        if node.is_affine:
            pending.extend(node.inputs)
        else:
            found.add(node.name)
    return tuple(name for name in index if name in found)


def single_source(index: Mapping[str, Node], relu: Node) -> str:
    """The only node on which what feeds a ReLU depends affinely.

    Raises:
        JoinedLayer: if there are several.
    """
    origins = affine_sources(index, relu.inputs[0])
    if len(origins) != 1:
        raise JoinedLayer(
            f"the ReLU layer {relu.name!r} depends on several nodes at once ({', '.join(origins)}), so it has no "
            f"single input; ask about the prefix net.upto({relu.name!r}) instead."
        )
    return origins[0]


def cuts(nodes: Sequence[Node], outputs: Iterable[str]) -> tuple[str, ...]:
    """Names of the nodes that lie on every path from the input to an output, in order.

    Args:
        nodes: all nodes, each after those it takes, the input first.
        outputs: names of the outputs.
    """
    goal = set(outputs)
    found = []
    for cut in nodes:
        reached: set[str] = set()
        for node in nodes:
            if node is not cut and (node is nodes[0] or any(name in reached for name in node.inputs)):
                reached.add(node.name)
        if not reached & goal:
            found.append(cut.name)
    return tuple(found)
