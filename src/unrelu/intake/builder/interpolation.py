"""Interpolation along an axis, and sums of overlapping windows."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import torch

from unrelu.intake.builder.moving import reshape
from unrelu.intake.builder.site import Site
from unrelu.intake.draft import Signal
from unrelu.operators import Blend, Shape


def half_pixel_places(size: int, count: int, scale: Fraction | None = None) -> list[Fraction]:
    """Where the middles of so many new places lie among the middles of the old ones.

    Args:
        size: number of old places.
        count: number of new ones.
        scale: old places for each new one; `size / count` if left out.
    """
    step = Fraction(size, count) if scale is None else scale
    return [step * (k + Fraction(1, 2)) - Fraction(1, 2) for k in range(count)]


def corner_places(size: int, count: int) -> list[Fraction]:
    """The same where the first and the last place stay."""
    return [Fraction(k * (size - 1), count - 1) if count > 1 else Fraction(0) for k in range(count)]


def interpolate(at: Site, x: Signal, axis: int, places: Sequence[Fraction], mode: str, cubic: float = -0.75) -> Signal:
    """Numbers between those along an axis; beyond its ends those of its ends.

    Weights are computed as fractions and rounded once. A model computes them in floating point, from places that are
    off by a few units in the last place of the largest: that is the blur.

    Args:
        at: where.
        x: the sample.
        axis: of it.
        places: where.
        mode: "linear" or "cubic".
        cubic: the parameter of cubic convolution (Keys, Cubic convolution interpolation for digital image processing,
            1981, whose a it is).
    """
    size = x.shape[axis]
    rows: list[dict[int, Fraction]] = []
    for place in places:
        held = min(max(place, Fraction(0)), Fraction(size - 1)) if mode == "linear" else place
        first = math.floor(held)
        row: dict[int, Fraction] = defaultdict(Fraction)
        for offset, weight in enumerate(
            _weights(held - first, mode, Fraction(cubic)), start=0 if mode == "linear" else -1
        ):
            row[min(max(first + offset, 0), size - 1)] += weight
        rows.append({index: weight for index, weight in row.items() if weight})
    # a place is a product, two sums and a rounded factor; the cubic weights change at most 3 times as fast as it, and
    # are sums of numbers up to 16 in a dozen operations
    blur = 6.0 * (size + 1) if mode == "linear" else 24.0 * (size + 1) + 200.0
    return blend(at, x, axis, rows, blur)


def blend(at: Site, x: Signal, axis: int, rows: Sequence[dict[int, Fraction]], blur: float = 0.0) -> Signal:
    """Weighted sums of a few numbers along an axis: for each the weights by place."""
    width = max(1, *(len(row) for row in rows)) if rows else 1
    indices, weights = np.full((len(rows), width), -1.0), np.zeros((len(rows), width))
    for k, row in enumerate(rows):
        indices[k, : len(row)] = list(row)
        weights[k, : len(row)] = [float(weight) for weight in row.values()]
    return at.write(Blend(torch.from_numpy(indices), torch.from_numpy(weights), axis, blur), x)


def scattered_sum(at: Site, x: Signal, targets: np.ndarray, shape: Shape) -> Signal:
    """Each number added to one of the result's, as overlapping windows are added up.

    Args:
        at: where.
        x: the sample.
        targets: int64, one for each number of the sample in C order: which of the result's; -1 for none.
        shape: sample shape of the result.
    """
    rows: list[dict[int, Fraction]] = [{} for _ in range(math.prod(shape))]
    for source, target in enumerate(targets.reshape(-1).tolist()):
        if target >= 0:
            rows[target][source] = Fraction(1)
    flat = reshape(at.part("flat"), x, (math.prod(x.shape),))
    return reshape(at, blend(at.part("sum"), flat, 0, rows), shape)


def _weights(t: Fraction, mode: str, a: Fraction) -> list[Fraction]:
    """Of the places around one that is t behind the first of the two in the middle."""
    if mode == "linear":
        return [1 - t, t]
    near = lambda s: ((a + 2) * s - (a + 3)) * s * s + 1  # noqa: E731
    far = lambda s: ((a * s - 5 * a) * s + 8 * a) * s - 4 * a  # noqa: E731
    return [far(t + 1), near(t), near(1 - t), far(2 - t)]
