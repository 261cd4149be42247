"""The outputs of a network at a point, in exact arithmetic on the stored numbers."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from unrelu.preimages.lifted.exact_values import OutOfWork
from unrelu.preimages.lifted.located import locate

if TYPE_CHECKING:
    from unrelu.network.graph import Network


def exact_outputs(network: Network, point: np.ndarray) -> list[Fraction] | None:
    """All outputs, joined; None where they take too long.

    Args:
        network: piecewise linear.
        point: (d,) finite floats.
    """
    found: list[Fraction] = []
    try:
        at = locate(network, point)
        if not at.is_sure:
            return None
        for name in network.outputs:
            size = math.prod(network.node(name).shape)
            numbers, common = at.exact.of(name, np.arange(size))
            values = [Fraction(number, common) for number in numbers]
            about = at.values[name]
            for value, near, error in zip(values, about.value.tolist(), about.error.tolist(), strict=True):
                assert abs(value - Fraction(near)) <= Fraction(error), "two ways to compute an output contradict"
            found += values
    except OutOfWork:
        return None
    return found
