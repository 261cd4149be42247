"""Where a handler writes a node of an ONNX graph."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from unrelu.errors import ModelFileError, UnsupportedOperator
from unrelu.intake.draft import SAMPLE_LIMIT, Draft, Signal
from unrelu.intake.onnx.allowance import Allowance
from unrelu.intake.onnx.model import OnnxModel, OnnxNode
from unrelu.operators import Operator, Shape

Value: TypeAlias = Signal | np.ndarray
"""What a tensor of the graph is: computed from the input, or constant."""


@dataclass(eq=False)
class Place:
    """One node of the ONNX graph, about to be written.

    Attributes:
        draft: what to write into.
        node: what to write.
        model: that it is part of.
        batch: the size of the batch where the graph computes with sizes.
        allowance: what the constants that are computed may take.
    """

    draft: Draft
    node: OnnxNode
    model: OnnxModel
    batch: int
    allowance: Allowance
    _name: str = field(default="", init=False)

    @property
    def name(self) -> str:
        """The node's name, its own from the first time that it is asked for."""
        if not self._name:
            self._name = self.draft.claim(self.node.name)
        return self._name

    def write(self, operator: Operator, *inputs: Signal) -> Signal:
        """Write the node."""
        return self.draft.write(self.name, operator, *inputs)

    def attribute(self, name: str, default: Any) -> Any:
        """An attribute, or its default."""
        return self.node.attributes.get(name, default)

    def signal(self, value: Value | None) -> Signal:
        """An operand that depends on the input.

        Raises:
            UnsupportedOperator: if it is a constant.
        """
        if not isinstance(value, Signal):
            raise UnsupportedOperator(
                f"node {self.node.name!r} takes a constant where only what depends on the input is read; "
                "hand over the part of the model before it."
            )
        return value

    def constant(self, value: Value | None, what: str) -> np.ndarray:
        """An operand that is stored in the file.

        Raises:
            UnsupportedOperator: if it is computed from the input, or left out.
        """
        if not isinstance(value, np.ndarray):
            raise UnsupportedOperator(
                f"node {self.node.name!r} computes its {what} from the input, so it is not affine; "
                "hand over the part of the model before it."
            )
        return value

    def weight(self, value: Value | None, what: str) -> Tensor:
        """A stored operand as float64."""
        return torch.from_numpy(np.array(self.constant(value, what), dtype=np.float64))

    def integers(self, value: Any, what: str) -> list[int]:
        """Integers from an attribute, or from a stored operand.

        Raises:
            ModelFileError: if they are no integers.
        """
        listed = np.asarray(value if isinstance(value, (list, tuple, int)) else self.constant(value, what))
        if listed.size and not np.issubdtype(listed.dtype, np.integer):
            raise ModelFileError(f"the {what} of node {self.node.name!r} are no integers; export the model again.")
        return [int(number) for number in listed.reshape(-1)]

    def listed(self, name: str, count: int, default: int) -> tuple[int, ...]:
        """An attribute with one integer for each of so many axes, none of them negative.

        Raises:
            ModelFileError: if it has another number of them.
        """
        numbers = self.integers(self.attribute(name, [default] * count), name)
        if len(numbers) != count or any(number < 0 for number in numbers):
            raise ModelFileError(
                f"node {self.node.name!r} has the {name} {numbers} for {count} axes; export the model again."
            )
        return tuple(numbers)

    def axis(self, axis: int, rank: int) -> int:
        """An axis of the batch, counted from the front.

        Raises:
            ModelFileError: if there is no such axis.
        """
        if not -rank <= axis < rank:
            raise ModelFileError(f"node {self.node.name!r} names the axis {axis} of {rank}; export the model again.")
        return axis % rank

    def mixing(self, doing: str) -> UnsupportedOperator:
        """The error for a node that mixes the samples of a batch."""
        return UnsupportedOperator(
            f"node {self.node.name!r} {doing}, which mixes the samples of a batch; keep axis 0 for the batch."
        )

    def make_room(self, shape: Shape) -> None:
        """Count a constant of that shape, of the widest dtype, before it is made.

        Raises:
            ModelFileError: if it would be too large, or is one too many.
        """
        self.check_size(shape)
        self.allowance.spend(8 * math.prod(shape), self.node.name)

    def check_size(self, shape: Shape) -> None:
        """Refuse an array before it is made.

        Raises:
            ModelFileError: if it would be larger than `SAMPLE_LIMIT`.
        """
        if math.prod(shape) > SAMPLE_LIMIT:
            raise ModelFileError(
                f"node {self.node.name!r} asks for an array of shape {shape}, more than {SAMPLE_LIMIT:,} numbers."
            )
