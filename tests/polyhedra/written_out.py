"""Polyhedra from lists of rows."""

from __future__ import annotations

import math

import numpy as np

from unrelu.polyhedra.polyhedron import Polyhedron

INF = math.inf


def polyhedron(
    ub: list[tuple[list[float], float]] | None = None,
    eq: list[tuple[list[float], float]] | None = None,
    lower: list[float] | None = None,
    upper: list[float] | None = None,
    origin: list[float] | None = None,
    ub_error: list[float] | None = None,
    eq_error: list[float] | None = None,
    d: int = 2,
) -> Polyhedron:
    def split(rows: list[tuple[list[float], float]] | None) -> tuple[np.ndarray, np.ndarray]:
        matrix = np.array([row for row, _ in rows or []], dtype=float).reshape(-1, d)
        return matrix, np.array([value for _, value in rows or []], dtype=float)

    return Polyhedron(
        *split(ub),
        *split(eq),
        lower=np.array(lower if lower is not None else [-INF] * d),
        upper=np.array(upper if upper is not None else [INF] * d),
        origin=np.array(origin if origin is not None else [0.0] * d),
        ub_error=np.array(ub_error or [0.0] * len(ub or [])),
        eq_error=np.array(eq_error or [0.0] * len(eq or [])),
    )
