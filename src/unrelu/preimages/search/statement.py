"""What is asked of a network backwards."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import torch

from unrelu.bounding.bounded_network import BoundedNetwork
from unrelu.bounding.unit_bounds import bound_units
from unrelu.network.pairwise import pairwise
from unrelu.preimages.lifted.exact_outputs import exact_outputs
from unrelu.rigor.rounding import UNDERFLOW, UNIT
from unrelu.rigor.signs import nearest_float

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.graph import Network


MOST_KNOWN = 1024
"""Points whose exact outputs are kept."""


@dataclass(frozen=True, eq=False)
class InverseStatement:
    """`S = { x : lower <= x <= upper, |F(x) - y| <= rho }`, in exact arithmetic on the stored numbers.

    Attributes:
        network: F, piecewise linear, of m outputs joined and d inputs flattened.
        lower: (d,) float64, finite.
        upper: (d,) float64.
        features: (m,) float64, y.
        resolution: (m,) float64 of at least 0, rho.
    """

    network: Network
    lower: Tensor
    upper: Tensor
    features: Tensor
    resolution: Tensor

    @cached_property
    def bounded(self) -> BoundedNetwork:
        """The network, its units told apart by signs, with its magnitudes on the box."""
        bounded = BoundedNetwork(pairwise(self.network))
        bound_units(bounded, self.lower[None], self.upper[None])
        return bounded

    @cached_property
    def forward_error(self) -> Tensor:
        """(m,) float64: `values` is nowhere on the box farther from the exact outputs."""
        return self.bounded.forward_error

    def exact_outputs(self, point: Tensor) -> list[Fraction] | None:
        """F at a point (d,), exactly; None where that takes too long."""
        key = point.numpy().tobytes()
        if key not in self._known:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[key] = exact_outputs(self.network, point.numpy())
        return self._known[key]

    @cached_property
    def _known(self) -> dict[bytes, list[Fraction] | None]:
        return {}

    def is_member(self, point: Tensor) -> bool:
        """Whether a point (d,) is proved to be in S: by exact outputs there, where rounding leaves it open."""
        if not bool(((self.lower <= point) & (point <= self.upper)).all()):
            return False
        off = (self.values(point[None])[0] - self.features).abs()
        room = 4 * UNIT * (off + self.features.abs()) + UNDERFLOW
        if bool((off + self.forward_error + room <= self.resolution).all()):
            return True
        if bool((off - self.forward_error - room > self.resolution).any()):
            return False
        outputs = self.exact_outputs(point)
        return outputs is not None and self.has_member(point, outputs)

    def has_member(self, point: Tensor, outputs: list[Fraction]) -> bool:
        """Whether a point (d,) of these outputs, which are exact, is in S."""
        if not bool(((self.lower <= point) & (point <= self.upper)).all()):
            return False
        return all(
            abs(value - Fraction(y)) <= Fraction(rho)
            for value, y, rho in zip(outputs, self.features.tolist(), self.resolution.tolist(), strict=True)
        )

    def away(self, outputs: list[Fraction]) -> Tensor:
        """(m,) float64, at least how far exact outputs are from the wanted ones."""
        found = [
            nearest_float(abs(value - Fraction(y))) for value, y in zip(outputs, self.features.tolist(), strict=True)
        ]
        return torch.tensor(found, dtype=torch.float64) * (1 + 2 * UNIT) + UNDERFLOW

    def at_least_away(self, outputs: list[Fraction]) -> Tensor:
        """(m,) float64, at most how far exact outputs are from the wanted ones."""
        return ((self.away(outputs) - UNDERFLOW) * (1 - 16 * UNIT) - UNDERFLOW).clamp(min=0.0)

    def values(self, points: Tensor) -> Tensor:
        """F at points (n, d), as float64 computes it: (n, m)."""
        network = self.bounded.network
        found = network.values(points.reshape(-1, *network.input_shape), network.outputs)
        return torch.cat([found[name].reshape(len(points), -1) for name in network.outputs], dim=1)

    def fed(self, points: Tensor) -> Tensor:
        """(n, U) what units are fed at points (n, d), as float64 computes it."""
        bounded = self.bounded
        found = bounded.network.values(points.reshape(-1, *bounded.network.input_shape), bounded.feeds)
        return torch.cat(
            [points.new_zeros(len(points), 0), *(found[name].reshape(len(points), -1) for name in bounded.feeds)], dim=1
        )
