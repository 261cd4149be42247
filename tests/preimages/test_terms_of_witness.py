"""Each condition of a proof that a sign system has a solution, on the wrong side by a little and on the right side."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from coarse import coarsen
from flushing import flushing
from unrelu.polyhedra import membership
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificates import sign_system, witness
from unrelu.preimages.certificates.sign_system import SignSystem
from unrelu.preimages.certificates.witness import ExactWitness, Witness

INF = math.inf


def system(
    weight: list[list[float]],
    bias: object,
    *,
    inactive: tuple[int, ...] = (),
    equal: tuple[int, ...] | None = None,
    domain: Polyhedron | None = None,
    strict_domain: bool = False,
) -> SignSystem:
    m, d = len(weight), len(weight[0])
    return SignSystem(
        np.array(weight),
        np.array(bias),
        np.isin(np.arange(m), inactive),
        domain if domain is not None else Polyhedron(origin=np.zeros(d)),
        None if equal is None else np.isin(np.arange(m), equal),
        strict_domain,
    )


def seen(about: SignSystem, *x: float) -> bool:
    return Witness(np.array(x)).verify(about)


def exactly(about: SignSystem, *x: float) -> bool:
    return Witness(np.array(x)).is_exact(about)


STEP = 2.0**-52


def test_signs_at_the_point_itself_are_exact() -> None:
    # x > 1, x <= 2
    about = system([[1.0], [1.0]], [-1.0, -2.0], inactive=(1,))
    assert exactly(about, 1 + STEP)
    assert exactly(about, 2.0)
    for x in (1.0, 2 + 2 * STEP, 0.0, 3.0):
        assert not exactly(about, x)
        assert seen(about, x) == (x > 1)  # a member is near, and far enough from 1
    held = system([[1.0], [1.0]], [-1.0, 0.0], equal=(0,))
    assert exactly(held, 1.0)
    assert not exactly(held, 1 + STEP)
    assert not exactly(held, 1 - STEP)
    assert not exactly(system([[1.0], [-1.0]], [-1.0, 0.0], equal=(0,)), 1.0)
    # sums of biases are not rounded
    parts = system([[1.0]], [[-1.0, -(2.0**-60)]], inactive=(0,))
    assert exactly(parts, 1.0)
    assert exactly(system([[1.0]], [[-1.0, 2.0**-60]]), 1.0)
    assert not exactly(system([[1.0]], [[-1.0, -(2.0**-60)]]), 1.0)
    for wrong in ([1.5, 0.0], [math.nan], [INF]):
        assert not seen(about, *wrong)
    with flushing():
        assert not seen(about, 1.5)
        assert not exactly(about, 1.5)
        assert not ExactWitness((3,), 2).verify(about)


def test_the_domain_is_kept_and_strictly_where_it_has_to_be() -> None:
    domain = Polyhedron(A_ub=np.array([[1.0, 1.0]]), b_ub=np.ones(1), lower=np.array([0.0, -INF]))
    weak, strict = (system([[1.0, 0.0]], [5.0], domain=domain, strict_domain=strict) for strict in (False, True))
    for x, holds, strictly in (
        ((0.25, 0.25), True, True),
        ((0.0, 0.25), True, False),
        ((0.5, 0.5), True, False),
        ((0.5, 0.5 + STEP), False, False),
        ((-STEP, 0.0), False, False),
    ):
        assert exactly(weak, *x) == holds
        assert exactly(strict, *x) == strictly
    upper = Polyhedron(lower=np.array([0.0, 0.5]), upper=np.array([1.0, 0.5]))
    strict = system([[1.0, 0.0]], [5.0], domain=upper, strict_domain=True)
    assert exactly(strict, 0.5, 0.5)  # bounds that coincide cannot be strict
    assert not exactly(strict, 1.0, 0.5)
    assert not exactly(strict, 0.0, 0.5)
    assert not exactly(strict, 0.5, 0.25)


# 3 x = 1 has no float for a solution: the member is nearby, within 2^-54 or so.
THIRD = 1 / 3


def test_strict_rows_need_more_than_the_way_to_the_member() -> None:
    for gap, holds in ((1e-3, True), (1e-12, True), (1e-17, False), (0.0, False), (-1e-3, False)):
        about = system([[3.0, 0.0], [1.0, 1.0]], [-1.0, -THIRD], equal=(0,))
        assert seen(about, THIRD, gap) == holds
    # x_0 = 1/3 is missed by 0.1, so that a row of norm 5 needs more than 0.5.
    for value, holds in ((0.6, True), (0.4, False), (-1.0, False)):
        about = system([[3.0, 0.0], [3.0, 4.0]], [-1.0, value - 3 * (THIRD + 0.1)], equal=(0,))
        assert seen(about, THIRD + 0.1, 0.0) == holds


@pytest.mark.parametrize("origin", [[0.0, 0.0], [4.0, -2.0]])
@pytest.mark.parametrize("unit", [2.0**-12, 2.0**-8])
def test_roundings_count_against_strict_rows(monkeypatch: pytest.MonkeyPatch, unit: float, origin: list[float]) -> None:
    """The value of a strict row may be off by gamma (|a||x| + |b|)."""
    domain = Polyhedron(origin=np.array(origin))
    for value, holds in ((2.5 * 2 * unit, False), (3 * 14 * unit, True)):
        # |a||x| + |b| is 8/3 less the value
        about = system([[3.0, 0.0], [1.0, 1.0]], [-1.0, value - 1 - THIRD], equal=(0,), domain=domain)
        coarsen(monkeypatch, witness, unit)
        assert seen(about, THIRD, 1.0) == holds or origin != [0.0, 0.0]
        if not holds:
            assert not seen(about, THIRD, 1.0)
    coarsen(monkeypatch, witness, 0.0)
    for value, holds in ((0.9 * unit, False), (5 * unit, True)):
        monkeypatch.setattr(witness, "lost", lambda *_: unit)
        about = system([[3.0, 0.0], [1.0, 1.0]], [-1.0, value - 1 - THIRD], equal=(0,))
        assert seen(about, THIRD, 1.0) == holds


def test_a_shifted_origin_makes_right_hand_sides_uncertain(monkeypatch: pytest.MonkeyPatch) -> None:
    """x_0 = 1/3 is a row about the origin, known up to gamma (|a||o| + |b|), and the way to it as much longer."""
    origin, unit = np.array([4.0, 0.0]), 2.0**-8
    asked: list[Polyhedron] = []
    original = witness.member_radius
    monkeypatch.setattr(witness, "member_radius", lambda P, x: asked.append(P) or original(P, x))
    coarsen(monkeypatch, witness, unit)
    about = system(
        [[3.0, 0.0], [0.0, 1.0], [-1.0, 1.0]],
        [-1.0, 1.0, -1.0],
        equal=(0,),
        inactive=(2,),
        domain=Polyhedron(origin=origin),
    )
    Witness(np.array([THIRD, 0.0])).verify(about)
    assert asked[-1].b_eq.tolist() == [-11.0]
    assert asked[-1].b_ub.tolist() == [5.0]
    assert 13 * unit * 2 <= asked[-1].eq_error[0] <= 13 * unit * 14
    assert 5 * unit * 2 <= asked[-1].ub_error[0] <= 5 * unit * 14
    coarsen(monkeypatch, witness, 0.0)
    monkeypatch.setattr(witness, "lost", lambda *_: unit)
    Witness(np.array([THIRD, 0.0])).verify(about)
    assert asked[-1].eq_error[0] == asked[-1].ub_error[0] == unit
    # About 0 nothing is moved, so that nothing is rounded.
    about = system([[3.0, 0.0], [0.0, 1.0], [-1.0, 1.0]], [-1.0, 1.0, -1.0], equal=(0,), inactive=(2,))
    Witness(np.array([THIRD, 0.0])).verify(about)
    assert asked[-1].eq_error[0] == asked[-1].ub_error[0] == 0.0
    assert asked[-1].b_eq.tolist() == [1.0]
    assert asked[-1].b_ub.tolist() == [1.0]


def test_biases_that_are_sums_are_known_up_to_their_rounding() -> None:
    for rest, holds in ((2.0**-60, False), (2.0**-40, True)):
        about = system([[3.0], [0.0]], [[-1.0, 0.0], [0.0, rest]], equal=(0,))
        assert seen(about, THIRD)  # the sum is exact
        about = system([[3.0], [0.0]], [[-1.0, 0.0, 0.0], [1.0, rest, -1.0]], equal=(0,))
        assert seen(about, THIRD) == seen(about, THIRD)
        about = system([[3.0], [1.0]], [[-1.0, 0.0], [-THIRD, rest]], equal=(0,))
        assert seen(about, THIRD) == holds


def test_what_is_lost_depends_on_the_greatest_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(witness, "lost", lambda *given: asked.append(given) or 0.0)
    domain = Polyhedron(origin=np.array([-7.0, 1.0]))
    seen(system([[3.0, 0.0], [-4.0, 1.0]], [-1.0, 9.0], equal=(0,), domain=domain), THIRD, -2.0)
    assert asked == [(2, 4.0, 7.0, 2.0)]


def test_the_errors_of_summed_biases_add_to_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a bias known up to 1/8 by decree: rows of both kinds, and strict ones, are uncertain by as much."""
    asked: list[Polyhedron] = []
    original = witness.member_radius
    monkeypatch.setattr(witness, "member_radius", lambda P, x: asked.append(P) or original(P, x))
    for origin in ([0.0, 0.0], [4.0, 0.0]):
        domain = Polyhedron(origin=np.array(origin))
        for value, holds in ((0.1, False), (0.3, True)):
            about = system(
                [[3.0, 0.0], [1.0, 1.0], [-9.0, 1.0]],
                [-1.0, value - 1 - THIRD, 0.0],
                equal=(0,),
                inactive=(2,),
                domain=domain,
            )
            about.__dict__["constants"] = (about.bias, np.array([0.0, 0.125, 0.25]))
            assert seen(about, THIRD, 1.0) == holds
            assert 0.25 <= asked[-1].ub_error[0] <= 0.25 + 1e-12
            assert asked[-1].eq_error[0] <= 1e-12


