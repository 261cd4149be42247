"""Windows that slide over the places of an image-like sample."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unrelu.operators.extent import Extent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unrelu.operators.base import Shape


@dataclass(frozen=True)
class Windows:
    """Window o covers the places `o stride - before + k dilation`, k below the kernel; one number each an axis.

    Attributes:
        stride: steps between windows.
        before: padding in front of the first place; negative where places are left out.
        kernel: places in a window.
        dilation: steps between them.
    """

    stride: tuple[int, ...]
    before: tuple[int, ...]
    kernel: tuple[int, ...]
    dilation: tuple[int, ...]

    @classmethod
    def single(cls, n_axes: int) -> Windows:
        """Those of an operator that works place by place."""
        return cls((1,) * n_axes, (0,) * n_axes, (1,) * n_axes, (1,) * n_axes)

    @property
    def spans(self) -> tuple[int, ...]:
        """Places from a window's first to its last, both counted."""
        return tuple(step * (size - 1) + 1 for size, step in zip(self.kernel, self.dilation, strict=True))

    def places(self, axis: int, count: int) -> NDArray[np.int64]:
        """The places that the first windows along an axis cover, those of padding included: (count, kernel) int64."""
        starts = self.stride[axis] * np.arange(count) - self.before[axis]
        return starts[:, None] + self.dilation[axis] * np.arange(self.kernel[axis])

    def reached(self, extent: Extent, shape: Shape) -> Extent:
        """The windows that cover a place of an extent; one at least, as one of zeros does no harm.

        Args:
            extent: of places.
            shape: sample shape (channels, *windows) of the result.
        """
        starts, sizes = [], []
        for k, (start, stop) in enumerate(zip(extent.starts, extent.stops, strict=True)):
            stride, before, span = self.stride[k], self.before[k], self.spans[k]
            last = shape[1 + k] - 1
            low = min(max(0, -((span - 1 - before - start) // stride)), last)
            high = min((stop - 1 + before) // stride, last)
            starts.append(low)
            sizes.append(max(1, high - low + 1))
        return Extent(tuple(starts), tuple(sizes))
