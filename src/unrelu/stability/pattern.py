"""Activation patterns: which ReLUs let their input through at a point, and what max poolings select."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.errors import ModelError, ShapeError, UnknownNode
from unrelu.frozen_arrays import FrozenArrays, freeze
from unrelu.network.arrays import Array, as_tensor

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.graph import Network
    from unrelu.operators import Shape
    from unrelu.operators.affine import AffineOperator
    from unrelu.operators.guards import Guards
    from unrelu.operators.piecewise_linear import PiecewiseLinear
    from unrelu.operators.selected_map import SelectedMap


@dataclass(frozen=True, eq=False)
class Units:
    """What the branches of one node stand for.

    Attributes:
        operator: of the node.
        shapes: sample shapes of the nodes it takes.
    """

    operator: PiecewiseLinear
    shapes: tuple[Shape, ...]


@dataclass(frozen=True, eq=False)
class ActivationPattern(FrozenArrays):
    """Which of its affine maps each unit of each piecewise linear node follows at one point.

    A neuron of a ReLU is active where its pre-activation is positive. At a pre-activation of exactly 0 it is
    inactive, as its output is `y = 0` there: such a point lies on the boundary of its linear region, and
    the map of this pattern holds on the closed region. Of equal numbers in a window the first in C order is
    selected; such a point, too, lies on a boundary, unless both change alike. Signs and comparisons are those
    of the float64 forward pass.

    Attributes:
        branches: by the name of each piecewise linear node, in the network's order, a read-only integer array of
            its sample shape. A neuron of a ReLU has 0 where it is inactive and 1 where it is active, one of another
            such layer the number of its piece, from the left (int8); a maximum has the place of the chosen number in
            its window, in C order, padding counted (int32).
        units: by the same names, what these numbers stand for.
        local: by the name of each smooth node, the affine map that touches it at the point; there it holds, and nowhere
            else.
    """

    branches: dict[str, np.ndarray]
    units: dict[str, Units] = field(default_factory=dict)
    local: dict[str, AffineOperator] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        network: Network,
        branches: Mapping[str, np.ndarray],
        local: Mapping[str, AffineOperator] | None = None,
    ) -> ActivationPattern:
        """The pattern of these branches.

        Args:
            network: any network.
            branches: by names of its piecewise linear nodes, all or some, as in `branches`, of any type of whole
                numbers or bool.
            local: by names of its smooth nodes, the affine maps that touch them.
        """
        kept: dict[str, np.ndarray] = {}
        units: dict[str, Units] = {}
        for node in network.nodes:
            if node.name not in branches:
                continue
            units[node.name] = Units(node.piecewise, tuple(network.node(name).shape for name in node.inputs))
            array = np.array(branches[node.name], dtype=np.int8 if node.is_layer else np.int32)
            freeze(array)
            kept[node.name] = array
        return cls(kept, units, dict(local or {}))

    def __contains__(self, node: object) -> bool:
        """Whether the pattern has a node of that name."""
        return node in self.branches

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all its nodes, in the network's order."""
        return tuple(self.branches)

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the ReLU layers and those that are like them, in the network's order."""
        return tuple(name for name, units in self.units.items() if units.operator.is_elementwise)

    @property
    def choices(self) -> tuple[str, ...]:
        """Names of the max poolings and other nodes that choose among several numbers, in the network's order."""
        return tuple(name for name, units in self.units.items() if not units.operator.is_elementwise)

    def active(self, layer: str) -> np.ndarray:
        """The active neurons of one layer, those on a piece whose slope is not 0: bool, of its sample shape.

        Raises:
            UnknownNode: if the pattern has no such layer.
        """
        if layer not in self.units or not self.units[layer].operator.is_elementwise:
            raise UnknownNode(
                f"the activation pattern has no ReLU layer {layer!r}; it has {', '.join(self.layers) or 'none'}."
            )
        return (self.selected(layer).slopes != 0).reshape(self.branches[layer].shape).numpy()

    def selection(self, pool: str) -> np.ndarray:
        """What one max pooling selects: int64, of its sample shape, the coordinate of its input in C order.

        Of a node that takes several, the coordinate of all of them flattened and joined.

        Raises:
            UnknownNode: if the pattern has no such pooling.
        """
        if pool not in self.units or self.units[pool].operator.is_elementwise:
            raise UnknownNode(
                f"the activation pattern has no max pooling {pool!r}; it has {', '.join(self.choices) or 'none'}."
            )
        coordinates = self.selected(pool).coordinates
        assert coordinates is not None
        selected = coordinates.reshape(self.branches[pool].shape).numpy()
        freeze(selected)
        return selected

    def map(self, node: str, device: torch.device | None = None) -> AffineOperator:
        """The affine map that a node is on the region, or at the point if it is smooth, from the nodes it takes."""
        if node not in self.local:
            return self.selected(node, device)
        return self.local[node]

    def selected(self, node: str, device: torch.device | None = None) -> SelectedMap:
        """The affine map that a piecewise linear node is on the region, from the nodes it takes.

        Args:
            node: its name.
            device: where to; the processor by default.
        """
        place = torch.device("cpu") if device is None else device
        key = (node, str(place))
        if key not in self._maps:
            units = self.units[node]
            branches = torch.from_numpy(self.branches[node].astype(np.int64)).to(place)
            self._maps[key] = units.operator.selected(branches, units.shapes)
        return self._maps[key]

    def guards(self, node: str) -> Guards:
        """What the units of a node say about what it is fed, on the region and only there."""
        units = self.units[node]
        return units.operator.guards(self.branches[node], units.shapes)

    def n_active(self, layer: str) -> int:
        """How many units of a node can change."""
        return self.selected(layer).n_live

    def same_as(self, other: ActivationPattern) -> bool:
        """Whether both have the same layers and poolings, all on the same branches: the same linear region."""
        return (
            self.names == other.names
            and self.local.keys() == other.local.keys()
            and all(np.array_equal(mine, other.branches[name]) for name, mine in self.branches.items())
            and all(_numbers(mine) == _numbers(other.local[name]) for name, mine in self.local.items())
        )

    def restricted(self, names: Iterable[str]) -> ActivationPattern:
        """The pattern of these nodes only."""
        wanted = set(names)
        return ActivationPattern(
            {name: array for name, array in self.branches.items() if name in wanted},
            {name: units for name, units in self.units.items() if name in wanted},
            {name: each for name, each in self.local.items() if name in wanted},
        )

    def single(self, device: torch.device) -> ActivationPattern:
        """The same pattern with its maps on a device rounded to float32."""
        found = replace(self, local={name: each.single() for name, each in self.local.items()})
        for name in self.branches:
            found._maps[name, str(device)] = self.selected(name, device).single()
        return found

    def digest(self, names: Iterable[str]) -> bytes:
        """A SHA-256 over the patterns of these layers and poolings; equal patterns have equal digests."""
        wanted = set(names)
        total = hashlib.sha256()
        for name in self._digests:
            if name in wanted:
                total.update(self._digests[name])
        return total.digest()

    @cached_property
    def _maps(self) -> dict[tuple[str, str], SelectedMap]:
        return {}

    @cached_property
    def _digests(self) -> dict[str, bytes]:
        smooth = {
            name: hashlib.sha256(name.encode() + b"\0" + _numbers(each)).digest() for name, each in self.local.items()
        }
        return smooth | {
            name: hashlib.sha256(
                name.encode() + b"\0" + (np.packbits(array) if array.max(initial=0) <= 1 else array).tobytes()
            ).digest()
            for name, array in self.branches.items()
        }


