"""The affine map that a network is on the linear region of a point."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.errors import InputError, ShapeError
from unrelu.frozen_arrays import FrozenArrays, freeze
from unrelu.network.arrays import Array, as_numpy, as_tensor
from unrelu.network.expected import expect_network
from unrelu.progress import resolve_progress
from unrelu.stability.jacobian import Start, check_size, collect, require_finite
from unrelu.stability.pattern import ActivationPattern, ForwardPass, activation_pattern, forward_pass

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.graph import Network
    from unrelu.operators.guards import Guards
    from unrelu.operators.patch import Patch
    from unrelu.operators.tangents import Tangents
    from unrelu.polyhedra.polyhedron import Polyhedron
    from unrelu.progress import Progress
    from unrelu.stability.operator import JacobianOperator


@dataclass(frozen=True, eq=False)
class Boundary:
    """The nearest place where a point leaves its linear region.

    Attributes:
        distance: `min_i |pre_i| / ||gradient of pre_i||_*` over all neurons whose pre-activation depends on
            the input there, and over what max poolings compare, the difference in place of the pre-activation;
            inf if none does. 0 where different coordinates tie for a maximum, and where a smooth node is on the way,
            which is linear on no region. In float64, not proved.
        layer: name of the ReLU layer of the neuron that sets it, or of the max pooling; "" if there is none.
        neuron: its index in C order, that of the pooling's window, or -1.
        norm: the norm of the distance, 2 or inf; the gradient's is its dual.
    """

    distance: float
    layer: str
    neuron: int
    norm: float = 2.0


@dataclass(frozen=True, eq=False)
class Linearization(FrozenArrays):
    """`F(x) = matrix x + offset` for all x with the activation pattern of `at`.

    With `J = D_l W_l ... D_1 W_1`: `F(at + dx) = F(at) + J dx` as long as `at + dx` stays in the (closed)
    linear region. A neuron whose pre-activation is exactly 0 counts as inactive, as its output is 0. A max
    pooling is the linear selection that it makes at the point, of equal numbers of the first.

    Attributes:
        matrix: J, (m, d) float64, read-only, on inputs and outputs flattened in C order.
        offset: (m,) float64, read-only.
        at: the point, float64, of the network's input shape, read-only.
        relu: whether the prefix ends in its ReLU; False for the map to the pre-activation, and for a prefix
            that does not end in one.
        layer: name of the node where the prefix ends.
        pattern: active neurons of all ReLU layers that the map runs through; they define the region.
        boundary: where the nearest end of the region is, in L2.
        boundary_linf: the same in L-infinity, often set by another neuron.
        prefix: the network that was linearized, up to that node.
    """

    matrix: np.ndarray
    offset: np.ndarray
    at: np.ndarray
    relu: bool
    layer: str
    pattern: ActivationPattern
    boundary: Boundary
    boundary_linf: Boundary
    prefix: Network

    @property
    def shape(self) -> tuple[int, int]:
        """(m, d)."""
        return (self.matrix.shape[0], self.matrix.shape[1])

    @property
    def radius(self) -> float:
        """The distance from `at` to the nearest end of its linear region, L2; see `Boundary.distance`."""
        return self.boundary.distance

    @property
    def radius_linf(self) -> float:
        """The same distance in L-infinity: how far every coordinate may move at once."""
        return self.boundary_linf.distance

    @cached_property
    def operator(self) -> JacobianOperator:
        """J as a SciPy `LinearOperator`, both directions and blocks of vectors, on the network's device."""
        from unrelu.stability.operator import JacobianOperator

        return JacobianOperator(self.prefix, self.pattern)

    @cached_property
    def region(self) -> Polyhedron:
        """The closed linear region as a polyhedron in the flattened input, centred at `at`; computed when asked for.

        One row for each neuron and each comparison of a max pooling that the input can move, up to rounding.

        Raises:
            TooLarge: if its rows would take more memory than allowed.
        """
        from unrelu.stability.region import linear_region

        return linear_region(self.prefix, self.at, self.pattern)

    def __call__(self, points: Array) -> np.ndarray:
        """The affine map at points, wherever they lie: (n, *input_shape) -> (n, m) float64.

        Raises:
            InputError: if the points have another shape, or numbers that are not finite.
        """
        batch = as_numpy(points, "the points")
        if batch.shape[1:] != self.at.shape:
            raise ShapeError(f"the points must have shape (n, *{self.at.shape}), not {batch.shape}.")
        return batch.reshape(len(batch), self.at.size) @ self.matrix.T + self.offset

    def same_region(self, point: Array) -> bool:
        """Whether a point of the input shape has the same activation pattern, so that the map is exact there."""
        return activation_pattern(self.prefix, point).restricted(self.pattern.names).same_as(self.pattern)