def test_weak_rows_and_the_domain_hold_near_the_point() -> None:
    # x_0 = 1/3 and x_1 <= 0 (inactive): a point 0.1 off is moved.
    about = system([[3.0, 0.0], [0.0, 1.0], [1.0, 0.0]], [-1.0, 0.0, 1.0], equal=(0,), inactive=(1,))
    assert seen(about, THIRD, 0.1)
    assert seen(about, THIRD, -0.1)
    # x_0 = 1/3 in a domain that has it, or not
    for b, holds in ((0.34, True), (0.33, False)):
        domain = Polyhedron(A_ub=np.array([[1.0, 0.0]]), b_ub=np.array([b]))
        assert seen(system([[3.0, 0.0], [1.0, 0.0]], [-1.0, 1.0], equal=(0,), domain=domain), THIRD, 0.0) == holds
        domain = Polyhedron(upper=np.array([b, INF]))
        assert (
            seen(system([[3.0, 0.0], [1.0, 0.0]], [-1.0, 1.0], equal=(0,), domain=domain), min(b, THIRD), 0.0) == holds
        )
    domain = Polyhedron(A_eq=np.array([[3.0, 0.0]]), b_eq=np.array([1.0]))
    assert seen(system([[1.0, 0.0]], [0.0], domain=domain), THIRD, 0.0)
    assert not seen(system([[1.0, 0.0]], [-0.34], domain=domain), THIRD, 0.0)
    assert not seen(system([[3.0, 0.0]], [-1.1], equal=(0,), domain=domain), THIRD, 0.0)


