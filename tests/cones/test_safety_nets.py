"""What stands between a solver's evidence and an answer without a check: each condition, on either side."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from unrelu.cones import decide
from unrelu.cones.cone import Cone
from unrelu.cones.decide import by_structure, decide_cone, decide_cones
from unrelu.cones.decision import decided
from unrelu.cones.proofs import Counting, Direction, Enclosed, FullRank, Multipliers
from unrelu.rigor.matrices import as_array
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.solvers.cone_projection import ConeProjection, Outcome, ProjectedDirection
from unrelu.solvers.gram_rows import GramRows


def cone(rows: list[list[float]], equal: list[int], unequal: list[int]) -> Cone:
    chosen = np.zeros((2, len(rows)), dtype=bool)
    chosen[0, equal], chosen[1, unequal] = True, True
    return Cone(ScaledRows(np.array(rows, dtype=float)), chosen[0], chosen[1])


# z_0 = 0; z_1 <= 0; z_1 + z_2 <= 0, in rows of norm 1/2 and sqrt(1/2).
ROWS = [[0.5, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.5, 0.5]]
CONE = cone(ROWS, [0], [1, 2])


def found(z: list[float], held: list[int], least: float = 0.5) -> ProjectedDirection:
    vector = np.array(z)
    return ProjectedDirection(vector, CONE.rows.matrix @ vector, np.array(held, dtype=int), least, 0.5)


@pytest.mark.parametrize(
    ("z", "held", "clear"),
    [
        ([0.0, -1.0, 0.0], [], True),
        ([0.0, -1.0, 1.0], [], False),  # the last row is 0 up to an unknown error
        ([0.0, -1.0, 1.0], [2], True),
        ([0.0, -1.0, 1.01], [], False),
        ([0.0, 1.0, -3.0], [], False),
        ([0.1, -1.0, 0.0], [], True),  # off by 0.05 / 0.5, of which the rows are 0.05 and 0.07 at most, twice
        ([0.1, -0.29, 0.0], [], True),
        ([0.1, -0.19, -9.0], [], False),
        ([0.1, -0.39, 0.1], [], True),
        ([0.1, -0.37, 0.1], [], False),
        ([0.0, 0.0, -1.0], [1], True),
        ([0.0, 0.01, -1.0], [1], True),
        ([0.0, 0.01, -1.0], [], False),
        ([0.0, 0.9, -1.0], [1], False),  # half of it is the correction
        ([0.6, -1.0, 0.0], [], False),
        ([0.4, -1.0, -1.0], [], True),
        ([0.0, 0.0, 0.0], [], False),
        ([0.0, 0.0, 0.0], [1, 2], False),
    ],
)
def test_directions_are_clear_with_twice_the_room_that_their_correction_needs(
    z: list[float], held: list[int], clear: bool
) -> None:
    for size in (1.0, 2.0**-300, 2.0**300):
        scaled = found((np.array(z) * size).tolist(), held)
        assert decide._is_clear(CONE, scaled) == clear
    if clear:
        assert Direction(np.array(z), np.array(held, dtype=int)).verify(CONE)


def test_a_small_singular_value_makes_the_correction_long() -> None:
    assert decide._is_clear(CONE, found([0.1, -1.0, 0.0], [], 0.5))
    assert not decide._is_clear(CONE, found([0.1, -1.0, 0.0], [], 0.05))


def test_products_that_rounding_may_have_made_prove_nothing() -> None:
    # 1e-13 of the size is what a product may be off by: in what holds, and in what is to be negative.
    near = found([0.0, -2e-14, -1.0], [])
    assert not decide._is_clear(CONE, near)
    assert decide._is_clear(CONE, found([0.0, -1e-11, -1.0], []))
    assert not decide._is_clear(CONE, found([0.0, -1.0, 0.0], [], 1e-14))
    assert not decide._is_clear(CONE, replace(found([0.0, -1.0, 0.0], [], 0.5), least_singular_value=1e-13))


def test_evidence_that_is_not_clear_goes_to_the_dense_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decide, "_dense", lambda _: decided(Counting()))

    def judged(z: list[float], held: list[int]) -> object:
        projection = ConeProjection(Outcome.DIRECTION, None, found(z, held))
        return decide._judge(CONE, projection).certificate

    certificate = judged([0.0, -1.0, 1.0], [2])
    assert isinstance(certificate, Direction)
    assert certificate.held.tolist() == [2]
    assert isinstance(judged([0.0, -1.0, 1.0], []), Counting)
    multipliers = ConeProjection(Outcome.MULTIPLIERS, np.array([7.0, 1.0, 4.0]), None)
    answer = decide._judge(CONE, multipliers)
    assert isinstance(answer.certificate, Multipliers)
    assert answer.margin == 0.25
    for outcome in Outcome:
        if outcome not in (Outcome.DIRECTION, Outcome.MULTIPLIERS):
            assert isinstance(decide._judge(CONE, ConeProjection(outcome, None, None)).certificate, Counting)


def test_structure_decides_what_it_proves() -> None:
    unit = np.eye(3).tolist()
    cases = [
        (cone(unit, [0, 1], [2]), Counting),
        (cone([*unit, [-1.0, 0.0, 0.0]], [1, 2], [0, 3]), Enclosed),
        (cone([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 0.0, 1.0]], [0, 1, 2], [3]), FullRank),
        (cone([[1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [-1.0, 3.0, 0.0], [-1.0, -1.0, 0.0]], [], [0, 1, 2, 3]), Direction),
    ]
    for about, kind in cases:
        answer = by_structure(about)
        assert answer is not None
        assert isinstance(answer.certificate, kind)
        assert answer.certificate is not None
        assert answer.certificate.verify(about)
        assert answer.holds == answer.certificate.trivial
    assert by_structure(cone([[1.0, 1.0], [1.0, -1.0], [-1.0, 0.5]], [], [0, 1, 2])) is None


def signed(B: np.ndarray, signs: np.ndarray) -> Cone:
    """B z = 0 and signs of coordinates."""
    used = np.flatnonzero(signs)
    units = np.zeros((len(used), signs.size))
    units[np.arange(len(used)), used] = signs[used] * np.random.default_rng(0).choice([1.0, 3.0, 0.4], len(used))
    rows = ScaledRows(np.vstack([B, units]))
    equal = np.arange(len(B) + len(used)) < len(B)
    return Cone(rows, equal, ~equal)


@pytest.mark.parametrize("seed", range(12))
def test_cones_of_signs_are_decided_as_by_the_dense_test(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = np.random.default_rng(seed)
    d, k = 10, int(rng.integers(4, 8))
    B, signs = rng.standard_normal((k, d)), rng.choice([-1.0, 1.0], d)
    signs[: int(rng.integers(0, 4))] = 0.0
    if seed % 2:  # multipliers by construction: c = B' mu has the opposite signs, and is 0 where there is none
        mu = rng.standard_normal(k)
        B[-1] = (-signs * rng.uniform(1, 2, d) - B[:-1].T @ mu[:-1]) / mu[-1]
    about = signed(B, signs)
    truth = decide._dense(about)
    answer = decide._by_signs(about)
    if answer is not None:
        assert answer.holds is truth.holds
        assert answer.certificate is not None
        assert answer.certificate.verify(about)
    monkeypatch.setattr(decide, "SMALL", 0)
    whole = decide_cone(about)
    assert whole.holds is truth.holds
    assert whole.certificate is not None
    assert whole.certificate.verify(about)
    if seed % 2:
        assert answer is not None
        assert answer.holds is True
        assert answer.margin is not None
        assert 0 < answer.margin <= 1


def test_cones_of_signs_without_clear_evidence_are_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    B, signs = np.array([[1.0, 1.0, 0.5], [0.0, 1.0, -1.0]]), np.array([1.0, 1.0, 0.0])
    about = signed(B, signs)
    answer = decide._by_signs(about)
    assert answer is not None
    assert answer.holds is decide._dense(about).holds
    # Multipliers that are not clear have to be verified, and directions always.
    monkeypatch.setattr(decide, "residual_bound", lambda *_: math.inf)
    assert decide._by_signs(about) is not None
    for kind in (Multipliers, Direction):
        monkeypatch.setattr(kind, "verify", lambda *_: False)
    monkeypatch.setattr(decide, "residual_bound", lambda *_: math.inf)
    assert decide._by_signs(about) is None
    free = signed(np.array([[1.0, -1.0, 0.0]]), np.array([1.0, 1.0, 1.0]))
    assert decide._by_signs(free) is None
    # Two signs of one coordinate are not this question.
    twice = cone([[1.0, 1.0], [1.0, 0.0], [-1.0, 0.0]], [0], [1, 2])
    assert decide._by_signs(twice) is None


def test_coordinates_without_a_sign_need_the_rank_of_the_equalities() -> None:
    """z_0 >= 0 with z_0 = 0 twice leaves a line, whatever the multipliers of z_0 are."""
    line = signed(np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]), np.array([-1.0, 0.0, 0.0]))
    answer = decide._by_signs(line)
    assert answer is None or answer.holds is False


@pytest.mark.parametrize("seed", range(6))
def test_shared_rows_decide_as_each_cone_by_itself(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((40, 6))
    cones = []
    rows = ScaledRows(A)
    for n_equal in (0, 1, 2, 3, 4, 5):
        equal = np.isin(np.arange(40), rng.choice(40, n_equal, replace=False))
        cones.append(Cone(rows, equal, ~equal))
    flat = A[:, :6] * np.array([1.0, 1.0, 1.0, 1.0, 1.0, -1.0])
    flat[:, 5] = -np.abs(flat[:, 5])
    half = ScaledRows(flat)
    truths = [decide._dense(c).holds for c in cones]
    monkeypatch.setattr(decide, "SMALL", 0)
    answers = decide_cones(GramRows(rows), cones)
    assert [answer.holds for answer in answers] == truths
    assert all(a.certificate is not None and a.certificate.verify(c) for a, c in zip(answers, cones, strict=True))
    opened = [Cone(half, c.equalities & False, c.inequalities | True) for c in cones]
    answers = decide_cones(GramRows(half), opened)
    assert not any(answer.holds for answer in answers)
    assert all(a.certificate is not None and a.certificate.verify(c) for a, c in zip(answers, opened, strict=True))
    assert decide_cones(GramRows(rows), []) == []


def test_multipliers_of_signs_are_clear_with_twice_the_room_that_their_correction_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A change by rho / s where there is no sign changes the others by ||B|| rho / s + rho."""
    B, signs = np.array([[1.0, 1.0, 0.125], [0.0, 1.0, -0.0625]]), np.array([1.0, -1.0, 0.0])
    for second in (-1.0, 1.0):
        signs = np.array([1.0, second, 0.0])
        about = signed(B, signs)
        B = as_array(about.rows.matrix)[:2]
        found = decide.project_signed(B, signs)
        if found is not None and found.is_trivial:
            break
    assert found is not None
    assert found.is_trivial
    s = np.linalg.norm(B[:, 2])
    limit = float(found.sign_multipliers.min()) / 2 / (1 + np.linalg.norm(B) / s)
    monkeypatch.setattr(Multipliers, "verify", lambda *_: False)
    for factor in (1.05, 0.8):
        monkeypatch.setattr(decide, "residual_bound", lambda *_, factor=factor: factor * limit)
        assert (decide._by_signs(about) is not None) == (factor < 1)


