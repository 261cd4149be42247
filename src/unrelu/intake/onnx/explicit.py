"""An equal graph for ONNX's reference evaluator, without the forms of operators that it computes otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

_FIRST_RESULT = {"MaxPool", "Dropout", "BatchNormalization"}
"""Operators with later results, which nothing that is read takes."""


@dataclass(frozen=True)
class Explicit:
    """The padding of a node that its file only implies, by `auto_pad` or `ceil_mode`.

    Attributes:
        pads: places before and after each axis, as ONNX writes them, all before first.
        counted: the same for places that an average counts as zeros; `pads` are those that it does not count.
    """

    pads: tuple[int, ...]
    counted: tuple[int, ...] | None = None

    @classmethod
    def of_pairs(cls, pads: Iterable[tuple[int, int]], counted: Iterable[tuple[int, int]] | None = None) -> Explicit:
        """From (before, after) of each axis."""
        return cls(_flat(pads), None if counted is None else _flat(counted))


def make_explicit(onnx: Any, node: Any, explicit: Explicit | None, opset: int) -> list[Any]:
    """What a node does, in one node or two; it is changed itself.

    Args:
        onnx: the package.
        node: a NodeProto.
        explicit: its padding, if the file only implies it.
        opset: of the file.
    """
    if node.op_type in _FIRST_RESULT:
        del node.output[1:]
    if node.op_type == "BatchNormalization" and opset < 14:
        _set(onnx, node, momentum=1.0, **({} if opset >= 9 else {"is_test": 1}))
    if explicit is None:
        return [node]
    _set(onnx, node, auto_pad=None, ceil_mode=None, pads=list(explicit.pads))
    if explicit.counted is None:
        return [node]
    entry, padded = node.input[0], f"{node.output[0]} padded"
    half = len(explicit.counted) // 2
    sides = [0, 0, *explicit.counted[:half], 0, 0, *explicit.counted[half:]]
    _set(onnx, node, count_include_pad=0)
    node.input[0] = padded
    if opset < 11:
        return [onnx.helper.make_node("Pad", [entry], [padded], pads=sides), node]
    values = onnx.helper.make_tensor("sides", onnx.TensorProto.INT64, [len(sides)], sides)
    constant = onnx.helper.make_node("Constant", [], [f"{padded} by"], value=values)
    return [constant, onnx.helper.make_node("Pad", [entry, f"{padded} by"], [padded]), node]


def _set(onnx: Any, node: Any, **attributes: Any) -> None:
    """Give attributes other values; None to leave one out."""
    kept = [attribute for attribute in node.attribute if attribute.name not in attributes]
    made = [onnx.helper.make_attribute(name, value) for name, value in attributes.items() if value is not None]
    del node.attribute[:]
    node.attribute.extend([*kept, *made])


def _flat(pairs: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    before, after = zip(*pairs, strict=True)
    return (*before, *after)
