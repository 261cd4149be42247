"""Directional derivatives of a node along several directions of the input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.operators.base import Shape


@dataclass(frozen=True, eq=False)
class Tangents:
    """Derivatives `(J Q)'` of one node's value along the r columns of Q, the rows that a ReLU removed left out.

    Attributes:
        values: (r, k) float64: for each direction the derivative of the k coordinates that are kept.
        shape: sample shape of the node, m coordinates.
        support: (k,) int64, the kept coordinates (C order), ascending; None if all m are. All others have
            derivative 0.
    """

    values: Tensor
    shape: Shape
    support: Tensor | None = None

    @property
    def n_directions(self) -> int:
        """The number of directions, r."""
        return self.values.shape[0]

    def full(self) -> Tensor:
        """(r, m): with the removed coordinates as zeros."""
        if self.support is None:
            return self.values
        whole = self.values.new_zeros(self.values.shape[0], math.prod(self.shape))
        return whole.index_copy_(1, self.support, self.values)

    def squares(self) -> Tensor:
        """(m,): for each coordinate the sum of its squared derivatives."""
        return self._whole(self.values.square().sum(dim=0))

    def magnitudes(self) -> Tensor:
        """(m,): for each coordinate the sum of the magnitudes of its derivatives."""
        return self._whole(self.values.abs().sum(dim=0))

    def _whole(self, sums: Tensor) -> Tensor:
        if self.support is None:
            return sums
        return sums.new_zeros(math.prod(self.shape)).index_copy_(0, self.support, sums)

    def batch(self) -> Tensor:
        """(r, *shape): as a batch of samples."""
        return self.full().reshape(self.n_directions, *self.shape)

    def directions(self, start: int, stop: int) -> Tangents:
        """Those of directions `start` up to `stop`."""
        return replace(self, values=self.values[start:stop])

    def only(self, coordinates: Tensor) -> Tangents:
        """Those of these coordinates (int64, ascending, C order), the others taken for 0."""
        if self.support is None:
            return Tangents(self.values.index_select(1, coordinates), self.shape, coordinates)
        kept = torch.isin(self.support, coordinates)
        return Tangents(self.values[:, kept], self.shape, self.support[kept])

    @classmethod
    def joined(cls, parts: Sequence[Tangents]) -> Tangents:
        """Those of several nodes, flattened and one after the other."""
        if len(parts) == 1:
            return parts[0]
        sizes = [math.prod(part.shape) for part in parts]
        if all(part.support is None for part in parts):
            return cls(torch.cat([part.values for part in parts], dim=1), (sum(sizes),))
        shifts = [sum(sizes[:k]) for k in range(len(sizes))]
        supports = [
            torch.arange(size, device=part.values.device) + shift if part.support is None else part.support + shift
            for part, size, shift in zip(parts, sizes, shifts, strict=True)
        ]
        return cls(torch.cat([part.values for part in parts], dim=1), (sum(sizes),), torch.cat(supports))


def unit_tangents(coordinates: Tensor, shape: Shape, device: torch.device) -> Tangents:
    """Those of the input itself along these of its coordinates (int64)."""
    values = torch.zeros(len(coordinates), math.prod(shape), dtype=torch.float64, device=device)
    values[torch.arange(len(coordinates), device=device), coordinates] = 1.0
    return Tangents(values, shape)
