"""Polyhedra whose geometry is known in closed form."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from unrelu.polyhedra.polyhedron import Polyhedron


@dataclass(frozen=True, eq=False)
class Body:
    """A polytope and what is known of it.

    Attributes:
        polyhedron: the set.
        dimension: of its affine hull.
        log_volume: in its affine hull.
        center: its analytic centre.
        inradius: of the greatest ball in its affine hull.
        lower: (d,) least values of the coordinates.
        upper: (d,) greatest values.
    """

    polyhedron: Polyhedron
    dimension: int
    log_volume: float
    center: np.ndarray
    inradius: float
    lower: np.ndarray
    upper: np.ndarray


def cube(n: int, side: float = 1.0, shift: float = 0.0, origin: float = 0.0) -> Body:
    """`[shift, shift + side]^n`, with rows relative to any origin (there are none)."""
    ones = np.ones(n)
    P = Polyhedron(lower=shift, upper=shift + side, origin=origin * ones)
    return Body(P, n, n * math.log(side), (shift + side / 2) * ones, side / 2, shift * ones, (shift + side) * ones)


def corner_simplex(n: int) -> Body:
    """`{ x >= 0, sum x <= 1 }`: volume 1/n!, inradius 1/(n + sqrt n)."""
    P = Polyhedron(np.ones((1, n)), np.ones(1), lower=0.0)
    middle = np.full(n, 1 / (n + 1))
    return Body(P, n, -math.lgamma(n + 1), middle, 1 / (n + math.sqrt(n)), np.zeros(n), np.ones(n))


def flat_simplex(d: int) -> Body:
    """`{ x >= 0, sum x = 1 }`: of dimension d - 1, volume sqrt(d)/(d - 1)!, inradius 1/sqrt(d (d - 1))."""
    P = Polyhedron(A_eq=np.ones((1, d)), b_eq=np.ones(1), lower=0.0)
    volume = 0.5 * math.log(d) - math.lgamma(d)
    return Body(P, d - 1, volume, np.full(d, 1 / d), 1 / math.sqrt(d * (d - 1)), np.zeros(d), np.ones(d))


def cross_polytope(n: int) -> Body:
    """`{ ||x||_1 <= 1 }` by its 2^n rows: volume 2^n/n!, inradius 1/sqrt n."""
    P = Polyhedron(np.array(list(itertools.product((1.0, -1.0), repeat=n))), np.ones(2**n))
    return Body(P, n, n * math.log(2) - math.lgamma(n + 1), np.zeros(n), 1 / math.sqrt(n), -np.ones(n), np.ones(n))


def tetrahedron() -> Body:
    """The regular tetrahedron with edge `2 sqrt 2`, four of a cube's corners: volume 8/3, inradius 1/sqrt 3."""
    normals = np.array([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    return Body(
        Polyhedron(normals, np.ones(4)), 3, math.log(8 / 3), np.zeros(3), 1 / math.sqrt(3), -np.ones(3), np.ones(3)
    )


def turned_cube(n: int, d: int, seed: int = 0) -> Body:
    """A unit cube of dimension n, turned at random and moved in d coordinates: flat, by d - n equality rows."""
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((d, d)))[0]
    inside, across, center = Q[:, :n], Q[:, n:], rng.standard_normal(d)
    P = Polyhedron(
        np.vstack([inside.T, -inside.T]),
        np.full(2 * n, 0.5),
        # Rows that are neither orthogonal nor of like size.
        (across @ rng.standard_normal((d - n, d - n))).T * np.arange(1, d - n + 1)[:, None],
        np.zeros(d - n),
        origin=center,
    )
    reach = 0.5 * np.abs(inside).sum(axis=1)
    return Body(P, n, 0.0, center, 0.5, center - reach, center + reach)


def squeezed_cube(n: int, squeezed: int) -> Body:
    """A unit cube some of whose coordinates are held at 1/2 by pairs of inequalities: flat, without equality rows."""
    rows = np.eye(n)[:squeezed]
    P = Polyhedron(np.vstack([rows, -rows]), np.repeat([0.5, -0.5], squeezed), lower=0.0, upper=1.0)
    half, free = np.full(n, 0.5), (np.arange(n) >= squeezed) * 0.5
    inradius = 0.5 if squeezed < n else 0.0
    return Body(P, n - squeezed, 0.0, half, inradius, half - free, half + free)


ROUND_BODIES = {
    "interval": cube(1, 3.0, -1.0),
    "square": cube(2, 0.5, 7.0),
    "cube far from its origin": cube(3, 2.0, 100.0, origin=-50.0),
    "cube of 20": cube(20, 1.5, -4.0),
    "triangle": corner_simplex(2),
    "simplex of 8": corner_simplex(8),
    "simplex of 20": corner_simplex(20),
    "tetrahedron": tetrahedron(),
    "octahedron": cross_polytope(3),
    "cross-polytope of 6": cross_polytope(6),
}

FLAT_BODIES = {
    "segment in the plane": flat_simplex(2),
    "triangle in space": flat_simplex(3),
    "flat simplex of 21": flat_simplex(21),
    "square turned in 5": turned_cube(2, 5),
    "cube turned in 30": turned_cube(12, 30),
    "squeezed square": squeezed_cube(3, 1),
    "squeezed to a point": squeezed_cube(4, 4),
    "squeezed cube of 33": squeezed_cube(40, 7),
}

BODIES = {**ROUND_BODIES, **FLAT_BODIES}