def _numbers(operator: AffineOperator) -> bytes:
    """All numbers that a map at a point has."""
    return b"\0".join(each.cpu().numpy().tobytes() for each in operator.tensors())


@dataclass(frozen=True, eq=False)
class ForwardPass:
    """What a forward pass at one point leaves for its linearization.

    Attributes:
        at: the point as a batch of one, float64, on the network's device.
        fed: for each piecewise linear node, what the nodes that it takes give, each as a batch of one.
        pattern: the activation pattern.
    """

    at: Tensor
    fed: dict[str, tuple[Tensor, ...]]
    pattern: ActivationPattern


def forward_pass(network: Network, at: Array) -> ForwardPass:
    """What all piecewise linear nodes are fed at one point, and the pattern.

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
    bent = [node for node in network.nodes if node.is_piecewise_linear or node.is_smooth]
    origins = {name for node in bent for name in node.inputs}
    values = network.values(batch, origins) if origins else {}
    fed: dict[str, tuple[Tensor, ...]] = {}
    branches: dict[str, np.ndarray] = {}
    local: dict[str, AffineOperator] = {}
    for node in bent:
        given = tuple(values[name] for name in node.inputs)
        if not all(bool(torch.isfinite(value).all()) for value in given):
            raise ModelError(
                f"the input of {type(node.operator).__name__} {node.name!r} overflows float64 at this point; scale the "
                "weights down."
            )
        if node.is_smooth:
            local[node.name] = node.smooth.linearized(*given)
            continue
        fed[node.name] = given
        branches[node.name] = node.piecewise.branches(*given)[0].cpu().numpy()
    return ForwardPass(batch, fed, ActivationPattern.of(network, branches, local))


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
