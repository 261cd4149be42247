"""Norm bounds enclose the exact norm."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrelu.rigor.rounding import gamma, norm_above, norm_below, row_norms_above

VECTORS = st.lists(st.floats(-1e200, 1e200, allow_nan=False), min_size=1, max_size=8)


@given(VECTORS)
def test_norms_enclose(values: list[float]) -> None:
    exact = sum((Fraction(value) ** 2 for value in values), Fraction(0))
    above, below = norm_above(np.array(values)), norm_below(np.array(values))
    assert Fraction(above) ** 2 >= exact
    assert Fraction(below) ** 2 <= exact


@given(VECTORS)
def test_row_norms_enclose_or_are_infinite(values: list[float]) -> None:
    exact = sum((Fraction(value) ** 2 for value in values), Fraction(0))
    norm = float(row_norms_above(np.array([values]))[0])
    assert math.isinf(norm) or Fraction(norm) ** 2 >= exact


def test_what_is_not_finite_bounds_nothing() -> None:
    assert norm_above(np.array([np.nan])) == math.inf
    assert norm_above(np.array([np.inf])) == math.inf
    assert norm_below(np.array([np.nan])) == 0.0


def test_too_long_sums_have_no_bound() -> None:
    assert Fraction(gamma(1000)) >= Fraction(1000, 2**53) / (1 - Fraction(1000, 2**53))
    with pytest.raises(OverflowError, match="no rounding bound"):
        gamma(2**53)
