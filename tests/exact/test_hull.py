"""The exact hull: planted flat sets, and proofs that do not survive a change."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from unrelu.exact.decide_hull import exact_hull
from unrelu.exact.feasible import exact_feasibility
from unrelu.exact.hull import ExactHull
from unrelu.exact.infeasible import ExactInfeasible
from unrelu.exact.member import ExactMember
from unrelu.exact.system import ExactSystem


def flat_system(rng: np.random.Generator, d: int, flat: int):
    """Inequalities only, whose set has dimension `d - flat`, at a rational point with room in all the others.

    `flat` independent rows are held from both sides: each by rows that add up to its opposite.
    """
    held = rng.integers(-3, 4, (flat, d)).astype(float)
    while np.linalg.matrix_rank(held) < flat:
        held = rng.integers(-3, 4, (flat, d)).astype(float)
    split = rng.integers(-3, 4, (flat, d)).astype(float)
    point = [Fraction(int(v), 7) for v in rng.integers(-9, 10, d)]
    loose = rng.integers(-3, 4, (2 * d, d)).astype(float)
    # held <= b, and -held - split <= c, split <= e with b + c + e = 0 at the point
    A = np.vstack([held, -held - split, split, loose])
    b = [sum((Fraction(a) * x for a, x in zip(row, point, strict=True)), Fraction(0)) for row in A.tolist()]
    room = Fraction(1, 10**30 if d <= 6 else 7)  # 1e-30: no float tells these rows from the tight ones
    b = [value + (room if i >= 3 * flat else 0) for i, value in enumerate(b)]
    truth = d - int(np.linalg.matrix_rank(np.vstack([held, split])))
    none = np.zeros((0, d))
    return (A, b, none, [], np.full(d, -np.inf), np.full(d, np.inf)), truth, 3 * flat


@pytest.mark.parametrize("d", [1, 2, 3, 6, 20])
@pytest.mark.parametrize("seed", range(3))
def test_planted_flat_sets(d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    system, truth, n_tight = flat_system(rng, d, int(rng.integers(0, d // 2 + 1)))
    exact = ExactSystem.of(*system)
    hull = exact_hull(exact)
    assert isinstance(hull, ExactHull)
    assert hull.verify(exact)
    assert hull.dimension == truth
    zero = [i for i, row in enumerate(system[0]) if not row.any()]
    assert set(hull.implicit(exact)) - set(zero) == set(range(n_tight)) - set(zero)
    inside = exact_feasibility(*system, interior=True)
    assert isinstance(inside, ExactMember)
    assert inside.interior
    assert inside.verify(exact)
    # No room at all in one of the rows that are tight everywhere.
    strict = np.zeros(len(system[1]), dtype=bool)
    strict[n_tight:] = system[0][n_tight:].any(axis=1)
    kept = exact_feasibility(*system, strict, interior=True)
    assert isinstance(kept, ExactMember)
    assert kept.verify(ExactSystem.of(*system, strict))
    if n_tight:
        strict[0] = True
        torn = exact_feasibility(*system, strict, interior=True)
        assert isinstance(torn, ExactInfeasible)
        assert torn.verify(ExactSystem.of(*system, strict))


def box(d: int, lower: list[float], upper: list[float], *rows: tuple[list[float], Fraction | int]) -> ExactSystem:
    A = np.array([row for row, _ in rows], dtype=float).reshape(len(rows), d)
    none = np.zeros((0, d))
    return ExactSystem.of(A, [b for _, b in rows], none, [], np.array(lower), np.array(upper))


def test_known_hulls() -> None:
    inf = np.inf
    for system, dimension in (
        (box(2, [0, 0], [1, 1]), 2),
        (box(2, [0, 0], [1, 0]), 1),
        (box(2, [0, 0], [inf, inf], ([1, 1], 0)), 0),
        (box(3, [0, 0, 0], [1, 1, 1], ([1, 1, 1], 0)), 0),
        (box(3, [0, 0, -inf], [1, 1, inf], ([1, 1, 0], 0)), 1),
        (box(2, [-inf, -inf], [inf, inf], ([0, 0], 0)), 2),
        (box(0, [], []), 0),
    ):
        hull = exact_hull(system)
        assert isinstance(hull, ExactHull)
        assert hull.dimension == dimension
        assert hull.verify(system)
    for system in (
        box(2, [0, 0], [inf, inf], ([1, 1], Fraction(-1, 10**30))),
        box(1, [1], [0]),
        box(2, [0, 0], [1, 1], ([0, 0], -1)),
    ):
        torn = exact_hull(system)
        assert isinstance(torn, ExactInfeasible)
        assert torn.verify(system)


def test_a_changed_hull_proves_nothing() -> None:
    system = box(2, [0, 0], [1, 1], ([1, 1], 0), ([1, -1], 3))
    hull = exact_hull(system)
    assert isinstance(hull, ExactHull)
    assert hull.verify(system)
    assert not replace(hull, dimension=1).verify(system)
    assert not replace(hull, point=(Fraction(1, 9), Fraction(0))).verify(system)
    assert not replace(hull, point=hull.point[:1]).verify(system)
    assert not replace(hull, multipliers=tuple(-value for value in hull.multipliers)).verify(system)
    assert not replace(hull, multipliers=(0,) * len(hull.multipliers)).verify(system)
    assert not replace(hull, multipliers=hull.multipliers[:-1]).verify(system)
    # Multipliers on all tight rows are needed, or the others would have to be strict at the point.
    wide = box(2, [0, 0], [1, 1])
    assert not ExactHull(2, (Fraction(0), Fraction(1, 2)), (0,) * 4).verify(wide)
    assert ExactHull(2, (Fraction(1, 3), Fraction(1, 2)), (0,) * 4).verify(wide)
