"""The cones of a part of a network on the piece of a point, in lifted rows."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from unrelu.cones.proofs import Cone
from unrelu.network.affine_rows import affine_rows
from unrelu.network.graph import Network
from unrelu.network.node import Node
from unrelu.operators.guards import Guards
from unrelu.polyhedra.domain_at import DomainAt
from unrelu.polyhedra.domain_rows import DomainRows
from unrelu.preimages.lifted.located import Located
from unrelu.preimages.lifted.row_builder import RowBuilder
from unrelu.rigor.matrices import Matrix, SparseRows, as_array
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.rigor.singular import DENSE_SIZE

MOST_WHOLE = 2**23
"""Numbers, zeros included, up to which rows with many numbers are stored whole: 64 MiB."""

CROWDED = 0.05
"""Part of the numbers other than zero from which on they are many."""


class Directions(enum.Enum):
    """Which directions a cone holds."""

    AT_POINT = "at the point"
    """Those in which the piece goes on at the point: only tight guards count."""

    FOR_EVER = "for ever"
    """Those in which the piece goes on for ever: all guards count."""

    OF_LAYER = "of the layer"
    """Those in which the set of *all* values of the start with the same values of the end goes on at the point's."""


@dataclass(frozen=True, eq=False)
class Features:
    """What is fixed at the end of a part, about one node that the part ends in.

    Attributes:
        name: of the node whose numbers are fixed: what a last ReLU is fed, and otherwise the end itself.
        fixed: (m,) bool, the numbers that stay.
        falling: (m,) bool, the numbers that may fall.
    """

    name: str
    fixed: np.ndarray
    falling: np.ndarray


def interior(network: Network, start: str | None, ends: tuple[str, ...]) -> list[Node]:
    """The nodes behind a cut (or the input) up to the ends, in order."""
    first = network.nodes[0].name if start is None else start
    needed = set(ends)
    for node in reversed(network.nodes):
        if node.name in needed and node.name != first:
            needed.update(node.inputs)
    return [node for node in network.nodes if node.name in needed and node.name != first]


def last_rectifiers(nodes: list[Node], ends: tuple[str, ...]) -> set[str]:
    """Ends that are ReLUs and feed nothing: the inputs with their features are convex without their branches."""
    fed = {name for node in nodes for name in node.inputs}
    return {
        node.name
        for node in nodes
        if node.name in ends and node.name not in fed and node.is_layer and node.piecewise.is_rectifier
    }


def branching(network: Network, start: str | None, ends: tuple[str, ...]) -> list[str]:
    """The nodes of a part whose branches tell its pieces apart; where there are none, it is one piece."""
    nodes = interior(network, start, ends)
    last = last_rectifiers(nodes, ends)
    return [node.name for node in nodes if node.is_piecewise_linear and node.name not in last]


def block_cone(
    network: Network,
    located: Located,
    start: str | None,
    ends: tuple[str, ...],
    features: list[Features],
    directions: Directions,
    domain: tuple[DomainRows, DomainAt] | None,
) -> Cone:
    """The cone of directions that keep the features at the end of a part of a network.

    Its variables are the directions of the start (of the input; of a cut, of its numbers that can change), then those
    of whatever the part's affine nodes give; every row is one of stored floats. Rows on which nothing depends are left
    out, with their variables. Guards of which it is open whether they are tight are held as equalities: a direction
    that is found is one whatever they are, while no direction proves nothing.

    Args:
        network: the network.
        located: the point in it.
        start: a cut of the network from which to start; None for the input.
        ends: names of the nodes that the part ends in.
        features: what is fixed there.
        directions: which directions.
        domain: the domain's rows, and the domain at the point; only for the input.
    """
    nodes = interior(network, start, ends)
    last = last_rectifiers(nodes, ends)
    inside = [node for node in nodes if node.is_piecewise_linear and node.name not in last]
    guards = {node.name: _guards(located, node, features, directions) for node in inside}
    needed = _needed(network, located, nodes, features, guards)
    first = network.nodes[0].name if start is None else start
    size = math.prod(network.node(first).shape)
    moving = np.ones(size, dtype=bool)
    if start is not None and directions is not Directions.OF_LAYER and start in located.units:
        moving = located.units[start].chosen.slopes.cpu().numpy() != 0
    builder = RowBuilder(int(moving.sum()))
    known = {first: np.where(moving, np.cumsum(moving) - 1, -1)}
    for node in nodes:
        if node.name in last or node.name not in needed:
            continue
        fed = np.concatenate([known.get(name, _constants(network, name)) for name in node.inputs])
        place = _affine if node.is_affine else _selected
        known[node.name] = place(network, located, node, needed[node.name], fed, builder)
    for feature in features:
        variable = known[feature.name]
        for mask, equal in ((feature.fixed, True), (feature.falling, False)):
            found = variable[mask & (variable >= 0)]
            builder.put(builder.rows(len(found), equal=equal), found, 1.0)
    for node in inside:
        fed = np.concatenate([known.get(name, _constants(network, name)) for name in node.inputs])
        for part, equal in zip(guards[node.name], (True, False), strict=True):
            _put_guards(builder, part, fed, equal=equal)
    if start in located.units and directions is Directions.OF_LAYER and network.node(start).piecewise.is_rectifier:
        at_zero = known[start][located.units[start].branches.reshape(-1) == 0]
        builder.put(builder.rows(len(at_zero), equal=False), at_zero, -1.0)
    matrix, equal = builder.built()
    return _cone(matrix, equal, domain, directions)


