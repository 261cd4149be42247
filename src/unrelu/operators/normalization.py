"""Batch normalisation with fixed statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unrelu.errors import ShapeError
from unrelu.operators.affine import AffineOperator
from unrelu.operators.base import Shape
from unrelu.operators.windows import Windows

if TYPE_CHECKING:
    from unrelu.operators.extent import Extent
    from unrelu.operators.patch import Patch


@dataclass(frozen=True, eq=False)
class Normalization(AffineOperator):
    """`x -> (x - mean) / sqrt(variance + epsilon) * weight + bias`, one of each a channel (axis 0 of the sample).

    It is kept in the model's own numbers, since a factor and an offset computed from them would be rounded.

    Attributes:
        mean: (c,) float64.
        variance: (c,) float64, with `variance + epsilon > 0`.
        weight: (c,) float64.
        bias: (c,) float64.
        epsilon: added to the variance.
    """

    mean: Tensor
    variance: Tensor
    weight: Tensor
    bias: Tensor
    epsilon: float

    @property
    def is_scaling(self) -> bool:
        """It is."""
        return True

    @property
    def roundings(self) -> int:
        """Shift, variance, root, quotient, product and sum, and twice those that another order of them takes."""
        return 10

    @property
    def exact_on_units(self) -> bool:
        """The root is rounded."""
        return False

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape of the sample."""
        (shape,) = shapes
        if not shape or shape[0] != self.mean.shape[0]:
            raise ShapeError(
                f"batch norm over {self.mean.shape[0]} channels cannot take a sample of shape {shape}, "
                "whose first axis should be the channels."
            )
        return shape

    def linear(self, *inputs: Tensor) -> Tensor:
        """`x / sqrt(variance + epsilon) * weight`."""
        return inputs[0] * self._per_channel(self._factor(), inputs[0])

    def apply(self, *inputs: Tensor) -> Tensor:
        """`(x - mean) / sqrt(variance + epsilon) * weight + bias`."""
        x = inputs[0]
        shifted = x - self._per_channel(self.mean, x)
        return shifted * self._per_channel(self._factor(), x) + self._per_channel(self.bias, x)

    def windows(self, n_axes: int) -> Windows | None:
        """Place by place."""
        return Windows.single(n_axes)

    def on_patch(self, operands: Sequence[Patch], shape: Shape, extent: Extent) -> Tensor | None:
        """The same on the common extent."""
        return self.linear(*(patch.widened(extent) for patch in operands))

    def adjoint(self, cotangents: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """The same factors."""
        return [self.linear(cotangents)]

    def absolute(self) -> Normalization:
        """`x -> (x + |mean|) / sqrt(variance + epsilon) * |weight| + |bias|`."""
        return replace(self, mean=-torch.abs(self.mean), weight=torch.abs(self.weight), bias=torch.abs(self.bias))

    def _factor(self) -> Tensor:
        return self.weight / torch.sqrt(self.variance + self.epsilon)

    @staticmethod
    def _per_channel(values: Tensor, x: Tensor) -> Tensor:
        return values.reshape(-1, *[1] * (x.ndim - 2))
