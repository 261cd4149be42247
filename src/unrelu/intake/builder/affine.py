"""Affine nodes that compute."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from unrelu.errors import UnsupportedOperator
from unrelu.intake.builder.site import Operand, Site, full
from unrelu.intake.draft import Signal
from unrelu.operators import (
    Add,
    Convolution,
    Dense,
    Elementwise,
    Mean,
    Normalization,
    Product,
    Quotient,
    Reshape,
    Subtract,
    Sum,
    TransposedConvolution,
)


def dense(at: Site, x: Signal, weight: Tensor, bias: Tensor | None = None) -> Signal:
    """`W x + b`."""
    return at.write(Dense(weight, _bias(weight, bias)), x)


def product(at: Site, x: Signal, matrix: Tensor) -> Signal:
    """`x M`, M a matrix or a vector."""
    if matrix.ndim == 2:
        return dense(at, x, matrix.T.contiguous())
    if matrix.ndim != 1:
        raise UnsupportedOperator(f"node {at.wish!r} multiplies by a stack of matrices; write them as layers.")
    column = dense(at.part("dense"), x, matrix[None])
    return at.write(Reshape(column.shape[:-1]), column)


def convolution(
    at: Site,
    x: Signal,
    weight: Tensor,
    bias: Tensor | None,
    stride: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Signal:
    """A convolution of one to three dimensions."""
    return at.write(Convolution(weight, _bias(weight, bias), stride, padding, dilation, groups), x)


def normalization(
    at: Site,
    x: Signal,
    mean: Tensor,
    variance: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    epsilon: float,
) -> Signal:
    """Batch norm with stored statistics."""
    if not bool((variance + epsilon > 0).all()):
        raise UnsupportedOperator(f"node {at.wish!r} has a running variance that is not positive; train it again.")
    weight = torch.ones_like(mean) if weight is None else weight
    return at.write(Normalization(mean, variance, weight, _bias(weight, bias), epsilon), x)


def mean(at: Site, x: Signal, axes: Iterable[int], keep: bool) -> Signal:
    """Means over axes of a sample."""
    axes = tuple(axes)
    return at.write(Mean(axes, math.prod(x.shape[axis] for axis in axes), keep), x)


def total(at: Site, x: Signal, axes: Iterable[int], keep: bool) -> Signal:
    """Sums over axes of a sample; the same numbers where there is one along them."""
    axes = tuple(axes)
    operator = Sum(axes, math.prod(x.shape[axis] for axis in axes), keep)
    if operator.count != 1:
        return at.write(operator, x)
    shape = operator.output_shape(x.shape)
    return x if shape == x.shape else at.write(Reshape(shape), x)


def transposed_convolution(
    at: Site,
    x: Signal,
    weight: Tensor,
    bias: Tensor | None,
    stride: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int,
) -> Signal:
    """A transposed convolution of one to three dimensions; of its result the padding is cut off."""
    offset = torch.zeros(weight.shape[1] * groups, dtype=torch.float64) if bias is None else bias
    return at.write(TransposedConvolution(weight, offset, stride, padding, dilation, groups), x)


def masked(at: Site, mask: Tensor, x: Operand, other: Operand) -> Signal:
    """`x` where a constant mask is true, else `other`."""
    if isinstance(x, Signal) and isinstance(other, Signal):
        first, second = at.together(x, other)
        kept = [masked(at.part("kept"), mask, first, full(0.0)), masked(at.part("other"), ~mask, second, full(0.0))]
        return add(at, *kept)
    if not isinstance(x, Signal):
        return masked(at, ~mask, at.signal(other), x)
    assert isinstance(other, Tensor)
    if not bool(torch.isfinite(other).all()):
        raise at.unread("fills places with a number that is not finite")
    x, (inside, fill) = at.aligned(x, mask.to(torch.float64), other)
    return at.write(Elementwise(inside, (1 - inside) * fill), x)


def add(at: Site, a: Operand, b: Operand) -> Signal:
    """`a + b`."""
    if isinstance(a, Signal) and isinstance(b, Signal):
        return at.write(Add(), *at.together(a, b))
    x, constant = (a, b) if isinstance(a, Signal) else (at.signal(b), a)
    assert isinstance(constant, Tensor)
    x, (offset,) = at.aligned(x, constant)
    return at.write(Elementwise(full(1.0), offset), x)


def subtract(at: Site, a: Operand, b: Operand) -> Signal:
    """`a - b`."""
    if isinstance(b, Tensor):
        return add(at, a, -b)
    if isinstance(a, Signal):
        return at.write(Subtract(), *at.together(a, b))
    x, (offset,) = at.aligned(b, a)
    return at.write(Elementwise(full(-1.0), offset), x)


def add_multiple(at: Site, a: Operand, b: Operand, factor: Tensor) -> Signal:
    """`a + factor b`."""
    if bool((factor == 1).all()):
        return add(at, a, b)
    if bool((factor == -1).all()):
        return subtract(at, a, b)
    return add(at, a, multiply(at.part("multiple"), b, factor) if isinstance(b, Signal) else factor * b)


def between(at: Site, a: Operand, b: Operand, weight: Tensor) -> Signal:
    """`a + weight (b - a)`."""
    return add(at, a, multiply(at.part("part"), subtract(at.part("difference"), a=b, b=a), weight))


def multiply(at: Site, a: Operand, b: Operand) -> Signal:
    """`a b`; affine where one of them is a constant."""
    if isinstance(a, Signal) and isinstance(b, Signal):
        return at.write(Product(), *at.together(a, b))
    x, constant = (a, b) if isinstance(a, Signal) else (at.signal(b), a)
    assert isinstance(constant, Tensor)
    x, (factor,) = at.aligned(x, constant)
    return at.write(Elementwise(factor, full(0.0)), x)


def divide(at: Site, x: Signal, divisor: Tensor) -> Signal:
    """`x / c`."""
    x, (divisor,) = at.aligned(x, divisor)
    if bool((divisor == 0).any()):
        raise UnsupportedOperator(
            f"node {at.wish!r} divides by a constant that is zero somewhere; correct the constant."
        )
    return at.write(Quotient(divisor), x)


def negate(at: Site, x: Signal) -> Signal:
    """`-x`."""
    return multiply(at, x, full(-1.0))


def _bias(weight: Tensor, bias: Tensor | None) -> Tensor:
    return torch.zeros(len(weight), dtype=torch.float64) if bias is None else bias
