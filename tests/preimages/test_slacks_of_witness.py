"""Witnesses by a member nearby: the last comparison with fractions, and sums of many terms with large errors."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from coarse import coarsen
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificates import sign_system, witness
from unrelu.preimages.certificates.sign_system import SignSystem, _oriented
from unrelu.preimages.certificates.witness import ExactWitness, Witness, _has_one_nearby

INF, THIRD, STEP = math.inf, 1 / 3, 2.0**-52


def system(
    weight: object,
    bias: object,
    *,
    inactive: tuple[int, ...] = (),
    equal: tuple[int, ...] | None = None,
    domain: Polyhedron | None = None,
    strict_domain: bool = False,
) -> SignSystem:
    A = np.array(weight, dtype=float)
    m, d = A.shape
    return SignSystem(
        A,
        np.array(bias, dtype=float),
        np.isin(np.arange(m), inactive),
        domain if domain is not None else Polyhedron(origin=np.zeros(d)),
        None if equal is None else np.isin(np.arange(m), equal),
        strict_domain,
    )


def seen(about: SignSystem, *x: float) -> bool:
    return Witness(np.array(x)).verify(about)


def test_a_point_is_a_witness_by_its_own_signs_or_by_a_member_nearby() -> None:
    one = system([[1.0, 0.0], [1.0, 0.0]], [-1.0, -2.0], inactive=(1,))
    assert seen(one, 1 + STEP, 0.0)  # nearer to 1 than any rounding bound
    for wrong in ((math.nan, 1.0), (1.5, math.nan), (INF, 0.0), (1.5, -INF)):
        assert not seen(one, *wrong)
    # A weak domain is kept up to its boundary, and a strict one is not.
    row = Polyhedron(A_ub=np.array([[0.0, 1.0]]), b_ub=np.ones(1))
    for strictly in (False, True):
        assert (
            seen(system([[3.0, 0.0]], [-1.0], equal=(0,), domain=row, strict_domain=strictly), THIRD, 1.0) != strictly
        )


def test_a_strict_domain_is_moved_inwards(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Polyhedron] = []
    monkeypatch.setattr(witness, "member_radius", lambda P, _: asked.append(P) or 0.0)
    domain = Polyhedron(
        A_ub=np.array([[0.0, 1.0]]), b_ub=np.ones(1), lower=np.array([-1.0, -3.0]), upper=np.array([5.0, 4.0])
    )
    about = system([[3.0, 0.0]], [-1.0], equal=(0,), domain=domain, strict_domain=True)
    assert _has_one_nearby(about, np.array([1.0, 0.0]))
    assert asked[-1].b_ub.tolist() == [0.5]
    assert (asked[-1].lower.tolist(), asked[-1].upper.tolist()) == ([0.0, -1.5], [3.0, 2.0])
    assert _has_one_nearby(system([[3.0, 0.0]], [-1.0], equal=(0,), domain=domain), np.array([1.0, 0.0]))
    assert asked[-1].b_ub.tolist() == [1.0]
    assert (asked[-1].lower.tolist(), asked[-1].upper.tolist()) == ([-1.0, -3.0], [5.0, 4.0])


@pytest.mark.parametrize("radius", [0.1, 1 / 3, 0.7, 2.0**-60])
@pytest.mark.parametrize("norm", [1.0, 0.3, 1.7])
@pytest.mark.parametrize("error", [0.0, 0.1, 1 / 7, 2.0**-55])
def test_a_strict_row_exceeds_the_way_and_its_error(
    monkeypatch: pytest.MonkeyPatch, radius: float, norm: float, error: float
) -> None:
    monkeypatch.setattr(witness, "member_radius", lambda *_: radius)
    monkeypatch.setattr(witness, "row_norms_above", lambda _: np.array([norm]))
    monkeypatch.setattr(witness, "gamma", lambda _: 0.0)
    monkeypatch.setattr(witness, "lost", lambda *_: error)
    exact = Fraction(norm) * Fraction(radius) + Fraction(error)
    for step in range(-20, 21):
        value = float(exact) + step * math.ulp(float(exact))
        holds = _has_one_nearby(system([[1.0]], [value]), np.zeros(1))
        if Fraction(value) <= exact:
            assert not holds
    assert _has_one_nearby(system([[1.0]], [float(exact) * (1 + 2.0**-45)]), np.zeros(1))


@pytest.mark.parametrize("large", ["x", "b", "both", "origin"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_values_of_many_terms_are_off_by_all_of_them(monkeypatch: pytest.MonkeyPatch, large: str, sign: float) -> None:
    """12 products and a bias, of which the sum is the value, and the sizes a hundred times that or more."""
    d, unit = 12, 2.0**-14
    monkeypatch.setattr(witness, "member_radius", lambda *_: 0.0)
    coarsen(monkeypatch, witness, unit)
    x = np.full(d, sign) * np.where(np.arange(d) % 2, -1.0, 1.0)
    rows = np.where(np.arange(d) < 4, 1.0, 1.0)
    if large == "both":
        x = np.full(d, sign)
    if large == "b":
        x = x * 2.0**-10
    total = float(rows @ x)
    bias = {"x": 0.0, "b": 3.0, "both": -total, "origin": 0.0}[large]
    size = float(np.abs(x).sum()) + abs(bias)
    for part, holds in ((13, False), (40, True)):
        value = part * unit * size
        if large == "b":
            # The value is small, of a product of 2^-10 and a bias of 3 and -3 + value.
            wide = np.concatenate([rows, [3.0 - value]])[None]
            about = system(wide, [-3.0])
            size_b = float(np.abs(x).sum()) + 6.0
            about = system(np.concatenate([rows, [3.0 + part * unit * size_b - total]])[None], [-3.0])
            assert _has_one_nearby(about, np.append(x, 1.0)) == holds
            continue
        about = system(rows[None], [bias + value])
        assert _has_one_nearby(about, x) == holds


@pytest.mark.parametrize("o", [[2.0, -3.0], [0.0, 3.0], [-2.0, 0.0], [1e-3, 0.0]])
@pytest.mark.parametrize("b", [7.0, -7.0])
def test_rows_about_an_origin_are_off_by_all_their_sizes(
    monkeypatch: pytest.MonkeyPatch, o: list[float], b: float
) -> None:
    asked: list[Polyhedron] = []
    monkeypatch.setattr(witness, "member_radius", lambda P, _: asked.append(P) or 0.0)
    unit, d = 2.0**-12, 12
    coarsen(monkeypatch, witness, unit)
    coarsen(monkeypatch, sign_system, unit)
    origin = np.tile(o, d // 2)
    rows = np.tile([[1.0, 1.0], [-1.0, 0.5]], (1, d // 2))
    about = system(rows, [b, -b], equal=(0,), inactive=(1,), domain=Polyhedron(origin=origin))
    _has_one_nearby(about, np.zeros(d))
    sizes = np.abs(rows) @ np.abs(origin) + abs(b)
    found = np.array([asked[-1].eq_error[0], asked[-1].ub_error[0]])
    assert (found >= (d + 1) * unit * sizes).all()
    assert (found <= 2 * (d + 5) * unit * sizes).all()
    # The rows of a domain about its origin are `-a.x + (b + a.o)`, scaled.
    matrix, constants, errors = _oriented(rows, np.array([b, -b]), origin)
    scale = np.abs(matrix[:, 0]) / np.abs(rows[:, 0])
    assert (errors >= (d + 1) * unit * sizes * scale).all()
    assert (errors <= 2 * (d + 5) * unit * sizes * scale).all()
    np.testing.assert_allclose(constants, (np.array([b, -b]) + rows @ origin) * scale, rtol=1e-12)
    with monkeypatch.context() as patched:
        patched.setattr(sign_system, "gamma", lambda _: 0.0)
        patched.setattr(sign_system, "lost", lambda terms, size, far: unit * far if terms == d else INF)
        assert _oriented(rows, np.array([b, -b]), origin)[2].tolist() == [unit * max(map(abs, o))] * 2


@pytest.mark.parametrize("origin", [[0.0, 0.0], [0.0, 3.0], [-0.7, 0.0], [0.1, 0.3]])
def test_exact_rows_are_positive_multiples_of_the_constraints(origin: list[float]) -> None:
    rng = np.random.default_rng(1)
    weight, bias = rng.standard_normal((3, 2)), rng.standard_normal(3)
    domain = Polyhedron(
        A_ub=rng.standard_normal((2, 2)),
        b_ub=rng.standard_normal(2),
        A_eq=rng.standard_normal((1, 2)),
        b_eq=rng.standard_normal(1),
        origin=np.array(origin),
    )
    about = system(weight, bias, inactive=(1,), domain=domain)
    for point in ([Fraction(0), Fraction(0)], [Fraction(1, 3), Fraction(-5, 7)], [Fraction(-9), Fraction(2, 11)]):
        exact = [
            sum((Fraction(a) * p for a, p in zip(row, point, strict=True)), Fraction(b)) * (-1 if k == 1 else 1)
            for k, (row, b) in enumerate(zip(weight.tolist(), bias.tolist(), strict=True))
        ]
        for A, values in ((domain.A_ub, domain.b_ub), (domain.A_eq, domain.b_eq)):
            for row, b in zip(A.tolist(), values.tolist(), strict=True):
                moved = (Fraction(a) * (p - Fraction(o)) for a, p, o in zip(row, point, origin, strict=True))
                exact.append(Fraction(b) - sum(moved, Fraction(0)))
        assert len(about.exact_rows) == 6
        for row, value, slope in zip(
            about.exact_rows, exact, [*weight.tolist(), *domain.A_ub.tolist(), *domain.A_eq.tolist()], strict=True
        ):
            scale = abs(Fraction(row[0]) / Fraction(slope[0]))
            assert row[0] * point[0] + row[1] * point[1] + row[2] == scale * value
        oriented = about.oriented
        for row, constant, error, value, slope in zip(
            oriented.matrix.tolist(),
            oriented.constants.tolist(),
            oriented.constant_errors.tolist(),
            exact,
            [*weight.tolist(), *domain.A_ub.tolist(), *domain.A_eq.tolist()],
            strict=True,
        ):
            scale = abs(Fraction(row[0]) / Fraction(slope[0]))
            assert scale.numerator & (scale.numerator - 1) == 0
            assert scale.denominator & (scale.denominator - 1) == 0
            found = Fraction(row[0]) * point[0] + Fraction(row[1]) * point[1] + Fraction(constant)
            assert abs(found - scale * value) <= Fraction(error)


def test_a_rational_point_has_a_positive_denominator() -> None:
    """x <= 1 is not met by 5 written as -5 / -1, nor by what has no denominator."""
    about = system([[1.0]], [-1.0], inactive=(0,))
    for numerator, denominator in ((-5, -1), (-5, 0), (5, 1), (2, 1)):
        assert not ExactWitness((numerator,), denominator).verify(about)
    assert ExactWitness((1,), 1).verify(about)
    assert ExactWitness((-5,), 1).verify(about)


def test_rows_that_overflow_are_no_witness() -> None:
    far = Polyhedron(origin=np.array([1e308, 1e308]))
    for order in (0, 1):
        weight, bias = [[1e10, 0.0], [3.0, 0.0]], [0.0, -1.0]
        about = system(
            weight[:: 1 - 2 * order], bias[:: 1 - 2 * order], equal=(1 - order,), inactive=(order,), domain=far
        )
        assert not seen(about, THIRD, 0.0)
    for x in ((THIRD, 1e308), (THIRD, -1e308)):
        assert not seen(system([[1.0, 1e10], [3.0, 0.0], [0.0, 0.0]], [0.0, -1.0, 1.0], equal=(1,)), *x)
