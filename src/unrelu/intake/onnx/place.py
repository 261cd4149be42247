"""Where a handler writes a node of an ONNX graph."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from unrelu.errors import ModelFileError, UnsupportedOperator
from unrelu.intake.builder.site import Site
from unrelu.intake.draft import Signal
from unrelu.intake.onnx.allowance import Allowance
from unrelu.intake.onnx.model import OnnxModel, OnnxNode
from unrelu.network.sample_size import SAMPLE_LIMIT
from unrelu.operators import Shape

Value: TypeAlias = Signal | np.ndarray
"""What a tensor of the graph is: computed from the input, or constant."""


@dataclass(eq=False)
class Place(Site):
    """One node of the ONNX graph, about to be written.

    Attributes:
        node: what to write.
        model: that it is part of.
        batch: the size of the batch where the graph computes with sizes.
        allowance: what the constants that are computed may take.
    """

    node: OnnxNode
    model: OnnxModel
    batch: int
    allowance: Allowance

    @property
    def largest(self) -> float:
        """The largest number of the model's dtype."""
        return float(np.finfo(self.model.dtype).max)

    def number(self, value: Any) -> Tensor:
        """A stored constant, or an attribute, as float64."""
        return torch.from_numpy(np.array(value, dtype=np.float64))

    def stored(self, value: Any) -> Tensor | None:
        """A stored tensor as float64; None if it is computed from the input."""
        return self.number(value) if isinstance(value, np.ndarray) else None

    def attribute(self, name: str, default: Any) -> Any:
        """An attribute, or its default."""
        return self.node.attributes.get(name, default)

    def integers(self, value: Any, what: str) -> list[int]:
        """Integers from an attribute, or from a stored operand.

        Raises:
            ModelFileError: if they are no integers.
        """
        if not isinstance(value, (list, tuple, int, np.ndarray)):
            self.weight(value, what)
        listed = np.asarray(value)
        if listed.size and not np.issubdtype(listed.dtype, np.integer):
            raise ModelFileError(f"the {what} of node {self.wish!r} are no integers; export the model again.")
        return [int(number) for number in listed.reshape(-1)]

    def listed(self, name: str, count: int, default: int) -> tuple[int, ...]:
        """An attribute with one integer for each of so many axes, none of them negative.

        Raises:
            ModelFileError: if it has another number of them.
        """
        numbers = self.integers(self.attribute(name, [default] * count), name)
        if len(numbers) != count or any(number < 0 for number in numbers):
            raise ModelFileError(
                f"node {self.wish!r} has the {name} {numbers} for {count} axes; export the model again."
            )
        return tuple(numbers)

    def axis(self, axis: int, rank: int) -> int:
        """An axis of the batch, counted from the front.

        Raises:
            ModelFileError: if there is no such axis.
        """
        if not -rank <= axis < rank:
            raise ModelFileError(f"node {self.wish!r} names the axis {axis} of {rank}; export the model again.")
        return axis % rank

    def axes(self, x: Signal, given: Value | None) -> list[int] | None:
        """Axes of a sample, from the attribute or an operand; -1 is the batch, None where none are named."""
        named = self.attribute("axes", given)
        return (
            None if named is None else [self.axis(axis, len(x.shape) + 1) - 1 for axis in self.integers(named, "axes")]
        )

    def mixing(self, doing: str) -> UnsupportedOperator:
        """The error for a node that mixes the samples of a batch."""
        return UnsupportedOperator(
            f"node {self.wish!r} {doing}, which mixes the samples of a batch; keep axis 0 for the batch."
        )

    def make_room(self, shape: Shape) -> None:
        """Count a constant of that shape, of the widest dtype, before it is made.

        Raises:
            ModelFileError: if it would be too large, or is one too many.
        """
        self.check_size(shape)
        self.allowance.spend(8 * math.prod(shape), self.wish)

    def check_size(self, shape: Shape) -> None:
        """Refuse an array before it is made.

        Raises:
            ModelFileError: if it would be larger than `SAMPLE_LIMIT`.
        """
        if math.prod(shape) > SAMPLE_LIMIT:
            raise ModelFileError(
                f"node {self.wish!r} asks for an array of shape {shape}, more than {SAMPLE_LIMIT:,} numbers."
            )
