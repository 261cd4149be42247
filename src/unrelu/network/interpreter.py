"""The one walk over a graph, forward and backward; what is computed on the way is an arithmetic.

An arithmetic says what becomes of a node, given what became of the nodes it takes: values, values with error, tangents,
receptive fields, a point moving on a line; backward: cotangents, linear bounds. It asks the node's operator, which owns
the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeVar

from unrelu.network.node import Node

V = TypeVar("V")

Step = Callable[[Node, list[V]], V]
"""From a node and what the nodes it takes have become, in their order, to what it becomes."""

BackStep = Callable[[Node, V], Sequence[V]]
"""From a node and what has arrived at it to what goes on to each of the nodes it takes."""


def interpret(
    nodes: Iterable[Node], step: Step[V], known: dict[str, V], *, keep: Collection[str] | None = None
) -> dict[str, V]:
    """What nodes become, one after the other.

    Args:
        nodes: in order, each after those it takes, without those that are known.
        step: the arithmetic.
        known: by name, what some nodes have become already; it is changed.
        keep: names of the nodes that are asked for, all others are forgotten when nothing needs them any more; None to
            keep all.

    Returns:
        `known`.
    """
    order = list(nodes)
    last_use = {name: node.name for node in order for name in node.inputs}
    for node in order:
        known[node.name] = step(node, [known[name] for name in node.inputs])
        if keep is not None:
            for name in set(node.inputs):
                if last_use[name] == node.name and name not in keep:
                    del known[name]
    return known


def interpret_back(
    nodes: Sequence[Node], step: BackStep[V], add: Callable[[V, V], V], arrived: dict[str, V]
) -> dict[str, V]:
    """What goes back from nodes to those they take.

    Args:
        nodes: in order, each after those it takes, without those to be reached.
        step: the arithmetic.
        add: joins what arrives at a node from several.
        arrived: by name, what has arrived at some nodes already; it is changed.

    Returns:
        `arrived`, with what is left: that of the nodes that are not among `nodes`.
    """
    for node in reversed(nodes):
        if node.name not in arrived:
            continue
        for name, part in zip(node.inputs, step(node, arrived.pop(node.name)), strict=True):
            arrived[name] = add(arrived[name], part) if name in arrived else part
    return arrived
