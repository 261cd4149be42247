"""How far the values of a node are from the model's own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NodeDeviation:
    """The largest distance of a node's value, computed in float64 from the input on, from the model's own.

    The model's own forward pass rounds in its own dtype, so that float32 models deviate by some 1e-7 of `scale`.

    Attributes:
        largest: the distance, absolute.
        scale: the largest absolute value that the model has at this node.
        sample: number of the input at which it is.
        of: what inputs those are: "random" (with the example), or "data", the user's own.
        at: where in the sample it is, an index of the node's shape.
        dtype: that the model computes the node in, as "float32".
    """

    largest: float
    scale: float
    sample: int
    of: str
    at: tuple[int, ...]
    dtype: str

    @property
    def relative(self) -> float:
        """The distance over the scale; 0 where both are 0."""
        return self.largest / self.scale if self.scale else self.largest and float("inf")
