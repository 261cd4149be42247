"""Smooth activations, elementwise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from unrelu.operators.smooth import SmoothFunction


@dataclass(frozen=True, eq=False)
class Sigmoid(SmoothFunction):
    """`x -> 1 / (1 + exp(-x))`."""

    @property
    def steepest(self) -> float:
        """At 0."""
        return 0.25

    def apply(self, *inputs: Tensor) -> Tensor:
        """The sigmoids."""
        return torch.sigmoid(inputs[0])


@dataclass(frozen=True, eq=False)
class Tanh(SmoothFunction):
    """`x -> tanh(x)`."""

    def apply(self, *inputs: Tensor) -> Tensor:
        """The hyperbolic tangents."""
        return torch.tanh(inputs[0])


@dataclass(frozen=True, eq=False)
class Erf(SmoothFunction):
    """`x -> 2 / sqrt(pi)` times the integral of `exp(-t^2)` from 0 to x, as exporters write the GELU."""

    @property
    def steepest(self) -> float:
        """At 0, `2 / sqrt(pi)`, rounded up."""
        return 1.13

    def apply(self, *inputs: Tensor) -> Tensor:
        """The error function."""
        return torch.erf(inputs[0])


@dataclass(frozen=True, eq=False)
class Softplus(SmoothFunction):
    """`x -> log(1 + exp(beta x)) / beta`.

    Attributes:
        beta: how sharp it is.
    """

    beta: float = 1.0

    def apply(self, *inputs: Tensor) -> Tensor:
        """Without overflow, and without PyTorch's threshold from which it is x itself."""
        x = self.beta * inputs[0]
        return (torch.clamp(x, min=0) + torch.log1p(torch.exp(-x.abs()))) / self.beta


@dataclass(frozen=True, eq=False)
class GELU(SmoothFunction):
    """`x -> x Phi(x)`, Phi the distribution function of a standard normal.

    Attributes:
        approximate: "none", or "tanh" for `0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`.
    """

    approximate: str = "none"

    @property
    def steepest(self) -> float:
        """At about sqrt(2)."""
        return 1.13

    def apply(self, *inputs: Tensor) -> Tensor:
        """The activations."""
        return functional.gelu(inputs[0], approximate=self.approximate)


@dataclass(frozen=True, eq=False)
class SiLU(SmoothFunction):
    """`x -> x / (1 + exp(-x))`."""

    @property
    def steepest(self) -> float:
        """At about 2.4."""
        return 1.1

    def apply(self, *inputs: Tensor) -> Tensor:
        """The activations."""
        return functional.silu(inputs[0])


@dataclass(frozen=True, eq=False)
class ELU(SmoothFunction):
    """`x -> scale x` where x is positive, else `scale alpha (exp(input_scale x) - 1)`: ELU, SELU and CELU.

    Attributes:
        alpha: the value far on the left is `-scale alpha`.
        scale: of both sides.
        input_scale: within the exponential.
    """

    alpha: float = 1.0
    scale: float = 1.0
    input_scale: float = 1.0

    @property
    def steepest(self) -> float:
        """The larger of both sides at 0."""
        return abs(self.scale) * max(1.0, abs(self.alpha * self.input_scale))

    def apply(self, *inputs: Tensor) -> Tensor:
        """The activations."""
        x = inputs[0]
        left = self.alpha * torch.expm1(self.input_scale * torch.clamp(x, max=0))
        return self.scale * torch.where(x > 0, x, left)


@dataclass(frozen=True, eq=False)
class Hardswish(SmoothFunction):
    """`x -> x min(max(x + 3, 0), 6) / 6`, quadratic between -3 and 3."""

    @property
    def steepest(self) -> float:
        """At 3, from below."""
        return 1.5

    def apply(self, *inputs: Tensor) -> Tensor:
        """The activations."""
        return functional.hardswish(inputs[0])
