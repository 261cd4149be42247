"""Bodies whose uniform distribution is known, and how draws are judged."""

from __future__ import annotations

import numpy as np

from unrelu.polyhedra.analytic_center import analytic_center
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.sampling.diagnostics import effective_sample_size
from unrelu.polyhedra.sampling.rounding import RoundedBody, rounded_body
from unrelu.polyhedra.sampling.sample import Sample


def cube(d: int) -> Polyhedron:
    """`[0, 1]^d`."""
    return Polyhedron(lower=0.0, upper=1.0, origin=np.zeros(d))


def simplex(d: int) -> Polyhedron:
    """`{ x >= 0, sum x <= 1 }`: with `1 - sum x` its points are Dirichlet(1, ..., 1)."""
    return Polyhedron(A_ub=np.ones((1, d)), b_ub=np.ones(1), lower=0.0)


def flat_simplex(d: int) -> Polyhedron:
    """`{ x >= 0, sum x = 1 }`: Dirichlet(1, ..., 1), d - 1 dimensions."""
    return Polyhedron(A_eq=np.ones((1, d)), b_eq=np.ones(1), lower=0.0)


def mixed_body(seed: int) -> Polyhedron:
    """Pairs of bounds, single bounds, a coordinate without bounds, rows and an equality, all binding somewhere."""
    rng = np.random.default_rng(seed)
    d = 6
    rows = np.vstack([rng.standard_normal((10, d)), np.eye(d)[5], -np.eye(d)[5]])
    return Polyhedron(
        A_ub=rows,
        b_ub=1 + rng.random(12),
        A_eq=rng.standard_normal((1, d)),
        b_eq=np.zeros(1),
        lower=np.array([0, -1e-3, -1, -np.inf, 1, -np.inf]) - 1,
        upper=np.array([1, 1e-3, np.inf, 2, 3, np.inf]) + 1,
        origin=np.array([0.0, 0.0, 0.0, 0.0, 1.0, 0.0]),
    )


def rounded(polyhedron: Polyhedron) -> RoundedBody:
    """The body in coordinates that its analytic centre gives."""
    center = analytic_center(polyhedron)
    return rounded_body(center.rows, center.point)


def by_chain(found: Sample, values: np.ndarray) -> np.ndarray:
    """Values of points, (n, f), as (chains, draws, f)."""
    return values.reshape(-1, found.chains, values.shape[1]).transpose(1, 0, 2)


def standard_errors_off(found: Sample, values: np.ndarray, mean: np.ndarray | float) -> float:
    """By how many standard errors the mean of the worst function is off its exact value; values are (n, f)."""
    errors = values.std(axis=0) / np.sqrt(effective_sample_size(by_chain(found, values)))
    return float(np.max(np.abs(values.mean(axis=0) - mean) / errors))
