"""Whether constants of an operator fit the samples that it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from unrelu.errors import ShapeError

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.operators.base import Shape


def broadcasts(shape: Shape, to: Shape) -> bool:
    """Whether numbers of one shape broadcast to another."""
    try:
        return torch.broadcast_shapes(shape, to) == torch.Size(to)
    except RuntimeError:
        return False


def fitting(shape: Shape, *constants: Tensor) -> Shape:
    """The sample shape, to which all constants broadcast.

    Raises:
        ShapeError: if one does not.
    """
    for constant in constants:
        if not broadcasts(tuple(constant.shape), shape):
            raise ShapeError(
                f"a constant of shape {tuple(constant.shape)} does not broadcast to a sample of shape {shape}."
            )
    return shape
