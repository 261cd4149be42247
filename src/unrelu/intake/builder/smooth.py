"""Smooth nodes, which have a linear map at a point and no regions."""

from __future__ import annotations

import torch
from torch import Tensor

from unrelu.intake.builder.affine import multiply
from unrelu.intake.builder.site import Site, full
from unrelu.intake.draft import Signal
from unrelu.operators import GroupNorm, LayerNorm, Softplus, Tanh


def layer_norm(at: Site, x: Signal, first: int, weight: Tensor | None, bias: Tensor | None, epsilon: float) -> Signal:
    """Normalisation by the mean and the variance over the axes of a sample from the first one on."""
    scale, shift = full(1.0) if weight is None else weight, full(0.0) if bias is None else bias
    return at.write(LayerNorm(tuple(range(first, len(x.shape))), scale, shift, epsilon), x)


def group_norm(at: Site, x: Signal, groups: int, weight: Tensor | None, bias: Tensor | None, epsilon: float) -> Signal:
    """The same over groups of channels and all places."""
    ones = torch.ones(x.shape[0], dtype=torch.float64)
    scale, shift = ones if weight is None else weight, 0 * ones if bias is None else bias
    return at.write(GroupNorm(groups, scale, shift, epsilon), x)


def mish(at: Site, x: Signal) -> Signal:
    """`x tanh(log(1 + exp(x)))`."""
    return multiply(at, x, at.part("tanh").write(Tanh(), at.part("softplus").write(Softplus(), x)))


def square(at: Site, x: Signal, exponent: Tensor) -> Signal:
    """`x^2`, of all powers the one that is read."""
    if not bool((exponent == 2).all()):
        raise at.unread("raises to another power than 2")
    return multiply(at, x, x)
