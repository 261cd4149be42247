"""The volume of a polytope from its vertices and faces, in a few dimensions."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from unrelu.polyhedra.volumes.round_body import RoundBody

MAX_ROWS = {2: 100_000, 3: 20_000, 4: 5_000, 5: 2_000, 6: 800, 7: 300, 8: 300}
"""For each dimension, so many inequalities take a second or so."""

MAX_FACES = 200_000
"""Faces, by an upper estimate, that take some ten seconds."""

_SAME = 1e-9
"""Vertices are the same, and lie on a facet, within this, relative to the size of a vertex; the body is round."""

_AGREE = 1e-7
"""Relative difference that two decompositions of the same polytope may have; more means that its faces were misread."""


def exact_log_volume(body: RoundBody) -> float | None:
    """The logarithm of the volume, up to rounding; None where that takes too long or rounding blurs the faces.

    The vertices come from the convex hull of the rows, polar to the body (Qhull). A face F of dimension k is the union
    of the pyramids over its facets G with one of its vertices w as apex, so that

        vol_k(F) = 1/k sum over the facets G of F not through w of dist(w, G) vol_(k-1)(G),

    each face's volume being computed once. Two choices of apexes must agree.
    """
    n = body.dimension
    if n == 1:
        a = body.rows[:, 0]
        low = float((1.0 / a[a < 0]).max(initial=-math.inf))
        high = float((1.0 / a[a > 0]).min(initial=math.inf))
        return math.log(high - low) + body.log_scale
    if len(body.rows) > MAX_ROWS.get(n, 0):
        return None
    try:
        polar = ConvexHull(body.rows)
    except QhullError:
        return None
    vertices = _distinct(-polar.equations[:, :-1] / polar.equations[:, -1:])
    if len(vertices) * 2**n > MAX_FACES * (n + 1) / 2:
        return None
    facets = body.rows[polar.vertices]
    sizes = 1.0 + np.linalg.norm(vertices, axis=1)
    incidence = np.abs(1.0 - vertices @ facets.T) <= _SAME * sizes[:, None] * (1.0 + np.linalg.norm(facets, axis=1))
    first = _Faces(vertices, facets, incidence, last=False).volume()
    second = _Faces(vertices, facets, incidence, last=True).volume()
    if not (first > 0 and abs(first - second) <= _AGREE * first):
        return None
    return math.log(first) + body.log_scale


def _distinct(points: np.ndarray) -> np.ndarray:
    """The points without copies that differ by rounding; a few that remain do no harm, lying on the same facets."""
    grid = _SAME * (1.0 + float(np.abs(points).max()))
    return points[np.unique(np.round(points / grid), axis=0, return_index=True)[1]]


class _Faces:
    """Volumes of faces, each given by the set of its vertices as the bits of an integer."""

    def __init__(self, vertices: np.ndarray, facets: np.ndarray, incidence: np.ndarray, *, last: bool) -> None:
        self.vertices, self.facets, self.last = vertices, facets, last
        self.on_facet = [_bits(column) for column in incidence.T]
        self.known: dict[int, float] = {}

    def volume(self) -> float:
        n = self.vertices.shape[1]
        everything = (1 << len(self.vertices)) - 1
        return self._volume(everything, n, np.eye(n), range(len(self.facets)))

    def _volume(self, face: int, k: int, basis: np.ndarray, candidates: range | list[int]) -> float:
        """The k-volume of a face whose directions are spanned by the orthonormal rows of `basis`."""
        if k == 0:
            return 1.0
        if face in self.known:
            return self.known[face]
        apex = face.bit_length() - 1 if self.last else (face & -face).bit_length() - 1
        # Facets of the face are the greatest of its intersections with facets of the whole.
        parts: dict[int, int] = {}
        for i in candidates:
            part = face & self.on_facet[i]
            if part != face and part.bit_count() >= k:
                parts.setdefault(part, i)
        proper = {p: i for p, i in parts.items() if not any(p & q == p for q in parts if q != p)}
        inside = list(proper.values())
        total = 0.0
        for part, i in proper.items():
            if part >> apex & 1:
                continue
            normal = basis @ self.facets[i]
            length = float(np.linalg.norm(normal))
            distance = (1.0 - float(self.facets[i] @ self.vertices[apex])) / length
            total += distance * self._volume(part, k - 1, _orthogonal(basis, normal / length), inside)
        self.known[face] = total / k
        return total / k


def _orthogonal(basis: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """An orthonormal basis of the part of a space that is orthogonal to `unit`, given in the basis: one row fewer."""
    # The Householder reflection that takes `unit` to a coordinate axis.
    v = unit.copy()
    sign = 1.0 if v[0] >= 0 else -1.0
    v[0] += sign
    reflected = basis - np.outer(v, (v @ basis) * (2.0 / float(v @ v)))
    return reflected[1:]


def _bits(column: np.ndarray) -> int:
    return int.from_bytes(np.packbits(column, bitorder="little").tobytes(), "little")