def _guards(located: Located, node: Node, features: list[Features], directions: Directions) -> tuple[Guards, Guards]:
    """Guards that hold as equalities, and those that hold as inequalities."""
    if directions is Directions.OF_LAYER:
        raise ValueError(f"a part with branches inside ({node.name}) is no layer")
    units = located.units[node.name]
    guards, unsure = units.guards, units.unsure
    counted = (units.tight | unsure) if directions is Directions.AT_POINT else np.ones(len(guards), dtype=bool)
    if node.is_layer:  # a unit on a slope whose number is fixed stays on it
        for feature in features:
            if feature.name == node.name:
                held = feature.fixed & (units.chosen.slopes.cpu().numpy() != 0)
                counted &= ~held[guards.units]
    equal = unsure.copy()
    if directions is Directions.FOR_EVER:  # a number between two kinks stays
        above, below = guards.plus[guards.minus < 0], guards.minus[guards.plus < 0]
        between = np.intersect1d(above, below)
        both = (np.isin(guards.plus, between) & (guards.minus < 0)) | (
            np.isin(guards.minus, between) & (guards.plus < 0)
        )
        equal |= both & (guards.plus >= 0)
        counted &= ~(both & (guards.plus < 0))
    return guards.of(counted & equal), guards.of(counted & ~equal)


def _needed(
    network: Network,
    located: Located,
    nodes: list[Node],
    features: list[Features],
    guards: dict[str, tuple[Guards, Guards]],
) -> dict[str, np.ndarray]:
    """Which numbers of the nodes any row depends on: by node, (m,) bool."""
    needed: dict[str, np.ndarray] = {}

    def need(name: str, mask: np.ndarray) -> None:
        needed[name] = needed[name] | mask if name in needed else mask

    def need_operands(node: Node, mask: np.ndarray) -> None:
        sizes = [math.prod(network.node(name).shape) for name in node.inputs]
        for name, part in zip(node.inputs, np.split(mask, np.cumsum(sizes)[:-1]), strict=True):
            need(name, part)

    for feature in features:
        need(feature.name, feature.fixed | feature.falling)
    for node in reversed(nodes):
        taken = np.zeros(sum(math.prod(network.node(name).shape) for name in node.inputs), dtype=bool)
        for part in guards.get(node.name, ()):
            for places in (part.plus, part.minus):
                taken[places[places >= 0]] = True
        if node.name in needed:
            places = np.flatnonzero(needed[node.name])
            if node.is_affine:
                taken[affine_rows(network, node.name).matrix[places].indices] = True
            else:
                chosen = located.units[node.name].chosen
                places = places[chosen.slopes.cpu().numpy()[places] != 0]
                taken[places if chosen.coordinates is None else chosen.coordinates.cpu().numpy()[places]] = True
        if taken.any():
            need_operands(node, taken)
    return needed


