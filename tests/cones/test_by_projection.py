"""Projections in changing units: cones that are {0} or not by construction, numbers over 30 orders of magnitude."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from unrelu.cones import by_projection, decide, decide_sparse
from unrelu.cones.by_projection import decide_by_projection
from unrelu.cones.cone import Cone
from unrelu.cones.decide import decide_cone
from unrelu.cones.proofs import Direction, Multipliers
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.solvers import projection_in_units
from unrelu.solvers.potential_cone import PotentialProjection

WIDTH = 4


def local_rows(rng: np.random.Generator, m: int, d: int) -> np.ndarray:
    """Random rows of a few neighbours each, all of which are used."""
    A = np.zeros((m, d))
    for i in range(m):
        start = i * (d - WIDTH) // (m - 1)
        A[i, start : start + WIDTH] = rng.standard_normal(WIDTH)
    return A


def cone_of(B: np.ndarray, G: np.ndarray, few: bool = True) -> Cone:
    equal = np.arange(len(B) + len(G)) < len(B)
    A = np.vstack([B, G])
    return Cone(ScaledRows(sparse.csr_array(A) if few else A), equal, ~equal)


def with_direction(seed: int, few: bool = True) -> tuple[Cone, np.ndarray]:
    """All inequalities are clearly negative at z, a number of which is 1.6 times its neighbour, and equalities 0."""
    rng = np.random.default_rng(seed)
    d = 150
    z = rng.choice([-1.0, 1.0], d) * 1.6 ** np.arange(d)
    B, G = local_rows(rng, 40, d), local_rows(rng, 400, d)
    for rows, fall in ((B, 0.0), (G, 0.1)):
        for row in rows:
            used = np.flatnonzero(row)
            row[used] *= -np.sign(row[used] @ z[used]) if fall else 1.0
            if not fall:
                last = used[-1]
                row[last] -= row @ z / z[last]
    return cone_of(B, G, few), z


def without_direction(seed: int, factor: float, few: bool = True) -> Cone:
    """`z_0 <= 0`, `z_{i+1} <= factor z_i`, `z_0 <= z_last`: all of z is 0; and rows on which more is asked."""
    rng = np.random.default_rng(seed)
    d = 60
    chain = np.zeros((d + 1, d))
    chain[0, 0], chain[d, d - 1], chain[d, 0] = 1.0, -1.0, 1.0
    for i in range(d - 1):
        chain[i + 1, i], chain[i + 1, i + 1] = -factor * rng.uniform(1.0, 1.2), 1.0
    return cone_of(np.zeros((0, d)), chain, few)


def no_step(rows: ScaledRows, *_: np.ndarray) -> PotentialProjection:
    return PotentialProjection(None, None, np.zeros(0, dtype=int), 0, float("inf"))


@pytest.mark.parametrize("few", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_a_planted_direction_is_found_and_proved(seed: int, few: bool) -> None:
    cone, z = with_direction(seed, few)
    assert (cone.rows.matrix[cone.inequalities] @ z < 0).all()
    found = decide_by_projection(cone)
    assert isinstance(found.certificate, Direction)
    assert found.holds is False
    assert found.certificate.verify(cone)
    assert 0 < found.margin <= 1


@pytest.mark.parametrize("few", [True, False])
@pytest.mark.parametrize("factor", [1.0, 3.0])
def test_planted_multipliers_are_found_and_proved(factor: float, few: bool) -> None:
    """With a factor of 3 multipliers have to grow to 1e30, and a direction would be hidden behind as much."""
    cone = without_direction(0, factor, few)
    found = decide_by_projection(cone)
    assert isinstance(found.certificate, Multipliers)
    assert found.holds is True
    assert found.certificate.verify(cone)
    # Without the row that closes the chain, all of it may go down.
    opened = Cone(cone.rows, cone.equalities, cone.inequalities & (np.arange(61) < 60))
    assert not found.certificate.verify(opened)
    other = decide_by_projection(opened)
    assert other.holds is False
    assert other.certificate is not None
    assert other.certificate.verify(opened)


def test_one_choice_of_units_is_not_enough_and_the_reason_says_what_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection_in_units, "ROUNDS", 1)
    found = decide_by_projection(without_direction(0, 3.0))
    assert found.holds is None
    assert found.certificate is None
    assert "the last of 1 projections" in found.reason


def test_nothing_is_decided_that_is_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Multipliers, "verify", lambda *_: False)
    monkeypatch.setattr(Direction, "verify", lambda *_: False)
    for cone, said in (
        (without_direction(0, 1.0), "positive multipliers,"),
        (with_direction(0)[0], "a direction inside"),
    ):
        found = decide_by_projection(cone)
        assert found.holds is None
        assert said in found.reason


def test_without_time_or_inequalities_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    B = np.eye(3)[:2]
    for cone in (cone_of(B, np.zeros((0, 3))), cone_of(B, np.zeros((1, 3)))):
        assert decide_by_projection(cone).holds is None
    monkeypatch.setattr(projection_in_units, "SECONDS", 0.0)
    found = decide_by_projection(without_direction(0, 1.0))
    assert found.holds is None
    assert "no projection" in found.reason


@pytest.mark.parametrize("few", [True, False])
def test_what_all_else_leaves_open_comes_here(monkeypatch: pytest.MonkeyPatch, few: bool) -> None:
    """Newton's method ends at once, and dense rows are neither taken for sparse nor solved exactly."""
    monkeypatch.setattr(decide_sparse, "project_by_potential", no_step)
    for name, value in (("DENSE_SIZE", 0), ("EXACT_DIMENSION", 0), ("FEW_NUMBERS", 0.0), ("SMALL", 0)):
        monkeypatch.setattr(decide, name, value)
    monkeypatch.setattr(decide, "certificate_by_program", lambda _: None)
    for cone, holds in ((without_direction(0, 3.0, few), True), (with_direction(1, few)[0], False)):
        found = decide_cone(cone)
        assert found.holds is holds
        assert found.certificate is not None
        assert found.certificate.verify(cone)
    monkeypatch.setattr(by_projection, "project_in_units", lambda *_: iter(()))
    reason = decide_cone(without_direction(0, 3.0, few)).reason
    assert "; no projection" in reason
    assert ("Newton's method" in reason) is few
