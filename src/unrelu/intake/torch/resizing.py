"""How calls of a traced module are read that resize pictures, signals and volumes by interpolation."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import torch

from unrelu.intake.builder import interpolation, moving
from unrelu.intake.draft import Signal
from unrelu.intake.torch.place import Place


def linear(
    at: Place, x: Any, output_size: Any, align_corners: bool, scale_factors: Sequence[float] | None = None
) -> Signal:
    """(Bi-, tri-)linear interpolation along all axes behind the channels."""
    return _resized(at, x, align_corners, scale_factors, "linear")


def cubic(
    at: Place, x: Any, output_size: Any, align_corners: bool, scale_factors: Sequence[float] | None = None
) -> Signal:
    """The same by cubic convolution."""
    return _resized(at, x, align_corners, scale_factors, "cubic")


def nearest(at: Place, x: Any, **_: Any) -> Signal:
    """The nearest number along each axis behind the channels.

    Which that is depends on how PyTorch rounds places: for some sizes (14 as 46, say) it takes others in float32
    than in float64, and others in one dimension than in two. So it is asked, by the call itself in the model's dtype.
    """
    signal = at.signal(x)
    dtype = torch.promote_types(at.dtype, torch.float32)  # half precision computes places in float32
    axes = range(1, len(at.shape))
    for k in axes:
        along = torch.arange(at.signal(x).shape[k], dtype=dtype).reshape(-1, *[1] * (len(at.shape) - 1 - k))
        found = at.call(along.expand(2, *at.signal(x).shape).contiguous())[0].movedim(k, 0).flatten(1)
        if not bool((found == found[:, :1]).all()):
            raise at.unread("takes other places along one axis than along the next")
        signal = moving.take(at if k == axes[-1] else at.part(f"axis{k}"), signal, k, found[:, 0].to(torch.int64))
    return signal


def _resized(at: Place, x: Any, align_corners: bool, factors: Sequence[float] | None, mode: str) -> Signal:
    signal, last = at.signal(x), len(at.shape) - 1
    for k, (size, count) in enumerate(zip(signal.shape[1:], at.shape[1:], strict=True), start=1):
        if align_corners:
            places = interpolation.corner_places(size, count)
        else:
            # PyTorch goes by the factor that was given, even where that does not lead to a whole size
            scale = 1 / Fraction(float(factors[k - 1])) if factors else None
            places = interpolation.half_pixel_places(size, count, scale)
        site = at if k == last else at.part(f"axis{k}")
        signal = interpolation.interpolate(site, signal, k, places, mode)
    return signal
