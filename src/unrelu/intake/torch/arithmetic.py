"""How sums, products and quotients of a traced module are read, masks among them."""

from __future__ import annotations

from typing import Any

from unrelu.intake.builder import affine, moving
from unrelu.intake.builder.site import Handler
from unrelu.intake.draft import Signal
from unrelu.intake.torch.place import Place


def added(sign: float) -> Handler:
    """Sums, which PyTorch takes with a factor: `x + alpha other`."""

    def handle(at: Place, x: Any, other: Any, alpha: float = 1) -> Signal:
        return affine.add_multiple(at, at.operand(x), at.operand(other), at.number(sign * alpha))

    return handle


def subtracted_from(at: Place, x: Any, other: Any, alpha: float = 1) -> Signal:
    """`other - alpha x`."""
    return affine.add_multiple(at, at.operand(other), at.operand(x), at.number(-alpha))


def between(at: Place, x: Any, end: Any, weight: Any) -> Signal:
    """A point between two."""
    return affine.between(at, at.operand(x), at.operand(end), at.weight_or_number(weight))


def added_product(at: Place, x: Any, tensor1: Any, tensor2: Any, value: float) -> Signal:
    """`x + value a b`."""
    first, second = at.operand(tensor1), at.operand(tensor2)
    if isinstance(first, Signal) or isinstance(second, Signal):
        return affine.add_multiple(at, at.operand(x), affine.multiply(at.part("mul"), first, second), at.number(value))
    return affine.add_multiple(at, at.operand(x), first * second, at.number(value))


def added_quotient(at: Place, x: Any, tensor1: Any, tensor2: Any, value: float) -> Signal:
    """`x + value a / b`."""
    first, second = at.operand(tensor1), at.weight(tensor2, "divisor")
    quotient = affine.divide(at.part("div"), first, second) if isinstance(first, Signal) else first / second
    return affine.add_multiple(at, at.operand(x), quotient, at.number(value))


def where(at: Place, condition: Any, x: Any, other: Any) -> Signal:
    """One of two operands by a constant mask."""
    return affine.masked(at, at.weight(condition, "mask") != 0, at.operand(x), at.operand(other))


def masked_fill(at: Place, x: Any, mask: Any, value: Any) -> Signal:
    """A constant where a constant mask is true."""
    return affine.masked(at, at.weight(mask, "mask") == 0, at.operand(x), at.operand(value))


def difference(at: Place, x: Any, n: int, dim: int, prepend: Any = None, append: Any = None) -> Signal:
    """Of neighbours along an axis."""
    signal = at.signal(x)
    axis = at.own_axis(dim, signal)
    if n != 1 or prepend is not None or append is not None:
        raise at.unread("takes differences of a higher order, or of more than a sample")
    after = moving.cut(at.part("after"), signal, axis, slice(1, None))
    return affine.subtract(at, after, moving.cut(at.part("before"), signal, axis, slice(0, -1)))


def divide(at: Place, x: Any, other: Any, rounding_mode: str | None = None) -> Signal:
    """`x / c`."""
    if rounding_mode is not None or isinstance(other, Signal):
        raise at.unread("divides by what depends on the input, or rounds, so it is not affine")
    return affine.divide(at, at.signal(x), at.number(other))
