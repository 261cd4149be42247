"""What every operator of the graph can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor

from unrelu.rigor.rounding import UNIT

if TYPE_CHECKING:
    from unrelu.operators.axis import Axis
    from unrelu.operators.extent import Extent
    from unrelu.operators.windows import Windows

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Operator(ABC):
    """A map between sample shapes, applied to a whole batch at once.

    Samples have no batch axis in the graph; the tensors given to `apply` have one in front:
    inputs of shape (n, *shape), result of shape (n, *output_shape(shape)).

    All that is known of a kind of node is in its operator's file, on one of three bases: `AffineOperator`,
    `PiecewiseLinear` (everything derived from its candidates) and `Smooth` (a linear map at a point only). Walks over
    the graph ask operators and know none of them by name.
    """

    @property
    def is_input(self) -> bool:
        """Whether it is where the network's input enters."""
        return False

    @property
    def is_affine(self) -> bool:
        """Whether it is an `AffineOperator`."""
        return False

    @property
    def is_piecewise_linear(self) -> bool:
        """Whether it is `PiecewiseLinear`."""
        return False

    @property
    def is_smooth(self) -> bool:
        """Whether it is `Smooth`."""
        return False

    @property
    def is_elementwise(self) -> bool:
        """Whether it is piecewise linear, each unit a function of the one number in its place: a layer of neurons."""
        return False

    @property
    def is_scaling(self) -> bool:
        """Whether each number of the result is the one in its place, multiplied and shifted by constants."""
        return False

    @abstractmethod
    def output_shape(self, *shapes: Shape) -> Shape:
        """Sample shape of the result.

        Raises:
            ShapeError: if the operator does not take samples of these shapes.
        """

    @abstractmethod
    def apply(self, *inputs: Tensor) -> Tensor:
        """The operator on a batch."""

    @property
    def roundings(self) -> int:
        """Most roundings that go into one number of the result; 0 if numbers are only moved."""
        return 0

    @abstractmethod
    def error(self, values: Sequence[Tensor], errors: Sequence[Tensor], unit: float = UNIT) -> Tensor:
        """How far the result for values with these errors may lie from the exact one: (n, *output shape) float64.

        What fast algorithms err beyond plain sums counts.

        Args:
            values: of the operands.
            errors: of them.
            unit: the unit roundoff of the arithmetic that computes the result; the sum of two whose results are
                compared.
        """

    @property
    def terms(self) -> int:
        """Products that go into one number of the result, about: what it costs."""
        return 0

    def windows(self, n_axes: int) -> Windows | None:
        """Which places of image-like operands (channels, *places) each place of the result depends on.

        Args:
            n_axes: number of axes behind the channels.

        Returns:
            Windows along these axes, the same in all operands; None where there are none such, as places are mixed or
            moved otherwise.
        """
        return None

    def receptive_fields(self, operands: Sequence[tuple[Axis, ...]], shape: Shape) -> tuple[Axis, ...] | None:
        """The places of the network's input that each place of the result depends on, axis by axis.

        Args:
            operands: those of the operands, an `Axis` for each axis behind the channels.
            shape: sample shape of the result.

        Returns:
            None where they are no rectangles that can be told axis by axis.
        """
        windows = self.windows(len(shape) - 1)
        if windows is None or any(len(operand) != len(shape) - 1 for operand in operands):
            return None
        joined = operands[0]
        for operand in operands[1:]:
            if any(a.size != b.size for a, b in zip(joined, operand, strict=True)):
                return None
            joined = tuple(a.hull(b) for a, b in zip(joined, operand, strict=True))
        return tuple(axis.behind(windows.places(k, shape[1 + k])) for k, axis in enumerate(joined))

    def reach(self, operands: Sequence[Extent | None], shape: Shape) -> Extent | None:
        """The places of the result that depend on these places of the operands.

        Args:
            operands: an extent for each; None for one that may be touched everywhere.
            shape: sample shape of the result.

        Returns:
            An extent, or None where nothing better is known than everywhere.
        """
        known = [extent for extent in operands if extent is not None]
        windows = self.windows(len(shape) - 1)
        if windows is None or not known or len(known) < len(operands):
            return None
        joined = known[0]
        for extent in known[1:]:
            joined = joined.hull(extent)
        return windows.reached(joined, shape)

    def tensors(self) -> tuple[Tensor, ...]:
        """All arrays of numbers that define the operator."""
        return tuple(value for value in self._attributes().values() if isinstance(value, Tensor))

    def to(self, device: str | torch.device) -> Self:
        """The same operator with its numbers on another device."""
        moved = {name: value.to(device) for name, value in self._attributes().items() if isinstance(value, Tensor)}
        return replace(self, **moved) if moved else self

    def single(self) -> Self:
        """The same operator with its numbers rounded to float32."""
        rounded = {
            name: value.to(torch.float32)
            for name, value in self._attributes().items()
            if isinstance(value, Tensor) and value.is_floating_point()
        }
        return replace(self, **rounded) if rounded else self

    def _attributes(self) -> dict[str, object]:
        return {field.name: getattr(self, field.name) for field in fields(self)}