def test_a_strict_domain_keeps_half_of_its_room() -> None:
    def about(domain: Polyhedron) -> SignSystem:
        return system([[3.0, 0.0]], [-1.0], equal=(0,), domain=domain, strict_domain=True)

    row = np.array([[0.0, 1.0]])
    assert seen(about(Polyhedron(A_ub=row, b_ub=np.ones(1))), THIRD, 0.5)
    assert not seen(about(Polyhedron(A_ub=row, b_ub=np.ones(1))), THIRD, 1.0)
    assert not seen(about(Polyhedron(A_ub=row, b_ub=np.ones(1))), THIRD, 1.5)
    assert not seen(about(Polyhedron(A_ub=np.array([[3.0, 0.0]]), b_ub=np.ones(1))), THIRD, 0.0)
    assert not seen(about(Polyhedron(A_ub=np.array([[3.0, 0.0]]), b_ub=np.ones(1))), THIRD - 0.01, 0.0)
    # Rows of zeros hold strictly or not.
    for value, holds in ((1.0, True), (0.0, False), (-1.0, False)):
        assert seen(about(Polyhedron(A_ub=np.zeros((1, 2)), b_ub=np.array([value]))), THIRD, 0.0) == holds
    for lower, upper, x, holds in (
        (0.0, 1.0, 0.5, True),
        (0.0, INF, 0.5, True),
        (-INF, 1.0, 0.5, True),
        (0.5, 1.0, 0.5, False),
        (0.0, 0.5, 0.5, False),
        (0.5, 0.5, 0.5, True),
        (0.5, 0.5 + STEP, 0.5, False),
        (0.5 - STEP, 0.5, 0.5, False),
        (0.6, 1.0, 0.5, False),
        (0.0, 0.4, 0.5, False),
    ):
        domain = Polyhedron(lower=np.array([-INF, lower]), upper=np.array([INF, upper]))
        assert seen(about(domain), THIRD, x) == holds
    shifted = Polyhedron(A_ub=row, b_ub=np.ones(1), origin=np.array([0.0, 5.0]))
    assert seen(about(shifted), THIRD, 5.5)
    assert not seen(about(shifted), THIRD, 6.0)
    assert seen(about(Polyhedron(lower=np.array([THIRD - 0.1, 0.0]), upper=np.array([1.0, 1.0]))), THIRD, 0.5)
    assert not seen(about(Polyhedron(lower=np.array([1.0, 0.0]), upper=np.array([2.0, 1.0]))), 1.0, 0.5)


