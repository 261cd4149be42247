"""The exact simplex against the exact enumeration of rays."""

from __future__ import annotations

import numpy as np
import pytest

from exact_oracle import cone_is_trivial, fractions
from unrelu.exact.integers import integer_rows, proves_full_column_rank
from unrelu.preimages.certificates import Cone, ExactDirection, ExactMultipliers
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.solvers.exact_cone import project_exactly


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


def test_rank_modulo_a_prime_is_proof_of_full_rank_only() -> None:
    assert proves_full_column_rank([[1, 2], [3, 4], [5, 6]], 2)
    assert not proves_full_column_rank([[1, 2], [2, 4], [3, 6]], 2)
    assert not proves_full_column_rank([[1, 2]], 2)
    # Divisible by the first prime, yet of full rank.
    assert proves_full_column_rank([[2147483647, 0], [0, 1]], 2)
