"""Piecewise linear nodes."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from unrelu.errors import UnsupportedOperator
from unrelu.intake.builder.affine import add, divide
from unrelu.intake.builder.site import Operand, Site, full
from unrelu.intake.draft import Signal
from unrelu.operators import (
    AtLeast,
    AtMost,
    Clamp,
    LargestAlong,
    LeakyReLU,
    Maximum,
    MaxPool,
    Minimum,
    Operator,
    ReLU,
    Reshape,
    SmallestAlong,
)


def leaky_relu(at: Site, x: Signal, slope: Tensor) -> Signal:
    """X where it is positive, else `slope x`."""
    if not bool(slope.any()):
        return at.write(ReLU(), x)
    x, (slope,) = at.aligned(x, slope)
    return at.write(LeakyReLU(slope), x)


def clamp(at: Site, x: Signal, lower: Operand | None, upper: Operand | None) -> Signal:
    """`min(max(x, lower), upper)`; a bound that no number of the model's dtype exceeds is none."""
    lower, upper = _bound(at, lower, -1.0), _bound(at, upper, 1.0)
    if isinstance(lower, Signal) or isinstance(upper, Signal):
        raised = x if lower is None else largest(at if upper is None else at.part("max"), x, lower)
        return raised if upper is None else largest(at, raised, upper, smallest=True)
    if lower is None and upper is None:
        return x
    x, bounds = at.aligned(x, *(bound for bound in (lower, upper) if bound is not None))
    if upper is None:
        (floor,) = bounds
        return at.write(AtLeast(floor) if bool(floor.any()) else ReLU(), x)
    if lower is None:
        return at.write(AtMost(bounds[0]), x)
    floor, ceiling = torch.broadcast_tensors(*bounds)
    # where the bounds are crossed the upper one wins
    return at.write(Clamp(torch.minimum(floor, ceiling).contiguous(), ceiling.contiguous()), x)


def largest(at: Site, *values: Operand, smallest: bool = False) -> Signal:
    """The largest of several operands in each place, or the smallest."""
    signals = list(dict.fromkeys(value for value in values if isinstance(value, Signal)))
    constants = [value for value in values if isinstance(value, Tensor)]
    if not signals:
        at.signal(values[0])
    (x,) = signals if len(signals) == 1 else (None,)
    if x is None:
        operator = Minimum() if smallest else Maximum()
        x = (at.part("signals") if constants else at).write(operator, *at.together(*signals))
    if not constants:
        return x
    bound = functools.reduce(torch.minimum if smallest else torch.maximum, constants)
    return clamp(at, x, None, bound) if smallest else clamp(at, x, bound, None)


def smallest(at: Site, *values: Operand) -> Signal:
    """The smallest of several operands in each place."""
    return largest(at, *values, smallest=True)


def largest_along(at: Site, x: Signal, axes: Iterable[int], keep: bool, smallest: bool = False) -> Signal:
    """The largest numbers along axes of a sample, or the smallest."""
    operator = (SmallestAlong if smallest else LargestAlong)(tuple(sorted(axes)), keep)
    if math.prod(x.shape[axis] for axis in operator.axes) == 1:
        shape = operator.output_shape(x.shape)
        return x if shape == x.shape else at.write(Reshape(shape), x)
    return at.write(operator, x)


def smallest_along(at: Site, x: Signal, axes: Iterable[int], keep: bool) -> Signal:
    """The smallest numbers along axes of a sample."""
    return largest_along(at, x, axes, keep, smallest=True)


def max_pool_into(at: Site, x: Signal, sizes: Sequence[int]) -> Signal:
    """Max pooling into so many equal windows along each axis."""
    if any(old % new for old, new in zip(x.shape[1:], sizes, strict=True)):
        raise at.unread(f"pools {x.shape[1:]} into {tuple(sizes)} windows, which are not all of one size")
    kernel = tuple(old // new for old, new in zip(x.shape[1:], sizes, strict=True))
    return at.write(plain_max_pool(kernel), x)


def plain_max_pool(kernel: tuple[int, ...]) -> Operator:
    """Max pooling by windows side by side."""
    return MaxPool(kernel, kernel, ((0, 0),) * len(kernel), (1,) * len(kernel))


def hard_sigmoid(at: Site, x: Signal) -> Signal:
    """`min(max(x + 3, 0), 6) / 6`."""
    raised = add(at.part("shift"), x, full(3.0))
    return divide(at, clamp(at.part("clamp"), raised, full(0.0), full(6.0)), full(6.0))


def _bound(at: Site, bound: Operand | None, sign: float) -> Operand | None:
    """The bound, sign 1 for an upper one; None where it bounds nothing.

    Raises:
        UnsupportedOperator: if it bounds something in some places only.
    """
    if not isinstance(bound, Tensor):
        return bound
    idle = sign * bound >= at.largest
    if bool(idle.all()):
        return None
    if bool(idle.any()):
        raise UnsupportedOperator(
            f"node {at.wish!r} has infinite bounds beside finite ones; give bounds that are all finite."
        )
    return bound
