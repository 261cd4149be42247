"""Activation patterns: which ReLUs let their input through at a point, and what max poolings select."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.errors import ModelError, ShapeError, UnknownNode
from unrelu.network.arrays import Array, as_tensor
from unrelu.network.operators import MaxPool

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.graph import Network


@dataclass(frozen=True, eq=False)
class ActivationPattern:
    """The active neurons of each ReLU layer at one point, and what each max pooling selects.

    A neuron is active where its pre-activation is positive. At a pre-activation of exactly 0 it is
    inactive, as its output is `y = 0` there: such a point lies on the boundary of its linear region, and
    the map of this pattern holds on the closed region. Of equal numbers in a window the first in C order is
    selected; such a point, too, lies on a boundary, unless both change alike. Signs and comparisons are those
    of the float64 forward pass.

    Attributes:
        layers: names of the ReLU layers, in the network's order.
        active: for each layer, a read-only bool array of its sample shape.
        pools: names of the max poolings, in the network's order.
        selected: for each of them, a read-only int64 array of its sample shape: the coordinate of its input
            that each maximum is, in C order.
    """

    layers: tuple[str, ...]
    active: tuple[np.ndarray, ...]
    pools: tuple[str, ...] = ()
    selected: tuple[np.ndarray, ...] = ()

    def __getitem__(self, layer: str) -> np.ndarray:
        """The active neurons of one layer: bool, of its sample shape.

        Raises:
            UnknownNode: if the pattern has no such layer.
        """
        try:
            return self._of[layer]
        except KeyError:
            raise UnknownNode(
                f"the activation pattern has no ReLU layer {layer!r}; it has {', '.join(self.layers) or 'none'}."
            ) from None

    def __contains__(self, layer: object) -> bool:
        """Whether the pattern has a layer of that name."""
        return layer in self._of

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all layers and poolings."""
        return (*self.layers, *self.pools)

    def selection(self, pool: str) -> np.ndarray:
        """What one max pooling selects: int64, of its sample shape.

        Raises:
            UnknownNode: if the pattern has no such pooling.
        """
        if pool not in self.pools:
            raise UnknownNode(
                f"the activation pattern has no max pooling {pool!r}; it has {', '.join(self.pools) or 'none'}."
            )
        return self.selected[self.pools.index(pool)]

    def n_active(self, layer: str) -> int:
        """How many neurons of a layer are active."""
        return int(np.count_nonzero(self[layer]))

    def same_as(self, other: ActivationPattern) -> bool:
        """Whether both have the same layers and poolings, all active and selected alike: the same linear region."""
        return self.names == other.names and all(
            np.array_equal(mine, theirs)
            for mine, theirs in zip(self.active + self.selected, other.active + other.selected, strict=True)
        )

    def restricted(self, names: Iterable[str]) -> ActivationPattern:
        """The pattern of these layers and poolings only."""
        wanted = set(names)
        kept = tuple(name for name in self.layers if name in wanted)
        pools = tuple(name for name in self.pools if name in wanted)
        return ActivationPattern(
            kept, tuple(self[name] for name in kept), pools, tuple(self.selection(name) for name in pools)
        )

    def digest(self, names: Iterable[str]) -> bytes:
        """A SHA-256 over the patterns of these layers and poolings; equal patterns have equal digests."""
        wanted = set(names)
        total = hashlib.sha256()
        for name in self.names:
            if name in wanted:
                total.update(self._digests[name])
        return total.digest()

    @cached_property
    def _of(self) -> dict[str, np.ndarray]:
        return dict(zip(self.layers, self.active, strict=True))

    @cached_property
    def _digests(self) -> dict[str, bytes]:
        stored = [np.packbits(active) for active in self.active] + list(self.selected)
        return {
            name: hashlib.sha256(name.encode() + b"\0" + array.tobytes()).digest()
            for name, array in zip(self.names, stored, strict=True)
        }


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """What a forward pass at one point leaves for its linearization.

    Attributes:
        at: the point as a batch of one, float64, on the network's device.
        preactivations: for each ReLU layer, its input as a batch of one.
        pooled: for each max pooling, its input as a batch of one.
        pattern: the activation pattern.
    """

    at: Tensor
    preactivations: dict[str, Tensor]
    pooled: dict[str, Tensor]
    pattern: ActivationPattern


def forward_pass(network: Network, at: Array) -> ForwardPass:
    """Pre-activations and pattern of all ReLU layers and max poolings at one point.

    Always a batch of one, so that a point has the same pattern alone and among others: the order of
    summation of a matrix product may depend on the size of the batch.

    Args:
        network: any network.
        at: a point of the network's input shape.

    Raises:
        InputError: if the point has another shape, or numbers that are not finite.
        ModelError: if a pre-activation overflows.
    """
    point = as_tensor(at, "the point", network.device)
    if tuple(point.shape) != network.input_shape:
        raise ShapeError(
            f"the point has shape {tuple(point.shape)}, but the network takes samples of shape "
            f"{network.input_shape}; give one sample, without a batch axis."
        )
    batch = point.unsqueeze(0)
    fed = {node.name: node.inputs[0] for node in network.nodes if node.is_relu}
    pools = {node.name: node.inputs[0] for node in network.nodes if node.is_max_pool}
    values = network.values(batch, [*fed.values(), *pools.values()]) if fed or pools else {}
    preactivations = {layer: values[origin] for layer, origin in fed.items()}
    pooled = {pool: values[origin] for pool, origin in pools.items()}
    active = []
    for layer, value in preactivations.items():
        if not bool(torch.isfinite(value).all()):
            raise ModelError(
                f"the input of the ReLU {layer!r} overflows float64 at this point; scale the weights down."
            )
        mask = (value[0] > 0).cpu().numpy()
        mask.flags.writeable = False
        active.append(mask)
    selected = []
    for pool, value in pooled.items():
        if not bool(torch.isfinite(value).all()):
            raise ModelError(f"the input of the max pooling {pool!r} overflows float64; scale the weights down.")
        operator = network.node(pool).operator
        assert isinstance(operator, MaxPool)
        chosen = operator.selected(value)[0].cpu().numpy()
        chosen.flags.writeable = False
        selected.append(chosen)
    pattern = ActivationPattern(tuple(fed), tuple(active), tuple(pools), tuple(selected))
    return ForwardPass(batch, preactivations, pooled, pattern)


def activation_pattern(network: Network, at: Array) -> ActivationPattern:
    """The active neurons of all ReLU layers of a network at one point.

    >>> from unrelu.network.graph import Network
    >>> net = Network.from_layers([(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))])
    >>> activation_pattern(net, at=np.array([2.0]))["relu1"]
    array([ True, False])

    Args:
        network: any network.
        at: a point of the network's input shape.

    Raises:
        InputError: if the point has another shape, or numbers that are not finite.
        ModelError: if a pre-activation overflows.
    """
    return forward_pass(network, at).pattern
