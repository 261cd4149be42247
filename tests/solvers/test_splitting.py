import numpy as np
import pytest

from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.solvers.gram_rows import GramRows
from unrelu.solvers.splitting import positive_multipliers

M, D = 400, 60


def cones(seed: int, n_equalities: tuple[int, ...]) -> np.ndarray:
    """(n, m) masks of inequality rows; the others are equalities."""
    rng = np.random.default_rng(seed)
    inequalities = np.ones((len(n_equalities), M), dtype=bool)
    for mask, k in zip(inequalities, n_equalities, strict=True):
        mask[rng.choice(M, k, replace=False)] = False
    return inequalities


@pytest.mark.parametrize("seed", range(5))
def test_of_rows_with_positive_multipliers_by_construction_such_multipliers_are_found(seed: int) -> None:
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(M, D))
    weights = rng.uniform(0.5, 2.0, size=M)
    A[-1] = -(weights[:-1] @ A[:-1]) / weights[-1]  # so weights > 0 combine all rows to 0
    inequalities = cones(seed, (0, 10, 30, 50))
    rows = ScaledRows(A)
    for found, G in zip(positive_multipliers(GramRows(rows), inequalities), inequalities, strict=True):
        assert found is not None
        assert found[G].min() >= 1
        assert np.abs(found @ rows.matrix).max() < 1e-12 * np.abs(found).sum()


@pytest.mark.parametrize("seed", range(5))
def test_none_are_found_where_a_direction_lies_inside_the_cone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(M, D))
    inequalities = cones(seed, (0, 10, 30, 50))
    for G in inequalities:
        z = np.linalg.svd(A[~G])[2][-1]  # orthogonal to the equality rows
        B = A.copy()
        B[G] *= -np.sign(B[G] @ z)[:, None]  # so all inequality rows have negative products with z
        assert positive_multipliers(GramRows(ScaledRows(B)), G[None]) == [None]
