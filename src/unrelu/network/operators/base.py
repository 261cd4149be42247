"""What every operator of the graph can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Shape = tuple[int, ...]


class Operator(ABC):
    """A map between sample shapes, applied to a whole batch at once.

    Samples have no batch axis in the graph; the tensors given to `apply` have one in front:
    inputs of shape (n, *shape), result of shape (n, *output_shape(shape)).
    """

    @abstractmethod
    def output_shape(self, *shapes: Shape) -> Shape:
        """Sample shape of the result.

        Raises:
            ShapeError: if the operator does not take samples of these shapes.
        """

    @abstractmethod
    def apply(self, *inputs: Tensor) -> Tensor:
        """The operator on a batch."""

    def tensors(self) -> tuple[Tensor, ...]:
        """All numbers that define the operator."""
        return ()


class AffineOperator(Operator):
    """An affine operator `x -> L x + c`.

    `roundings` bounds how many floating point roundings go into one number of the result: a result
    computed in any order of summation differs from the exact one by at most
    `gamma_roundings (|L| |x| + |c|)` elementwise, with `gamma_k = k u / (1 - k u)`.
    It is 0 for operators that only move numbers.
    """

    roundings: int = 0
    exact_on_units: bool = True
    """Whether `linear` of a unit vector is exact in floating point."""

    @abstractmethod
    def linear(self, *inputs: Tensor) -> Tensor:
        """The linear part `L x` on a batch."""

    def apply(self, *inputs: Tensor) -> Tensor:
        """`L x + c` on a batch."""
        return self.linear(*inputs)

    def absolute(self) -> AffineOperator:
        """The operator `x -> |L| x + |c|`, all its numbers replaced by their magnitudes."""
        return self
