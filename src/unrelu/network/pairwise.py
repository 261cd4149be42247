"""A network whose units each bend at the sign of one number: maxima of several written with ReLUs."""

from __future__ import annotations

import math
from dataclasses import replace

import torch

from unrelu.network.graph import Network
from unrelu.network.node import Node
from unrelu.operators import Concatenate, Dense, ReLU, Reshape


def pairwise(network: Network) -> Network:
    """The same function, in exact arithmetic: `max(a, b) = a + ReLU(b - a)`, `min(a, b) = a - ReLU(a - b)`.

    Which of two numbers is larger is then the sign of their difference, which can be bounded and told apart as that of
    any ReLU. Rows are dense: it is for small networks.

    Args:
        network: piecewise linear.
    """
    if not network.choices:
        return network
    nodes: list[Node] = []
    taken = {node.name for node in network.nodes}
    for node in network.nodes:
        nodes += _written(network, node, taken) if node.name in network.choices else [node]
    return replace(network, nodes=tuple(nodes), source=None, whole=None)


def _written(network: Network, node: Node, taken: set[str]) -> list[Node]:
    """The nodes in place of one."""
    made: list[Node] = []

    def add(name: str, operator: Dense | ReLU | Reshape | Concatenate, inputs: tuple[str, ...], size: int) -> str:
        while name in taken:
            name += "_"
        taken.add(name)
        made.append(Node(name, operator, inputs, (size,)))
        return name

    shapes = [network.node(name).shape for name in node.inputs]
    sizes = [math.prod(shape) for shape in shapes]
    flat = tuple(
        add(f"{node.name}.flat{k}", Reshape((size,)), (name,), size)
        for k, (name, size) in enumerate(zip(node.inputs, sizes, strict=True))
    )
    size = sum(sizes)
    fed = flat[0] if len(flat) == 1 else add(f"{node.name}.fed", Concatenate(0), flat, size)
    found = node.piecewise.candidates(shapes, network.device)
    m, count = found.coordinates.shape
    units = torch.arange(m, device=network.device)
    exist = found.coordinates >= 0
    some = exist.to(torch.int8).argmax(dim=1)

    def row(k: int) -> tuple[torch.Tensor, torch.Tensor]:
        # Where a unit has no such candidate, it has one of its own again, which changes nothing.
        column = torch.where(exist[:, k], k, some)
        matrix = torch.zeros(m, size, dtype=torch.float64, device=network.device)
        offset = torch.zeros(m, dtype=torch.float64, device=network.device)
        matrix[units, found.coordinates[units, column]] = 1.0 if found.slopes is None else found.slopes[units, column]
        return matrix, offset if found.offsets is None else found.offsets[units, column]

    best = add(f"{node.name}.best0", Dense(*row(0)), (fed,), m)
    sign = -1.0 if node.piecewise.concave else 1.0
    one, zero = torch.eye(m, dtype=torch.float64, device=network.device), torch.zeros(m, dtype=torch.float64)
    zero = zero.to(network.device)
    for k in range(1, count):
        matrix, offset = row(k)
        both = add(f"{node.name}.both{k}", Concatenate(0), (fed, best), size + m)
        ahead = Dense(torch.cat([sign * matrix, -sign * one], dim=1), sign * offset)
        gained = add(f"{node.name}.ahead{k}", ahead, (both,), m)
        gained = add(f"{node.name}.gained{k}", ReLU(), (gained,), m)
        pair = add(f"{node.name}.pair{k}", Concatenate(0), (best, gained), 2 * m)
        best = add(f"{node.name}.best{k}", Dense(torch.cat([one, sign * one], dim=1), zero), (pair,), m)
    made.append(Node(node.name, Reshape(node.shape), (best,), node.shape))
    return made
