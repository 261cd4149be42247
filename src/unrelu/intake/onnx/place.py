"""Where a handler writes a node of an ONNX graph."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from unrelu.errors import ModelFileError
from unrelu.intake.builder import moving
from unrelu.intake.builder.mixing import MixesSamples
from unrelu.intake.builder.site import Operand, Site
from unrelu.intake.draft import Signal
from unrelu.intake.onnx.allowance import Allowance
from unrelu.intake.onnx.explicit import Explicit
from unrelu.intake.onnx.model import OnnxModel, OnnxNode
from unrelu.network.sample_size import SAMPLE_LIMIT
from unrelu.operators import Shape

Value: TypeAlias = Signal | np.ndarray
"""What a tensor of the graph is: computed from the input, or constant."""


@dataclass(eq=False)
class Place(Site):
    """One node of the ONNX graph, about to be written.

    In a graph that is always given one sample, a tensor may have no batch axis: all of it is the sample. The node then
    takes and gives only such, unless its operator puts the batch axis in or out.

    Attributes:
        node: what to write.
        model: that it is part of.
        batch: the size of the batch where the graph computes with sizes.
        allowance: what the constants that are computed may take.
        batchless: whether its tensors have no batch axis; it is set to whether its result has none.
        explicit: its padding, where it is implied.
    """

    node: OnnxNode
    model: OnnxModel
    batch: int
    allowance: Allowance
    batchless: bool = False
    explicit: Explicit | None = field(default=None, kw_only=True)

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

    def dims(self, x: Signal) -> Shape:
        """All sizes of the tensor."""
        return x.shape if self.batchless else (self.batch, *x.shape)

    def view(self, x: Signal, dims: Shape, doing: str) -> Signal:
        """The same numbers as a tensor of that shape, the first axis of which is the batch if that is possible.

        Args:
            x: the numbers.
            dims: all sizes.
            doing: what the node does, for the message.

        Raises:
            MixesSamples: if they are not those of one sample after another.
        """
        always_one = self.batch == 1
        if dims[:1] != (self.batch,) or math.prod(dims[1:]) != math.prod(x.shape):
            if not always_one:
                raise self.mixing(doing)
            self.batchless = True
            return moving.reshape(self, x, dims)
        self.batchless = False
        return moving.reshape(self, x, dims[1:])

    def axis(self, axis: int, x: Signal, more: int = 0) -> int:
        """An axis of a tensor as one of its samples, counted from the front; -1 is the batch.

        Args:
            axis: counted from the front or the back.
            x: the tensor.
            more: axes that it is about to get.

        Raises:
            ModelFileError: if there is no such axis.
        """
        rank = len(self.dims(x)) + more
        if not -rank <= axis < rank:
            raise ModelFileError(f"node {self.wish!r} names the axis {axis} of {rank}; export the model again.")
        return axis % rank - (0 if self.batchless else 1)

    def axes(self, x: Signal, given: Value | None) -> list[int] | None:
        """The same for axes from the attribute or an operand; None where none are named."""
        named = self.attribute("axes", given)
        return None if named is None else [self.axis(axis, x) for axis in self.integers(named, "axes")]

    def aligned(self, x: Signal, *constants: Tensor) -> tuple[Signal, list[Tensor]]:
        """See `Site.aligned`; what has no batch axis gets as many axes as the constants have."""
        if self.batchless:
            rank = max(len(x.shape), *(constant.ndim for constant in constants))
            x = self._raised(x, rank)
        each = [self.for_each(constant, x) for constant in constants]
        return super().aligned(x, *(constant for constant in each if isinstance(constant, Tensor)))

    def for_each(self, value: Operand, x: Signal) -> Operand:
        """A constant that was expanded to a batch, as it is for one sample; all else as it is."""
        if isinstance(value, Signal) or self.batchless or value.ndim != len(x.shape) + 1:
            return value
        expanded = value.shape[0] == self.batch and bool((value == value[:1]).all())
        return value[:1] if expanded else value

    def together(self, *signals: Signal) -> list[Signal]:
        """See `Site.together`; what has no batch axis gets as many axes as the others have."""
        if self.batchless:
            rank = max(len(x.shape) for x in signals)
            signals = tuple(self._raised(x, rank) for x in signals)
        return super().together(*signals)

    def _raised(self, x: Signal, rank: int) -> Signal:
        if len(x.shape) == rank:
            return x
        return moving.reshape(self.part("raise"), x, (1,) * (rank - len(x.shape)) + x.shape)

    def mixing(self, doing: str) -> MixesSamples:
        """The error for a node that mixes the samples of a batch."""
        return MixesSamples(
            f"node {self.wish!r} {doing}, which mixes the samples of a batch; keep axis 0 for the batch."
        )

    def make_room(self, shape: Shape) -> None:
        """Count a constant of that shape, of the widest dtype, before it is made.

        Raises:
            ModelFileError: if it would be too large, or is one too many.
        """
        self._limited(shape)
        self.allowance.spend(8 * math.prod(shape), self.wish)

    def check_size(self, shape: Shape) -> None:
        """Refuse an array of as many numbers as a node gives, before it is made.

        Raises:
            ModelFileError: if it would be larger than `SAMPLE_LIMIT`.
            TooLarge: if it takes more memory than reading may.
        """
        self._limited(shape)
        self.draft.sizes(self.wish, shape)

    def _limited(self, shape: Shape) -> None:
        if math.prod(shape) > SAMPLE_LIMIT:
            raise ModelFileError(
                f"node {self.wish!r} asks for an array of shape {shape}, more than {SAMPLE_LIMIT:,} numbers."
            )
