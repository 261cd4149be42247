"""Dense (fully connected) maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from unrelu.errors import ShapeError
from unrelu.operators.affine import AffineOperator
from unrelu.operators.base import Shape
from unrelu.operators.tangents import Tangents
from unrelu.rigor.rounding import UNDERFLOW, UNIT, gamma


@dataclass(frozen=True, eq=False)
class Dense(AffineOperator):
    """`x -> W x + b` along the last axis of a sample.

    Attributes:
        weight: (m, d) float64.
        bias: (m,) float64.
    """

    weight: Tensor
    bias: Tensor

    @property
    def roundings(self) -> int:
        """Products, their sums and the bias."""
        return self.weight.shape[1] + 1

    def output_shape(self, *shapes: Shape) -> Shape:
        """(..., d) -> (..., m)."""
        (shape,) = shapes
        m, d = self.weight.shape
        if not shape or shape[-1] != d:
            raise ShapeError(f"a dense map with {d} inputs cannot take a sample of shape {shape}; flatten it first.")
        return (*shape[:-1], m)

    def linear(self, *inputs: Tensor) -> Tensor:
        """`W x`."""
        return functional.linear(inputs[0], self.weight)

    def apply(self, *inputs: Tensor) -> Tensor:
        """`W x + b`."""
        return functional.linear(inputs[0], self.weight, self.bias)

    @property
    def terms(self) -> int:
        """One for each input."""
        return self.weight.shape[1]

    def tangents(self, operands: Sequence[Tangents], shape: Shape) -> Tangents:
        """The tangents of the result, from the kept coordinates alone."""
        (first,) = operands
        if first.support is None or len(first.shape) != 1:
            return super().tangents(operands, shape)
        return Tangents(functional.linear(first.values, self.weight.index_select(1, first.support)), shape)

    def image(
        self, boxes: Sequence[tuple[Tensor, Tensor]], magnitudes: AffineOperator | None = None
    ) -> tuple[Tensor, Tensor]:
        """From the ends: what is 0 there leaves nothing to rounding, and a sum of numbers of at least 0 is one."""
        ((low, high),) = boxes
        rising, falling = self.weight.clamp(min=0.0), self.weight.clamp(max=0.0)
        g = gamma(2 * self.weight.shape[1] + 4)
        ends = []
        for plus, minus, sign in ((low, high, -1.0), (high, low, 1.0)):
            value = functional.linear(plus, rising, self.bias) + functional.linear(minus, falling)
            size = functional.linear(plus.abs(), rising, self.bias.abs()) - functional.linear(minus.abs(), falling)
            loss = torch.where(size == 0, 0.0, g * (1 + 4 * g) * size + 4 * self.weight.shape[1] * UNDERFLOW)
            ends.append(value + sign * loss * (1 + 4 * UNIT))
        return ends[0], ends[1]

    def rows(self, units: Tensor, shapes: Sequence[Shape]) -> list[Tensor] | None:
        """Those of W, for samples that are vectors."""
        return [self.weight[units]] if len(shapes[0]) == 1 else None

    def dense_rows(self, shapes: Sequence[Shape]) -> Tensor | None:
        """W and b, for samples that are vectors."""
        return torch.cat([self.weight, self.bias[:, None]], dim=1) if len(shapes[0]) == 1 else None

    def adjoint(self, cotangents: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """`W' u`."""
        return [cotangents @ self.weight]

    def absolute(self) -> Dense:
        """`x -> |W| x + |b|`."""
        return Dense(torch.abs(self.weight), torch.abs(self.bias))
