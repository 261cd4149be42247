"""How nodes of an ONNX graph are read that enlarge pictures, or make them smaller."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from unrelu.errors import ModelFileError, UnsupportedOperator
from unrelu.intake.builder import interpolation, moving
from unrelu.intake.draft import Signal
from unrelu.intake.onnx.place import Place, Value

_HALF = Fraction(1, 2)

_MOST = 2**14
"""Places along an axis; each is computed as a fraction."""

_COORDINATES: dict[str, Callable[[int, Fraction, int, int], Fraction]] = {
    "half_pixel": lambda k, scale, size, count: (k + _HALF) / scale - _HALF,
    "pytorch_half_pixel": lambda k, scale, size, count: (k + _HALF) / scale - _HALF if count > 1 else Fraction(0),
    "half_pixel_symmetric": lambda k, scale, size, count: (
        Fraction(size, 2) * (1 - count / (scale * size)) + (k + _HALF) / scale - _HALF
    ),
    "align_corners": lambda k, scale, size, count: (
        k * (size - 1) / (scale * size - 1) if scale * size != 1 else Fraction(0)
    ),
    "asymmetric": lambda k, scale, size, count: k / scale,
}
"""Where the k-th of so many new places lies among the old ones, by the name of the mode."""

_NEAREST: dict[str, Callable[[Fraction], int]] = {
    "round_prefer_floor": lambda place: math.ceil(place - _HALF),
    "round_prefer_ceil": lambda place: math.floor(place + _HALF),
    "floor": math.floor,
    "ceil": math.ceil,
}


def resize(
    at: Place, x: Value, second: Value | None = None, scales: Value | None = None, sizes: Value | None = None
) -> Signal:
    """`Resize`; in opset 10 the second operand is the scales, later a region of interest."""
    if at.model.opset < 11:
        return _resized(at, at.signal(x), second, None, "asymmetric", "floor")
    if at.attribute("antialias", 0) or at.attribute("exclude_outside", 0):
        raise UnsupportedOperator(
            f"node {at.wish!r} resizes with antialias or exclude_outside, which is affine, but not read yet; "
            f"{at.advice}."
        )
    if at.attribute("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise UnsupportedOperator(f"node {at.wish!r} keeps an aspect ratio; export it with the sizes that it gives.")
    coordinates = at.attribute("coordinate_transformation_mode", "half_pixel")
    empty = isinstance(scales, np.ndarray) and not scales.size
    return _resized(
        at,
        at.signal(x),
        None if empty else scales,
        sizes,
        coordinates,
        at.attribute("nearest_mode", "round_prefer_floor"),
    )


def upsample(at: Place, x: Value, scales: Value | None = None) -> Signal:
    """`Upsample`, which is a `Resize` of opset 10."""
    given = np.asarray(at.attribute("scales", []), dtype=np.float32) if scales is None else scales
    return _resized(at, at.signal(x), given, None, "asymmetric", "floor")


def _resized(at: Place, x: Signal, scales: Value | None, sizes: Value | None, coordinates: str, nearest: str) -> Signal:
    mode = {"bilinear": "linear", "bicubic": "cubic"}.get(
        at.attribute("mode", "nearest"), at.attribute("mode", "nearest")
    )
    if coordinates not in _COORDINATES or mode not in ("nearest", "linear", "cubic") or nearest not in _NEAREST:
        raise UnsupportedOperator(
            f"node {at.wish!r} resizes in mode {mode!r} with {coordinates!r} and {nearest!r}, which is not read; "
            f"{at.advice}."
        )
    cubic = float(at.attribute("cubic_coeff_a", -0.75))
    for k, (axis, count, scale) in enumerate(_plan(at, x, scales, sizes)):
        size = x.shape[axis]
        at.check_size((*x.shape[:axis], count, *x.shape[axis + 1 :]))
        places = [_COORDINATES[coordinates](each, scale, size, count) for each in range(count)]
        here = at.part(f"axis{k}")
        if mode == "nearest":
            x = moving.take(here, x, axis, [min(max(_NEAREST[nearest](place), 0), size - 1) for place in places])
        else:
            x = interpolation.interpolate(here, x, axis, places, mode, cubic)
    return x


def _plan(at: Place, x: Signal, scales: Value | None, sizes: Value | None) -> list[tuple[int, int, Fraction]]:
    """Axes of the sample that change: which, their new sizes, and the scales."""
    dims = at.dims(x)
    named = at.attribute("axes", None)
    axes = list(range(len(dims))) if named is None else [int(axis) for axis in named]
    if (scales is None) == (sizes is None):
        raise at.unread("is given neither sizes nor scales" if scales is None else "is given sizes and scales")
    if scales is None:
        given = at.integers(sizes, "sizes")
        factors = [Fraction(size, dims[axis]) for axis, size in zip(axes, given, strict=True)]
    else:
        factors = [Fraction(number) for number in at.weight(scales, "scales").reshape(-1).tolist()]
        given = [math.floor(factor * dims[axis]) for axis, factor in zip(axes, factors, strict=True)]
    plan = []
    for axis, count, factor in zip(axes, given, factors, strict=True):
        inner = at.axis(axis, x)
        if inner < 0 and factor != 1:
            raise at.mixing("resizes the batch")
        if inner >= 0 and not 1 <= count <= _MOST:
            raise ModelFileError(
                f"node {at.wish!r} resizes an axis from {dims[axis]:,} to {count:,}; from 1 to {_MOST:,} are read."
            )
        if inner >= 0 and (count != dims[axis] or factor != 1):
            plan.append((inner, count, factor))
    return plan
