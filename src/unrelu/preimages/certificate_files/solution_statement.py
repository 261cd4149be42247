"""The question about all solutions, from what a folder holds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.errors import DomainError, TooLarge
from unrelu.preimages.search.completeness_certificate import BATCH
from unrelu.preimages.search.statement import InverseStatement

if TYPE_CHECKING:
    from unrelu.preimages.prefix_system import PrefixSystem

LARGEST = 2**29
"""Derivatives that are held at once (4 GiB): of all numbers of a batch's networks, by all inputs."""


def solution_statement(system: PrefixSystem, features: np.ndarray) -> InverseStatement:
    """Which inputs of a box give outputs within the tolerance of wanted ones.

    Args:
        system: the network, the box, and the tolerance.
        features: (m,) finite.

    Raises:
        UnsupportedOperator: if the network has a smooth node.
        DomainError: if the domain is no box with finite ends.
        TooLarge: if checking it would take too much memory.
    """
    network, D = system.prefix, system.domain
    for node in network.nodes[1:]:
        if not node.is_affine:
            _ = node.piecewise
    if D is None or len(D.b_ub) or len(D.b_eq) or not bool((np.isfinite(D.lower) & np.isfinite(D.upper)).all()):
        raise DomainError("all solutions are listed of a box with finite ends; save the certificates again.")
    numbers = BATCH * network.input_size * sum(math.prod(node.shape) for node in network.nodes)
    if numbers > LARGEST:
        raise TooLarge(f"checking all solutions of this network takes {numbers:,} numbers at once (limit {LARGEST:,}).")
    arrays = (D.lower, D.upper, features, system.tolerance)
    return InverseStatement(network, *(torch.from_numpy(np.array(each, dtype=np.float64)) for each in arrays))
