"""The bound of a Motzkin sum against the same bound written out plainly, with errors that can be seen.

The singular value is put in exactly, so that nothing hides a term that is missing; a unit roundoff of 2^-12, or a step
of rounding up of 2^-8, makes each error large.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from coarse import coarsen
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificates import motzkin
from unrelu.preimages.certificates.motzkin import ExactMotzkin, Motzkin, _maximum_above, _up, _with_vanishing
from unrelu.preimages.certificates.sign_system import OrientedRows, SignSystem
from unrelu.rigor.rounding import UNDERFLOW

INF = math.inf
LOWER, UPPER = np.array([-1.0, -INF, -2.0, -INF, 0.5]), np.array([2.0, 3.0, INF, INF, 0.5])


def some_rows(seed: int, free: np.ndarray) -> tuple[OrientedRows, np.ndarray]:
    """12 rows on 5 coordinates, five of them equal, and multipliers whose sum nearly vanishes where it has to."""
    rng = np.random.default_rng(seed)
    matrix = rng.choice([0.0, 1.0, -1.0, 0.5, -0.25, 0.75], (12, 5))
    matrix[7:] = np.eye(5)
    matrix[8, 0] = matrix[9, 4] = 0.5
    equal = np.arange(12) >= 7
    v = np.where(equal, 0.0, rng.random(12) + 1.0)
    v[rng.integers(0, 7)] = 0.0
    small = free | (np.isinf(LOWER) & np.isinf(UPPER))
    slopes = np.where(small, 2.0**-7, np.array([1.0, 0.5, -0.5, 0.0, 1.0])) * np.where(
        small | np.array([True, False, False, False, True]), rng.choice([-1.0, 1.0], 5), 1.0
    )
    v[7:] = np.linalg.solve(matrix[7:].T, slopes - v @ matrix)
    errors = rng.choice([0.0, 0.5], 12)
    return OrientedRows(matrix, rng.choice([0.0, -3.0, 2.0, -0.5], 12), errors, np.zeros(12, dtype=bool), equal), v


def written_out(
    of: OrientedRows, v: np.ndarray, free: np.ndarray, *, g: float = 0.0, loss: float = 0.0, up: float = 0.0
) -> float:
    """The bound of the docstring, products of the sum off by g times their sizes and a loss, all else by a part."""

    def above(value: np.ndarray) -> np.ndarray:
        return value + up * np.abs(value)

    w, error = v @ of.matrix, g * (np.abs(v) @ np.abs(of.matrix)) + loss
    for _ in range(9):
        columns, constant = np.zeros(5), 0.0
        if free.any():
            changed = of.equal | (v > 1e-9 * np.abs(v).max())
            part = of.matrix[changed]
            if len(part) < free.sum():
                return INF
            s = np.linalg.svd(part[:, free], compute_uv=False)[-1]
            eta = np.linalg.norm(above(np.abs(w) + error)[free]) / s if s > 1e-9 else INF
            if not (v[changed & ~of.equal] > eta).all():
                return INF
            columns = above(np.linalg.norm(part, axis=0) * eta)
            of_constants = above((np.abs(of.constants) + of.constant_errors)[changed])
            constant = float(above(np.asarray(np.linalg.norm(of_constants) * eta)))
        total = above(error + columns)
        low, high = -above(total - w), above(w + total)
        exact = total == 0
        low, high = np.where(exact, w, low), np.where(exact, w, high)
        limitless = ~free & (((high > 0) & np.isinf(UPPER)) | ((low < 0) & np.isinf(LOWER)))
        if not limitless.any():
            ends = [np.where(np.isfinite(end), end, np.nan) for end in (LOWER, UPPER)]
            at_ends = np.array([above(slope * end) for slope in (low, high) for end in ends])
            support = np.where(np.isnan(at_ends).all(axis=0), 0.0, np.nanmax(np.nan_to_num(at_ends, nan=-INF), axis=0))
            constants = above(v * of.constants) + above(np.abs(v) * of.constant_errors)
            return float(constants.sum() + support[~free].sum() + constant)
        free = free | limitless
    return INF


def exact_singular_value(monkeypatch: pytest.MonkeyPatch) -> None:
    def least(part: np.ndarray) -> float:
        return float(np.linalg.svd(part, compute_uv=False)[-1]) if part.shape[0] >= part.shape[1] else 0.0

    monkeypatch.setattr(motzkin, "smallest_singular_value_bound", least)


FREE = [
    np.zeros(5, dtype=bool),
    np.array([False, False, False, True, True]),
    np.array([True, True, False, True, False]),
]


@pytest.mark.parametrize("free", FREE)
def test_the_errors_of_products_go_through_the_whole_bound(monkeypatch: pytest.MonkeyPatch, free: np.ndarray) -> None:
    exact_singular_value(monkeypatch)
    unit, finite = 2.0**-13, 0
    for seed in range(60):
        of, v = some_rows(seed, free)
        coarsen(monkeypatch, motzkin, unit)
        monkeypatch.setattr(motzkin, "lost", lambda *_: unit)
        errors: list[np.ndarray] = []
        with monkeypatch.context() as patched:
            patched.setattr(motzkin, "_with_vanishing", lambda *given, errors=errors: errors.append(given[3]) or INF)
            _maximum_above(of, v, LOWER, UPPER)
            coarsen(patched, motzkin, 0.0)
            _maximum_above(of, v, LOWER, UPPER)
        size = np.abs(v) @ np.abs(of.matrix)
        assert (errors[0] >= 12 * unit * size + unit).all()
        assert (errors[0] <= 40 * unit * size + unit).all()
        assert errors[2].tolist() == [unit] * 5
        w = v @ of.matrix
        found = _with_vanishing(of, v, w, 12 * unit * size + unit, LOWER, UPPER, free)
        expected = written_out(of, v, free, g=12 * unit, loss=unit)
        assert found == expected or expected <= found <= expected + 1e-9
        finite += math.isfinite(expected)
    assert finite > 20


@pytest.mark.parametrize("free", FREE)
def test_each_operation_is_rounded_up(monkeypatch: pytest.MonkeyPatch, free: np.ndarray) -> None:
    exact_singular_value(monkeypatch)
    up, finite = 2.0**-8, 0
    monkeypatch.setattr(motzkin, "_up", lambda values, exact: np.where(exact, values, values + np.abs(values) * up))
    for seed in range(60):
        of, v = some_rows(seed, free)
        error = 2.0**-10 * (np.abs(v) @ np.abs(of.matrix))
        found = _with_vanishing(of, v, v @ of.matrix, error, LOWER, UPPER, free)
        expected = written_out(of, v, free, g=2.0**-10, up=up)
        assert found == expected or abs(found - expected) <= 1e-9
        finite += math.isfinite(expected)
    assert finite > 20


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 0.1, -1 / 3, 1e300, 5e-324, -5e-324, 1e-310, 7.7])
def test_a_step_up_is_more_than_two_operations_lose(value: float) -> None:
    x = Fraction(value)
    step = Fraction(float(_up(value, False))) - x
    lost = abs(x) * Fraction(1, 2**52) + Fraction(UNDERFLOW)
    assert lost <= step <= 4 * lost
    assert float(_up(value, True)) == value
    both = _up(np.array([value, value]), np.array([True, False]))
    assert both.tolist() == [value, float(_up(value, False))]


def rows(matrix: list[list[float]], constants: list[float], equal: tuple[int, ...] = ()) -> OrientedRows:
    n = len(matrix)
    return OrientedRows(
        np.array(matrix), np.array(constants), np.zeros(n), np.zeros(n, dtype=bool), np.isin(np.arange(n), equal)
    )


def above(of: OrientedRows, v: list[float], lower: list[float], upper: list[float]) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return _maximum_above(of, np.array(v), np.array(lower), np.array(upper))


BOUNDS = [(-INF, INF), (-INF, 1.0), (-1.0, INF)]


@pytest.mark.parametrize(("lower", "upper"), BOUNDS)
def test_a_slope_is_zero_only_where_its_exact_sum_is(lower: float, upper: float) -> None:
    """Without a second row on the coordinate that may change, what is computed as 0 has to be 0."""
    # 2^-54 + 2^-54 is lost in 1 + ... - 1 in one order, and never by exact sums.
    tiny = 2.0**-54
    matrix = [[1.0], [tiny], [-1.0]]
    assert (np.ones(3) @ np.array(matrix)).item() in (0.0, tiny)
    for sign in (1.0, -1.0):
        hidden = rows([[sign * number for number in row] for row in matrix], [-1.0, 0.0, -1.0])
        # The multipliers 1e-30 cannot change by what it takes.
        found = above(hidden, [1e-300, 1e-300, 1e-300], [lower], [upper])
        assert found == INF or found > -2.1e-300
    exact = rows([[0.1], [-0.1]], [-1.0, 0.5])
    for v in ([1.0, 1.0], [0.3, 0.3]):
        assert -0.5 * v[0] <= above(exact, v, [lower], [upper]) <= -0.5 * v[0] * (1 - 1e-12)


@pytest.mark.parametrize(("lower", "upper"), BOUNDS)
def test_what_is_computed_as_zero_is_summed_exactly(
    monkeypatch: pytest.MonkeyPatch, lower: float, upper: float
) -> None:
    """With one singular value of 0 no multiplier may change, so that the exact sum alone decides."""
    monkeypatch.setattr(motzkin, "smallest_singular_value_bound", lambda _: 0.0)
    tiny = 2.0**-54
    for last, vanishes in ((-tiny, True), (-tiny * (1 - 2.0**-52), False), (-tiny * (1 + 2.0**-52), False)):
        of = rows([[1.0], [tiny], [-1.0], [last]], [-1.0, -1.0, 0.0, 0.0])
        v = np.ones(4).view(Cancelling)
        assert (v @ of.matrix).item() == 0.0
        assert math.isfinite(_maximum_above(of, v, np.array([lower]), np.array([upper]))) == vanishes
        # Between two bounds the error is paid for, whether the sum is exactly 0 or not.
        assert -2.0 + 2.0**-52 < _maximum_above(of, v, np.array([-1.0]), np.array([1.0])) < -1.9
        other = rows([[1.0], [tiny], [1.0], [last]], [-1.0, -1.0, 0.0, 0.0])
        positive = _maximum_above(other, v, np.array([lower]), np.array([upper]))
        assert math.isinf(positive) == math.isinf(upper)
        # What is exactly 0 and not computed as 0 has its error still: a slope of 2^-54 would help below -1.
        v = np.ones(4).view(Misleading)
        slight = rows([[1.0], [tiny], [-1.0], [-tiny]], [-(2.0**-70), 0.0, 0.0, 0.0])
        for ends in ((lower, -1.0), (1.0, upper)):
            assert _maximum_above(slight, v * 1.0, np.array([ends[0]]), np.array([ends[1]])) >= -(2.0**-70)
    # A coordinate that no row uses costs nothing anywhere, and one that only seems unused does.
    unused = rows([[0.0], [0.0]], [-1.0, 0.0])
    assert above(unused, [1.0, 1.0], [-1e9], [1e9]) == pytest.approx(-1.0, abs=1e-15)


class Misleading(np.ndarray):
    """Numbers whose sum of products with rows of both signs is computed as 2^-54."""

    def __matmul__(self, other: object) -> np.ndarray:
        both = np.asarray(other).min() < 0
        return np.full(np.asarray(other).shape[1], 2.0**-54) if both else np.asarray(self) @ np.asarray(other)


class Cancelling(np.ndarray):
    """Numbers whose sum of products with rows of both signs is computed as 0."""

    def __matmul__(self, other: object) -> np.ndarray:
        return np.asarray(self) @ np.asarray(other) * (np.asarray(other).min() >= -0.5)


def test_a_sum_of_which_one_part_overflows_proves_nothing() -> None:
    for matrix in ([[1e308, 1.0], [1e308, 1.0]], [[1.0, 1e308], [1.0, 1e308]]):
        assert above(rows(matrix, [-1.0, -1.0]), [9.0, 9.0], [-1.0, -1.0], [1.0, 1.0]) == INF
        assert above(rows(matrix, [-1.0, -1.0]), [9.0, 9.0], [0.0, 0.0], [0.0, 0.0]) == INF
        opposite = [[x if abs(x) == 1.0 else -x for x in matrix[0]], matrix[1]]
        assert above(rows(opposite, [-1.0, -1.0]), [1.0, 9.0], [0.0, 0.0], [0.0, 0.0]) == INF


def test_a_single_multiplier_of_the_wrong_sign_proves_nothing() -> None:
    """x > 1 with 2 x > 3 has solutions."""
    two = SignSystem(
        np.array([[1.0], [1.0]]), np.array([-1.0, -1.5]), np.zeros(2, dtype=bool), Polyhedron(origin=np.zeros(1))
    )
    assert not Motzkin(np.array([-1.0, 1.0])).verify(two)
    assert not Motzkin(np.array([1.0, -1.0])).verify(two)
    assert [row[0] for row in two.exact_rows] == [1, 2]
    assert not ExactMotzkin((-2, 1)).verify(two)
    assert not ExactMotzkin((2, -1)).verify(two)
    touching = SignSystem(
        np.array([[1.0], [1.0], [1.0]]), np.array([0.0, 0.0, 0.5]), np.array([False, True, False]), two.domain
    )
    assert Motzkin(np.array([1.0, 1.0, 0.0])).verify(touching)
    assert not Motzkin(np.array([1.0, 1.0, -1e-300])).verify(touching)
    twisted = SignSystem(
        np.array([[1.0, 0.0], [1.0, 1.0]]),
        np.array([-1.0, -1.0]),
        np.array([False, True]),
        Polyhedron(origin=np.zeros(2)),
    )
    for values in ((1, 1), (1, 2)):  # one coordinate is left: x > 1 and x + y <= 1
        assert not ExactMotzkin(values).verify(twisted)
        assert not Motzkin(np.array(values, dtype=float)).verify(twisted)
    for wrong in (math.nan, INF, -INF):
        none = SignSystem(
            np.array([[1.0], [0.0]]), np.array([0.0, 1.0]), np.zeros(2, dtype=bool), Polyhedron(origin=np.zeros(1))
        )
        assert not Motzkin(np.array([0.0, wrong])).verify(none)


def test_fewer_rows_than_coordinates_make_nothing_vanish() -> None:
    """x + y = 0 and x + y / 2 > 10^12 have solutions, though a large multiplier of the equality is changed freely."""
    of = rows([[1.0, 1.0], [1.0, 0.5]], [0.0, -1e12], equal=(0,))
    assert above(of, [1.0, 1e-10], [-INF, -INF], [INF, INF]) == INF
    assert above(of, [1.0, 1e-10], [-INF, -INF], [INF, 1e9]) > 0


@pytest.mark.parametrize("s", [3.0, 0.7, 0.1, 49.0])
@pytest.mark.parametrize("r", [0.1, 0.3, 1.0, 1e-3, 3.3e-308, 5e-324])
def test_a_change_of_multipliers_is_no_less_than_the_residual_over_the_singular_value(
    monkeypatch: pytest.MonkeyPatch, r: float, s: float
) -> None:
    of = rows([[1.0]], [0.0], equal=(0,))
    norms = iter([r, 1.0, 1.0])
    monkeypatch.setattr(motzkin, "norm_above", lambda _: next(norms))
    monkeypatch.setattr(motzkin, "smallest_singular_value_bound", lambda _: s)
    monkeypatch.setattr(motzkin, "_up", lambda values, _: np.asarray(values))
    changed = motzkin._correction(of, np.ones(1), np.ones(1), np.zeros(1), np.ones(1, dtype=bool))
    assert changed is not None
    exact = Fraction(r) / Fraction(s)
    assert exact <= Fraction(float(changed.columns[0])) <= exact * (1 + Fraction(1, 2**48)) + 2 * Fraction(UNDERFLOW)
