"""Between which ends each output may lie, as a middle and a radius."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from unrelu.errors import InputError, ShapeError

if TYPE_CHECKING:
    from unrelu.preimages.search.statement import InverseStatement


def middle_and_radius(statement: InverseStatement, noise: ArrayLike) -> tuple[Tensor, Tensor]:
    """(m,) float64 each: intervals about the measured outputs, rounded outward where they are not symmetric.

    Ends beyond all that the network gives on the box, infinite ones too, are drawn in to that: it leaves the set as it
    is.

    Args:
        statement: with the measured numbers as features.
        noise: one number; (m,); or (m, 2) how far below and above.

    Raises:
        ShapeError: if it has another shape.
        InputError: if a number is NaN, or an interval ends before it begins.
    """
    y = statement.features.numpy()
    m = len(y)
    given = np.asarray(noise, dtype=np.float64)
    if given.ndim == 0:
        given = np.full(m, float(given))
    if given.shape not in ((m,), (m, 2)):
        raise ShapeError(
            f"the noise is one number, one for each of the {m} measured ones, or how far below and above each, of "
            f"shape ({m}, 2); it has the shape {given.shape}."
        )
    below, above = (given, given) if given.ndim == 1 else given.T
    if bool(np.isnan(given).any()) or (given.ndim == 1 and bool((given < 0).any())):
        raise InputError("the noise holds a negative number or NaN; give how far an output may be off, at least 0.")
    wrong = (above < -below) | (np.minimum(below, above) == -np.inf)
    if bool(wrong.any()):
        k = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"the interval of measured number {k} ends below where it begins ({below[k]} below {y[k]} to {above[k]} "
            "above it): no output lies in it. Give noise of at least 0 in sum."
        )
    if np.array_equal(below, above) and bool(np.isfinite(below).all()):
        return statement.features, torch.from_numpy(below.copy())
    bounded = statement.bounded
    most = torch.cat([bounded.magnitudes[name] for name in bounded.network.outputs]).numpy() * (1 + 2.0**-20) + 1e-300
    low, high = np.nextafter(y - below, -np.inf), np.nextafter(y + above, np.inf)
    low, high = np.maximum(low, np.minimum(-most, high)), np.minimum(high, np.maximum(most, low))
    middle = low / 2 + high / 2
    radius = np.nextafter(np.maximum(high - middle, middle - low), np.inf)
    plain = (below == above) & np.isfinite(below)
    middle, radius = np.where(plain, y, middle), np.where(plain, below, radius)
    return torch.from_numpy(middle), torch.from_numpy(radius)
