"""What the matrix of one layer takes, and how large it is."""

from __future__ import annotations

import math
from dataclasses import dataclass

from unrelu.checking.speed import speed
from unrelu.network.ancestry import single_source
from unrelu.network.colouring import colouring
from unrelu.network.folding import SPARSE_DENSITY, SPARSE_FROM
from unrelu.network.graph import Network
from unrelu.network.layer import DENSE_LIMIT
from unrelu.network.units import Units
from unrelu.stability.jacobian import nodes_between

_ROUNDED = 3.0
"""Pushes that a push with bounds of its rounding errors is worth; unit vectors go through one map without any."""

_COLLECTED = 6.0
"""How often the entries of a sparse matrix are gone through, measured in sorts of entries."""

_PASSES = 8.0
"""Passes over a matrix that is stored whole: it is filled column by column, turned, and checked."""


@dataclass(frozen=True)
class LayerPlan:
    """The matrix that `net.layer` would make.

    Attributes:
        origin: the node whose values the layer takes.
        m: features.
        d: inputs.
        entries: numbers of it other than zero, at most.
        is_sparse: whether it is kept sparse.
        is_dense_map: whether it is one fully connected map, of which next to no number is zero.
        seconds: processor seconds to make it.
        memory: bytes at the peak.
    """

    origin: str
    m: int
    d: int
    entries: int
    is_sparse: bool
    is_dense_map: bool
    seconds: float
    memory: int

    @property
    def fits(self) -> bool:
        """Whether `net.layer` would make it rather than raise `TooLarge`."""
        return self.is_sparse or 8 * self.m * self.d <= DENSE_LIMIT

    @property
    def stored(self) -> int:
        """Bytes of the matrix."""
        return 12 * self.entries if self.is_sparse else 8 * self.m * self.d


def plan_layer(network: Network, name: str) -> LayerPlan:
    """Foresee `network.layer(name)`.

    Raises:
        JoinedLayer: if the layer has no single input.
        InputError: if its activation is no continuous function of one number.
    """
    relu = network.node(name)
    origin = single_source({node.name: node for node in network.nodes}, relu)
    if not relu.kinked.is_rectifier:
        Units.of(relu.kinked.to("cpu"), relu.shape)
    m, d = math.prod(relu.shape), math.prod(network.node(origin).shape)
    chain = nodes_between(network, {origin}, [relu.inputs[0]])
    groups = colouring(chain, network.node(origin)) if chain else None
    directions = d if groups is None else groups.count
    entries = m * min(d, directions)  # of each group one unit vector at most reaches a number
    is_sparse = 8 * m * d >= SPARSE_FROM and entries <= SPARSE_DENSITY * m * d
    work = sum((node.operator.terms + 1) * math.prod(node.shape) for node in chain)
    moved = sum(math.prod(node.shape) for node in chain)
    rounded = 1.0 if len(chain) == 1 else _ROUNDED
    seconds = directions * rounded * (work / speed().products + moved / speed().moved)
    if groups is not None:
        seconds += _COLLECTED * entries / speed().entries
    if not is_sparse:
        seconds += _PASSES * m * d / speed().moved
    dense_map = len(chain) == 1 and chain[0].operator.terms >= d
    memory = 60 * entries if is_sparse else 2 * 8 * m * d
    return LayerPlan(origin, m, d, entries, is_sparse, dense_map, seconds, memory)
