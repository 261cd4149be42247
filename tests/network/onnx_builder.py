"""ONNX files written by hand, node by node."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from unrelu.network.graph import Network

TYPES: dict[type, int] = {
    np.float16: TensorProto.FLOAT16,
    np.float32: TensorProto.FLOAT,
    np.float64: TensorProto.DOUBLE,
}


class OnnxBuilder:
    """A graph with one input "x" of sample shape `shape`."""

    def __init__(self, shape: Sequence[int], dtype: type = np.float32, opset: int = 17) -> None:
        self.shape, self.dtype, self.opset = shape, dtype, opset
        self.nodes: list[Any] = []
        self.weights: list[Any] = []

    def weight(self, values: Any) -> str:
        array = np.array(values)
        array = array.astype(self.dtype) if array.dtype.kind == "f" else array
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(array, name))
        return name

    def integers(self, *values: int) -> str:
        return self.weight(np.array(values, dtype=np.int64))

    def node(self, function: str, *inputs: str, name: str = "", outputs: int = 1, **attributes: Any) -> str:
        results = [f"t{len(self.nodes)}", *(f"t{len(self.nodes)}_{k}" for k in range(1, outputs))]
        self.nodes.append(helper.make_node(function, list(inputs), results, name=name, **attributes))
        return results[0]

    def model(self, output: str, batch: int | str | None = "n") -> Any:
        kind = TYPES[self.dtype]
        entry = helper.make_tensor_value_info("x", kind, [batch, *self.shape])
        exit_ = helper.make_tensor_value_info(output, kind, None)
        graph = helper.make_graph(self.nodes, "g", [entry], [exit_], self.weights)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=9)

    def save(self, folder: Path, output: str, batch: int | str | None = "n") -> Path:
        path = folder / "model.onnx"
        onnx.save_model(self.model(output, batch), path)
        return path


Writing = Callable[[OnnxBuilder], str]


def read(folder: Path, write: Writing, shape: tuple[int, ...] = (4,), batch: Any = "n", **options: Any) -> Network:
    """Write a file, and read it."""
    builder = OnnxBuilder(shape, **options)
    return Network.from_onnx(builder.save(folder, write(builder), batch))
