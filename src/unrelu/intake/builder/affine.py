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
