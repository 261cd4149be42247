"""Activation patterns: which ReLUs let their input through at a point, and what max poolings select."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.errors import ModelError, ShapeError, UnknownNode
from unrelu.frozen_arrays import FrozenArrays, freeze
from unrelu.network.arrays import Array, as_tensor
from unrelu.operators import MaxPool

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.graph import Network
    from unrelu.operators import Shape


@dataclass(frozen=True, eq=False)
class PoolWindows:
    """What places in the windows of one max pooling stand for.

    Attributes:
        operator: the pooling.
        shape: sample shape of its input.
    """

    operator: MaxPool
    shape: Shape


@dataclass(frozen=True, eq=False)
class ActivationPattern(FrozenArrays):
    """Which of its affine maps each unit of each ReLU layer and max pooling follows at one point.

    A neuron is active where its pre-activation is positive. At a pre-activation of exactly 0 it is
    inactive, as its output is `y = 0` there: such a point lies on the boundary of its linear region, and
    the map of this pattern holds on the closed region. Of equal numbers in a window the first in C order is
    selected; such a point, too, lies on a boundary, unless both change alike. Signs and comparisons are those
    of the float64 forward pass.

    Attributes:
        branches: by the name of each ReLU layer and max pooling, in the network's order, a read-only integer array of
            its sample shape. A neuron of a ReLU has 0 where it is inactive and 1 where it is active (int8); a maximum
            has the place of the chosen number in its window, in C order, padding counted (int32).
        windows: by the name of each max pooling, what its places are.
    """

    branches: dict[str, np.ndarray]
    windows: dict[str, PoolWindows] = field(default_factory=dict)

    @classmethod
    def of(cls, network: Network, branches: Mapping[str, np.ndarray]) -> ActivationPattern:
        """The pattern of these branches.

        Args:
            network: any network.
            branches: by names of its ReLU layers and max poolings, all or some, as in `branches`, of any type of whole
                numbers or bool.
        """
        kept: dict[str, np.ndarray] = {}
        windows: dict[str, PoolWindows] = {}
        for node in network.nodes:
            if node.name not in branches:
                continue
            if isinstance(node.operator, MaxPool):
                windows[node.name] = PoolWindows(node.operator, network.node(node.inputs[0]).shape)
            array = np.array(branches[node.name], dtype=np.int32 if node.name in windows else np.int8)
            freeze(array)
            kept[node.name] = array
        return cls(kept, windows)

    def __contains__(self, node: object) -> bool:
        """Whether the pattern has a layer or pooling of that name."""
        return node in self.branches

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all layers and poolings, in the network's order."""
        return tuple(self.branches)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the ReLU layers, in the network's order."""
        return tuple(name for name in self.branches if name not in self.windows)

    @property
    def pools(self) -> tuple[str, ...]:
        """Names of the max poolings, in the network's order."""
        return tuple(self.windows)

    def active(self, layer: str) -> np.ndarray:
        """The active neurons of one ReLU layer: bool, of its sample shape.

        Raises:
            UnknownNode: if the pattern has no such layer.
        """
        if layer in self.windows or layer not in self.branches:
            raise UnknownNode(
                f"the activation pattern has no ReLU layer {layer!r}; it has {', '.join(self.layers) or 'none'}."
            )
        return self.branches[layer] == 1

    def selection(self, pool: str) -> np.ndarray:
        """What one max pooling selects: int64, read-only, of its sample shape, the coordinate of its input in C order.

        Raises:
            UnknownNode: if the pattern has no such pooling.
        """
        if pool not in self.windows:
            raise UnknownNode(
                f"the activation pattern has no max pooling {pool!r}; it has {', '.join(self.pools) or 'none'}."
            )
        if pool not in self._selections:
            windows = self.windows[pool]
            selected = windows.operator.coordinates(self.branches[pool], windows.shape)
            freeze(selected)
            self._selections[pool] = selected
        return self._selections[pool]

    def n_active(self, layer: str) -> int:
        """How many neurons of a layer are active."""
        return int(np.count_nonzero(self.active(layer)))

    def same_as(self, other: ActivationPattern) -> bool:
        """Whether both have the same layers and poolings, all on the same branches: the same linear region."""
        return self.names == other.names and all(
            np.array_equal(mine, other.branches[name]) for name, mine in self.branches.items()
        )

    def restricted(self, names: Iterable[str]) -> ActivationPattern:
        """The pattern of these layers and poolings only."""
        wanted = set(names)
        return ActivationPattern(
            {name: array for name, array in self.branches.items() if name in wanted},
            {name: windows for name, windows in self.windows.items() if name in wanted},
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
    def _selections(self) -> dict[str, np.ndarray]:
        return {}

    @cached_property
    def _digests(self) -> dict[str, bytes]:
        return {
            name: hashlib.sha256(
                name.encode() + b"\0" + (array if name in self.windows else np.packbits(array)).tobytes()
            ).digest()
            for name, array in self.branches.items()
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
    branches: dict[str, np.ndarray] = {}
    for layer, value in preactivations.items():
        if not bool(torch.isfinite(value).all()):
            raise ModelError(
                f"the input of the ReLU {layer!r} overflows float64 at this point; scale the weights down."
            )
        branches[layer] = (value[0] > 0).cpu().numpy()
    for pool, value in pooled.items():
        if not bool(torch.isfinite(value).all()):
            raise ModelError(f"the input of the max pooling {pool!r} overflows float64; scale the weights down.")
        operator = network.node(pool).operator
        assert isinstance(operator, MaxPool)
        branches[pool] = operator.branches(value)[0].cpu().numpy()
    return ForwardPass(batch, preactivations, pooled, ActivationPattern.of(network, branches))


def activation_pattern(network: Network, at: Array) -> ActivationPattern:
    """The active neurons of all ReLU layers of a network at one point.

    >>> from unrelu.network.graph import Network
    >>> net = Network.from_layers([(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))])
    >>> activation_pattern(net, at=np.array([2.0])).active("relu1")
    array([ True, False])

    Args:
        network: any network.
        at: a point of the network's input shape.

    Raises:
        InputError: if the point has another shape, or numbers that are not finite.
        ModelError: if a pre-activation overflows.
    """
    return forward_pass(network, at).pattern
