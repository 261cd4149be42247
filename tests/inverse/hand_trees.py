"""Trees of proofs written by hand, node by node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from stability.reference_networks import Graph
from unrelu.frontier.tree import Tree
from unrelu.network.graph import Network
from unrelu.operators import Dense
from unrelu.preimages.search.statement import InverseStatement


def tree_of(d: int, m: int, *nodes: Mapping[str, object]) -> Tree:
    """A tree of nodes, each told by what differs from an open one that is cut down to all of space."""
    n = len(nodes)
    tree = Tree(
        operation=np.zeros(n, dtype=np.int8),
        child=np.zeros(n, dtype=np.int64),
        place=np.zeros(n, dtype=np.int64),
        value=np.zeros(n),
        lower=np.full((n, d), -np.inf),
        upper=np.full((n, d), np.inf),
        point=np.zeros((n, d)),
        holds=np.zeros(n, dtype=bool),
        multipliers=np.zeros((n, d, m)),
        weights={k: np.array(node["weights"], dtype=float) for k, node in enumerate(nodes) if "weights" in node},
    )
    for k, node in enumerate(nodes):
        for name, value in node.items():
            if name != "weights":
                getattr(tree, name)[k] = value
    return tree


def statement_of(
    network: Network, y: Sequence[float], lower: Sequence[float], upper: Sequence[float], rho: float = 0.0
) -> InverseStatement:
    """What is asked, with one resolution for all outputs."""
    y_, low, high = (torch.tensor(values, dtype=torch.float64) for values in (y, lower, upper))
    return InverseStatement(network, low, high, y_, torch.full_like(y_, rho))


def line(slope: float, constant: float) -> Network:
    """`F(x) = slope x + constant`."""
    dense = Dense(torch.tensor([[slope]], dtype=torch.float64), torch.tensor([constant], dtype=torch.float64))
    return Graph(1).add("out", dense).network()
