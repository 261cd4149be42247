"""The piece of a point in the input's coordinates, for its geometry."""

from __future__ import annotations

import math

import numpy as np

from unrelu.network.graph import Network
from unrelu.polyhedra.domain_at import DomainAt
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.row_collection import RowCollection
from unrelu.preimages.lifted.block import interior, last_rectifiers
from unrelu.stability.pattern import ActivationPattern
from unrelu.stability.region import add_guards, region_map


def region_rows(
    prefix: Network,
    at: np.ndarray,
    pattern: ActivationPattern,
    above: dict[str, np.ndarray],
    *,
    domain: DomainAt | None,
    tolerance: np.ndarray,
) -> Polyhedron:
    """`{ x in D : |F(x) - F(x0)| <= eps }` where all units but those of last ReLUs keep their branches.

    Rows are the network's maps composed in float64, and their errors are not known. A last ReLU has
    `a.x <= y + eps`, and `a.x >= y - eps` where `y > eps`.

    Args:
        prefix: the network; its features F are its output.
        at: (d,) x0, about which the set is given.
        pattern: the branches of its units.
        above: by last ReLU, (m,) bool, the features above their tolerance.
        domain: the domain at x0; None for the whole space.
        tolerance: (m,) eps.

    Raises:
        TooLarge: if the Jacobians would take more memory than allowed.
    """
    last = last_rectifiers(interior(prefix, None, prefix.outputs), prefix.outputs)
    ends = {name: prefix.node(name).inputs[0] if name in last else name for name in prefix.outputs}
    before = prefix.upto(*dict.fromkeys(ends.values()))
    maps = region_map(before, at, pattern=pattern.restricted(node.name for node in before.nodes), also=before.outputs)
    rows = RowCollection(at)
    sizes = np.cumsum([math.prod(prefix.node(name).shape) for name in prefix.outputs])[:-1]
    for name, eps in zip(prefix.outputs, np.split(tolerance, sizes), strict=True):
        J, value = maps.gradients[ends[name]], maps.values[ends[name]]
        fixed_below = above.get(name, np.ones(len(eps), dtype=bool))
        exact = fixed_below & (eps == 0)
        missing = np.maximum(-value, 0.0) if name in last else np.zeros_like(value)  # to 0, from where features rise
        rows.equal(J[exact])
        rows.at_most(J[~exact], np.where(fixed_below, eps, eps + missing)[~exact])
        loose = fixed_below & ~exact
        rows.at_most(-J[loose], eps[loose])
    add_guards(rows, before, maps)
    if domain is not None:
        rows.within(domain)
    return rows.polyhedron()
