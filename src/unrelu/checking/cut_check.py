"""One layer or cut of a network that was checked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CutCheck:
    """A node that separates the input from the output, or a layer.

    Attributes:
        name: of the node.
        is_cut: whether all that the output depends on runs through it: then `net.upto(name)` alone decides what the
            network says.
        has_layer: whether `net.layer(name)` exists.
        n_features: numbers of its value, m.
        n_inputs: numbers that the layer takes, d; None where there is no layer.
        origin: the node whose values the layer takes; "" where there is no layer.
        why: why there is no layer; "" where there is.
    """

    name: str
    is_cut: bool
    has_layer: bool
    n_features: int
    n_inputs: int | None
    origin: str
    why: str
