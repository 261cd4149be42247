"""Smooth operators: a linear map at each point, and no linear regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unrelu.errors import ShapeError
from unrelu.operators.affine import AffineOperator
from unrelu.operators.base import Operator, Shape
from unrelu.operators.local_map import LocalMap
from unrelu.operators.selected_map import SelectedMap
from unrelu.operators.windows import Windows
from unrelu.rigor.rounding import UNIT

ROUNDINGS = 32
"""Units in the last place that a library's transcendental functions, and what is computed around them, may err."""


@dataclass(frozen=True, eq=False)
class Smooth(Operator):
    """An operator with a derivative that varies from point to point, so that it is linear on no region.

    Forward passes, linearizations, spectra at a point and metamers by walks run through it; regions and preimages do
    not. Its errors are estimates to first order, no proofs.
    """

    @property
    def is_smooth(self) -> bool:
        """It is."""
        return True

    def linearized(self, *values: Tensor) -> AffineOperator:
        """The affine map that touches the operator at a point.

        Args:
            values: of the operands there, as batches of one.
        """
        return LocalMap(self, tuple(values))

    @property
    def roundings(self) -> int:
        """Of a library's functions."""
        return ROUNDINGS


@dataclass(frozen=True, eq=False)
class SmoothFunction(Smooth):
    """`h -> f(h)` for each number of a sample."""

    @property
    def steepest(self) -> float:
        """The largest magnitude of the derivative."""
        return 1.0

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape of the sample."""
        return shapes[0]

    def windows(self, n_axes: int) -> Windows | None:
        """Place by place."""
        return Windows.single(n_axes)

    def linearized(self, *values: Tensor) -> SelectedMap:
        """`f'(h0) (h - h0) + f(h0)`."""
        with torch.enable_grad():
            at = values[0].detach().clone().requires_grad_()
            value = self.apply(at)
            (slope,) = torch.autograd.grad(value.sum(), at)
        offset = (value.detach() - slope * values[0]).reshape(-1)
        return SelectedMap(tuple(values[0].shape[1:]), None, slope.reshape(-1), offset, False)

    def error(self, values: Sequence[Tensor], errors: Sequence[Tensor], unit: float = UNIT) -> Tensor:
        """No distance is enlarged by more than the steepest slope."""
        size = self.apply(values[0]).abs() + values[0].abs() + 1.0
        return self.steepest * errors[0] + ROUNDINGS * unit * size


@dataclass(frozen=True, eq=False)
class Product(Smooth):
    """`(x, y) -> x y` for samples of the same shape, elementwise."""

    def output_shape(self, *shapes: Shape) -> Shape:
        """The common shape."""
        first, second = shapes
        if first != second:
            raise ShapeError(f"samples of shapes {first} and {second} cannot be multiplied.")
        return first

    def apply(self, *inputs: Tensor) -> Tensor:
        """The products."""
        return inputs[0] * inputs[1]

    def error(self, values: Sequence[Tensor], errors: Sequence[Tensor], unit: float = UNIT) -> Tensor:
        """`|x| e_y + |y| e_x + e_x e_y`, and one rounding."""
        (x, y), (e, f) = values, errors
        return x.abs() * f + y.abs() * e + e * f + 2 * unit * (x * y).abs()


@dataclass(frozen=True, eq=False)
class MatrixProduct(Smooth):
    """`(X, Y) -> X Y` for matrices, or stacks of them (*stack, i, k) and (*stack, k, j) that broadcast."""

    def output_shape(self, *shapes: Shape) -> Shape:
        """(*stack, i, j)."""
        first, second = shapes
        try:
            if len(first) != len(second) or len(first) < 2 or first[-1] != second[-2]:
                raise ValueError
            stack = torch.broadcast_shapes(first[:-2], second[:-2])
        except (RuntimeError, ValueError):
            raise ShapeError(
                f"samples of shapes {first} and {second} are no matrices that can be multiplied."
            ) from None
        return (*stack, first[-2], second[-1])

    def apply(self, *inputs: Tensor) -> Tensor:
        """The products."""
        return inputs[0] @ inputs[1]

    @property
    def terms(self) -> int:
        """One at least."""
        return 1

    def error(self, values: Sequence[Tensor], errors: Sequence[Tensor], unit: float = UNIT) -> Tensor:
        """`|X| F + E |Y| + E F`, and a rounding for each product and sum."""
        (x, y), (e, f) = ([each.abs() for each in part] for part in (values, errors))
        return x @ f + e @ y + e @ f + 2 * (x.shape[-1] + 1) * unit * (x @ y)
