"""Elimination modulo a prime whatever the panels, exact systems whatever their types, and hulls one number off."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from unrelu.errors import InputError, ShapeError
from unrelu.exact import hull, modular
from unrelu.exact.decide_hull import exact_hull
from unrelu.exact.hull import ExactHull, dimension_of
from unrelu.exact.modular import PRIMES, inverse, profile, proves_full_column_rank, residues_of_floats
from unrelu.exact.system import ExactSystem

NONE = np.zeros((0, 2))


@pytest.mark.parametrize("panel", [1, 2, 3, 64])
@pytest.mark.parametrize("seed", range(12))
def test_a_profile_is_the_same_whatever_the_panels(monkeypatch: pytest.MonkeyPatch, seed: int, panel: int) -> None:
    """Its rank is that of fractions, its columns the first independent ones, and its rows have that rank."""
    monkeypatch.setattr(modular, "_PANEL", panel)
    rng = np.random.default_rng(seed)
    m, n, r = int(rng.integers(2, 8)), int(rng.integers(2, 9)), int(rng.integers(1, 6))
    integers = rng.integers(-3, 4, (m, r)) @ rng.integers(-3, 4, (r, n))
    integers[:, rng.integers(0, n)] = 0
    found = profile(residues_of_floats(integers.astype(float), PRIMES[0]), PRIMES[0])
    rank = int(np.linalg.matrix_rank(integers))
    assert found.rank == rank
    first = [
        j for j in range(n) if np.linalg.matrix_rank(integers[:, : j + 1]) > np.linalg.matrix_rank(integers[:, :j])
    ]
    assert found.columns.tolist() == first
    assert np.linalg.matrix_rank(integers[found.rows]) == rank
    until = profile(residues_of_floats(integers.astype(float), PRIMES[0]), PRIMES[0], until_dependent=True)
    leading = next((j for j in range(n) if j >= len(first) or first[j] != j), n)
    assert until.columns.tolist() == list(range(leading))
    assert proves_full_column_rank(integers.astype(float), n) == (rank == n)


def test_an_inverse_has_symmetric_residues() -> None:
    prime = PRIMES[0]
    for value in (1, 2, 3, prime - 1, prime // 2, prime // 2 + 1):
        (found,) = inverse(np.array([[float(value)]]), prime).ravel().tolist()  # pyright: ignore[reportOptionalMemberAccess]
        assert int(found) * value % prime == 1
        assert abs(found) <= prime / 2 + 1


@pytest.mark.parametrize("numbers", [[0.0, -0.0], [2.0**-1074, 2.0**1023], [-1.5, 3.0], [2.0**600, -(2.0**600)], []])
def test_floats_have_the_residues_of_their_fractions(numbers: list[float]) -> None:
    for prime in PRIMES[:2]:
        found = residues_of_floats(np.array([numbers]), prime)
        for residue, number in zip(found[0].tolist(), numbers, strict=True):
            exact = Fraction(number)
            assert (int(residue) * exact.denominator - exact.numerator) % prime == 0


def system(**changes: object) -> ExactSystem:
    given = {
        "A_ub": np.array([[1.0, 1.0]]),
        "b_ub": np.array([3.0]),
        "A_eq": NONE,
        "b_eq": np.zeros(0),
        "lower": np.zeros(2),
        "upper": np.full(2, math.inf),
    }
    return ExactSystem.of(**{**given, **changes})  # pyright: ignore[reportArgumentType]


def test_systems_that_do_not_fit_are_refused() -> None:
    for changes in (
        {"A_eq": np.ones((1, 2))},
        {"A_eq": np.ones((0, 3))},
        {"A_ub": np.ones((2, 2))},
        {"upper": np.ones(3)},
        {"strict": np.ones(2, dtype=bool)},
    ):
        with pytest.raises(ShapeError):
            system(**changes)
    for end in (math.inf, math.nan):
        for place in (0, 1):
            wrong = np.zeros(2)
            wrong[place] = end
            with pytest.raises(InputError):
                system(lower=wrong)
            with pytest.raises(InputError):
                system(upper=-wrong)
    assert system(lower=np.full(2, -math.inf)).low == ()
    assert system().strict == frozenset()
    assert system(strict=np.array([True])).strict == frozenset({0})


def test_numbers_of_any_type_are_the_same_system() -> None:
    large = 2**40 + 1
    plain = system(b_ub=[large], lower=[1, Fraction(1, 3)], upper=[large, 5.0])
    assert plain.values_at([Fraction(0), Fraction(0)])[0] == -large
    typed = system(b_ub=np.array([large]), lower=[np.int32(1), Fraction(1, 3)], upper=[np.int64(large), np.float32(5)])
    assert (plain.rows, plain.scales) == (typed.rows, typed.scales)
    assert all(type(number) is int for row in typed.rows for number in row)


def test_without_rows_all_sums_are_zero() -> None:
    empty = system(A_ub=NONE, b_ub=np.zeros(0), lower=np.full(2, -math.inf))
    assert empty.total(()) == [0, 0, 0]


def test_a_hull_is_refused_with_one_number_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """x + y <= 3 with x >= 1 and y >= 2: a point."""
    flat = system(lower=np.array([1.0, 2.0]))
    found = exact_hull(flat)
    assert isinstance(found, ExactHull)
    assert found.dimension == 0
    assert found.verify(flat)
    for k, value in enumerate(found.multipliers):
        for other in (value + 1, 2 * value + 1, -value):
            assert not replace(found, multipliers=(*found.multipliers[:k], other, *found.multipliers[k + 1 :])).verify(
                flat
            )
    # A sum that vanishes in one coordinate only: the hull of x + y <= 3 alone is the plane.
    one = system(lower=np.array([1.0, -math.inf]))
    plane = exact_hull(one)
    assert isinstance(plane, ExactHull)
    assert plane.verify(one)
    assert not replace(plane, dimension=0, multipliers=(1,) * len(plane.multipliers)).verify(one)
    monkeypatch.setattr(hull, "null_space", lambda *_: None)
    assert dimension_of(flat, set()) is None
    assert not found.verify(flat)
