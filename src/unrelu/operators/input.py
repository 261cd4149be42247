"""The place where the input enters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from unrelu.errors import ShapeError
from unrelu.operators.axis import Axis
from unrelu.operators.base import Operator, Shape
from unrelu.rigor.rounding import UNIT


@dataclass(frozen=True, eq=False)
class Input(Operator):
    """The network's input.

    Attributes:
        shape: sample shape.
    """

    shape: Shape

    @property
    def is_input(self) -> bool:
        """It is."""
        return True

    def output_shape(self, *shapes: Shape) -> Shape:
        """The sample shape."""
        return self.shape

    def apply(self, *inputs: Tensor) -> Tensor:
        """The batch as it is.

        Raises:
            ShapeError: if the batch does not consist of samples of the declared shape.
        """
        if tuple(inputs[0].shape[1:]) != self.shape:
            raise ShapeError(
                f"the network takes samples of shape {self.shape}, not {tuple(inputs[0].shape[1:])}; give a batch of "
                f"shape (n, {', '.join(map(str, self.shape))})."
            )
        return inputs[0]

    def error(self, values: Sequence[Tensor], errors: Sequence[Tensor], unit: float = UNIT) -> Tensor:
        """As it is."""
        return errors[0]

    def receptive_fields(self, operands: Sequence[tuple[Axis, ...]], shape: Shape) -> tuple[Axis, ...] | None:
        """Each place of itself."""
        return tuple(Axis.identity(size) for size in shape[1:])
