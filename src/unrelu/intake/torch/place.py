"""Where a handler writes a call of a traced module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

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
    """

    shape: Shape
    dtype: torch.dtype
    entering: torch.dtype

    @property
    def largest(self) -> float:
        """The largest number of the result's dtype."""
        return torch.finfo(self.dtype).max

    def number(self, value: Any) -> Tensor:
        """A constant as float64: PyTorch brings scalars to the dtype of the result (to float32 for the half ones)."""
        half = self.dtype in (torch.float16, torch.bfloat16)
        return _rounded(value, torch.float32 if half else self.dtype)

    def bound(self, value: Any) -> Operand | None:
        """A constant that is compared with numbers of the result's dtype is brought to it."""
        return value if value is None or isinstance(value, Signal) else _rounded(value, self.dtype)

    def stored(self, value: Any) -> Tensor | None:
        """A tensor as float64; None if it is computed from the input."""
        return value.detach().to(device="cpu", dtype=torch.float64) if isinstance(value, Tensor) else None

    def axis(self, dim: int, x: Signal) -> int:
        """An axis of a sample; -1 is that of the batch."""
        return dim % (len(x.shape) + 1) - 1

    def spread(self, values: Any) -> tuple[int, ...]:
        """One number a spatial dimension, where one may stand for all."""
        listed = [values] if isinstance(values, int) else list(values)
        return tuple(listed * (len(self.shape) - 1) if len(listed) == 1 else listed)


def _rounded(value: Any, dtype: torch.dtype) -> Tensor:
    exact = value.detach().cpu() if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)
    return exact.to(dtype).to(torch.float64)