def linearize(prefix: Network, at: Array, relu: bool = True) -> Linearization:
    """The exact affine map of a network on the linear region of a point.

    All unit vectors of the input are pushed forward through the linear parts at once, in parts that keep
    memory bounded; a ReLU keeps the rows of its active neurons and zeros the others.

    >>> from unrelu.network.graph import Network
    >>> net = Network.from_layers([(np.array([[1.0], [-1.0]]), np.array([1.0, 0.0])), (np.eye(2), np.zeros(2))])
    >>> lin = linearize(net.upto("relu1"), at=np.array([2.0]))
    >>> lin.matrix.tolist(), lin.offset.tolist(), lin.radius
    ([[1.0], [0.0]], [1.0, 0.0], 2.0)

    Args:
        prefix: a network, usually `net.upto("relu3")`; it may end in any node, or in several, joined.
        at: the point, of the network's input shape.
        relu: False to leave out the ReLU that the prefix ends in.

    Raises:
        InputError: if the point has another shape or is not finite, or if `relu` is False and the prefix
            does not end in a ReLU.
        TooLarge: if the matrix would take more memory than allowed.
        ModelError: if a number overflows, or a node is neither affine nor piecewise linear.
    """
    expect_network(prefix)
    network = prefix if relu else without_last_relu(prefix)
    layer = ", ".join(prefix.outputs)
    d, m = network.input_size, network.output_size
    check_size(layer, m, d)
    forward = forward_pass(network, at)
    nearest = _NearestBoundary(network, forward)
    blocks = collect(network, forward.pattern, Start(d), network.outputs, watch=nearest)
    joined = torch.cat([blocks[name].full() for name in network.outputs], dim=1)
    require_finite(joined, layer)
    matrix = joined.T.contiguous().cpu().numpy()
    offset = _offset(network, forward.pattern).cpu().numpy()
    at_ = forward.at[0].cpu().numpy().copy()
    freeze((matrix, offset, at_))
    return Linearization(
        matrix=matrix,
        offset=offset,
        at=at_,
        relu=relu and ends_in_relu(prefix),
        layer=layer,
        pattern=forward.pattern,
        boundary=nearest.boundary(2.0),
        boundary_linf=nearest.boundary(math.inf),
        prefix=network,
    )


def linearize_many(
    prefix: Network, inputs: Array, relu: bool = True, progress: Progress | bool | None = None
) -> Iterator[Linearization]:
    """The linearizations at several inputs, one after the other as they are asked for, so that they need not all fit.

    Args:
        prefix: as for `linearize`.
        inputs: (n, *input_shape).
        relu: as for `linearize`.
        progress: see `unrelu.progress.resolve_progress`; one step an input.

    Raises:
        InputError: if the inputs have another shape or are not finite, or as `linearize` does.
        TooLarge: if a matrix would take more memory than allowed.
        ModelError: if a number overflows, or a node is neither affine nor piecewise linear.
    """
    expect_network(prefix)
    batch = as_tensor(inputs, "the inputs", prefix.device)
    if batch.ndim == 0 or tuple(batch.shape[1:]) != prefix.input_shape:
        raise ShapeError(
            f"the inputs must have shape (n, {', '.join(map(str, prefix.input_shape))}), not {tuple(batch.shape)}."
        )
    return _linearized(prefix, batch, relu, progress)


