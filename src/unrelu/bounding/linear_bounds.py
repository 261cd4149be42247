"""Two affine functions of the input that a node of a network lies between on a box, by backward substitution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unrelu.bounding.bounded_network import BoundedNetwork
from unrelu.bounding.row_bounds import output_rows, rows_below
from unrelu.bounding.unit_bounds import UnitBounds, bound_units
from unrelu.errors import InputError

if TYPE_CHECKING:
    from unrelu.network.graph import Network


@dataclass(frozen=True, eq=False)
class LinearBounds:
    """`lower_slopes x + lower_offsets <= h(x) <= upper_slopes x + upper_offsets` for all x in each of n boxes.

    All of it holds in exact arithmetic for the stored numbers: rounding errors are in the offsets.

    Attributes:
        lower_slopes: (n, m, d) float64, on flattened inputs and nodes.
        lower_offsets: (n, m) float64.
        upper_slopes: (n, m, d) float64.
        upper_offsets: (n, m) float64.
        lower: (n, m) float64, below the least value on the box.
        upper: (n, m) float64, above the largest.
    """

    lower_slopes: Tensor
    lower_offsets: Tensor
    upper_slopes: Tensor
    upper_offsets: Tensor
    lower: Tensor
    upper: Tensor


def linear_bounds(network: Network, lower: Tensor, upper: Tensor) -> LinearBounds:
    """Linear bounds of a network's output on boxes.

    Each unit whose branch is not the same on the whole box lies between two lines (`relax` of its operator); the output
    is written as a function of what comes before, node by node, back to the input (CROWN: Zhang et al., Efficient
    Neural Network Robustness Certification with General Activation Functions, 2018). What feeds a unit is bounded in
    the same way first.

    Args:
        network: piecewise linear, any graph; several outputs are joined.
        lower: (n, *input_shape) float64, finite.
        upper: the same, nowhere smaller.

    Raises:
        InputError: if these are no boxes.
        UnsupportedOperator: if a node is smooth.
    """
    shape = network.input_shape
    if lower.shape != upper.shape or tuple(lower.shape[1:]) != shape or lower.dtype != torch.float64:
        raise InputError(f"boxes need lower and upper ends of shape (n, {', '.join(map(str, shape))}) in float64.")
    if not bool((torch.isfinite(lower) & torch.isfinite(upper) & (lower <= upper)).all()):
        raise InputError("the ends of a box are finite, the lower one not above the upper one; give such a box.")
    with torch.backends.cudnn.flags(enabled=False):  # convolutions by transforms keep no elementwise bound
        n, d = len(lower), network.input_size
        box = lower.reshape(n, d), upper.reshape(n, d)
        bounded = BoundedNetwork(network)
        units = bound_units(bounded, *box)
        return _of_outputs(bounded, units, box)


def _of_outputs(bounded: BoundedNetwork, units: UnitBounds, box: tuple[Tensor, Tensor]) -> LinearBounds:
    """The bounds of the outputs, joined."""
    n, m = len(box[0]), bounded.network.output_size
    every = torch.arange(n, device=box[0].device).repeat_interleave(m)
    identity = torch.eye(m, dtype=torch.float64, device=box[0].device).repeat(n, 1)
    below = rows_below(bounded, units.relaxations, box, every, output_rows(bounded, identity))
    above = rows_below(bounded, units.relaxations, box, every, output_rows(bounded, -identity))
    return LinearBounds(
        below.slopes.reshape(n, m, -1),
        below.offsets.reshape(n, m),
        -above.slopes.reshape(n, m, -1),
        -above.offsets.reshape(n, m),
        below.least.reshape(n, m),
        -above.least.reshape(n, m),
    )
