"""The rank that the sizes of a network and its activation pattern allow, whatever the weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.network.node import Node
    from unrelu.stability.pattern import ActivationPattern


def structural_rank(network: Network, pattern: ActivationPattern) -> int:
    """An upper bound of the rank of a network's Jacobian that needs no numbers.

    The Jacobian factors through every set of nodes that separates the input from the output, so its rank
    is at most the number of coordinates in such a set that are let through: the active ones of a ReLU, those
    that a max pooling selects (without inactive ones of a ReLU right before it), all of any other node. The
    least such number is a minimum vertex cut, computed as a maximum flow (Menger; Ford and Fulkerson). On a
    chain it is the least of d, of m and of the numbers of active neurons.

    >>> from unrelu.network.graph import Network
    >>> from unrelu.stability.pattern import activation_pattern
    >>> net = Network.from_layers([(-np.eye(3), np.array([1.0, 1.0, 9.0])), (np.eye(3), np.zeros(3))])
    >>> structural_rank(net, activation_pattern(net, at=np.array([2.0, 3.0, 4.0])))
    1

    Args:
        network: the prefix whose Jacobian is meant, all its outputs joined.
        pattern: active neurons of all its ReLU layers, and what its max poolings select.
    """
    place = {node.name: k for k, node in enumerate(network.nodes)}
    sink = 2 * len(place)
    edges: dict[tuple[int, int], int] = {}
    for node in network.nodes:
        passing = _passing(network, node, pattern)
        entry, exit_ = 2 * place[node.name], 2 * place[node.name] + 1
        edges[entry, exit_] = passing
        for name in node.inputs:
            edges[2 * place[name] + 1, entry] = math.prod(network.node(name).shape)
    for name in network.outputs:
        edges[2 * place[name] + 1, sink] = math.prod(network.node(name).shape)
    rows, columns = np.array(list(edges), dtype=np.int32).T
    capacities = np.array(list(edges.values()), dtype=np.int32)
    graph = csr_array((capacities, (rows, columns)), shape=(sink + 1, sink + 1))
    return int(maximum_flow(graph, 0, sink).flow_value)


def _passing(network: Network, node: Node, pattern: ActivationPattern) -> int:
    """How many coordinates of a node can change at all, and differently."""
    return math.prod(node.shape) if node.name not in pattern else len(np.unique(moving_sources(network, node, pattern)))


def moving_sources(network: Network, node: Node, pattern: ActivationPattern) -> np.ndarray:
    """What a piecewise linear node takes and what can change at all: int64, coordinates of what it is fed.

    Inactive coordinates of another such node right before it cannot.
    """
    sources = pattern.selected(node.name).sources.numpy()
    masks = [
        pattern.selected(name).slopes.numpy() != 0
        if name in pattern
        else np.ones(math.prod(network.node(name).shape), bool)
        for name in node.inputs
    ]
    return sources[np.concatenate(masks)[sources]]
