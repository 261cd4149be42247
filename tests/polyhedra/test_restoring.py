"""Points that break dependent rows a little, brought back to the set."""

from __future__ import annotations

import numpy as np
import pytest

from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.restoring import KEPT, is_kept, restored


def with_dependent_rows(seed: int) -> Polyhedron:
    """Equalities, inequalities and bounds through the origin, the rows combinations of fewer with digits to spare."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(-2, 3, (12, 5)) @ rng.integers(-8, 9, (5, 20)) / 64
    origin = np.clip(rng.uniform(-0.3, 1.3, 20), 0, 1)
    return Polyhedron(rows[:8], np.zeros(8), rows[8:], np.zeros(4), lower=0.0, upper=1.0, origin=origin)


@pytest.mark.parametrize("error", [1e-5, 1e-8, 1e-11])
@pytest.mark.parametrize("seed", range(8))
def test_what_is_broken_a_little_is_kept_by_a_point_nearby(seed: int, error: float) -> None:
    P = with_dependent_rows(seed)
    rough = np.clip(P.origin + error * np.random.default_rng(seed).standard_normal(20), 0, 1)
    assert not is_kept(P, rough)
    x = restored(P, rough)
    assert is_kept(P, x)
    assert P.violation(x[None])[0] <= KEPT
    assert ((x >= 0) & (x <= 1)).all()
    # The origin is a member as near as that, and nearest members are no farther.
    assert np.linalg.norm(x - rough) <= np.linalg.norm(P.origin - rough) * (1 + 1e-6)


def test_members_stay_where_they_are() -> None:
    P = with_dependent_rows(0)
    assert restored(P, P.origin) is P.origin


def test_where_there_is_no_member_the_point_stays_one_of_those_that_break_least() -> None:
    empty = Polyhedron(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([0.0, -0.5]))
    x = restored(empty, np.array([0.4, 7.0]))
    assert empty.violation(x[None])[0] <= 0.4
    assert not is_kept(empty, x)
