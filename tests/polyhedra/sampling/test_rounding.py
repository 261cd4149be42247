"""Rounded coordinates describe the same body, and it is round in them."""

from __future__ import annotations

import numpy as np
import pytest

from polyhedra.sampling.bodies import mixed_body, rounded
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.sampling import rounding


@pytest.mark.parametrize("stretched", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_same_body(seed: int, stretched: bool) -> None:
    polyhedron = mixed_body(seed)
    body = rounded(polyhedron)
    rng = np.random.default_rng(seed)
    if stretched:
        body = body.stretched(rng.standard_normal((5, 5)))
    y = rng.standard_normal((400, 5)) * rng.uniform(0.1, 3, (400, 1))
    p = body.position + y @ body.facets.T
    t = body.half_width.size
    inside = (np.abs(p[:, :t]) <= body.half_width).all(axis=1) & (p[:, t:] <= 0).all(axis=1)
    assert 20 < inside.sum() < 380
    np.testing.assert_array_equal(polyhedron.violation(body.points(y)) < 1e-12, inside)
    np.testing.assert_allclose(body.coordinates(p), y, atol=1e-11)


@pytest.mark.parametrize("seed", range(5))
def test_the_unit_ball_fits_and_the_hessian_is_the_identity(seed: int) -> None:
    polyhedron = mixed_body(seed)
    body = rounded(polyhedron)
    y = np.random.default_rng(seed).standard_normal((1000, 5))
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    assert polyhedron.violation(body.points(0.999999 * y)).max() < 1e-12
    hessian = np.zeros((5, 5))
    for row, slack in _inequalities(polyhedron, body.centre):
        a = row @ body.basis
        hessian += np.outer(a, a) / slack**2
    np.testing.assert_allclose(hessian, np.eye(5), atol=1e-9)


def _inequalities(polyhedron: Polyhedron, x: np.ndarray) -> list[tuple[np.ndarray, float]]:
    z = x - polyhedron.origin
    found = [(a, b - a @ z) for a, b in zip(polyhedron.A_ub, polyhedron.b_ub, strict=True)]
    unit = np.eye(x.size)
    found += [(unit[i], polyhedron.upper[i] - x[i]) for i in np.flatnonzero(np.isfinite(polyhedron.upper))]
    found += [(-unit[i], x[i] - polyhedron.lower[i]) for i in np.flatnonzero(np.isfinite(polyhedron.lower))]
    return found


def test_reflections_are_the_same_without_the_gram_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    polyhedron = mixed_body(0)
    hit = np.array([3, 0, 7, 3])
    kept, computed = np.empty((4, 17)), np.empty((4, 17))
    rounded(polyhedron).reflection_rows(hit, kept)
    monkeypatch.setattr(rounding, "LARGEST_GRAM", 0)
    body = rounded(polyhedron)
    assert body.reflections is None
    body.reflection_rows(hit, computed)
    np.testing.assert_allclose(computed, kept, atol=1e-13)


def test_cleaning_keeps_what_is_clean_and_removes_what_no_point_has() -> None:
    body = rounded(mixed_body(1))
    rng = np.random.default_rng(0)
    y, u = rng.standard_normal((2, 3, 5))
    p, v = body.position + y @ body.facets.T, u @ body.facets.T
    for found, clean in zip(body.cleaned(p, v), (p, v), strict=True):
        np.testing.assert_allclose(found, clean, atol=1e-12)
    dirty = p + 1e-6 * rng.standard_normal(p.shape)
    cleaned, _ = body.cleaned(dirty, v)
    np.testing.assert_allclose(cleaned, body.position + body.coordinates(cleaned) @ body.facets.T, atol=1e-13)
    assert 0 < np.abs(cleaned - p).max() < 1e-4
