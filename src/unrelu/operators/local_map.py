"""The affine map that touches a smooth operator at a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from unrelu.operators.affine import AffineOperator
from unrelu.operators.base import Operator, Shape


@dataclass(frozen=True, eq=False)
class LocalMap(AffineOperator):
    """`x -> f(x0) + f'(x0) (x - x0)`, by automatic differentiation.

    Attributes:
        operator: f.
        at: x0, a batch of one for each operand.
    """

    operator: Operator
    at: tuple[Tensor, ...]

    @property
    def exact_on_units(self) -> bool:
        """Derivatives are rounded."""
        return False

    def tensors(self) -> tuple[Tensor, ...]:
        """The point and what the operator holds."""
        return (*self.at, *self.operator.tensors())

    def output_shape(self, *shapes: Shape) -> Shape:
        """Of the operator."""
        return self.operator.output_shape(*shapes)

    def linear(self, *inputs: Tensor) -> Tensor:
        """`f'(x0) x`: backward through the backward pass, all vectors at once."""
        with torch.enable_grad():
            here, value = self._copies(len(inputs[0]))
            weights = torch.zeros_like(value, requires_grad=True)
            pulled = torch.autograd.grad(value, here, weights, create_graph=True)
            (pushed,) = torch.autograd.grad(pulled, weights, list(inputs), materialize_grads=True)
        return pushed

    def apply(self, *inputs: Tensor) -> Tensor:
        """`f(x0) + f'(x0) (x - x0)`."""
        return self.operator.apply(*self.at) + self.linear(*(x - x0 for x, x0 in zip(inputs, self.at, strict=True)))

    def adjoint(self, cotangents: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """`f'(x0)' u`."""
        with torch.enable_grad():
            here, value = self._copies(len(cotangents))
            return list(torch.autograd.grad(value, here, cotangents))

    def _copies(self, k: int) -> tuple[list[Tensor], Tensor]:
        """The point k times, and the value there."""
        here = [point.detach().expand(k, *point.shape[1:]).clone().requires_grad_() for point in self.at]
        return here, self.operator.apply(*here)
