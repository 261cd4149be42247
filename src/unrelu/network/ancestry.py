"""Which nodes depend on which: ancestors, affine ancestry, cuts and what leads past a node."""

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
        before = [name for name in cuts(tuple(index.values()), (relu.name,)) if not index[name].is_affine]
        block = [name for name in before if name not in {next(iter(index)), relu.name}][-1:]
        alone = "".join(f"; or about its block alone, net.between({name!r}, {relu.name!r})" for name in block)
        raise JoinedLayer(
            f"the ReLU layer {relu.name!r} depends on several nodes at once ({', '.join(origins)}), so it has no "
            f"single input; ask about the prefix net.upto({relu.name!r}), as in "
            f"ur.preimage(net.upto({relu.name!r}), at=x){alone}."
        )
    return origins[0]


def cuts(nodes: Sequence[Node], outputs: Iterable[str]) -> tuple[str, ...]:
    """Names of the nodes that lie on every path from the input to an output, in order.

    They are the dominators of the outputs. In an order in which every node stands after those it takes, a node is one
    of them exactly if no edge between nodes that reach an output leads from before it to behind it: such an edge is
    part of a path past the node, and a path past the node needs such an edge.

    Args:
        nodes: all nodes, each after those it takes, the input first.
        outputs: names of the outputs.
    """
    goal = set(outputs)
    needed = ancestors(nodes, goal)
    live = [node for node in nodes if node.name in needed]
    last_reader = {name: place for place, node in enumerate(live) for name in node.inputs}
    last_reader.update(dict.fromkeys(goal, len(live)))  # outputs are read behind all nodes
    found: list[str] = []
    reached = 0
    for place, node in enumerate(live):
        if reached <= place:
            found.append(node.name)
        reached = max(reached, last_reader[node.name])
    return tuple(found)


def bypasses(nodes: Sequence[Node], names: Iterable[str], outputs: Iterable[str]) -> tuple[str, ...]:
    """Names of the nodes by which an output can depend on the input past some others, in order.

    Of each path from the input to an output that runs through none of the others: the first node that they do not
    depend on, or the output where there is no such node. There is none exactly if the others separate input from
    output together.

    Args:
        nodes: all nodes, each after those it takes, the input first.
        names: the others.
        outputs: names of the outputs.
    """
    kept, goal = set(names), set(outputs)
    before = ancestors(nodes, kept)
    # What the input reaches past them, and what of that reaches an output past them.
    reached: set[str] = set()
    for node in nodes:
        if node.name not in kept and (node is nodes[0] or any(name in reached for name in node.inputs)):
            reached.add(node.name)
    live = reached & goal
    for node in reversed(nodes):
        if node.name in live:
            live.update(name for name in node.inputs if name in reached)
    inside = before & live
    return tuple(
        node.name
        for node in nodes
        if node.name in live
        and (node.name in goal if node.name in before else any(name in inside for name in node.inputs))
    )
