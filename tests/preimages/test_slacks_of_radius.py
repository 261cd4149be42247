"""The formulas of the stability radius compared with fractions, and the radius of blocks with those of its blocks.

What a formula is made of (norms, a residual, a singular value) is put in exactly, so that nothing hides a rounding.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy import sparse

from unrelu.cones.cone import Cone
from unrelu.cones.proofs import BlockByBlock, Enclosed, FullRank, Multipliers
from unrelu.preimages import stability_radius as module
from unrelu.preimages.stability_radius import _enclosed_radius, _radius, _radius_of_noise
from unrelu.rigor.rounding import UNDERFLOW
from unrelu.rigor.scaled_rows import ScaledRows

LEAST = 2.0**-1074
NONE = np.zeros(0, dtype=int)


def cone(rows: object, equal: list[int], *, few: bool = False) -> Cone:
    matrix = np.array(rows, dtype=float)
    equalities = np.isin(np.arange(len(matrix)), equal)
    return Cone(ScaledRows(sparse.csr_array(matrix) if few else matrix), equalities, ~equalities)


def singular_value(monkeypatch: pytest.MonkeyPatch, s: float) -> None:
    monkeypatch.setattr(ScaledRows, "column_bound_of", lambda *_: s)


def is_above(found: float, squares: list[Fraction], s: float, *, near: bool = True) -> bool:
    """Whether this is at least the root of a sum of squares over s, and not much more."""
    exact = sum((part * part for part in squares), Fraction(0)) / Fraction(s) ** 2
    if math.isinf(found):
        return not near
    few = Fraction(UNDERFLOW) * (3 + 3 / Fraction(s))
    below = max(Fraction(found) - few, Fraction(0))
    return exact <= Fraction(found) ** 2 and (not near or below**2 <= exact * (1 + Fraction(1, 2**40)))


SIZES = [0.1, 1 / 3, 1.0, 5.0, 1e-3, 2.0**-1022, 3 * LEAST, LEAST]
SINGULAR = [3.0, 0.7, 0.1, 2.0**-60]


@pytest.mark.parametrize("s", SINGULAR)
@pytest.mark.parametrize("r", SIZES)
def test_a_radius_by_rank_is_no_less_than_the_norm_over_the_singular_value(
    monkeypatch: pytest.MonkeyPatch, r: float, s: float
) -> None:
    singular_value(monkeypatch, s)
    monkeypatch.setattr(module, "norm_above", lambda _: r)
    about = cone(np.eye(2), [0, 1])
    assert is_above(_radius(about, FullRank(), np.ones(2)), [Fraction(r)], s)


@pytest.mark.parametrize("s", SINGULAR)
@pytest.mark.parametrize("of_equalities", [0.0, 1 / 3, 1.1, LEAST])
@pytest.mark.parametrize("pushed", [0.0, 1 / 3, 5.0, UNDERFLOW, 5 * LEAST])
@pytest.mark.parametrize(("rho", "lam"), [(0.0, 4.0), (0.0, 1.0), (0.1, 1.0), (1 / 3, 7.0), (0.0, UNDERFLOW)])
def test_a_radius_by_multipliers_is_no_less_than_its_formula(
    monkeypatch: pytest.MonkeyPatch, s: float, of_equalities: float, pushed: float, rho: float, lam: float
) -> None:
    singular_value(monkeypatch, s)
    monkeypatch.setattr(module, "norm_above", lambda _: of_equalities)
    monkeypatch.setattr(module, "residual_bound", lambda *_: rho)
    for kinks in (0.0, pushed):
        parts = iter([pushed, kinks])
        monkeypatch.setattr(module, "sum_above", lambda _, parts=parts: next(parts))
        found = _radius(cone([[1.0], [-1.0]], []), Multipliers(np.full(2, lam)), np.ones(2))
        least = Fraction(lam) - Fraction(rho) / Fraction(s)
        if least <= 0:
            assert math.isinf(found)
            continue
        exact = (Fraction(pushed) + 2 * Fraction(kinks)) / least
        assert is_above(found, [Fraction(of_equalities), exact], s, near=lam > 0.5 and least > 0.01)


def test_multipliers_that_are_nearly_all_correction_leave_next_to_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`1 - rho / s` is a few units in the last place, and a quarter more of it as computed."""
    for s in (1.3, 2.3, 5.0):
        rho = math.nextafter(s, 0.0)
        singular_value(monkeypatch, s)
        monkeypatch.setattr(module, "residual_bound", lambda *_, rho=rho: rho)
        found = _radius(cone([[1.0], [-1.0]], []), Multipliers(np.ones(2)), np.ones(2))
        off = Fraction(rho) / Fraction(s)
        assert math.isinf(found) or is_above(found, [4 * (1 + off) / (1 - off)], s, near=False)


