"""Two affine functions of the input that a node of a network lies between on a box, by backward substitution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unrelu.bounding.back_substitution import BackSubstitution, Coefficients
from unrelu.errors import InputError
from unrelu.network.interpreter import interpret_back
from unrelu.operators.relaxation import Relaxation
from unrelu.rigor.rounding import UNDERFLOW, gamma

if TYPE_CHECKING:
    from unrelu.network.graph import Network

CHUNK_BYTES = 64 * 2**20
"""Bytes that the coefficients at the widest node may take at once."""


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
        return _bounded(network, network.outputs, _relaxed(network, lower, upper), lower, upper, slopes=True)


def _relaxed(network: Network, lower: Tensor, upper: Tensor) -> dict[str, Relaxation]:
    """The lines of all units."""
    relaxations: dict[str, Relaxation] = {}
    known: dict[str, tuple[Tensor, Tensor]] = {network.nodes[0].name: (lower, upper)}
    for node in network.nodes[1:]:
        if node.is_affine:
            continue
        for name in node.inputs:
            if name not in known:
                found = _bounded(network, [name], relaxations, lower, upper, slopes=False)
                size = (len(lower), *network.node(name).shape)
                known[name] = found.lower.reshape(size), found.upper.reshape(size)
        relaxations[node.name] = node.piecewise.relax(*(known[name] for name in node.inputs))
    return relaxations


def _bounded(
    network: Network,
    names: Sequence[str],
    relaxations: dict[str, Relaxation],
    lower: Tensor,
    upper: Tensor,
    *,
    slopes: bool,
) -> LinearBounds:
    """The bounds of some nodes, joined, a part of their coordinates at a time."""
    n, d = len(lower), network.input_size
    part = network.upto(*names)
    m = part.output_size
    widest = max(math.prod(node.shape) for node in part.nodes)
    step = max(1, CHUNK_BYTES // (32 * n * widest))
    box = lower.reshape(n, 1, d), upper.reshape(n, 1, d)
    parts = [
        _part(part, relaxations, torch.arange(start, min(start + step, m), device=lower.device), box, slopes=slopes)
        for start in range(0, m, step)
    ]
    return LinearBounds(*(torch.cat(each, dim=1) for each in zip(*parts, strict=True)))


def _part(
    network: Network,
    relaxations: dict[str, Relaxation],
    rows: Tensor,
    box: tuple[Tensor, Tensor],
    *,
    slopes: bool,
) -> tuple[Tensor, ...]:
    n = len(box[0])
    units = torch.zeros(len(rows), network.output_size, dtype=torch.float64, device=rows.device)
    units[torch.arange(len(rows), device=rows.device), rows] = 1.0
    substitution = BackSubstitution(network, relaxations, n, len(rows))
    arrived: dict[str, Coefficients] = {}
    sizes = [math.prod(network.node(name).shape) for name in network.outputs]
    for name, columns in zip(network.outputs, units.split(sizes, dim=1), strict=True):
        start = Coefficients.of_units(columns, n)
        arrived[name] = arrived[name].plus(start) if name in arrived else start
    entry = network.nodes[0].name
    interpret_back(network.nodes[1:], substitution.step, Coefficients.plus, arrived)
    found = arrived[entry] if entry in arrived else Coefficients.zeros(n, len(rows), network.input_size, rows.device)
    low, high = box
    largest = torch.maximum(low.abs(), high.abs())
    doubt = (found.errors * largest).sum(dim=3)
    sums = (found.values.abs() * largest).sum(dim=3)
    room = gamma(network.input_size + 8)
    magnitude = doubt + substitution.errors + substitution.offsets.abs()
    loss = doubt + substitution.errors + room * magnitude + (network.input_size + 8) * UNDERFLOW
    below, above = substitution.offsets[0] - loss[0], substitution.offsets[1] + loss[1]
    A, B = found.values
    least = (torch.where(A >= 0, A * low, A * high)).sum(dim=2) + below - 2 * room * (sums[0] + below.abs())
    most = (torch.where(B >= 0, B * high, B * low)).sum(dim=2) + above + 2 * room * (sums[1] + above.abs())
    keep = slice(None) if slopes else slice(0, 0)
    return A[..., keep], below, B[..., keep], above, least - UNDERFLOW, most + UNDERFLOW
