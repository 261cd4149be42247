"""The derivatives that a piecewise linear operator can have on a box: one in their middle, and how far others lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.operators.candidates import Candidates


@dataclass(frozen=True, eq=False)
class MeanMap:
    """`slope h[coordinate]` for each of m units on each of n boxes, h being the operands flattened and joined.

    Attributes:
        coordinates: (n, m) int64; None for each coordinate itself.
        slopes: (n, m) float64.
        half: (n, m) float64: slopes of one coordinate, at most so far from `slopes`; None where units choose among
            several coordinates.
        candidates: what they choose among then.
        rivals: (n, m, k) bool, the candidates that a unit can follow on the box.
    """

    coordinates: Tensor | None
    slopes: Tensor
    half: Tensor | None
    candidates: Candidates | None = None
    rivals: Tensor | None = None

    def forward(self, tangents: Tensor) -> Tensor:
        """The tangents of the result, (n, k, m), from those of the operands (n, k, size)."""
        if self.coordinates is None:
            return tangents * self.slopes[:, None]
        places = self.coordinates[:, None].expand(-1, tangents.shape[1], -1)
        return tangents.gather(2, places) * self.slopes[:, None]

    def forward_size(self, radii: Tensor) -> Tensor:
        """The radii of the result, (n, k, m), from those of the operands (n, k, size), for the middle slopes."""
        if self.coordinates is None:
            return radii * self.slopes.abs()[:, None]
        places = self.coordinates[:, None].expand(-1, radii.shape[1], -1)
        return radii.gather(2, places) * self.slopes.abs()[:, None]

    def back(self, rows: Tensor, size: int) -> Tensor:
        """The cotangents of the operands, (n, k, size), from those of the result (n, k, m)."""
        found = rows * self.slopes[:, None]
        if self.coordinates is None:
            return found
        places = self.coordinates[:, None].expand_as(found)
        return rows.new_zeros(*rows.shape[:2], size).scatter_add(2, places, found)

    def change(self, tangents: Tensor, radii: Tensor) -> Tensor:
        """At least how far the tangents of the result can be from `forward`'s, for fixed tangents: (n, k, m).

        For any branches on the box, and any tangents of the operands within the radii, it is the difference of what
        these branches and those of the middle make of the same tangents.

        Args:
            tangents: (n, k, size) of the operands.
            radii: (n, k, size) how far they may be off.
        """
        if self.half is not None:
            return self.half[:, None] * (tangents.abs() + radii)
        assert self.candidates is not None
        assert self.rivals is not None
        assert self.coordinates is not None
        n, k, _ = tangents.shape
        m, c = self.candidates.coordinates.shape
        places = self.candidates.coordinates.clamp(min=0).reshape(1, 1, -1).expand(n, k, -1)
        slopes = 1.0 if self.candidates.slopes is None else self.candidates.slopes
        values = tangents.gather(2, places).reshape(n, k, m, c) * slopes
        spread = radii.gather(2, places).reshape(n, k, m, c) * abs(slopes)
        own = self.coordinates[:, None].expand(-1, k, -1)
        middle = tangents.gather(2, own) * self.slopes[:, None]
        around = radii.gather(2, own) * self.slopes.abs()[:, None]
        apart = (values - middle[..., None]).abs() + spread + around[..., None]
        settled = self.rivals.sum(dim=2)[:, None] <= 1
        return torch.where(settled, 0.0, torch.where(self.rivals[:, None], apart, 0.0).amax(dim=3))
