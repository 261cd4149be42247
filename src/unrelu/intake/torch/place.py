"""Where a handler writes the node of a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from unrelu.errors import UnsupportedOperator
from unrelu.intake.draft import Draft, Signal
from unrelu.operators import Operator, Shape


@dataclass(eq=False)
class Place:
    """One call of the traced module, about to be written.

    Attributes:
        draft: what to write into.
        wish: the name the node should have.
        shape: sample shape of the result.
        dtype: of the result.
        entering: dtype of the first operand.
    """

    draft: Draft
    wish: str
    shape: Shape
    dtype: torch.dtype
    entering: torch.dtype
    _name: str = field(default="", init=False)

    @property
    def name(self) -> str:
        """The node's name, its own from the first time that it is asked for."""
        if not self._name:
            self._name = self.draft.claim(self.wish)
        return self._name

    def write(self, operator: Operator, *inputs: Signal) -> Signal:
        """Write the node."""
        return self.draft.write(self.name, operator, *inputs)

    def number(self, value: Any) -> Tensor:
        """A constant as float64, with exactly the value that the module computes with.

        PyTorch brings scalars to the dtype of the result first (to float32 for the half ones).
        """
        exact = value.detach().cpu() if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)
        half = self.dtype in (torch.float16, torch.bfloat16)
        return exact.to(torch.float32 if half else self.dtype).to(torch.float64)

    def weight(self, value: Any, what: str) -> Tensor:
        """A weight as float64.

        Raises:
            UnsupportedOperator: if it is computed from the input.
        """
        if not isinstance(value, Tensor):
            raise UnsupportedOperator(
                f"node {self.wish!r} computes its {what} from the input, so it is not affine; "
                "hand over the part of the model before it."
            )
        return value.detach().to(device="cpu", dtype=torch.float64)

    def signal(self, value: Any) -> Signal:
        """An operand that depends on the input.

        Raises:
            UnsupportedOperator: if it is a constant.
        """
        if not isinstance(value, Signal):
            raise UnsupportedOperator(
                f"node {self.wish!r} takes a constant where only what depends on the input is read; "
                "hand over the part of the model before it."
            )
        return value
