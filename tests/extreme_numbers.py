"""Floats of every size, subnormal ones and zeros included, and exact sums of them."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from math import ldexp

import numpy as np
from hypothesis import strategies as st

LEAST = 2.0**-1074

_SMALL = st.integers(-9, 9)
_EXPONENTS = st.sampled_from([-1074, -1073, -1060, -1023, -1022, -1021, -1000, -700, -540, -512, -300, -60, -1, 0, 1])
_LARGE_EXPONENTS = st.sampled_from([300, 500, 512, 700, 1000, 1015, 1020])

NUMBERS = st.builds(ldexp, _SMALL, st.one_of(_EXPONENTS, _LARGE_EXPONENTS))
"""Small integers times powers of two from 2^-1074 to 2^1020."""

TAME = st.builds(ldexp, _SMALL, st.sampled_from([-3, -2, -1, 0, 1, 2]))
"""Such of ordinary size."""


def matrices(m: int, d: int, numbers: st.SearchStrategy[float] = NUMBERS) -> st.SearchStrategy[np.ndarray]:
    """Matrices (m, d) of such numbers."""
    return st.lists(numbers, min_size=m * d, max_size=m * d).map(lambda values: np.reshape(values, (m, d)))


def vectors(n: int, numbers: st.SearchStrategy[float] = NUMBERS) -> st.SearchStrategy[np.ndarray]:
    """Vectors (n,) of such numbers."""
    return st.lists(numbers, min_size=n, max_size=n).map(np.array)


def dot(x: Iterable[float], y: Iterable[float]) -> Fraction:
    """The exact inner product."""
    return sum((Fraction(a) * Fraction(b) for a, b in zip(map(float, x), map(float, y), strict=True)), Fraction(0))


def square(x: Iterable[float]) -> Fraction:
    """The exact squared norm."""
    values = list(x)
    return dot(values, values)
