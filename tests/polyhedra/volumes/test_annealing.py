"""Annealing: intervals that hold the truth as often as they say, and Gibbs sweeps that keep their distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest, kstest

from known_bodies import Body, corner_simplex, cross_polytope, cube
from unrelu.polyhedra.analytic_center import analytic_center
from unrelu.polyhedra.volumes.annealing import annealed_volume
from unrelu.polyhedra.volumes.gibbs import GibbsChains
from unrelu.polyhedra.volumes.round_body import RoundBody, round_body
from unrelu.progress import Silent


def rounded(body: Body) -> RoundBody:
    return round_body(analytic_center(body.polyhedron))


def test_intervals_hold_the_volume_as_often_as_they_say() -> None:
    held = []
    for body in (cube(6), corner_simplex(7), cross_polytope(5), cube(12)):
        for seed in range(25):
            found = annealed_volume(
                rounded(body), accuracy=0.5, confidence=0.8, seed=seed, max_updates=1e9, progress=Silent()
            )
            held.append(abs(found.log_estimate - body.log_volume) <= found.half_width)
    # Neither too narrow nor needlessly wide.
    assert binomtest(sum(held), len(held), 0.8).pvalue > 1e-3


def test_more_accuracy_takes_more_sweeps() -> None:
    body = rounded(corner_simplex(10))
    rough, fine = (
        annealed_volume(body, accuracy=a, confidence=0.95, seed=0, max_updates=1e10, progress=Silent())
        for a in (1.0, 0.02)
    )
    assert fine.half_width <= 0.02
    assert fine.sweeps > rough.sweeps
    stopped = annealed_volume(body, accuracy=0.02, confidence=0.95, seed=0, max_updates=1.0, progress=Silent())
    assert stopped.sweeps == rough.sweeps


@pytest.mark.parametrize("precision", [0.0, 1.0, 40.0])
def test_sweeps_reach_the_distribution(precision: float) -> None:
    # On a square with sides 2 t (round coordinates), each coordinate is a Gaussian cut off, by rejection.
    body = rounded(cube(2))
    half = 1 / float(np.abs(body.rows).max())
    rng = np.random.default_rng(0)
    chains = GibbsChains(body, np.zeros((2, 4000)), rng)
    for _ in range(3):
        chains.sweep(precision)
    assert (body.rows @ chains.points < 1).all()
    expected = rng.uniform(-half, half, 400_000)
    if precision > 0:
        expected = rng.standard_normal(400_000) / math.sqrt(precision)
        expected = expected[np.abs(expected) < half]
    for values in chains.points:
        assert kstest(values, expected).pvalue > 1e-3


def test_sweeps_keep_the_uniform_distribution_of_a_simplex() -> None:
    n = 3
    P = corner_simplex(n).polyhedron
    center = analytic_center(P)
    rng = np.random.default_rng(1)
    inside = rng.dirichlet(np.ones(n + 1), 3000)[:, :n]
    chains = GibbsChains(round_body(center), center.cholesky.T @ center.basis.T @ (inside - center.point).T, rng)
    for _ in range(5):
        chains.sweep(0.0)
    x = center.point + (center.basis @ np.linalg.solve(center.cholesky.T, chains.points)).T
    assert (P.violation(x) < 1e-12).all()
    # Each coordinate has the distribution function 1 - (1 - t)^n.
    for values in x.T:
        assert kstest(values, lambda t: 1 - (1 - t) ** n).pvalue > 1e-3
