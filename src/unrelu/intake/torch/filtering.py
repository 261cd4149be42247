"""How convolutions and pools of a traced module are read."""

from __future__ import annotations

from typing import Any

from unrelu.errors import UnsupportedOperator
from unrelu.intake.builder import affine
from unrelu.intake.draft import Signal
from unrelu.intake.torch.place import Place
from unrelu.operators import AdaptiveAveragePool, AveragePool, MaxPool


def convolution(
    at: Place, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Signal:
    """A convolution, of any padding that PyTorch knows."""
    W, steps = at.weight(weight, "filters"), at.spread(dilation)
    if padding == "same":  # torch pads the odd zero at the end
        sums = [step * (width - 1) for step, width in zip(steps, W.shape[2:], strict=True)]
        pads = tuple((total // 2, total - total // 2) for total in sums)
    else:
        pads = _even(at, 0 if padding == "valid" else padding)
    return affine.convolution(at, at.signal(x), W, at.optional(bias, "bias"), at.spread(stride), pads, steps, groups)


def transposed_convolution(
    at: Place,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Signal:
    """A transposed convolution."""
    more = zip(at.spread(padding), at.spread(output_padding), strict=True)
    cut = tuple((side, side - added) for side, added in more)
    W, b = at.weight(weight, "filters"), at.optional(bias, "bias")
    return affine.transposed_convolution(at, at.signal(x), W, b, at.spread(stride), cut, at.spread(dilation), groups)


def average_pool(
    at: Place,
    x: Any,
    kernel_size: Any,
    stride: Any,
    padding: Any,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None = None,
) -> Signal:
    """Average pooling."""
    if divisor_override is not None:
        raise UnsupportedOperator(f"node {at.wish!r} overrides the divisor of average pooling; multiply instead.")
    kernel = at.spread(kernel_size)
    steps = at.spread(stride) if stride else kernel
    return at.write(AveragePool(kernel, steps, _even(at, padding), ceil_mode, count_include_pad), at.signal(x))


def adaptive_average_pool(at: Place, x: Any, output_size: Any) -> Signal:
    """Average pooling into windows of any sizes."""
    return at.write(AdaptiveAveragePool(at.shape[1:], at.signal(x).shape[1:]), x)


def max_pool(at: Place, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Signal:
    """Max pooling."""
    kernel = at.spread(kernel_size)
    steps = at.spread(stride) if stride else kernel
    return at.write(MaxPool(kernel, steps, _even(at, padding), at.spread(dilation), ceil_mode), at.signal(x))


def _even(at: Place, padding: Any) -> tuple[tuple[int, int], ...]:
    return tuple((pad, pad) for pad in at.spread(padding))
