"""The piece of a point in the input's coordinates, for its geometry."""

from __future__ import annotations

import math

import numpy as np

from unrelu.errors import TooLarge
from unrelu.network.graph import Network
from unrelu.network.layer import DENSE_LIMIT
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
    wanted: np.ndarray | None = None,
) -> Polyhedron:
    """`{ x in D : |F(x) - y| <= eps }` where all units but those of last ReLUs keep their branches.

    Rows are the network's maps composed in float64, and their errors are not known. A last ReLU has
    `a.x <= y + eps`, and `a.x >= y - eps` where `y > eps`.

    Args:
        prefix: the network; its features F are its output.
        at: (d,) x0 in D, about which the set is given.
        pattern: the branches of its units.
        above: by last ReLU, (m,) bool, the features above their tolerance.
        domain: the domain at x0; None for the whole space.
        tolerance: (m,) eps.
        wanted: (m,) y; F(x0) if None.

    Raises:
        TooLarge: if the Jacobians would take more memory than allowed.
    """
    last = last_rectifiers(interior(prefix, None, prefix.outputs), prefix.outputs)
    ends = {name: prefix.node(name).inputs[0] if name in last else name for name in prefix.outputs}
    before = prefix.upto(*dict.fromkeys(ends.values()))
    _check_size(before, at.size)
    maps = region_map(before, at, pattern=pattern.restricted(node.name for node in before.nodes), also=before.outputs)
    rows = RowCollection(at)
    sizes = np.cumsum([math.prod(prefix.node(name).shape) for name in prefix.outputs])[:-1]
    given = [None] * len(prefix.outputs) if wanted is None else np.split(wanted, sizes)
    for name, eps, y in zip(prefix.outputs, np.split(tolerance, sizes), given, strict=True):
        J, value = maps.gradients[ends[name]], maps.values[ends[name]]
        fixed_below = above.get(name, np.ones(len(eps), dtype=bool))
        exact = fixed_below & (eps == 0)
        if y is None:  # what is missing to 0, from where features rise
            off = np.where(fixed_below, 0.0, np.maximum(-value, 0.0)) if name in last else np.zeros_like(value)
        else:
            off = y - value
        rows.equal(J[exact], off[exact])
        rows.at_most(J[~exact], (eps + off)[~exact])
        loose = fixed_below & ~exact
        rows.at_most(-J[loose], (eps - off)[loose])
    add_guards(rows, before, maps)
    if domain is not None:
        rows.within(domain)
    return rows.polyhedron()


def _check_size(network: Network, d: int) -> None:
    fed = {name for node in network.nodes if node.is_piecewise_linear for name in node.inputs}
    rows = sum(math.prod(network.node(name).shape) for name in fed | set(network.outputs))
    if 8 * rows * d > DENSE_LIMIT:
        raise TooLarge(
            f"the piece in the input's coordinates has {rows} rows of {d} numbers, which would take "
            f"{8 * rows * d / 2**30:.1f} GiB (limit {DENSE_LIMIT / 2**30:.0f} GiB); what is proved of it needs no such "
            "rows, and its geometry is answered for smaller networks."
        )
