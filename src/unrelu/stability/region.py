"""The linear region of an activation pattern as a polyhedron, and the maps into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.network.interpreter import interpret
from unrelu.polyhedra.row_collection import RowCollection
from unrelu.stability.jacobian import Start, check_size, collect
from unrelu.stability.linear_maps import linear_map
from unrelu.stability.pattern import ActivationPattern, activation_pattern

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.graph import Network
    from unrelu.polyhedra.polyhedron import Polyhedron


@dataclass(frozen=True, eq=False)
class RegionMap:
    """The affine maps of a pattern from the input to some nodes, about a point.

    Attributes:
        at: (d,) the point.
        pattern: the branches of all ReLU layers and max poolings.
        gradients: by node, (m, d) float64.
        values: by node, (m,) float64, the maps at the point.
    """

    at: np.ndarray
    pattern: ActivationPattern
    gradients: dict[str, np.ndarray]
    values: dict[str, np.ndarray]


def region_map(
    network: Network, at: np.ndarray, *, pattern: ActivationPattern | None = None, also: Sequence[str] = ()
) -> RegionMap:
    """The maps to whatever feeds a ReLU or a max pooling.

    Args:
        network: any network.
        at: (d,) a point, in the closed region of the pattern or not.
        pattern: the branches; those of the point if None.
        also: further nodes.

    Raises:
        TooLarge: if the Jacobians would take more memory than allowed.
        UnsupportedOperator: if a node is smooth.
    """
    for node in network.nodes[1:]:
        if not node.is_affine:
            _ = node.piecewise  # a smooth one has no region
    point = at.reshape(network.input_shape)
    branches = activation_pattern(network, point) if pattern is None else pattern
    fed = [name for node in network.nodes if node.is_piecewise_linear for name in node.inputs]
    names = list(dict.fromkeys([*fed, *also]))
    if not names:
        return RegionMap(at, branches, {}, {})
    part = network.upto(*names)
    check_size(", ".join(names), part.output_size, at.size)
    blocks = collect(part, branches, Start(at.size), part.outputs)
    gradients = {name: np.ascontiguousarray(blocks[name].full().cpu().numpy().T) for name in names}
    passed = values_on(part, branches, torch.tensor(point, device=network.device)[None])
    values = {name: passed[name].reshape(-1).cpu().numpy() for name in names}
    return RegionMap(at, branches, gradients, values)


def values_on(network: Network, pattern: ActivationPattern, batch: Tensor) -> dict[str, Tensor]:
    """The affine map of a pattern to every node, at one point as a batch of one, whatever the pattern there."""
    step = lambda node, operands: linear_map(node, pattern, network.device).apply(*operands)  # noqa: E731
    return interpret(network.nodes[1:], step, {network.nodes[0].name: batch})


def add_guards(rows: RowCollection, network: Network, maps: RegionMap, *, kept: Sequence[str] = ()) -> None:
    """Add the rows that say that all units are on their branches: one a neuron, one a comparison of a max pooling.

    Rows that the input cannot move are left out, as they hold everywhere.

    Args:
        rows: what to add to, about the point of the maps.
        network: the network.
        maps: its maps.
        kept: ReLU layers whose active neurons are kept active by other rows.
    """
    for node in network.nodes:
        if not node.is_piecewise_linear:
            continue
        guards = maps.pattern.guards(node.name)
        if node.name in kept:
            guards = guards.of(~maps.pattern.active(node.name).reshape(-1)[guards.units])
        gradient, value = (_joined([of[name] for name in node.inputs]) for of in (maps.gradients, maps.values))
        _add_moving(rows, guards.rows(gradient, -1.0), guards.margins(value))


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _add_moving(rows: RowCollection, matrix: np.ndarray, right: np.ndarray) -> None:
    moving = matrix.any(axis=1)
    rows.at_most(matrix, right) if moving.all() else rows.at_most(matrix[moving], right[moving])


def linear_region(network: Network, at: np.ndarray, pattern: ActivationPattern | None = None) -> Polyhedron:
    """The closed region on which all neurons keep their side of zero and all max poolings what they select.

    Rows that the input cannot move are left out, as they hold everywhere.

    >>> from unrelu.network.graph import Network
    >>> net = Network.from_layers([(np.array([[2.0], [-1.0]]), np.array([1.0, 3.0])), (np.ones((1, 2)), np.zeros(1))])
    >>> region = linear_region(net, at=np.array([1.0]))
    >>> region.A_ub.tolist(), region.b_ub.tolist()
    ([[-2.0], [1.0]], [3.0, 2.0])

    Args:
        network: any network; all of its ReLUs and poolings count.
        at: a point of its input shape.
        pattern: the branches of its units; those of the point if None.

    Returns:
        The region in the flattened input, centred at the point, up to rounding in float64.

    Raises:
        InputError: if the point has another shape, or numbers that are not finite.
        TooLarge: if its rows would take more memory than allowed.
    """
    branches = activation_pattern(network, at) if pattern is None else pattern
    maps = region_map(network, np.asarray(at, dtype=np.float64).reshape(-1), pattern=branches)
    rows = RowCollection(maps.at)
    add_guards(rows, network, maps)
    return rows.polyhedron()
