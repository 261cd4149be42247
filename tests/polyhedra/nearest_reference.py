"""Nearest points the plain way, by scipy, for comparison."""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import LinearConstraint, linprog, minimize

from unrelu.polyhedra.polyhedron import Polyhedron


def nearest_distance(polyhedron: Polyhedron, target: np.ndarray, norm: float) -> float:
    """`min ||x - target||`, with an epigraph variable for each coordinate (L1) or for all, or as a smooth problem."""
    d = polyhedron.n_coordinates
    eq_right = polyhedron.b_eq + polyhedron.A_eq @ polyhedron.origin
    ub_right = polyhedron.b_ub + polyhedron.A_ub @ polyhedron.origin
    bounds = list(zip(polyhedron.lower, polyhedron.upper, strict=True))
    if norm == 2:
        return _least_squares(polyhedron, target, eq_right, ub_right, bounds)
    n = d if norm == 1 else 1
    epigraph = np.eye(d) if norm == 1 else np.ones((d, 1))
    zeros_ub, zeros_eq = np.zeros((len(ub_right), n)), np.zeros((len(eq_right), n))
    outcome = linprog(
        np.concatenate([np.zeros(d), np.ones(n)]),
        A_ub=np.block([[polyhedron.A_ub, zeros_ub], [np.eye(d), -epigraph], [-np.eye(d), -epigraph]]),
        b_ub=np.concatenate([ub_right, target, -target]),
        A_eq=np.hstack([polyhedron.A_eq, zeros_eq]),
        b_eq=eq_right,
        bounds=bounds + [(0, None)] * n,
        method="highs-ipm",
    )
    assert outcome.status == 0, outcome.message
    return float(outcome.fun)


def _least_squares(polyhedron, target, eq_right, ub_right, bounds) -> float:
    constraints = [
        LinearConstraint(polyhedron.A_ub, -math.inf, ub_right),
        LinearConstraint(polyhedron.A_eq, eq_right, eq_right),
    ]
    outcome = minimize(
        lambda x: float((x - target) @ (x - target)) / 2,
        polyhedron.origin,
        jac=lambda x: x - target,
        bounds=bounds,
        constraints=[c for c in constraints if len(c.A)],
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    assert outcome.status == 0, outcome.message
    return math.sqrt(2 * outcome.fun)
