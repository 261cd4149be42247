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
    """The network with these of its outputs, in ascending order, and nothing that only the others need.

    Args:
        network: of m outputs joined.
        chosen: (k,) ascending whole numbers below m.
    """
    nodes, ends, start = list(network.nodes), [], 0
    taken = {node.name for node in nodes}
    for name in network.outputs:
        shape = network.node(name).shape
        size = math.prod(shape)
        mine = chosen[(chosen >= start) & (chosen < start + size)] - start
        start += size
        if not len(mine):
            continue
        if len(mine) == size:
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
