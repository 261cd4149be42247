"""Affine operators whose places depend on an image-like sample axis by axis, in other ways than by sliding windows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unrelu.operators.affine import AffineOperator
from unrelu.operators.base import Shape
from unrelu.operators.extent import Extent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unrelu.operators.axis import Axis


@dataclass(frozen=True, eq=False)
class AxisByAxis(AffineOperator):
    """An affine operator of one operand that says which places each place along an axis depends on."""

    @abstractmethod
    def places(self, shape: Shape) -> tuple[NDArray[np.int64] | None, ...] | None:
        """Along each axis behind the channels, the places of the operand that each place of the result can depend on.

        Args:
            shape: sample shape of the result.

        Returns:
            For each axis (count, k) int64, where what lies outside of the operand holds nothing, or None where each
            place depends on its own; None in all where there is no such table.
        """

    def receptive_fields(self, operands: Sequence[tuple[Axis, ...]], shape: Shape) -> tuple[Axis, ...] | None:
        """What the places depend on."""
        tables = self.places(shape)
        if tables is None or len(operands[0]) != len(tables):
            return None
        return tuple(
            axis if table is None else axis.behind(table) for axis, table in zip(operands[0], tables, strict=True)
        )

    def reach(self, operands: Sequence[Extent | None], shape: Shape) -> Extent | None:
        """The smallest rectangle of places that depend on one of the operand's."""
        tables, (extent,) = self.places(shape), operands
        if tables is None or extent is None or len(extent.sizes) != len(tables):
            return None
        starts, sizes = [], []
        for table, start, stop in zip(tables, extent.starts, extent.stops, strict=True):
            low, high = start, stop
            if table is not None:
                (found,) = np.nonzero(((table >= start) & (table < stop)).any(axis=1))
                if not len(found):  # a place of zeros does no harm, and here it stays in order
                    found = [min(int((table.max(axis=1) < start).sum()), len(table) - 1)]
                low, high = int(found[0]), int(found[-1]) + 1
            starts.append(low)
            sizes.append(high - low)
        return Extent(tuple(starts), tuple(sizes))
