"""Whether an original is proved to be the only input with its features."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from unrelu.errors import TooLarge, UnsupportedOperator
from unrelu.preimages.questions import preimage
from unrelu.preimages.union.search_statement import LARGEST

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.polyhedra.polyhedron import Polyhedron

_SECONDS = 2.0
"""That a search for other pieces may take."""


def is_unique(prefix: Network, original: np.ndarray, *, domain: Polyhedron, eps: np.ndarray, time_limit: float) -> bool:
    """Whether the preimage of a point is proved to be a singleton, layer by layer or by a short search of its pieces.

    Args:
        prefix: the features.
        original: (d,) x0.
        domain: where inputs may lie.
        eps: (m,) by how much each feature may differ.
        time_limit: seconds; a proof that goes layer by layer takes as long as it takes, for networks that are small.
    """
    numbers = sum(math.prod(node.shape) for node in prefix.nodes)
    if time_limit <= 0 or prefix.input_size * numbers > LARGEST:
        return False
    at = original.reshape(prefix.input_shape)
    try:
        found = preimage(
            prefix, at=at, domain=domain, tolerance=eps, time_limit=min(time_limit, _SECONDS), progress=False
        )
    except (TooLarge, UnsupportedOperator):
        return False
    return found.singleton is True and bool(found.certificate is not None and found.certificate.verify())
