"""What is taken over from an ONNX file: plain data, checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from unrelu.operators import Shape


@dataclass(frozen=True, eq=False)
class OnnxNode:
    """One node.

    Attributes:
        name: its own, or that of its first result.
        function: the operator's type, with its domain in front if it is not ONNX's own.
        inputs: names of the tensors it takes; "" where an optional one is left out.
        outputs: names of the tensors it gives.
        attributes: by name; tensors as NumPy arrays.
    """

    name: str
    function: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True, eq=False)
class OnnxModel:
    """A graph with one input.

    Attributes:
        nodes: in order.
        weights: stored tensors, by name.
        entry: name of the input tensor.
        exits: names of the output tensors; more than one only where a node is named that the network ends in.
        shape: sample shape of the input; all of its sizes where it has no batch axis.
        batch: the fixed size of the batch, or None where it is free; 1 where there is no batch axis.
        batchless: whether the input has no batch axis, so that all of it is one sample.
        dtype: of the input.
        opset: version of ONNX's own operators.
        serialized: the file's bytes.
        size: bytes of the file and of those with its weights; None where it may take any memory.
    """

    nodes: tuple[OnnxNode, ...]
    weights: dict[str, np.ndarray]
    entry: str
    exits: tuple[str, ...]
    shape: Shape
    batch: int | None
    batchless: bool
    dtype: np.dtype
    opset: int
    serialized: bytes
    size: int | None

    def as_one_sample(self) -> Self:
        """The same graph, given one sample: a batch of one where its size is free, else all of the input."""
        if self.batch is None:
            return replace(self, batch=1)
        return replace(self, shape=(self.batch, *self.shape), batch=1, batchless=True)
