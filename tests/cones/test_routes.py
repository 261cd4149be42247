"""What decisions hand on: certificates of parts, unit vectors, and evidence that is clear by itself."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from exact_oracle import cone_is_trivial, fractions
from unrelu.cones import decide
from unrelu.cones.cone import Cone
from unrelu.cones.decide import _lifted, by_structure, decide_cone
from unrelu.cones.decide_sparse import _unit_vector, decide_sparse_cone
from unrelu.cones.decision import decided
from unrelu.cones.proofs import Direction, Enclosed, ExactMultipliers, FullRank, Multipliers
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.solvers.cone_projection import ProjectedDirection

NONE = np.zeros(0, dtype=int)


def cone(rows: list[list[float]], equal: list[int], unequal: list[int], *, few: bool = True) -> Cone:
    matrix = np.array(rows, dtype=float)
    chosen = np.zeros((2, len(rows)), dtype=bool)
    chosen[0, equal], chosen[1, unequal] = True, True
    return Cone(ScaledRows(sparse.csr_array(matrix) if few else matrix), chosen[0], chosen[1])


def test_certificates_of_some_rows_are_ones_of_all() -> None:
    used = np.array([1, 3, 4])
    multipliers = _lifted(decided(Multipliers(np.array([1.0, 2.0, 3.0]))), used, 6)
    assert isinstance(multipliers, Multipliers)
    assert multipliers.values.tolist() == [0.0, 1.0, 0.0, 2.0, 3.0, 0.0]
    z = np.array([1.0, -1.0])
    direction = _lifted(decided(Direction(z, np.array([0, 2]))), used, 6)
    assert isinstance(direction, Direction)
    assert direction.direction is z
    assert direction.held.tolist() == [1, 4]
    integers = _lifted(decided(ExactMultipliers((7, 8, 9))), used, 6)
    assert isinstance(integers, ExactMultipliers)
    assert integers.values == (0, 7, 0, 8, 9, 0)
    for plain in (FullRank(), Enclosed()):
        assert _lifted(decided(plain), used, 6) is plain


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_coordinate_of_one_sign_in_all_inequalities_is_a_direction(sign: float, place: int) -> None:
    rows = np.array([[1.0, 2.0], [-1.0, 3.0], [0.0, 0.0], [5.0, -1.0]])
    whole = np.insert(rows, place, [-sign, 0.0, 0.0, -2 * sign], axis=1)
    about = cone(whole.tolist(), [], [0, 1, 2, 3])
    found = _unit_vector(about)
    assert found is not None
    assert found.direction.tolist() == [sign if k == place else 0.0 for k in range(3)]
    assert found.verify(about)
    answer = decide_sparse_cone(about)
    assert isinstance(answer.certificate, Direction)
    # Of both signs, or used by an equality, it is none.
    both = whole.copy()
    both[1, place] = sign
    assert _unit_vector(cone(both.tolist(), [], [0, 1, 2, 3])) is None
    assert _unit_vector(cone(whole.tolist(), [0], [1, 2, 3])) is None


def test_a_coordinate_that_no_row_uses_is_a_direction() -> None:
    for few in (False, True):
        about = cone([[1.0, 0.0, 0.0], [-1.0, 0.0, 1.0]], [0], [1], few=few)
        answer = by_structure(cone([[1.0, 0.0, 0.0], [-1.0, 0.0, 1.0], [0.0, 0.0, 2.0]], [0], [1, 2], few=few))
        assert answer is not None
        assert answer.holds is False
        assert answer.certificate is not None
        assert about.unused_columns.tolist() == [1]


# z_0 = 0; z_1 <= 0; z_1 + z_2 <= 0.
ROWS = cone([[0.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.5, 0.5]], [0], [1, 2], few=False)


def clear(z: list[float], held: list[int], least: float) -> bool:
    vector = np.array(z)
    found = ProjectedDirection(vector, ROWS.rows.matrix @ vector, np.array(held, dtype=int), least, 0.5)
    return decide._is_clear(ROWS, found)


def test_a_direction_is_twice_as_long_as_its_correction() -> None:
    for least, holds in ((0.9, False), (0.99, False), (1.01, True)):
        assert clear([1.0, 0.0, 0.0], [1, 2], least) == holds


def test_what_a_product_may_be_off_by_counts_apart_from_the_correction() -> None:
    assert not clear([0.0, -2e-14, -1.0], [], 1e6)
    assert clear([0.0, -1e-11, -1.0], [], 1e6)
    assert not clear([0.0, -1.0, 1.0 - 2e-14], [], 1e6)


@pytest.mark.parametrize("small", [-1, 2**14])
@pytest.mark.parametrize("signs", ["all", "some", "none"])
def test_every_route_gives_the_exact_answer(monkeypatch: pytest.MonkeyPatch, signs: str, small: int) -> None:
    """Cones that leave a row out, of rows with one number, with several or with both, against the exact decision."""
    monkeypatch.setattr(decide, "SMALL", small)
    seen = set()
    for seed in range(24):
        rng = np.random.default_rng(seed)
        d = int(rng.integers(2, 5))
        units = np.eye(d)[rng.permutation(d)] * rng.choice([-1.0, 1.0, 2.0], (d, 1))
        several = rng.integers(-2, 3, (2 * d, d)).astype(float)
        inequalities = {"all": units, "some": np.vstack([units, several[:2]]), "none": several}[signs]
        equalities = rng.integers(-2, 3, (int(rng.integers(1, d)), d)).astype(float)
        rows = np.vstack([equalities, inequalities, rng.standard_normal((1, d))])
        below = np.arange(len(equalities), len(rows) - 1)
        about = cone(rows.tolist(), list(range(len(equalities))), below.tolist(), few=False)
        expected = cone_is_trivial(fractions(equalities), fractions(inequalities), d)
        found = decide_cone(about)
        assert found.holds is expected
        assert found.certificate is not None
        assert found.certificate.verify(about)
        seen.add(expected)
    assert seen == {True, False}
