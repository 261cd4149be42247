"""A dense network on a line in rational arithmetic: where its pattern changes, by subdividing layer after layer."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np

Layers = list[tuple[np.ndarray, np.ndarray]]


def exact(array: np.ndarray) -> list:
    return [Fraction(float(value)) for value in np.ravel(array)]


def preactivations(layers: Layers, x: np.ndarray, v: np.ndarray, t: Fraction) -> list[list[Fraction]]:
    h = [a + t * b for a, b in zip(exact(x), exact(v), strict=True)]
    found = []
    for W, b in layers:
        z = [
            sum((Fraction(float(w)) * u for w, u in zip(row, h, strict=True)), Fraction(float(c)))
            for row, c in zip(W, b, strict=True)
        ]
        found.append(z)
        h = [max(value, Fraction(0)) for value in z]
    return found


def pieces(
    layers: Layers, x: np.ndarray, v: np.ndarray, stop: int
) -> tuple[list[Fraction], list[tuple[tuple[bool, ...], ...]]]:
    """Exact breakpoints in (0, stop), and the patterns of the pieces before, between and after them."""
    knots = [Fraction(0), Fraction(stop)]
    for depth in range(len(layers)):
        # Up to here every pre-activation of this layer is affine between knots.
        new = list(knots)
        for left, right in pairwise(knots):
            for a, b in zip(
                preactivations(layers, x, v, left)[depth], preactivations(layers, x, v, right)[depth], strict=True
            ):
                if a * b < 0:
                    new.append(left + (right - left) * a / (a - b))
        knots = sorted(set(new))
    patterns = [
        tuple(tuple(z > 0 for z in layer) for layer in preactivations(layers, x, v, (left + right) / 2))
        for left, right in pairwise(knots)
    ]
    breaks = [knots[k] for k in range(1, len(patterns)) if patterns[k] != patterns[k - 1]]
    merged = [patterns[0]] + [patterns[k] for k in range(1, len(patterns)) if patterns[k] != patterns[k - 1]]
    return breaks, merged
