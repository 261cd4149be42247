"""An equal graph for ONNX's reference evaluator, without the forms of operators that it computes otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from unrelu.intake.onnx.model import OnnxModel

_FIRST_RESULT = {"MaxPool", "Dropout", "BatchNormalization"}
"""Operators with later results, which nothing that is read takes."""


@dataclass(frozen=True)
class Explicit:
    """The padding of a node that its file only implies, by `auto_pad` or `ceil_mode`.

    Each is the places before and after each axis, as ONNX writes them, all before first.

    Attributes:
        pads: the node's own.
        padded: those of a node of its own before it; None for no such node.
        fill: the number there.
        weight: of a transposed convolution, all of whose groups are one.
    """

    pads: tuple[int, ...]
    padded: tuple[int, ...] | None = None
    fill: float = 0.0
    weight: np.ndarray | None = None

    @classmethod
    def of_pairs(
        cls, pads: Iterable[tuple[int, int]], padded: Iterable[tuple[int, int]] | None = None, fill: float = 0.0
    ) -> Explicit:
        """From (before, after) of each axis."""
        return cls(_flat(pads), None if padded is None else _flat(padded), fill)


def make_explicit(onnx: Any, node: Any, explicit: Explicit | None, model: OnnxModel) -> list[Any]:
    """What a node does, in one node or a few; it is changed itself.

    Args:
        onnx: the package.
        node: a NodeProto.
        explicit: its padding, if the file only implies it.
        model: the node's.
    """
    if node.op_type in _FIRST_RESULT:
        del node.output[1:]
    if node.op_type == "BatchNormalization" and model.opset < 14:
        _set(onnx, node, momentum=1.0, **({} if model.opset >= 9 else {"is_test": 1}))
    if explicit is None:
        return [node]
    _set(onnx, node, auto_pad=None, ceil_mode=None, output_shape=None, pads=list(explicit.pads))
    if explicit.weight is not None:
        _set(onnx, node, group=1)
        node.input[1] = f"{node.output[0]} weight"
        values = onnx.numpy_helper.from_array(explicit.weight)
        return [onnx.helper.make_node("Constant", [], [node.input[1]], value=values), node]
    if explicit.padded is None:
        return [node]
    entry, padded = node.input[0], f"{node.output[0]} padded"
    half = len(explicit.padded) // 2
    sides = [0, 0, *explicit.padded[:half], 0, 0, *explicit.padded[half:]]
    if node.op_type == "AveragePool":
        _set(onnx, node, count_include_pad=0)
    node.input[0] = padded
    if model.opset < 11:
        return [onnx.helper.make_node("Pad", [entry], [padded], pads=sides, value=explicit.fill), node]
    numbers = {f"{padded} by": np.array(sides, dtype=np.int64), f"{padded} with": np.array(explicit.fill, model.dtype)}
    constants = [
        onnx.helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(values))
        for name, values in numbers.items()
    ]
    return [*constants, onnx.helper.make_node("Pad", [entry, *numbers], [padded]), node]


def _set(onnx: Any, node: Any, **attributes: Any) -> None:
    """Give attributes other values; None to leave one out."""
    kept = [attribute for attribute in node.attribute if attribute.name not in attributes]
    made = [onnx.helper.make_attribute(name, value) for name, value in attributes.items() if value is not None]
    del node.attribute[:]
    node.attribute.extend([*kept, *made])


def _flat(pairs: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    before, after = zip(*pairs, strict=True)
    return (*before, *after)
