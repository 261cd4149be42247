"""What a node is to the questions that are asked through it."""

from __future__ import annotations

from enum import Enum


class NodeKind(Enum):
    """What a node is, or why there is nothing to ask about it."""

    INPUT = "input"
    AFFINE = "affine"
    PIECEWISE_LINEAR = "piecewise linear"
    SMOOTH = "smooth"
    REFUSED = "refused"
    BEHIND = "behind a refused node"
