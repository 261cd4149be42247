"""The comparisons that a max pooling has decided: what holds on a linear region besides the signs of neurons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unrelu.operators import MaxPool

if TYPE_CHECKING:
    from unrelu.network.node import Node
    from unrelu.operators import Shape
    from unrelu.stability.pattern import ActivationPattern


@dataclass(frozen=True, eq=False)
class Comparisons:
    """`h[winners] >= h[others]` for the input h of one max pooling, flattened in C order.

    On the region where they hold, the pooling is the linear selection of the winners.

    Attributes:
        windows: (c,) int64, the pooling's own coordinate that each is about.
        winners: (c,) int64, the coordinate of h that is selected there.
        others: (c,) int64, another coordinate of h in the same window.
    """

    windows: np.ndarray
    winners: np.ndarray
    others: np.ndarray


def comparisons(pool: Node, input_shape: Shape, pattern: ActivationPattern) -> Comparisons:
    """All comparisons of one max pooling at the point of a pattern.

    Args:
        pool: the node of the max pooling.
        input_shape: sample shape of the node that it takes.
        pattern: with its selection.
    """
    operator = pool.operator
    assert isinstance(operator, MaxPool)
    members = operator.members(input_shape).numpy()
    selected = pattern.selection(pool.name).reshape(-1, 1)
    windows, places = np.nonzero((members >= 0) & (members != selected))
    return Comparisons(windows, selected[windows, 0], members[windows, places])
