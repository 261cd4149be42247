"""The activation patterns of the leaves that a search kept."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.bounding.unit_bounds import bound_units
from unrelu.frontier.tree import Operation
from unrelu.preimages.lifted.located import Located, locate
from unrelu.stability.pattern import ActivationPattern

if TYPE_CHECKING:
    from collections.abc import Mapping

    from unrelu.frontier.tree import Tree
    from unrelu.network.graph import Network
    from unrelu.preimages.search.exact_set import ExactSet
    from unrelu.preimages.search.settled_leaf import SettledLeaf
    from unrelu.preimages.search.statement import InverseStatement

MOST_KINKS = 6
"""Units whose kink a ball can lie on, as far as bounds tell, that are counted on both sides."""


@dataclass(frozen=True, eq=False)
class LeafPattern:
    """A pattern whose piece holds solutions of a leaf.

    Attributes:
        pattern: the branches of the units.
        point: (d,) float64, in the leaf.
        holds: whether it is proved that the piece holds a solution: the point, or that of a ball with one pattern.
    """

    pattern: ActivationPattern
    point: np.ndarray
    holds: bool


def leaf_patterns(
    statement: InverseStatement, tree: Tree, leaves: Mapping[int, SettledLeaf], exact: Mapping[int, ExactSet]
) -> tuple[tuple[LeafPattern, ...], bool]:
    """The patterns of all flats and balls, each once, and whether their pieces hold all solutions in these.

    On a flat each unit keeps its branch, on a ball each unit whose kink is not met. Which of several numbers is the
    largest is told by the point of the leaf.

    Args:
        statement: what was asked.
        tree: what the search did.
        leaves: what it kept of flats and balls.
        exact: the members in some of them; those that hold none are left out.
    """
    found: dict[bytes, LeafPattern] = {}
    whole = True
    for number in np.flatnonzero(np.isin(tree.operation, (Operation.BALL, Operation.FLAT))).tolist():
        point, holds, known = tree.point[number], bool(tree.holds[number]), exact.get(number)
        if known is not None:
            if known.point is None:
                continue
            point = known.point.numpy()
        is_flat = tree.operation[number] == Operation.FLAT
        if is_flat:
            every = [leaves[number].low / 2 + leaves[number].high / 2]
        else:
            box = torch.from_numpy(tree.lower[number]), torch.from_numpy(tree.upper[number])
            only = holds and leaves[number].alone and bool((statement.resolution[statement.held] == 0).all())
            every, all_sides = _fed_in_ball(statement, *box, torch.from_numpy(point), only)
            whole &= all_sides
        located = locate(statement.network, point)
        whole &= not _has_ties(statement, located) or every == [None]
        alone = len(every) == 1 and (known is not None or not is_flat)
        for fed in every:
            pattern = _pattern(statement, located, fed)
            key = b"".join(branches.tobytes() for branches in pattern.branches.values())
            proved = (holds or known is not None) and (alone or _keeps(located, pattern))
            if key not in found or (proved and not found[key].holds):
                found[key] = LeafPattern(pattern, point, proved)
    return tuple(found.values()), whole


def _fed_in_ball(
    statement: InverseStatement, lower: torch.Tensor, upper: torch.Tensor, point: torch.Tensor, only: bool
) -> tuple[list[torch.Tensor | None], bool]:
    """What units are fed for each pattern that a ball may meet, None for that of its point; and whether that is all."""
    lower = torch.maximum(lower, statement.lower)
    upper = torch.minimum(upper, statement.upper)
    units = bound_units(statement.bounded, lower[None], upper[None])
    low, high = units.low[0], units.high[0]
    if int(units.open[0]) == 0:
        return [low / 2 + high / 2], True
    if only and statement.is_member(point):
        return [None], True  # the only solution
    open_units = torch.nonzero((low < 0) & (high > 0))[:, 0].tolist()
    if len(open_units) > MOST_KINKS or statement.network.choices or _meets_other_kinks(statement, low, high):
        return [None], False
    found: list[torch.Tensor | None] = []
    for sides in itertools.product((False, True), repeat=len(open_units)):
        fed = low / 2 + high / 2
        for unit, above in zip(open_units, sides, strict=True):
            fed[unit] = high[unit] if above else low[unit]
        found.append(fed)
    return found, True


def _meets_other_kinks(statement: InverseStatement, low: torch.Tensor, high: torch.Tensor) -> bool:
    """Whether a kink that is not at 0 lies strictly between bounds (U,) of what its unit is fed."""
    network, spans = statement.bounded.network, statement.bounded.spans
    for node in network.nodes[1:]:
        if not node.is_layer:
            continue
        (feed,) = node.inputs
        for kink in node.kinked.kinks_of(network.node(feed).shape):
            if bool(((low[spans[feed]] < kink) & (kink < high[spans[feed]]) & (kink != 0)).any()):
                return True
    return False


def _has_ties(statement: InverseStatement, located: Located) -> bool:
    """Whether at a point several numbers that a unit chooses among are the largest, or may be."""
    chosen = [located.units[name] for name in statement.network.choices]
    return any(bool((units.tight | units.unsure).any()) for units in chosen)


def _pattern(statement: InverseStatement, located: Located, fed: torch.Tensor | None) -> ActivationPattern:
    network = statement.network
    branches = {
        name: units.branches if fed is None else _branches(statement, network, name, fed, units.branches)
        for name, units in located.units.items()
    }
    return ActivationPattern.of(network, branches)


def _keeps(located: Located, pattern: ActivationPattern) -> bool:
    """Whether a point is proved to lie on the closed region of a pattern, but for units that it is not sure about."""
    if not located.is_sure:
        return False
    for name, units in located.units.items():
        mine, theirs = pattern.branches[name].reshape(-1), units.branches.reshape(-1)
        other = np.flatnonzero(mine != theirs)  # on a kink it is on the next piece, too
        if not (np.isin(other, units.guards.units[units.tight]) & (mine[other] == theirs[other] + 1)).all():
            return False
    return True


def _branches(
    statement: InverseStatement, network: Network, name: str, fed: torch.Tensor, at_point: np.ndarray
) -> np.ndarray:
    """The branches of one node, by what its units are fed; as at the point for those that choose among several."""
    node, bounded = network.node(name), statement.bounded
    if not node.is_layer:
        return at_point
    (feed,) = node.inputs
    values = fed[bounded.spans[feed]].reshape(1, *network.node(feed).shape)
    return node.piecewise.branches(values)[0].numpy()


def closed_branches(
    statement: InverseStatement, pattern: ActivationPattern
) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Between which numbers each number that units are fed lies on the closed region of a pattern: (U,) and (U,).

    None where units choose among several numbers.

    Args:
        statement: what was asked.
        pattern: the branches of all units of its network.
    """
    bounded = statement.bounded
    if bounded.network is not statement.network:
        return None
    low = torch.full((bounded.n_units,), -torch.inf, dtype=torch.float64)
    high = -low
    for node in statement.network.nodes[1:]:
        if not node.is_layer:
            if not node.is_affine:
                return None
            continue
        (feed,) = node.inputs
        span = bounded.spans[feed]
        branches = torch.from_numpy(pattern.branches[node.name].reshape(-1).astype(np.int64))
        ends = [each.reshape(-1) for each in node.kinked.kinks_of(statement.network.node(feed).shape)]
        infinite = torch.full_like(low[span], torch.inf)
        table = torch.stack([-infinite, *(each.expand_as(infinite) for each in ends), infinite])
        place = branches[None]
        low[span] = torch.maximum(low[span], table.gather(0, place)[0])
        high[span] = torch.minimum(high[span], table.gather(0, place + 1)[0])
    return low, high