def test_what_overflows_is_no_witness() -> None:
    assert not seen(system([[1e308, 1e308], [3.0, 0.0]], [0.0, -1.0], equal=(1,)), THIRD, 1e308)
    far = Polyhedron(origin=np.array([1e308, 1e308]))
    assert not seen(system([[1e10, 0.0], [3.0, 0.0]], [0.0, -1.0], equal=(1,), domain=far), THIRD, 0.0)


def test_rational_points_are_multiplied_out() -> None:
    about = system([[3.0], [1.0], [1.0]], [-1.0, 0.0, -1.0], equal=(0,), inactive=(2,))
    assert ExactWitness((1,), 3).verify(about)
    assert ExactWitness((2,), 6).verify(about)
    for wrong in (
        ExactWitness((-1,), -3),
        ExactWitness((1,), 2),
        ExactWitness((1, 1), 3),
        ExactWitness((0,), 0),
        ExactWitness((), 3),
    ):
        assert not wrong.verify(about)
    strict, weak = system([[1.0]], [-1.0]), system([[1.0]], [-1.0], inactive=(0,))
    assert not ExactWitness((1,), 1).verify(strict)
    assert ExactWitness((1,), 1).verify(weak)
    assert ExactWitness((2,), 1).verify(strict)
    assert not ExactWitness((2,), 1).verify(weak)
    assert ExactWitness((1,), 2).verify(weak)
    box = Polyhedron(lower=np.zeros(1), upper=np.ones(1))
    for strictly in (False, True):
        inside = system([[0.0]], [1.0], domain=box, strict_domain=strictly)
        assert ExactWitness((1,), 3).verify(inside)
        assert ExactWitness((0,), 3).verify(inside) is not strictly
        assert ExactWitness((3,), 3).verify(inside) is not strictly
        assert not ExactWitness((4,), 3).verify(inside)
        assert not ExactWitness((-1,), 3).verify(inside)


@pytest.mark.parametrize(
    ("numerator", "denominator"),
    [(1, 3), (2, 3), (-1, 3), (1, 4), (-5, 1), (10**400, 1), (-(10**400), 1), (1, 10**400)],
)
def test_a_rational_point_lies_between_two_floats(numerator: int, denominator: int) -> None:
    point = ExactWitness((numerator,), denominator)
    exact = Fraction(numerator, denominator)
    if abs(exact) > 10**309:
        assert point.point.tolist() == [INF if numerator > 0 else -INF]
        return
    (low,), (high,) = point.enclosure
    assert Fraction(float(low)) <= exact <= Fraction(float(high))
    assert high in (low, np.nextafter(low, INF))
    assert (low == high) == (Fraction(float(point.point[0])) == exact)
    assert ExactWitness.of_ratio(point.ratio) == point
    with pytest.raises(ValueError, match="denominator"):
        ExactWitness.of_ratio(())


def test_constants_about_an_origin_are_known_up_to_their_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    unit = 2.0**-10
    domain = Polyhedron(A_ub=np.array([[0.5, -0.25]]), b_ub=np.array([64.0]), origin=np.array([2.0, 8.0]))
    about = system([[1.0, 1.0]], [0.0], domain=domain)
    coarsen(monkeypatch, sign_system, unit)
    scale = about.oriented.matrix[1, 0] / -0.5
    size = (0.5 * 2 + 0.25 * 8 + 64) * scale
    assert 3 * unit * size <= about.oriented.constant_errors[1] <= 14 * unit * size
    coarsen(monkeypatch, sign_system, 0.0)
    monkeypatch.setattr(sign_system, "lost", lambda d, *sizes: unit if (d, *sizes) == (2, 0.5 * scale, 8.0) else INF)
    about = system([[1.0, 1.0]], [0.0], domain=domain)
    assert about.oriented.constant_errors.tolist() == [0.0, unit]
    assert membership.member_radius is witness.member_radius
