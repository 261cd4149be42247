"""Numbers as people read them."""

from __future__ import annotations

import math

NONE = "–"
"""Stands where a record has no number."""

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_PLAIN_FROM, _PLAIN_BELOW = 1e-3, 1e6  # numbers outside are shown with a power of ten


def count(value: float | None) -> str:
    """A count, or the median of counts, which may end in a half.

    >>> count(1234), count(68.5), count(70.0), count(None)
    ('1,234', '68.5', '70', '–')
    """
    if value is None:
        return NONE
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def real(value: float | None, digits: int = 3) -> str:
    """A real number to so many significant digits.

    >>> real(0.012345), real(1234.5), real(2.5e-17), real(0.0), real(math.inf), real(None)
    ('0.0123', '1,230', '2.50×10⁻¹⁷', '0', '∞', '–')
    """
    if value is None or math.isnan(value):
        return NONE
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    mantissa, exponent = f"{abs(value):.{digits - 1}e}".split("e")
    sign = "−" if value < 0 else ""
    if _PLAIN_FROM <= abs(value) < _PLAIN_BELOW:
        return sign + f"{float(f'{mantissa}e{exponent}'):,.{max(0, digits - 1 - int(exponent))}f}"
    return f"{sign}{mantissa}×{power_of_ten(int(exponent))}"


def rough(value: float | None) -> str:
    """A real number of which only the size matters.

    >>> rough(7.11e-15)
    '7.1×10⁻¹⁵'
    """
    return real(value, 2)


def power_of_ten(exponent: int) -> str:
    """A power of ten.

    >>> power_of_ten(-12)
    '10⁻¹²'
    """
    return "10" + str(exponent).translate(_SUPERSCRIPTS)


def norm_name(p: float) -> str:
    """What a distance is called.

    >>> norm_name(1), norm_name(2), norm_name(math.inf)
    ('L¹', 'L²', 'L∞')
    """
    return "L∞" if math.isinf(p) else f"L{str(int(p)).translate(_SUPERSCRIPTS)}"


def shape_name(shape: tuple[int, ...] | list[int]) -> str:
    """A shape in words.

    >>> shape_name((3, 32, 32))
    '3 × 32 × 32'
    """
    return " × ".join(str(side) for side in shape)


def seconds(value: float) -> str:
    """A duration.

    >>> seconds(0.24), seconds(73.2)
    ('0.2 s', '1 min 13 s')
    """
    if value < 60:
        return f"{value:.1f} s"
    return f"{int(value) // 60} min {int(value) % 60} s"
