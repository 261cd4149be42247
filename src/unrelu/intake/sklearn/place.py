"""Where a step of an estimator is written."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from unrelu.intake.builder.site import Site


@dataclass(eq=False)
class Place(Site):
    """One step of an estimator, about to be written; its numbers are NumPy's."""

    @property
    def largest(self) -> float:
        """The largest number of float64, in which scikit-learn computes with float64 inputs."""
        return sys.float_info.max

    def number(self, value: Any) -> Tensor:
        """A number or array as float64."""
        return torch.as_tensor(value).to(torch.float64, copy=True)

    def stored(self, value: Any) -> Tensor | None:
        """The same: an estimator computes none of its numbers from the input."""
        return self.number(value)
