"""Directions of the input to which a prefix answers least."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.errors import InputError
from unrelu.stability.jacobian import Start, check_size, collect, require_finite
from unrelu.stability.removal.rows import right_factor

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.stability.pattern import ActivationPattern


def smallest_direction(network: Network, pattern: ActivationPattern, *, nonzero: bool) -> np.ndarray:
    """The right singular vector of the smallest singular value of the Jacobian of a pattern.

    Args:
        network: the prefix.
        pattern: of the linear region.
        nonzero: whether the smallest non-zero value is meant. Otherwise, where the Jacobian has a null space, the
            direction is one of it: the same for the same null space.

    Returns:
        (d,) float64, of length 1; of the two signs that with a positive entry of greatest size.

    Raises:
        TooLarge: if the Jacobian would take more memory than allowed.
        InputError: if the Jacobian is zero and a non-zero value is meant.
    """
    layer = ", ".join(network.outputs)
    d, m = network.input_size, network.output_size
    check_size(layer, m, d)
    blocks = collect(network, pattern, Start(d), network.outputs)
    matrix = torch.cat([blocks[name].full() for name in network.outputs], dim=1).T
    require_finite(matrix, layer)
    factor = right_factor(matrix.cpu().numpy(), None, max(m, d))
    rank = factor.rank
    if nonzero and rank == 0:
        raise InputError(
            f"the features of {layer!r} do not change with the input around this point, so there is no smallest "
            "non-zero singular value; give a direction, or nonzero=False."
        )
    if nonzero or rank == d:
        v = factor.vectors[rank - 1]
    else:
        rows = factor.vectors[:rank]
        v = np.random.default_rng(0).standard_normal(d)
        for _ in range(2):  # twice is enough (Kahan, Parlett)
            v = v - rows.T @ (rows @ v)
    v = v / np.linalg.norm(v)
    return v if v[np.abs(v).argmax()] > 0 else -v
