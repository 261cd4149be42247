"""The billiard walk follows the path that a plain computation follows, and stays in its body."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from polyhedra.sampling.bodies import cube, mixed_body, rounded
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.sampling import billiard
from unrelu.polyhedra.sampling.billiard import BilliardChains
from unrelu.polyhedra.sampling.rounding import RoundedBody


def silent(points: int) -> None:
    """Tells nobody."""


def reflected_path(body: RoundedBody, y: np.ndarray, u: np.ndarray, duration: float) -> np.ndarray:
    """Where a ball ends that starts at y with velocity u, computed facet by facet in the body's coordinates."""
    t = body.half_width.size
    a = np.vstack([body.facets[:t], -body.facets[:t], body.facets[t:]])
    b = np.concatenate([body.half_width - body.position[:t], body.half_width + body.position[:t], -body.position[t:]])
    while True:
        speed, slack = a @ u, b - a @ y
        times = [slack[i] / speed[i] if speed[i] > 1e-12 else np.inf for i in range(len(a))]
        i = int(np.argmin(times))
        if times[i] >= duration:
            return y + duration * u
        y = y + times[i] * u
        u = u - 2 * (a[i] @ u) / (a[i] @ a[i]) * a[i]
        duration -= times[i]


@pytest.mark.parametrize("seed", range(6))
def test_the_path_is_that_of_a_ball(seed: int) -> None:
    body = rounded(mixed_body(seed))
    velocities = np.random.default_rng(seed).standard_normal((4096, 5))[:7]  # those that the chains will draw
    found = BilliardChains(body, 7, np.random.default_rng(seed)).run(1, thin=1, duration=12.0, advance=silent)
    expected = [reflected_path(body, np.zeros(5), u, 12.0) for u in velocities]
    np.testing.assert_allclose(found[:, 0], expected, atol=1e-8)


def test_in_a_cube_each_trajectory_is_a_folded_line_with_a_new_velocity() -> None:
    body = rounded(cube(3))
    velocities = np.random.default_rng(0).standard_normal((4096, 3))[:5] @ body.basis.T
    found = BilliardChains(body, 1, np.random.default_rng(0)).run(5, thin=1, duration=20.0, advance=silent)[0]
    x = np.full(3, 0.5)
    for u, y in zip(velocities, found, strict=True):
        x = np.abs((x + 20.0 * u + 1) % 2 - 1)
        np.testing.assert_allclose(body.points(y[None])[0], x, atol=1e-11)


def test_thinning_leaves_out_trajectories() -> None:
    body = rounded(mixed_body(0))
    every = BilliardChains(body, 1, np.random.default_rng(0)).run(12, thin=1, duration=2.0, advance=silent)
    third = BilliardChains(body, 1, np.random.default_rng(0)).run(4, thin=3, duration=2.0, advance=silent)
    np.testing.assert_array_equal(third, every[:, 2::3])


def test_each_chain_makes_all_its_trajectories() -> None:
    told = []
    chains = BilliardChains(rounded(mixed_body(0)), 5, np.random.default_rng(0))
    y = chains.run(40, thin=3, duration=1.0, advance=told.append)
    assert y.shape == (5, 40, 5)
    assert sum(told) == 200
    assert np.unique(y.reshape(200, 5), axis=0).shape == (200, 5)
    chains.keep(2)
    assert chains.size == 2
    assert chains.run(3, thin=1, duration=1.0, advance=told.append).shape == (2, 3, 5)


def test_rounding_errors_do_not_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(billiard, "CLEANED_EVERY", 100)
    body = rounded(mixed_body(2))
    chains = BilliardChains(body, 4, np.random.default_rng(0))
    chains.positions += 1e-7 * np.random.default_rng(1).standard_normal(chains.positions.shape)
    y = chains.run(2000, thin=1, duration=3.0, advance=silent)[:, 1000:]
    t = body.half_width.size
    p = body.position + y.reshape(-1, 5) @ body.facets.T
    assert (np.abs(p[:, :t]) <= body.half_width + 1e-12).all()
    assert p[:, t:].max() <= 1e-12
    np.testing.assert_allclose(
        chains.positions, body.position + body.coordinates(chains.positions) @ body.facets.T, atol=1e-12
    )


def test_a_trajectory_with_too_many_reflections_is_taken_back() -> None:
    body = rounded(Polyhedron(lower=0.0, upper=1.0, origin=np.zeros(2)))
    corridor = replace(body, half_width=np.array([1e-7, 1.0]))
    y = BilliardChains(corridor, 3, np.random.default_rng(0)).run(4, thin=1, duration=2.0, advance=silent)
    np.testing.assert_allclose(y, 0.0, atol=1e-15)
