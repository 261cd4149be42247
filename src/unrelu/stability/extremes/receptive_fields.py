"""Which part of a picture each output position of a network can depend on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from unrelu.operators import (
    Add,
    AveragePool,
    Concatenate,
    Convolution,
    Elementwise,
    Input,
    MaxPool,
    Normalization,
    Pad,
    Quotient,
    ReLU,
    Subtract,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unrelu.network.graph import Network
    from unrelu.network.node import Node

_POINTWISE = (ReLU, Elementwise, Quotient, Normalization, Add, Subtract)
_MODES = {"circular": "wrap", "reflect": "reflect", "replicate": "edge"}


@dataclass(frozen=True, eq=False)
class Reach:
    """Along one spatial axis: the input places that each output place can depend on.

    Attributes:
        first: (n,) int64.
        last: (n,) int64; smaller than `first` where it depends on none.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]

    @property
    def width(self) -> int:
        """Of the widest; 1 where no output depends on anything."""
        return max(1, int((self.last - self.first).max()) + 1)


def receptive_fields(network: Network) -> tuple[Reach, ...] | None:
    """The receptive fields of a network's output, one `Reach` a spatial axis.

    None where they are not rectangles that can be told axis by axis: other inputs than (channels, *size), several
    outputs, or operators that mix places (dense, reshape, permute).

    Args:
        network: any network.
    """
    if len(network.input_shape) < 2 or len(network.outputs) != 1:
        return None
    known: dict[str, tuple[Reach, ...]] = {}
    for node in network.nodes:
        operands = [known[name] for name in node.inputs]
        shapes = [network.node(name).shape for name in node.inputs]
        found = _through(node, operands, [shape[1:] for shape in shapes])
        if found is None:
            return None
        known[node.name] = found
    return known[network.outputs[0]]


def _through(
    node: Node, operands: Sequence[tuple[Reach, ...]], sizes: Sequence[tuple[int, ...]]
) -> tuple[Reach, ...] | None:
    operator = node.operator
    if isinstance(operator, Input):
        return tuple(Reach(np.arange(size), np.arange(size)) for size in node.shape[1:])
    if isinstance(operator, _POINTWISE) or (isinstance(operator, Concatenate) and operator.axis == 0):
        if any(size != node.shape[1:] for size in sizes):
            return None
        return tuple(_union([operand[axis] for operand in operands]) for axis in range(len(node.shape) - 1))
    if isinstance(operator, (Convolution, MaxPool, AveragePool)):
        kernel = tuple(operator.weight.shape[2:]) if isinstance(operator, Convolution) else operator.kernel
        dilation = (1,) * len(kernel) if isinstance(operator, AveragePool) else operator.dilation
        return tuple(
            _windowed(
                operands[0][axis],
                operator.stride[axis] * np.arange(node.shape[axis + 1]) - operator.padding[axis][0],
                dilation[axis] * np.arange(kernel[axis]),
            )
            for axis in range(len(kernel))
        )
    if isinstance(operator, Pad) and len(operator.padding) <= len(node.shape) - 1:
        free = len(node.shape) - 1 - len(operator.padding)
        padding = ((0, 0),) * free + operator.padding
        return tuple(_padded(operands[0][axis], padding[axis], operator.mode) for axis in range(len(padding)))
    return None


def _union(parts: Sequence[Reach]) -> Reach:
    return Reach(np.min([part.first for part in parts], axis=0), np.max([part.last for part in parts], axis=0))


def _windowed(before: Reach, starts: np.ndarray, offsets: np.ndarray) -> Reach:
    """Behind windows at these starts, whose members have these offsets; those outside hold nothing."""
    places = starts[:, None] + offsets
    inside = (places >= 0) & (places < len(before.first))
    held = np.where(inside, places, 0)
    first = np.where(inside, before.first[held], _NOWHERE).min(axis=1)
    return Reach(first, np.where(inside, before.last[held], -1).max(axis=1))


def _padded(before: Reach, pair: tuple[int, int], mode: str) -> Reach:
    n = len(before.first)
    if mode == "constant":
        return _windowed(before, np.arange(-pair[0], n + pair[1]), np.zeros(1, dtype=np.int64))
    places = np.pad(np.arange(n), (max(pair[0], 0), max(pair[1], 0)), mode=cast("str", _MODES[mode]))  # pyright: ignore
    places = places[max(-pair[0], 0) : len(places) - max(-pair[1], 0)]
    return Reach(before.first[places], before.last[places])


_NOWHERE = 2**40
