"""What is asked of a network backwards."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.bounding.bounded_network import BoundedNetwork
from unrelu.bounding.unit_bounds import bound_units
from unrelu.errors import TooLarge
from unrelu.network.pairwise import pairwise
from unrelu.preimages.lifted.exact_outputs import exact_outputs
from unrelu.rigor.rounding import UNDERFLOW, UNIT
from unrelu.rigor.signs import nearest_float

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.graph import Network


MOST_SPLIT = 8
"""Inputs in which boxes are split."""

MOST_KNOWN = 1024
"""Points whose exact outputs are kept."""


@dataclass(frozen=True, eq=False)
class InverseStatement:
    """`S = { x : lower <= x <= upper, |F(x) - y| <= rho }`, in exact arithmetic on the stored numbers.

    Attributes:
        network: F, piecewise linear, of m outputs joined and d inputs flattened.
        lower: (d,) float64, finite.
        upper: (d,) float64.
        features: (m,) float64, y; or y rounded, where a point is given.
        resolution: (m,) float64 of at least 0, rho.
        falling: (m,) bool, outputs that may be anything below: `F_i(x) <= y_i + rho_i` is all that is asked of them, as
            of what a last ReLU is fed where its feature is 0; none if None.
        at: (d,) float64, a point x0 whose exact outputs are y, of outputs that may fall `max(F_i(x0), 0)`; or None.
    """

    network: Network
    lower: Tensor
    upper: Tensor
    features: Tensor
    resolution: Tensor
    falling: Tensor | None = None
    at: Tensor | None = None

    @cached_property
    def held(self) -> Tensor:
        """(m,) bool, the outputs that are fixed from both sides."""
        return torch.ones_like(self.features, dtype=torch.bool) if self.falling is None else ~self.falling

    @cached_property
    def by_units(self) -> bool:
        """Whether a search splits the sides of units and no boxes: where inputs are many, no box is ever small."""
        return int((self.upper > self.lower).sum()) > MOST_SPLIT

    @property
    def n_multipliers(self) -> int:
        """How many combinations of outputs cut boxes down, beside the outputs themselves: d, or 0."""
        return 0 if self.by_units else len(self.lower)

    @cached_property
    def wanted(self) -> tuple[Fraction, ...]:
        """(m,) y, exactly.

        Raises:
            TooLarge: if a point is given whose exact outputs take too long.
        """
        if self.at is None:
            return tuple(map(Fraction, self.features.tolist()))
        outputs = exact_outputs(self.network, self.at.numpy())
        if outputs is None:
            raise TooLarge("the exact features of this point take too long to compute.")
        return tuple(y if held else max(y, Fraction(0)) for y, held in zip(outputs, self.held.tolist(), strict=True))

    @cached_property
    def spread(self) -> Tensor:
        """(m,) float64, at least how far outputs of members are from `features`: rho, and what rounding did to y."""
        if self.at is None:
            return self.resolution
        pairs = zip(self.wanted, self.features.tolist(), strict=True)
        lost = [nearest_float(abs(y - Fraction(rounded))) for y, rounded in pairs]
        found = torch.tensor(lost, dtype=torch.float64)
        found = torch.where(found > 0, found * (1 + 2 * UNIT) + UNDERFLOW, 0.0)
        return torch.where(found > 0, (self.resolution + found) * (1 + 2 * UNIT), self.resolution)

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
        if self.at is not None and bool((point == self.at).all()):
            return True
        off = self.residuals(point[None])[0].abs()
        room = 4 * UNIT * (off + self.features.abs()) + UNDERFLOW + (self.spread - self.resolution) * (1 + 4 * UNIT)
        if bool((off + self.forward_error + room <= self.resolution).all()):
            return True
        if bool((off - self.forward_error - room > self.resolution).any()):
            return False
        outputs = self.exact_outputs(point)
        return outputs is not None and self.has_member(point, outputs)

    def residual(self, point: Tensor) -> np.ndarray:
        """(m,) float64, the exact outputs at a point (d,) less the wanted ones, rounded once; where they can be had."""
        outputs = self.exact_outputs(point)
        assert outputs is not None
        gaps = (value - y for value, y in zip(outputs, self.wanted, strict=True))
        return np.array([nearest_float(gap) for gap in gaps])

    def has_member(self, point: Tensor, outputs: list[Fraction]) -> bool:
        """Whether a point (d,) of these outputs, which are exact, is in S."""
        if not bool(((self.lower <= point) & (point <= self.upper)).all()):
            return False
        return all(off <= Fraction(rho) for off, rho in zip(self.off(outputs), self.resolution.tolist(), strict=True))

    def off(self, outputs: list[Fraction]) -> list[Fraction]:
        """(m,) how far exact outputs are from the wanted ones; what may fall is off where it is above."""
        every = zip(outputs, self.wanted, self.held.tolist(), strict=True)
        return [abs(value - y) if held else max(value - y, Fraction(0)) for value, y, held in every]

    def away(self, outputs: list[Fraction]) -> Tensor:
        """(m,) float64, at least how far exact outputs are from the wanted ones."""
        found = [nearest_float(off) for off in self.off(outputs)]
        return torch.tensor(found, dtype=torch.float64) * (1 + 2 * UNIT) + UNDERFLOW

    def at_least_away(self, outputs: list[Fraction]) -> Tensor:
        """(m,) float64, at most how far exact outputs are from the wanted ones."""
        return ((self.away(outputs) - UNDERFLOW) * (1 - 16 * UNIT) - UNDERFLOW).clamp(min=0.0)

    def values(self, points: Tensor) -> Tensor:
        """F at points (n, d), as float64 computes it: (n, m)."""
        network = self.bounded.network
        found = network.values(points.reshape(-1, *network.input_shape), network.outputs)
        return torch.cat([found[name].reshape(len(points), -1) for name in network.outputs], dim=1)

    def residuals(self, points: Tensor) -> Tensor:
        """`values` less y at points (n, d), of outputs that may fall as far as they are above it: (n, m)."""
        off = self.values(points) - self.features
        return off if self.falling is None else torch.where(self.held, off, off.clamp(min=0.0))

    def fed(self, point: Tensor) -> Tensor:
        """(U,) what units are fed at a point (d,), as float64 computes it."""
        bounded = self.bounded
        found = bounded.network.values(point.reshape(1, *bounded.network.input_shape), bounded.feeds)
        return torch.cat([self.lower.new_zeros(0), *(found[name].reshape(-1) for name in bounded.feeds)])