def _constants(network: Network, name: str) -> np.ndarray:
    """A node that no row depends on."""
    return np.full(math.prod(network.node(name).shape), -1)


def _affine(
    network: Network, located: Located, node: Node, needed: np.ndarray, fed: np.ndarray, builder: RowBuilder
) -> np.ndarray:
    """The variables of an affine node's numbers: of those that it takes over, or new ones with their rows."""
    rows = affine_rows(network, node.name)
    found = np.full(len(needed), -1)
    places = np.flatnonzero(needed)
    moves = rows.moves
    if moves is not None:
        found[places] = np.append(fed, -1)[moves[places]]
        return found
    part = rows.matrix[places]
    owner = np.repeat(np.arange(len(places)), np.diff(part.indptr))
    variables = fed[part.indices]
    can_change = np.bincount(owner[variables >= 0], minlength=len(places)) > 0
    made = builder.variables(int(can_change.sum()))
    found[places[can_change]] = made
    row = np.full(len(places), -1)
    row[can_change] = builder.rows(len(made), equal=True)
    builder.put(row[can_change], made, 1.0 if rows.divisors is None else rows.divisors[places[can_change]])
    builder.put(row[owner], np.where(can_change[owner], variables, -1), -part.data)
    return found


def _selected(
    network: Network, located: Located, node: Node, needed: np.ndarray, fed: np.ndarray, builder: RowBuilder
) -> np.ndarray:
    """The variables of a piecewise linear node's numbers on its branches."""
    chosen = located.units[node.name].chosen
    slopes = chosen.slopes.cpu().numpy()
    sources = np.arange(len(slopes)) if chosen.coordinates is None else chosen.coordinates.cpu().numpy()
    found = np.where(needed & (slopes != 0), fed[np.maximum(sources, 0)], -1)
    scaled = np.flatnonzero((found >= 0) & (slopes != 1))
    if scaled.size:
        made = builder.variables(len(scaled))
        row = builder.rows(len(scaled), equal=True)
        builder.put(row, made, 1.0)
        builder.put(row, found[scaled], -slopes[scaled])
        found[scaled] = made
    return found


def _put_guards(builder: RowBuilder, guards: Guards, fed: np.ndarray, *, equal: bool) -> None:
    row = builder.rows(len(guards), equal=equal)
    for sign, places, slopes in ((-1.0, guards.plus, guards.plus_slopes), (1.0, guards.minus, guards.minus_slopes)):
        there = places >= 0
        builder.put(row[there], fed[places[there]], sign if slopes is None else sign * slopes[there])


def _cone(
    matrix: SparseRows, equal: np.ndarray, domain: tuple[DomainRows, DomainAt] | None, directions: Directions
) -> Cone:
    """The rows with those of the domain, stored whole where that is small."""
    used = np.diff(matrix.indptr) > 0
    parts, equalities, inequalities = [matrix[used]], [equal[used]], [~equal[used]]
    if domain is not None:
        rows, at = domain
        held, tight = rows.recession if directions is Directions.FOR_EVER else at.tangent
        for part, is_equal, is_below in (
            (rows.equalities, np.ones(rows.n_equalities, dtype=bool), np.zeros(rows.n_equalities, dtype=bool)),
            (rows.inequalities, held, tight),
        ):
            counted = is_equal | is_below
            kept = sparse.csr_array(part)[counted]
            kept.resize((kept.shape[0], matrix.shape[1]))
            parts.append(kept)
            equalities.append(is_equal[counted])
            inequalities.append(is_below[counted])
    whole: Matrix = sparse.csr_array(sparse.vstack(parts, format="csr"))
    if whole.shape[0] == 0:  # a row that says nothing, since matrices without rows are no cones
        whole = sparse.csr_array((1, matrix.shape[1]))
        equalities, inequalities = [np.array([True])], [np.array([False])]
    size = whole.shape[0] * whole.shape[1]
    if size <= DENSE_SIZE or (size <= MOST_WHOLE and whole.nnz > CROWDED * size):
        whole = as_array(whole)
    return Cone(ScaledRows(whole), np.concatenate(equalities), np.concatenate(inequalities))
