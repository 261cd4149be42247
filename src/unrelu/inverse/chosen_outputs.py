"""A network cut down to some of its outputs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch

from unrelu.network.graph import Network
from unrelu.network.node import Node
from unrelu.operators import Dense, Reshape


def chosen_outputs(network: Network, chosen: np.ndarray) -> Network:
    """The network with these of its outputs, in this order, and nothing that only the others need.

    Args:
        network: of m outputs joined.
        chosen: (k,) different whole numbers below m, k at least 1.
    """
    nodes, ends = list(network.nodes), []
    taken = {node.name for node in nodes}
    starts = np.cumsum([0, *(math.prod(network.node(name).shape) for name in network.outputs)])
    owners = np.searchsorted(starts, chosen, side="right") - 1
    for run in np.split(np.arange(len(chosen)), np.flatnonzero(np.diff(owners)) + 1):
        owner = int(owners[run[0]])
        name = network.outputs[owner]
        shape, mine = network.node(name).shape, chosen[run] - starts[owner]
        size = math.prod(shape)
        if np.array_equal(mine, np.arange(size)):
            ends.append(name)
            continue
        if len(shape) != 1:
            flat = _free(f"{name}.flat", taken)
            nodes.append(Node(flat, Reshape((size,)), (name,), (size,)))
            name = flat
        picked = torch.zeros(len(mine), size, dtype=torch.float64, device=network.device)
        picked[torch.arange(len(mine)), torch.from_numpy(mine)] = 1.0
        end = _free(f"{name}.chosen", taken)
        zero = torch.zeros(len(mine), dtype=torch.float64, device=network.device)
        nodes.append(Node(end, Dense(picked, zero), (name,), (len(mine),)))
        ends.append(end)
    return replace(network, nodes=tuple(nodes), outputs=tuple(ends), source=None, head="").upto(*ends)


def _free(name: str, taken: set[str]) -> str:
    """A name that no node has."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name
