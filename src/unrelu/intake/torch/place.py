"""Where a handler writes a call of a traced module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx

from unrelu.errors import UnsupportedOperator
from unrelu.intake.builder.site import Operand, Site
from unrelu.intake.draft import Signal
from unrelu.operators import Shape


@dataclass(eq=False)
class Place(Site):
    """One call of the traced module, about to be written.

    Attributes:
        shape: sample shape of the result.
        dtype: of the result.
        entering: dtype of the first operand.
        call: the call itself, on a batch of two that takes the place of the signal among its arguments.
    """

    shape: Shape
    dtype: torch.dtype
    entering: torch.dtype
    call: Callable[[Tensor], Any] = field(default=lambda _: None, kw_only=True)

    @property
    def largest(self) -> float:
        """The largest number of the result's dtype."""
        return torch.finfo(self.dtype).max

    def number(self, value: Any) -> Tensor:
        """A constant as float64: PyTorch brings scalars to the dtype of the result (to float32 for the half ones).

        Raises:
            UnsupportedOperator: if it is the size of the batch.
        """
        if isinstance(value, fx.Node):
            raise UnsupportedOperator(
                f"node {self.wish!r} computes with the number of samples of a batch, so it is not one fixed "
                "function of a sample; write the number itself."
            )
        half = self.dtype in (torch.float16, torch.bfloat16)
        return _rounded(value, torch.float32 if half else self.dtype)

    def weight_or_number(self, value: Any) -> Tensor:
        """A constant of either kind.

        Raises:
            UnsupportedOperator: if it is computed from the input.
        """
        if isinstance(value, Signal):
            raise self.unread("computes its weight from the input")
        return self.number(value)

    def bound(self, value: Any) -> Operand | None:
        """A constant that is compared with numbers of the result's dtype is brought to it."""
        if value is None or isinstance(value, Signal):
            return value
        return self.number(value) if isinstance(value, fx.Node) else _rounded(value, self.dtype)

    def stored(self, value: Any) -> Tensor | None:
        """A tensor as float64; None if it is computed from the input."""
        return value.detach().to(device="cpu", dtype=torch.float64) if isinstance(value, Tensor) else None

    def axis(self, dim: int, x: Signal) -> int:
        """An axis of a sample; -1 is that of the batch."""
        return dim % (len(x.shape) + 1) - 1

    def own_axis(self, dim: int, x: Signal) -> int:
        """An axis of a sample.

        Raises:
            UnsupportedOperator: if it is that of the batch.
        """
        axis = self.axis(dim, x)
        if axis < 0:
            raise UnsupportedOperator(f"node {self.wish!r} mixes the samples of a batch; take another axis than 0.")
        return axis

    def spread(self, values: Any) -> tuple[int, ...]:
        """One number a spatial dimension, where one may stand for all."""
        listed = [values] if isinstance(values, int) else list(values)
        return tuple(listed * (len(self.shape) - 1) if len(listed) == 1 else listed)


def _rounded(value: Any, dtype: torch.dtype) -> Tensor:
    exact = value.detach().cpu() if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)
    return exact.to(dtype).to(torch.float64)
