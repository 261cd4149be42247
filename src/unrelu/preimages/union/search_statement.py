"""What is searched for all pieces of a preimage."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.errors import DomainError, TooLarge
from unrelu.preimages.lifted.block import interior, last_rectifiers
from unrelu.preimages.search.statement import InverseStatement

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.preimages.prefix_statement import PrefixStatement
    from unrelu.preimages.union.given_features import GivenFeatures

LARGEST = 2**25
"""Derivatives of all numbers of a network by all inputs up to which it is searched."""


def search_statement(statement: PrefixStatement | GivenFeatures) -> InverseStatement:
    """The same set, about what the last ReLUs are fed: where a feature is 0, that may be anything up to 0.

    Raises:
        DomainError: if the domain is no box with finite ends.
        TooLarge: if the network is too large to be searched, or the point's exact features take too long.
        UnsupportedOperator: if the network has a smooth node.
    """
    prefix, D = statement.prefix, statement.system.domain
    for node in prefix.nodes[1:]:
        if not node.is_affine:
            _ = node.piecewise
    if D is None or len(D.b_ub) or len(D.b_eq) or not bool((np.isfinite(D.lower) & np.isfinite(D.upper)).all()):
        raise DomainError(
            "the pieces of a preimage are found in a box with finite ends; give domain=ur.Box(lower, upper)"
        )
    derivatives = prefix.input_size * sum(math.prod(node.shape) for node in prefix.nodes)
    if derivatives > LARGEST:
        raise TooLarge(
            f"the pieces of a preimage are searched for in networks with up to {LARGEST:,} derivatives, and this one "
            f"has {derivatives:,}"
        )
    if any(bool(unsure.any()) for _, unsure in statement.above.values()):
        raise TooLarge("the exact signs of some features at this point would take too long")
    network = before_last(prefix)
    falling = None
    features = np.zeros(prefix.output_size) if statement.at is None else None
    if statement.at is None:
        features = statement.features
        if bool((features + statement.system.tolerance < 0).any()):
            network = prefix  # a ReLU is never below 0, but what it is fed is
    if network is not prefix:
        falling = torch.from_numpy(~statement.active)
    at = None if statement.at is None else torch.from_numpy(statement.at.copy())
    if at is not None:
        passed = network.values(at.reshape(1, *network.input_shape), network.outputs)
        features = torch.cat([passed[name].reshape(-1) for name in network.outputs]).numpy()
        if falling is not None:
            features = np.where(falling.numpy(), np.maximum(features, 0.0), features)
    assert features is not None
    lower, upper, y, eps = (
        torch.from_numpy(np.array(each, dtype=np.float64))
        for each in (D.lower, D.upper, features, statement.system.tolerance)
    )
    found = InverseStatement(network, lower, upper, y, eps, falling, at)
    _ = found.wanted
    return found


def before_last(prefix: Network) -> Network:
    """The network up to what its last ReLUs are fed; the prefix itself where two of them are fed the same."""
    last = last_rectifiers(interior(prefix, None, prefix.outputs), prefix.outputs)
    ends = [prefix.node(name).inputs[0] if name in last else name for name in prefix.outputs]
    if not last or len(set(ends)) < len(ends):
        return prefix
    return prefix.upto(*ends)