def test_the_program_is_the_last_to_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    about = cone([[1.0, 1.0], [1.0, -1.0], [-1.0, 0.5]], [], [0, 1, 2])
    for kind in (Multipliers, Direction, FullRank):
        monkeypatch.setattr(kind, "verify", lambda *_: False)
    assert decide._dense(about).holds is True  # exactly
    monkeypatch.setattr(decide, "EXACT_DIMENSION", 1)
    for answer in (Direction(np.array([1.0, 0.0]), np.zeros(0, dtype=int)), None):
        monkeypatch.setattr(decide, "certificate_by_program", lambda _, answer=answer: answer)
        found = decide._dense(about)
        assert found.certificate is answer
        assert found.holds is (None if answer is None else False)
    monkeypatch.setattr(decide, "project_exactly", lambda *_: None)
    monkeypatch.setattr(decide, "EXACT_DIMENSION", 9)
    assert decide._dense(about).holds is None


def test_what_signs_leave_open_is_decided_by_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    B = np.array([[1.0, 1.0, 0.5], [0.0, 1.0, -1.0]])
    about = signed(B, np.array([1.0, 1.0, 0.0]))
    truth = decide._dense(about).holds
    monkeypatch.setattr(decide, "SMALL", 0)
    monkeypatch.setattr(decide, "_by_signs", lambda _: None)
    found = decide_cone(about)
    assert found.holds is truth
    assert found.certificate is not None
    assert found.certificate.verify(about)