@pytest.mark.parametrize("seed", range(12))
def test_each_row_counts_by_its_multiplier_and_the_correction(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = np.random.default_rng(seed)
    s, rho = 1.5, float(rng.choice([0.0, 0.3]))
    equal = np.array([0, 1, 2])
    values, noise = rng.standard_normal(6), rng.random(6)
    values[3:] = 1.0 + rng.random(3)
    singular_value(monkeypatch, s)
    monkeypatch.setattr(module, "residual_bound", lambda *_: rho)
    off = rho / s
    pushed = (np.abs(values[:3]) + off) @ noise[:3] + 2 * ((values[3:] + off) @ noise[3:])
    exact = math.hypot(np.linalg.norm(noise[:3]), pushed / (values[3:].min() - off)) / s
    found = _radius(cone(rng.standard_normal((6, 2)), equal.tolist()), Multipliers(values), noise)
    assert exact * (1 - 1e-14) <= found <= exact * (1 + 1e-12)


@pytest.mark.parametrize("s", SINGULAR)
@pytest.mark.parametrize("noise", [LEAST, 3 * LEAST, 2 * UNDERFLOW, UNDERFLOW, 0.1, 1.0])
@pytest.mark.parametrize("row", [1.0, 2.0, 4.0, 0.5])
def test_noise_that_is_scaled_into_nothing_is_still_noise(
    monkeypatch: pytest.MonkeyPatch, noise: float, s: float, row: float
) -> None:
    singular_value(monkeypatch, s)
    about = cone([[row]], [0])
    scaled = Fraction(noise) * Fraction(float(about.rows.scales[0]))
    assert is_above(_radius_of_noise(about, FullRank(), np.array([noise])), [scaled], s)


@pytest.mark.parametrize("number", [2.0, -3.0, 0.1])
def test_an_equality_bounds_its_coordinate_on_both_sides(number: float) -> None:
    about = cone([[number, 0.0], [0.0, 1.0], [1.0, 1.0]], [0, 1, 2])
    noise = np.array([1.0, 0.0, 0.001]) * about.rows.scales
    exact = 1 / abs(number)  # the row of two numbers bounds neither coordinate
    assert exact <= _enclosed_radius(about, noise) <= exact * (1 + 1e-12)
    noise = np.array([1.0, 7.0, 0.001]) * about.rows.scales
    exact = math.hypot(1 / number, 7.0)
    assert exact <= _enclosed_radius(about, noise) <= exact * (1 + 1e-12)


TRIANGLE = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
SQUARE = np.array([[2.0, 0.0], [-1.0, 0.0], [0.0, 4.0], [0.0, -1.0]])
RANK = np.array([[0.75, 0.5], [-0.5, 0.75]])


@pytest.mark.parametrize("few", [False, True])
@pytest.mark.parametrize("noisy", [[0, 1, 2], [0], [1], [2], [0, 2]])
def test_the_radius_of_blocks_is_the_norm_of_theirs(few: bool, noisy: list[int]) -> None:
    """Blocks by multipliers, by bounds, and by rank, with the rows in another order."""
    parts: list[tuple[np.ndarray, list[int], object, np.ndarray]] = [
        (TRIANGLE, [], Multipliers(np.ones(3)), np.ones(3)),
        (SQUARE, [], Enclosed(), np.zeros(4)),
        (RANK, [0, 1], FullRank(), np.zeros(2)),
    ]
    rng = np.random.default_rng(len(noisy))
    order = rng.permutation(9)
    whole = sparse.block_diag([part[0] for part in parts]).toarray()[order]
    equal = np.flatnonzero(order >= 7).tolist()
    values = np.concatenate([part[3] for part in parts])[order]
    noise = rng.random(9) + 0.5
    block = np.repeat([0, 1, 2], [3, 4, 2])
    noise[~np.isin(block, noisy)] = 0.0
    radii = [
        _radius_of_noise(cone(rows, fixed), certificate, noise[block == k])  # pyright: ignore[reportArgumentType]
        for k, (rows, fixed, certificate, _) in enumerate(parts)
    ]
    proof = BlockByBlock(values, NONE, ())
    about = cone(whole, equal, few=few)
    assert proof.verify(about)
    exact = math.hypot(*(radius for k, radius in enumerate(radii) if k in noisy))
    assert _radius_of_noise(about, proof, noise[order]) == pytest.approx(exact, rel=1e-9)
    # A block without noise counts nothing where its proof holds, and everything where it does not.
    wrong = values.copy()
    wrong[np.flatnonzero(order == 0)] = 5.0
    assert math.isinf(_radius_of_noise(about, BlockByBlock(wrong, NONE, ()), noise[order]))
    huge = np.where(order == 3, 2.0**1023, noise[order])  # of the square, which another row bounds on that side
    assert _radius_of_noise(about, proof, huge) >= exact
    huge = np.where(order == 0, 1.7e308, noise[order])
    assert math.isinf(_radius_of_noise(about, proof, huge)) or _radius_of_noise(about, proof, huge) >= 1.7e308
    # A coordinate in no block is free.
    free = cone(np.hstack([whole, np.zeros((9, 1))]), equal, few=few)
    assert math.isinf(_radius_of_noise(free, proof, noise[order]))


def test_noise_of_a_block_that_overflows_gives_no_radius(monkeypatch: pytest.MonkeyPatch) -> None:
    about = cone(sparse.block_diag([SQUARE, RANK]).toarray(), [4, 5])
    proof = BlockByBlock(np.zeros(6), NONE, ())
    for noise in ([math.inf, 1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0, math.inf, 0.0]):
        assert math.isinf(module._radius_of_blocks(about, proof, np.array(noise)))
