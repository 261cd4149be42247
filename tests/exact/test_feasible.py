"""Members and Farkas' multipliers of small systems against elimination, and of planted ones by multiplication."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from strict_oracle import constraint, has_solution
from unrelu.errors import ShapeError
from unrelu.exact.feasible import exact_feasibility
from unrelu.exact.infeasible import ExactInfeasible
from unrelu.exact.member import ExactMember
from unrelu.exact.system import ExactSystem


def oracle(A_ub, b_ub, A_eq, b_eq, lower, upper, strict) -> bool:
    """Whether there is a member, by Fourier-Motzkin elimination."""
    rows = [
        constraint([-Fraction(a) for a in row], Fraction(b), bool(s))
        for row, b, s in zip(A_ub.tolist(), b_ub, strict, strict=True)
    ]
    for row, b in zip(A_eq.tolist(), b_eq, strict=True):
        exact = [Fraction(a) for a in row]
        rows += [constraint([s * a for a in exact], -s * Fraction(b), False) for s in (1, -1)]
    for j, (low, high) in enumerate(zip(lower.tolist(), upper.tolist(), strict=True)):
        unit = [int(i == j) for i in range(len(lower))]
        rows += [constraint(unit, -Fraction(low), False)] if np.isfinite(low) else []
        rows += [constraint([-u for u in unit], Fraction(high), False)] if np.isfinite(high) else []
    return has_solution(rows)


def proved(system) -> bool:
    """Whether there is a member; whichever it is, the answer must prove itself."""
    answer = exact_feasibility(*system)
    assert answer is not None
    assert answer.verify(ExactSystem.of(*system))
    return isinstance(answer, ExactMember)


def random_system(rng: np.random.Generator, d: int):
    """Small integers, so that flat and empty sets are common; opposite rows and rows of zeros among them."""
    k, n_eq = int(rng.integers(0, 6)), int(rng.integers(0, 3))
    A_ub, A_eq = rng.integers(-2, 3, (k, d)).astype(float), rng.integers(-2, 3, (n_eq, d)).astype(float)
    b_ub, b_eq = rng.integers(-2, 3, k).tolist(), [Fraction(int(v), 3) for v in rng.integers(-3, 4, n_eq)]
    if k > 1 and rng.random() < 0.4:
        A_ub[1], b_ub[1] = -A_ub[0], -b_ub[0]
    if k > 2 and rng.random() < 0.3:
        A_ub[2] = 0.0
    lower = np.where(rng.random(d) < 0.5, rng.integers(-1, 2, d), -np.inf)
    upper = np.where(rng.random(d) < 0.5, rng.integers(-1, 3, d), np.inf)
    strict = rng.random(k) < 0.3
    return A_ub, b_ub, A_eq, b_eq, lower, upper, strict


@pytest.mark.parametrize("seed", range(6))
def test_small_systems_agree_with_elimination(seed: int) -> None:
    rng = np.random.default_rng(seed)
    seen = set()
    for _ in range(80):
        system = random_system(rng, int(rng.integers(1, 4)))
        found = proved(system)
        assert found == oracle(*system)
        seen.add(found)
    assert seen == {True, False}


def plain(d: int, A_ub=None, b_ub=(), A_eq=None, b_eq=(), low=-np.inf, high=np.inf, strict=None):
    """A system from the parts that matter."""
    none = np.zeros((0, d))
    A_ub, A_eq = none if A_ub is None else np.array(A_ub), none if A_eq is None else np.array(A_eq)
    return A_ub, b_ub, A_eq, b_eq, np.full(d, low), np.full(d, high), strict


def test_right_hand_sides_are_no_floats() -> None:
    # 3x = 1 has a solution that no float is; next to it, by less than any float tells, there is none.
    assert proved(plain(1, A_eq=[[3.0]], b_eq=[1]))
    third, tiny = Fraction(1, 3), Fraction(1, 10**400)
    assert proved(plain(1, [[1.0], [-1.0]], [third, -third]))
    assert not proved(plain(1, [[1.0], [-1.0]], [third, -third - tiny]))
    assert not proved(plain(1, [[1.0], [-1.0]], [third, -third], strict=np.array([True, False])))
    assert proved(plain(1, [[1.0], [-1.0]], [third + tiny, -third], strict=np.array([True, True])))


def test_numbers_of_all_sizes() -> None:
    least, largest = 5e-324, 1.7976931348623157e308
    assert proved(plain(2, [[least, largest], [-least, -largest]], [1, -1], low=0.0))
    assert not proved(plain(1, [[least]], [-1], low=-1.0))
    assert proved(plain(1, [[least]], [-1]))


def test_nothing_to_keep() -> None:
    assert proved(plain(2))
    assert proved(plain(0))
    assert proved(plain(0, np.zeros((1, 0)), [0]))
    assert not proved(plain(0, np.zeros((1, 0)), [0], strict=np.array([True])))
    assert not proved(plain(2, np.zeros((1, 2)), [-1]))
    assert not proved(plain(2, A_eq=np.zeros((1, 2)), b_eq=[Fraction(1, 7)]))
    A_ub, b_ub, A_eq, b_eq, _, _, _ = plain(1)
    assert not proved((A_ub, b_ub, A_eq, b_eq, np.ones(1), np.zeros(1), None))


@pytest.mark.parametrize("seed", range(4))
def test_one_point_by_opposite_rows(seed: int) -> None:
    # 2d inequalities of full 53-bit numbers that leave one rational point; any of them moved by 2^-200 leaves none.
    rng = np.random.default_rng(seed)
    d = 6
    A = rng.standard_normal((d, d))
    point = [Fraction(int(v), 7) for v in rng.integers(-20, 20, d)]
    b = [sum(Fraction(a) * x for a, x in zip(row, point, strict=True)) for row in A.tolist()]
    opposite = [*b, *(-value for value in b)]
    answer = exact_feasibility(*plain(d, np.vstack([A, -A]), opposite))
    assert isinstance(answer, ExactMember)
    assert list(answer.point) == point
    opposite[d] -= Fraction(1, 2**200)
    assert not proved(plain(d, np.vstack([A, -A]), opposite))


@pytest.mark.parametrize("seed", range(4))
def test_planted_members_and_planted_contradictions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k, d = 30, 8
    A = rng.standard_normal((k, d))
    point = [Fraction(float(v)) for v in rng.standard_normal(d)]
    b = [sum(Fraction(a) * x for a, x in zip(row, point, strict=True)) for row in A.tolist()]
    assert proved(plain(d, A, b))
    # Integer rows with positive weights that add up to nothing: 0 <= sum of weights times b.
    A = rng.integers(-9, 10, (k, d)).astype(float)
    weights = rng.integers(1, 4, k - 1)
    A[-1] = -(weights @ A[:-1])
    b = [Fraction(int(v), 5) for v in rng.integers(-9, 10, k - 1)]
    total = sum((int(w) * value for w, value in zip(weights, b, strict=True)), Fraction(0))
    assert not proved(plain(d, A, [*b, -total - Fraction(1, 10**30)]))
    assert proved(plain(d, A, [*b, -total])) == exact_touch(A, [*b, -total])


def exact_touch(A: np.ndarray, b: list[Fraction]) -> bool:
    """Whether all rows can hold with equality, which positive weights with a sum of zero demand."""
    return proved(plain(A.shape[1], A_eq=A, b_eq=b))


def test_a_changed_answer_proves_nothing() -> None:
    system = plain(2, [[1.0, 1.0], [-1.0, 0.0]], [1, 0], A_eq=[[0.0, 2.0]], b_eq=[Fraction(5, 2)], high=9.0)
    exact = ExactSystem.of(*system)
    answer = exact_feasibility(*system)
    assert isinstance(answer, ExactInfeasible)
    assert answer.verify(exact)
    one, none = Fraction(1), Fraction(0)
    assert not replace(answer, ub=(answer.ub[0] + one, answer.ub[1])).verify(exact)
    assert not replace(answer, eq=(-answer.eq[0],)).verify(exact)
    assert not replace(answer, ub=tuple(-value for value in answer.ub)).verify(exact)
    assert not replace(answer, lower=(one, none)).verify(exact)  # there is no lower bound
    assert not replace(answer, upper=(one, none)).verify(exact)
    assert not replace(answer, ub=answer.ub[:1]).verify(exact)
    assert not ExactInfeasible((none, none), (none,), (none, none), (none, none)).verify(exact)
    loose = plain(2, [[1.0, 1.0], [-1.0, 0.0]], [1, 0], A_eq=[[0.0, 2.0]], b_eq=[Fraction(1, 2)], high=9.0)
    member = exact_feasibility(*loose)
    assert isinstance(member, ExactMember)
    assert member.verify(ExactSystem.of(*loose))
    assert not member.verify(exact)
    moved = ExactMember((member.point[0], member.point[1] + Fraction(1, 10**50)))
    assert not moved.verify(ExactSystem.of(*loose))
    assert not ExactMember(member.point[:1]).verify(ExactSystem.of(*loose))


def test_negative_multipliers_prove_nothing() -> None:
    # x <= 1 less x <= 2 says 0 <= -1, and the bounds likewise.
    none, one = Fraction(0), Fraction(1)
    two_rows = ExactSystem.of(*plain(1, [[1.0], [1.0]], [1, 2]))
    assert not ExactInfeasible((one, -one), (), (none,), (none,)).verify(two_rows)
    row_and_bound = ExactSystem.of(*plain(1, [[1.0]], [1], high=2.0))
    assert not ExactInfeasible((one,), (), (none,), (-one,)).verify(row_and_bound)
    below = ExactSystem.of(*plain(1, [[-1.0]], [-1], low=0.0))
    assert not ExactInfeasible((one,), (), (-one,), (none,)).verify(below)
    # An equality may count with either sign.
    equal = ExactSystem.of(*plain(1, [[1.0]], [1], A_eq=[[1.0]], b_eq=[2]))
    assert ExactInfeasible((one,), (-one,), (none,), (none,)).verify(equal)


def test_a_strict_row_is_not_kept_by_touching_it() -> None:
    touching = ExactMember((Fraction(1),))
    assert touching.verify(ExactSystem.of(*plain(1, [[1.0]], [1])))
    assert not touching.verify(ExactSystem.of(*plain(1, [[1.0]], [1], strict=np.array([True]))))


def test_sizes_have_to_fit() -> None:
    with pytest.raises(ShapeError, match="do not fit"):
        exact_feasibility(*plain(2, [[1.0, 2.0]], [1, 2]))
    with pytest.raises(ShapeError, match="in 2 coordinates"):
        exact_feasibility(*plain(2, [[1.0, 2.0]], [1], strict=np.array([True, False])))
