"""Inputs far apart with nearly equal features."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.across.look_alike_pair import LookAlikePair, look_alike_pair
from unrelu.across.pair_search import along_line, descend
from unrelu.errors import InputError, ShapeError
from unrelu.network.arrays import Array, as_numpy, unit_roundoff
from unrelu.polyhedra.domain_at import place
from unrelu.polyhedra.domains import Domain, resolve
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.progress import Progress, resolve_progress
from unrelu.stability.linearization import linearize
from unrelu.stability.singular_values import triangular_factor

if TYPE_CHECKING:
    from unrelu.network.graph import Network

_SAME = 0.5  # of `apart`: found inputs nearer to each other than this count as one


def far_pairs(
    prefix: Network,
    at: Array,
    n: int = 4,
    *,
    apart: float = 1.0,
    domain: Domain | None = None,
    n_regions: int = 50,
    steps: int = 200,
    seed: int = 0,
    progress: Progress | bool | None = None,
) -> tuple[LookAlikePair, ...]:
    """Search for inputs far from a point whose features are nearly those of the point.

    From the point the n directions of the smallest singular values are followed both ways, and as many random ones,
    through linear regions, exactly (bent along the bounds of the domain where these are near); the best point of each
    path that is far enough away starts a local descent (L-BFGS-B). What is found is a witness, not the best there is.

    Args:
        prefix: a network, usually `net.upto("relu3")`.
        at: the point, of the network's input shape.
        n: how many pairs; the others of two pairs are at least half of `apart` from each other.
        apart: the least distance from the point, L2.
        domain: where inputs may lie; all of space by default. With rows other than bounds there is no descent.
        n_regions: how many regions a path runs through.
        steps: most iterations of a descent.
        seed: of the random directions.
        progress: see `unrelu.progress.resolve_progress`.

    Returns:
        Up to n pairs, the smallest ratio first; fewer where no more were found.

    Raises:
        InputError: if the point has another shape or is not finite, or if n or apart is not positive.
        DomainError: if the point does not lie in the domain.
        TooLarge: if the Jacobian would take more memory than allowed.
        ModelError: if a number overflows, or a node is neither affine nor piecewise linear.

    >>> from unrelu.network.graph import Network
    >>> net = Network.from_layers([(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.eye(2), np.zeros(2))])
    >>> far_pairs(net.upto("relu1"), at=np.array([1.0]), n=1)
    (LookAlikePair(distance 2, features 1.414, ratio 0.7071),)
    """
    if n < 1 or not apart > 0:
        raise InputError(f"n and apart must be positive, not {n} and {apart}.")
    x, D = point_in(prefix, at, domain)
    found: list[LookAlikePair] = []
    directions = start_directions(prefix, x, n, seed)
    with resolve_progress(progress).stage("pairs", len(directions)) as advance:
        for v in directions:
            other = along_line(prefix, x, v, D, apart, n_regions)
            if other is not None:
                _, better = descend(prefix, x, other, D, apart, both=False, steps=steps)
                found.append(look_alike_pair(prefix, x, better))
            advance(1)
    chosen: list[LookAlikePair] = []
    for each in sorted(found, key=lambda each: each.ratio):
        if len(chosen) < n and all(np.linalg.norm(each.other - known.other) >= _SAME * apart for known in chosen):
            chosen.append(each)
    return tuple(chosen)


def start_directions(prefix: Network, x: np.ndarray, n: int, seed: int) -> list[np.ndarray]:
    """The directions of the n smallest singular values at a point, and n random ones, both ways."""
    J = linearize(prefix, x).matrix
    d = J.shape[1]
    J = J[J.any(axis=1)]
    # Not from J'J, whose rounding mixes all directions below 1e-8 of the largest singular value.
    _, _, vectors = np.linalg.svd(J if len(J) < d else triangular_factor(torch.from_numpy(J)).numpy())
    random = np.random.default_rng(seed).standard_normal((n, d))
    rows = [*vectors[::-1][:n], *random]
    return [sign * row.reshape(x.shape) for row in rows for sign in (1.0, -1.0)]


def point_in(prefix: Network, at: Array, domain: Domain | None) -> tuple[np.ndarray, Polyhedron]:
    """A point and the polyhedron of a domain that holds it.

    Raises:
        ShapeError: if the point has another shape than the network's input.
        DomainError: if it does not lie in the domain.
    """
    x = as_numpy(at, "the point")
    if x.shape != prefix.input_shape:
        raise ShapeError(f"the point has shape {x.shape}, the network takes {prefix.input_shape}.")
    D = resolve(domain, x.size)
    place(D, x.ravel(), unit=unit_roundoff(at), what="the point lies outside the domain")
    return x, D
