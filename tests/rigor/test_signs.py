"""Signs against exact fractions, near zero above all."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from unrelu.rigor.signs import exact_dot, exact_sign, exact_signs

FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=64, min_value=-1e100, max_value=1e100)


def exact(row: np.ndarray, offset: float, point: np.ndarray) -> int:
    """The sign, by fractions."""
    total = Fraction(offset) + sum(
        (Fraction(a) * Fraction(x) for a, x in zip(row.tolist(), point.tolist(), strict=True)), Fraction(0)
    )
    return (total > 0) - (total < 0)


@given(st.lists(st.tuples(FLOATS, FLOATS), min_size=1, max_size=6), FLOATS)
def test_sign_is_that_of_exact_arithmetic(pairs: list[tuple[float, float]], offset: float) -> None:
    row, point = np.array(pairs).T
    assert exact_sign(row, offset, point) == exact(row, offset, point)
    assert exact_signs(row[None], np.array([offset]), point)[0] == exact(row, offset, point)


def test_cancellation_below_rounding_is_seen() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(50)
    A = rng.standard_normal((200, 50))
    b = -(A @ x)  # rounded: the exact pre-activation is tiny and of either sign
    signs = exact_signs(A, b, x)
    assert [exact(a, float(c), x) for a, c in zip(A, b, strict=True)] == signs.tolist()
    assert {-1, 1} <= set(signs.tolist())


def test_exact_zero_is_zero() -> None:
    assert exact_signs(np.array([[0.1, -0.1]]), np.array([0.0]), np.array([3.0, 3.0]))[0] == 0
    # 0.1 * 3 and 0.3 are different floats; the difference has a sign.
    assert exact_signs(np.array([[0.1]]), np.array([-0.3]), np.array([3.0]))[0] == 1


def test_subnormal_products_are_seen() -> None:
    tiny = 2.0**-540
    assert exact_signs(np.array([[tiny]]), np.array([0.0]), np.array([tiny]))[0] == 1
    assert exact_dot(np.array([tiny, tiny]), np.array([tiny, -tiny])) == 0
