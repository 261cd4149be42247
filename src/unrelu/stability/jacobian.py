"""Pushing directions forward through a network: the Jacobians of many nodes in one pass."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.errors import ModelError, TooLarge
from unrelu.network.folding import DENSE_LIMIT
from unrelu.network.interpreter import interpret
from unrelu.operators.patch import Patch
from unrelu.operators.tangents import Tangents
from unrelu.stability.gathering import Gathered
from unrelu.stability.linear_maps import tangent_step
from unrelu.stability.parts import Known, in_order, in_tiles, reached, tiled_parts
from unrelu.stability.pattern import ActivationPattern
from unrelu.stability.singular_values import triangular_factor

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.graph import Network
    from unrelu.network.node import Node
    from unrelu.operators.extent import Extent
    from unrelu.stability.window import Window

CHUNK_BYTES = 128 * 2**20
"""Bytes that the largest node may take while a part of the directions is pushed through it."""

SHARED_BYTES = 2**30
"""Bytes that tangents kept for all inputs may take."""

_COMPRESS_BELOW = 0.75  # of the directions; measured: with nearly all of them left, the QR costs what it saves

Watch = Callable[[str, Tangents | Patch], None]


@dataclass(frozen=True, eq=False)
class Start:
    """Where a push begins: tangents of nodes that separate the input from all that comes after.

    Attributes:
        n_directions: the number of directions, r.
        known: their tangents along all directions; empty for the input's own unit vectors.
        units: (r,) int64, the input coordinates whose unit vectors they are; None for all of them, or where
            others are known.
        compressed_at: ReLU layers at which the directions were changed to fewer orthonormal ones.
    """

    n_directions: int
    known: dict[str, Tangents] = field(default_factory=dict)
    compressed_at: tuple[str, ...] = ()
    units: Tensor | None = None

    def coordinates(self, network: Network) -> Tensor | None:
        """The input coordinates whose unit vectors are pushed; None where the push begins elsewhere."""
        if self.known:
            return None
        return torch.arange(self.n_directions, device=network.device) if self.units is None else self.units

    def names(self, network: Network) -> set[str]:
        """The nodes whose tangents it has."""
        return set(self.known) or {network.nodes[0].name}


@dataclass(frozen=True, eq=False)
class Pushed:
    """The Jacobian J (m, d) of one node, up to an orthonormal change of directions.

    Attributes:
        node: the node's name.
        tangents: `(J Q)'`; Q is the identity, or has orthonormal columns that span J's row space.
        compressed_at: ReLU layers at which Q was changed; () where it is the identity.
    """

    node: str
    tangents: Tangents
    compressed_at: tuple[str, ...]


def push(
    network: Network,
    pattern: ActivationPattern,
    targets: Sequence[str],
    *,
    start: Start | None = None,
    compress: bool = False,
    jointly: bool = False,
    memory: int = DENSE_LIMIT,
) -> Iterator[Pushed]:
    """The Jacobians of several nodes at one point, in the network's order, in one push.

    The input's unit vectors are a batch that runs through the operators' linear parts; a ReLU keeps its
    active coordinates. Memory stays bounded as directions go through in parts.

    With `compress`, wherever all that follows depends on the input through one ReLU with much fewer active
    neurons k than directions r, the tangents `T` (r, k) are replaced by the triangular factor of `T = Q R`:
    then only k directions are pushed on. Singular values and norms of rows do not change.

    Args:
        network: the network, with all targets among its nodes.
        pattern: active neurons of its ReLU layers.
        targets: names of the nodes wanted.
        start: where to begin, from `shared_start`; the input by default.
        compress: whether directions may be changed to fewer.
        jointly: whether the targets' directions must be the same, so that their tangents can be joined.
        memory: bytes that the Jacobians of several targets may take at once; where they would take more, a
            part of the push is done once for each group of them.

    Raises:
        TooLarge: if the Jacobian of a target would not fit in `DENSE_LIMIT`.
        UnsupportedOperator: if a node on the way is neither affine nor piecewise linear.
    """
    begin = Start(network.input_size) if start is None else start
    pending = [node.name for node in network.nodes if node.name in set(targets)]
    while pending:
        steps = nodes_between(network, begin.names(network), pending)
        joined = set(targets) if jointly else set()
        boundary = boundary_on_way(steps, begin, joined, pattern) if compress else None
        passed = through(steps, boundary) | begin.names(network)
        here = [name for name in pending if name in passed]
        pending = [name for name in pending if name not in passed]
        wanted = here if boundary is None or boundary in here else [*here, boundary]
        for group in groups_that_fit(network, begin, wanted, pattern, memory):
            for name, tangents in collect(network, pattern, begin, group).items():
                if name == boundary:
                    tangents = replace(tangents, values=_fewer_directions(tangents.values))
                    begin = Start(tangents.n_directions, {name: tangents}, (*begin.compressed_at, name))
                if name in here:
                    require_finite(tangents.values, name)
                    yield Pushed(name, tangents, begin.compressed_at)


def window_start(network: Network, window: Window | None) -> Start:
    """The unit vectors of the input, or of a window of it.

    Raises:
        InputError: if the input has no such window.
    """
    if window is None:
        return Start(network.input_size)
    units = torch.from_numpy(window.coordinates(network.input_shape)).to(network.device)
    return Start(len(units), units=units)


def shared_start(network: Network, targets: Sequence[str], window: Window | None = None) -> Start:
    """The tangents that are the same at every input: those of nodes before the first ReLU.

    Args:
        network: the network.
        targets: the nodes to be reached from there.
        window: the part of the input whose directions are pushed; None for all.

    Returns:
        A start at the last nodes that no ReLU comes before, or the plain one if those take more than
        `SHARED_BYTES`, or if going on from them costs more than it saves, as no tile reaches all of them.

    Raises:
        InputError: if the input has no such window.
    """
    plain = window_start(network, window)
    units = plain.coordinates(network)
    steps = nodes_between(network, plain.names(network), targets)
    if plain.units is not None or (units is not None and tiled_parts(network, units, steps, CHUNK_BYTES) is not None):
        return plain
    needed = network.ancestors(targets)
    linear: set[str] = {network.nodes[0].name}
    for node in network.nodes:
        if node.is_affine and linear.issuperset(node.inputs):
            linear.add(node.name)
    used_beyond = {name for node in network.nodes if node.name in needed - linear for name in node.inputs}
    frontier = [node.name for node in network.nodes if node.name in linear & (used_beyond | (needed & set(targets)))]
    total = sum(8 * network.input_size * math.prod(network.node(name).shape) for name in frontier)
    if total > SHARED_BYTES or frontier == [network.nodes[0].name]:
        return plain
    return Start(network.input_size, collect(network, ActivationPattern({}), plain, frontier))


def collect(
    network: Network, pattern: ActivationPattern, start: Start, names: Sequence[str], watch: Watch | None = None
) -> dict[str, Tangents]:
    """The tangents of these nodes along all directions of a start, which go through in parts.

    Args:
        network: the network.
        pattern: active neurons of its ReLU layers.
        start: where to begin.
        names: the nodes wanted, behind the start or in it.
        watch: told every node on the way, the start's included, and its tangents along some of the directions.
    """
    steps = nodes_between(network, start.names(network), names)
    carry = tangent_step(network, pattern)
    units = start.coordinates(network)
    tiles = None if units is None else tiled_parts(network, units, steps, CHUNK_BYTES)
    extents = {} if units is None or (tiles is None and start.units is None) else reached(network, units, steps)
    if units is None or tiles is None:
        widest = max((math.prod(node.shape) for node in steps), default=1)
        most = max(1, CHUNK_BYTES // (8 * max(1, widest)))
        parts = in_order(network, units, start.known, start.n_directions, most)
    else:
        parts = in_tiles(network, units, tiles)
    gathered = {name: Gathered(network.node(name), start.n_directions, extents.get(name), pattern) for name in names}
    for part in parts:
        known = part.known
        arrived = {name: known[name] for name in names if name in known}
        if watch is not None:
            for name, tangents in known.items():
                watch(name, tangents)

        def step(node: Node, operands: list[Tangents | Patch], arrived: Known = arrived) -> Tangents | Patch:
            tangents = carry(node, operands)
            if watch is not None:
                watch(node.name, tangents)
            if node.name in names:
                arrived[node.name] = tangents
            return tangents

        interpret(steps, step, known, keep=())
        for name, tangents in arrived.items():
            gathered[name].put(part.rows, tangents)
    return {name: gathered[name].tangents() for name in names}


def nodes_between(network: Network, known: set[str], names: Sequence[str]) -> list[Node]:
    """The nodes to be computed, in order, to get from known ones to those of these names."""
    needed = {name for name in names if name not in known}
    for node in reversed(network.nodes):
        if node.name in needed:
            needed.update(name for name in node.inputs if name not in known)
    return [node for node in network.nodes if node.name in needed]


def boundary_on_way(steps: list[Node], start: Start, joined: set[str], pattern: ActivationPattern) -> str | None:
    """The first ReLU on the way where fewer directions do for all that follows, if there is one.

    Nodes to be joined need the same directions, so that there is none behind the first of them.
    """
    order = {node.name for node in steps}
    last_use = {used: k for k, node in enumerate(steps) for used in node.inputs}
    last_use.update(dict.fromkeys(joined, len(steps)))
    awaited = max((k for name, k in last_use.items() if name not in order), default=-1)
    for k, node in enumerate(steps[:-1]):
        few = node.is_layer and pattern.n_active(node.name) <= _COMPRESS_BELOW * start.n_directions
        if few and awaited <= k:
            return node.name
        awaited = max(awaited, last_use.get(node.name, -1))
    return None


def _fewer_directions(values: Tensor) -> Tensor:
    """R of `values = Q R`, (r, k) -> (k, k); one direction where k = 0, as some operators take no empty batch."""
    return triangular_factor(values) if values.shape[1] else values[:1]


def through(steps: list[Node], boundary: str | None) -> set[str]:
    """Names of all nodes up to and with a boundary; of all if there is none."""
    names = [node.name for node in steps]
    return set(names if boundary is None else names[: names.index(boundary) + 1])


def groups_that_fit(
    network: Network, start: Start, names: Sequence[str], pattern: ActivationPattern, memory: int
) -> Iterator[list[str]]:
    """The names in groups whose tangents fit into memory together.

    Raises:
        TooLarge: if those of one name alone do not.
    """
    group: list[str] = []
    total = 0
    extents = {} if start.units is None else reached(network, start.units, network.nodes[1:])
    for name in names:
        columns = n_kept(network.node(name), extents.get(name), pattern)
        check_size(name, columns, start.n_directions)
        taken = 8 * start.n_directions * columns
        if group and total + taken > memory:
            yield group
            group, total = [], 0
        group.append(name)
        total += taken
    if group:
        yield group


def n_kept(node: Node, extent: Extent | None, pattern: ActivationPattern) -> int:
    """How many coordinates of a node are reached, and let through if it is a ReLU."""
    places = slice(None) if extent is None else (slice(None), *extent.slices())
    if node.is_layer:
        return int(np.count_nonzero(pattern.active(node.name)[places]))
    return math.prod(node.shape) if extent is None else node.shape[0] * math.prod(extent.sizes)


def check_size(name: str, rows: int, columns: int) -> None:
    """Refuse a Jacobian that takes too much memory.

    Raises:
        TooLarge: if it takes more than `DENSE_LIMIT` bytes.
    """
    if 8 * rows * columns > DENSE_LIMIT:
        raise TooLarge(
            f"the Jacobian at {name!r} ({rows} x {columns}) would take {8 * rows * columns / 2**30:.1f} GiB "
            f"(limit {DENSE_LIMIT / 2**30:.0f} GiB); ask about a smaller layer, about a window of the input "
            "(window=ur.Window(...)), or for both ends of the spectrum without the matrix (ur.extreme_singular_values)."
        )


def require_finite(values: Tensor, name: str) -> None:
    """Refuse a Jacobian whose computation overflowed.

    Raises:
        ModelError: if a number is infinite or NaN.
    """
    if not bool(torch.isfinite(values).all()):
        raise ModelError(f"the Jacobian at {name!r} overflows float64; scale the weights down.")