def _linearized(
    prefix: Network, batch: Tensor, relu: bool, progress: Progress | bool | None
) -> Iterator[Linearization]:
    with resolve_progress(progress).stage("linearizations", len(batch)) as advance:
        for x in batch:
            yield linearize(prefix, x, relu)
            advance(1)


def without_last_relu(prefix: Network) -> Network:
    """The prefix up to what its last ReLU is fed (of each output, where there are several).

    Raises:
        InputError: if it does not end in a ReLU.
    """
    for name in prefix.outputs:
        if not prefix.node(name).is_layer:
            raise InputError(
                f"the prefix ends in {name!r}, which is not a ReLU, so there is none to leave out; "
                f"drop relu=False, or end the prefix in one of {', '.join(prefix.layers) or 'its ReLU layers (none)'}."
            )
    return prefix.upto(*(prefix.node(name).inputs[0] for name in prefix.outputs))


def ends_in_relu(prefix: Network) -> bool:
    """Whether every output of a prefix is a ReLU."""
    return all(prefix.node(name).is_layer for name in prefix.outputs)


def _offset(network: Network, pattern: ActivationPattern) -> Tensor:
    """The map of this pattern at 0, whatever the pattern of 0 itself: no cancellation as in F(x) - J x."""
    from unrelu.stability.region import values_on

    zero = torch.zeros(1, *network.input_shape, dtype=torch.float64, device=network.device)
    known = values_on(network, pattern, zero)
    return torch.cat([known[name].reshape(-1) for name in network.outputs])


class _NearestBoundary:
    """Collects the gradients' norms of all guards while they are pushed by."""

    def __init__(self, network: Network, forward: ForwardPass) -> None:
        self._forward = forward
        self._guards = {name: forward.pattern.guards(name) for name in forward.pattern.names}
        self._inputs = {name: network.node(name).inputs for name in forward.pattern.names}
        self._sums: dict[tuple[str, float], Tensor] = {}
        self._waiting: dict[str, dict[str, Tangents | Patch]] = {}

    def __call__(self, name: str, tangents: Tangents | Patch) -> None:
        for node, inputs in self._inputs.items():
            if name not in inputs:
                continue
            arrived = self._waiting.setdefault(node, {})
            arrived[name] = tangents
            if len(arrived) == len(set(inputs)):
                del self._waiting[node]
                self._take(node, [arrived[each] for each in inputs])

    def _take(self, node: str, fed: list[Tangents | Patch]) -> None:
        guards = self._guards[node]
        if len(fed) == 1 and (places := guards.single) is not None:
            self._add(node, 2.0, fed[0].squares()[places])
            self._add(node, math.inf, fed[0].magnitudes()[places])
            return
        values = torch.cat([each.full() for each in fed], dim=1)
        rows = guards.rows_of(values)
        self._add(node, 2.0, rows.square().sum(dim=0))
        self._add(node, math.inf, rows.abs().sum(dim=0))

    def _add(self, name: str, norm: float, sums: Tensor) -> None:
        key = (name, norm)
        self._sums[key] = sums + self._sums[key] if key in self._sums else sums

    def boundary(self, norm: float) -> Boundary:
        for name in self._forward.pattern.local:  # it bends everywhere
            return Boundary(0.0, name, -1, norm)
        nearest = Boundary(math.inf, "", -1, norm)
        for name, guards in self._guards.items():
            fed = np.concatenate([part.reshape(-1).cpu().numpy() for part in self._forward.fed[name]])
            nearest = self._nearer(nearest, name, guards, np.abs(guards.margins(fed)))
        return nearest

    def _nearer(self, nearest: Boundary, name: str, guards: Guards, gaps: np.ndarray) -> Boundary:
        sums = self._sums[name, nearest.norm]
        duals = sums.sqrt() if nearest.norm == 2 else sums
        distances = torch.where(sums > 0, torch.from_numpy(gaps).to(sums.device) / duals, math.inf)
        if not len(distances) or not float(distances.min()) < nearest.distance:
            return nearest
        first = int(distances.argmin())
        return Boundary(float(distances[first]), name, int(guards.units[first]), nearest.norm)
