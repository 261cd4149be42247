"""Rectangles of places in an image-like sample."""

from __future__ import annotations

from dataclasses import dataclass


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
