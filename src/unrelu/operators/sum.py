"""Sums over axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from unrelu.operators.affine import AffineOperator
from unrelu.operators.base import Shape
from unrelu.operators.reduced import without_axes


@dataclass(frozen=True, eq=False)
class Sum(AffineOperator):
    """Sums over whole axes of a sample.

    Attributes:
        axes: axes of the sample.
        count: how many numbers go into one sum.
        keep: whether the axes stay, with size 1.
    """

    axes: tuple[int, ...]
    count: int
    keep: bool = False

    @property
    def roundings(self) -> int:
        """The additions, one more than there are."""
        return self.count

    @property
    def terms(self) -> int:
        """One for each number that is added up."""
        return self.count

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape without these axes."""
        return without_axes("a sum", shapes[0], self.axes, self.count, self.keep)

    def linear(self, *inputs: Tensor) -> Tensor:
        """The sums."""
        dims = tuple(axis + 1 for axis in self.axes)
        return inputs[0].sum(dims, keepdim=self.keep) if dims else inputs[0]

    def adjoint(self, cotangents: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """Each sum's to all its numbers."""
        (shape,) = shapes
        kept = tuple(1 if axis in self.axes else size for axis, size in enumerate(shape))
        return [cotangents.reshape(len(cotangents), *kept).expand(len(cotangents), *shape)]
