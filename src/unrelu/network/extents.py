"""Which part of an image-like node a part of the input can reach: rectangles through convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unrelu.operators import (
    Add,
    AveragePool,
    Convolution,
    Elementwise,
    MaxPool,
    Normalization,
    Pad,
    Quotient,
    Subtract,
)

if TYPE_CHECKING:
    from unrelu.network.node import Node


@dataclass(frozen=True)
class Extent:
    """A rectangle (interval, cuboid) of places in a sample of shape (channels, *places), with all its channels.

    Attributes:
        starts: first place along each spatial axis.
        sizes: number of places along each, at least 1.
    """

    starts: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def stops(self) -> tuple[int, ...]:
        """The place after the last along each axis."""
        return tuple(start + size for start, size in zip(self.starts, self.sizes, strict=True))

    def slices(self) -> tuple[slice, ...]:
        """The places as an index."""
        return tuple(slice(start, stop) for start, stop in zip(self.starts, self.stops, strict=True))

    def hull(self, other: Extent) -> Extent:
        """The smallest rectangle that holds both."""
        starts = tuple(map(min, self.starts, other.starts))
        stops = tuple(map(max, self.stops, other.stops))
        return Extent(starts, tuple(stop - start for start, stop in zip(starts, stops, strict=True)))


def reach(node: Node, operands: Sequence[Extent | None]) -> Extent | None:
    """The places of a node that depend on these places of the nodes it takes.

    Args:
        node: a node with image-like operands.
        operands: an extent for each node it takes; None for one that may be touched everywhere.

    Returns:
        An extent, or None where nothing better is known than everywhere.
    """
    first, operator = operands[0], node.operator
    if first is None or any(other is None for other in operands):
        return None
    if node.is_relu or isinstance(operator, Elementwise | Quotient | Normalization):
        return first
    if isinstance(operator, Add | Subtract):
        second = operands[1]
        return None if second is None else first.hull(second)
    if isinstance(operator, Pad):
        skipped = len(first.starts) - len(operator.padding)
        if operator.mode != "constant" or skipped < 0 or min(map(min, operator.padding)) < 0:
            return None
        before = (0,) * skipped + tuple(pair[0] for pair in operator.padding)
        return Extent(tuple(map(sum, zip(first.starts, before, strict=True))), first.sizes)
    window = sliding(node)
    if window is None:
        return None
    starts, sizes = [], []
    for k, (start, stop) in enumerate(zip(first.starts, first.stops, strict=True)):
        stride, before, span = window.stride[k], window.before[k], window.spans[k]
        last = node.shape[1 + k] - 1
        # window o covers the places from o * stride - before on, `span` of them
        low = min(max(0, -((span - 1 - before - start) // stride)), last)
        high = min((stop - 1 + before) // stride, last)
        starts.append(low)
        sizes.append(max(1, high - low + 1))  # none where it falls between windows: one of zeros does no harm
    return Extent(tuple(starts), tuple(sizes))


@dataclass(frozen=True)
class Sliding:
    """How the windows of a convolution or pooling lie: one number each along every spatial axis.

    Attributes:
        stride: steps between windows.
        before: padding in front of the first place.
        spans: places from a window's first to its last, both counted.
    """

    stride: tuple[int, ...]
    before: tuple[int, ...]
    spans: tuple[int, ...]


def sliding(node: Node) -> Sliding | None:
    """The windows of a node; None for one without, or whose result depends on where its edges are."""
    operator = node.operator
    if isinstance(operator, Convolution):
        kernel, dilation = tuple(operator.weight.shape[2:]), operator.dilation
    elif isinstance(operator, MaxPool):
        kernel, dilation = operator.kernel, operator.dilation
    elif isinstance(operator, AveragePool) and not operator.ceil_mode and not any(map(any, operator.padding)):
        kernel, dilation = operator.kernel, (1,) * len(operator.kernel)
    else:
        return None
    spans = tuple(step * (size - 1) + 1 for size, step in zip(kernel, dilation, strict=True))
    return Sliding(tuple(operator.stride), tuple(pair[0] for pair in operator.padding), spans)
