"""The exact cone test against the exact enumeration of rays, and on large planted cones."""

from __future__ import annotations

import numpy as np
import pytest

from exact_oracle import cone_is_trivial, fractions
from unrelu.cones.proofs import Cone, ExactDirection, ExactMultipliers
from unrelu.exact.cone import project_exactly, relative_interior
from unrelu.exact.integers import integer_rows
from unrelu.rigor.scaled_rows import ScaledRows


@pytest.mark.parametrize("seed", range(5))
def test_exact_answers_agree_and_verify(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(60):
        d, m = int(rng.integers(1, 5)), int(rng.integers(1, 9))
        A = rng.integers(-2, 3, (m, d)).astype(float)
        equalities = rng.random(m) < 0.3
        cone = Cone(ScaledRows(A), equalities, ~equalities)
        rows = np.array(integer_rows(cone.rows.matrix))
        found = project_exactly(rows[equalities].tolist(), rows[~equalities].tolist(), d)
        assert found is not None
        truth = cone_is_trivial(fractions(A[equalities]), fractions(A[~equalities]), d)
        assert (found.direction is None) == truth
        if found.direction is not None:
            assert ExactDirection(found.direction).verify(cone)
        else:
            values = np.zeros(m, dtype=object)
            values[~equalities] = found.inequality_multipliers
            values[equalities] = found.equality_multipliers
            assert ExactMultipliers(tuple(values.tolist())).verify(cone)


def tight_rows(rng: np.random.Generator, m: int, z: np.ndarray) -> np.ndarray:
    """m rows of small integers with `row.z = 0`, for a z of zeros and ones of either sign."""
    rows = rng.integers(-2, 3, (m, z.size))
    support = np.flatnonzero(z)
    for row in rows:
        while row @ z:
            j = rng.choice(support)
            row[j] -= np.sign(row @ z) * z[j]
    return rows


@pytest.mark.parametrize(("d", "m"), [(40, 60), (60, 120), (90, 150), (90, 260)])
@pytest.mark.parametrize("n_equalities", [0, 15])
def test_many_rows_tight_on_a_face(d: int, m: int, n_equalities: int) -> None:
    # Many rows vanish at the planted direction; a part of them adds up to nothing, and so vanishes on the whole cone.
    rng = np.random.default_rng(d + m)
    z = np.zeros(d, dtype=int)
    z[rng.choice(d, d // 3, replace=False)] = rng.choice([-1, 1], d // 3)
    tight = tight_rows(rng, 3 * m // 4, z)
    for k in range(m // 10):
        tight[-1 - k] = -tight[n_equalities + 3 * k : n_equalities + 3 * k + 3].sum(axis=0)
    loose = rng.integers(-2, 3, (m - len(tight), d))
    loose *= -np.sign(loose @ z)[:, None]
    A = np.vstack([tight, loose])
    equalities = np.arange(m) < n_equalities
    found = project_exactly(A[equalities].tolist(), A[~equalities].tolist(), d)
    assert found is not None
    assert found.direction is not None
    cone = Cone(ScaledRows(A.astype(float)), equalities, ~equalities)
    assert ExactDirection(found.direction).verify(cone)
    inside = relative_interior(A[equalities].tolist(), A[~equalities].tolist(), d)
    assert inside is not None
    lam, mu = np.array(inside.inequality_multipliers, dtype=object), np.array(inside.equality_multipliers, dtype=object)
    values = A[~equalities].astype(object) @ np.array(inside.direction, dtype=object)
    assert not (A[equalities].astype(object) @ np.array(inside.direction, dtype=object)).any()
    assert (((lam > 0) & (values == 0)) | ((lam == 0) & (values < 0))).all()
    assert not (lam @ A[~equalities].astype(object) + mu @ A[equalities].astype(object)).any()


@pytest.mark.parametrize(("d", "m"), [(45, 60), (90, 150)])
def test_large_cones_that_are_trivial_by_one_relation(d: int, m: int) -> None:
    # The last row undoes a positive sum of all the others, so that every row vanishes on the cone.
    rng = np.random.default_rng(d)
    A = rng.integers(-2, 3, (m, d))
    A[-1] = -(rng.integers(1, 3, m - 1) @ A[:-1])
    rows, everything = ScaledRows(A.astype(float)), np.ones(m, dtype=bool)
    found = project_exactly([], integer_rows(rows.matrix), d)
    assert found is not None
    assert found.direction is None
    certificate = ExactMultipliers(found.inequality_multipliers)
    assert certificate.verify(Cone(rows, ~everything, everything))
    assert not ExactMultipliers((0, *certificate.values[1:])).verify(Cone(rows, ~everything, everything))
