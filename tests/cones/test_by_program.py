"""The last resort of floats: cones that are {0} or not by construction, in as many coordinates as one likes."""

from __future__ import annotations

import numpy as np
import pytest

import unrelu as ur
from unrelu.cones.by_program import certificate_by_program
from unrelu.cones.cone import Cone
from unrelu.cones.proofs import Direction, Multipliers
from unrelu.rigor.scaled_rows import ScaledRows


def cone(B: np.ndarray, G: np.ndarray) -> Cone:
    equal = np.arange(len(B) + len(G)) < len(B)
    return Cone(ScaledRows(np.vstack([B, G])), equal, ~equal)


@pytest.mark.parametrize("seed", range(10))
def test_a_planted_direction_is_found_and_proved(seed: int) -> None:
    rng = np.random.default_rng(seed)
    d, z = 30, rng.standard_normal(30)
    z /= np.linalg.norm(z)
    B = rng.standard_normal((6, d))
    B -= np.outer(B @ z, z)
    G = rng.standard_normal((80, d))
    G -= np.outer(G @ z + np.abs(G @ z) + 0.1, z)
    found = certificate_by_program(cone(B, G))
    assert isinstance(found, Direction)
    assert found.verify(cone(B, G))


@pytest.mark.parametrize("seed", range(10))
def test_planted_multipliers_are_found_and_proved(seed: int) -> None:
    rng = np.random.default_rng(seed)
    d, B, G = 20, rng.standard_normal((4, 20)), rng.standard_normal((60, 20))
    lam, mu = rng.uniform(1, 2, 59), rng.standard_normal(4)
    G[-1] = -(G[:-1].T @ lam + B.T @ mu)
    found = certificate_by_program(cone(B, G))
    assert isinstance(found, Multipliers)
    assert found.verify(cone(B, G))
    assert found.verify(cone(B, G[:-1])) is False  # without the last row the others do not balance
    assert d == cone(B, G).dimension


@pytest.mark.parametrize("seed", range(3))
def test_what_the_geometry_proves_the_verdict_does_not_leave_open(seed: int) -> None:
    """80 inputs, a column that only one row lacks, within the orthant."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((120, 80))
    A[1:, 7] = -np.abs(A[1:, 7])
    A[0, 7] = 0.0
    pre = ur.preimage(ur.ReLULayer(A, np.full(120, -30.0)), at=np.zeros(80), domain=ur.Nonnegative())
    assert pre.kind is not ur.Kind.UNDECIDED
    assert pre.certificate.verify()
    assert pre.recession().proved is (pre.bounded is False)
