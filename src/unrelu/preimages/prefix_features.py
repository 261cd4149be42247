"""The inputs with the same features of a whole prefix, within one linear region."""

from __future__ import annotations

import math

import numpy as np

from unrelu.network.graph import Network
from unrelu.polyhedra.domain_at import DomainAt
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.row_collection import RowCollection
from unrelu.stability.pattern import ActivationPattern
from unrelu.stability.region import add_guards, region_map


def region_features(
    prefix: Network,
    at: np.ndarray,
    *,
    domain: DomainAt | None,
    tolerance: np.ndarray,
    pattern: ActivationPattern | None = None,
    features: np.ndarray | None = None,
) -> Polyhedron:
    """The part of `{ x in D : |F(x) - y| <= eps }` that lies in the closed linear region of a pattern.

    There `F(x) = F(x0) + J (x - x0)`: equality rows are those of J (of active neurons, where the prefix ends in
    a ReLU), every neuron of every layer keeps its side of zero, and every max pooling what it selects. Rows are the
    linearization as computed in float64, and their errors are not known.

    Args:
        prefix: the network; its features F are its output.
        at: (d,) x0, about which the set is given.
        domain: the domain at x0; None for the whole space.
        tolerance: (m,) eps.
        pattern: the branches of its units; those of x0 if None.
        features: (m,) y; F(x0) if None.

    Raises:
        TooLarge: if the Jacobians would take more memory than allowed.
    """
    rectified = {name for name in prefix.outputs if _is_rectifier(prefix, name)}
    ends = {name: prefix.node(name).inputs[0] if name in rectified else name for name in prefix.outputs}
    maps = region_map(prefix, at, pattern=pattern, also=list(ends.values()))
    rows = RowCollection(at)
    sizes = np.cumsum([math.prod(prefix.node(name).shape) for name in prefix.outputs])[:-1]
    wanted = [None] * len(ends) if features is None else np.split(features, sizes)
    kept = [name for name in prefix.outputs if name in rectified and features is None]
    for name, eps, y in zip(prefix.outputs, np.split(tolerance, sizes), wanted, strict=True):
        J, value = maps.gradients[ends[name]], maps.values[ends[name]]
        active = maps.pattern.active(name).reshape(-1) if name in rectified else np.ones(len(value), dtype=bool)
        off = np.zeros_like(value) if y is None else y - np.where(active, value, 0.0)
        _add_features(rows, J, off, eps, active)
        if name in rectified and y is None:  # where a feature may fall, its neuron has to stay active all the same
            loose = active & (eps > 0)
            rows.at_most(-J[loose], value[loose])
    add_guards(rows, prefix, maps, kept=kept)
    if domain is not None:
        rows.within(domain)
    return rows.polyhedron()


def _is_rectifier(prefix: Network, name: str) -> bool:
    node = prefix.node(name)
    return node.is_layer and node.piecewise.is_rectifier


def _add_features(rows: RowCollection, J: np.ndarray, off: np.ndarray, eps: np.ndarray, active: np.ndarray) -> None:
    """`|J z - off| <= eps` for active features; inactive ones are 0, which is near enough or not, whatever z."""
    exact = active & (eps == 0)
    rows.equal(J[exact], off[exact])
    loose = active & (eps > 0)
    rows.at_most(J[loose], (off + eps)[loose])
    rows.at_most(-J[loose], (eps - off)[loose])
    missed = ~active & (np.abs(off) > eps)
    if missed.any():
        rows.at_most(np.zeros((1, J.shape[1])), np.array([-1.0]))
