"""What every operator of the graph can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from torch import Tensor

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
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
        """All arrays of numbers that define the operator."""
        return tuple(value for value in self._attributes().values() if isinstance(value, Tensor))

    def to(self, device: str | torch.device) -> Self:
        """The same operator with its numbers on another device."""
        moved = {name: value.to(device) for name, value in self._attributes().items() if isinstance(value, Tensor)}
        return replace(self, **moved) if moved else self

    def _attributes(self) -> dict[str, object]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True, eq=False)
class AffineOperator(Operator):
    """An affine operator `x -> L x + c`.

    `roundings` bounds how many floating point roundings go into one number of the result: a result
    computed in any order of summation differs from the exact one by at most
    `gamma_roundings (|L| |x| + |c|)` elementwise, with `gamma_k = k u / (1 - k u)`.
    It is 0 for operators that only move numbers.
    """

    @property
    def roundings(self) -> int:
        """Most roundings that go into one number of the result; 0 if numbers are only moved."""
        return 0

    @property
    def exact_on_units(self) -> bool:
        """Whether `linear` of a unit vector and `apply` of zero are exact in floating point."""
        return True

    @abstractmethod
    def linear(self, *inputs: Tensor) -> Tensor:
        """The linear part `L x` on a batch."""

    def apply(self, *inputs: Tensor) -> Tensor:
        """`L x + c` on a batch."""
        return self.linear(*inputs)

    def absolute(self) -> AffineOperator:
        """The operator `x -> |L| x + |c|`, all its numbers replaced by their magnitudes."""
        return self
