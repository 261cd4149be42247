"""The one place where the `onnx` package is used: it parses files and evaluates graphs as a reference."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from unrelu.errors import MissingExtra, ModelFileError
from unrelu.intake.onnx.model import OnnxModel, OnnxNode
from unrelu.network.sample_size import SAMPLE_LIMIT
from unrelu.untrusted.regular_file import read_regular

FILE_LIMIT = 2 * 2**30
"""Bytes of a model file: what one protocol buffer may have."""

OLDEST_OPSET = 9
"""Older operators have other forms."""


def _onnx() -> Any:
    try:
        import onnx
        import onnx.numpy_helper
        import onnx.reference
        import onnx.reference.op_run
    except ImportError as error:
        raise MissingExtra('reading ONNX files needs the onnx package: pip install "unrelu[onnx]".') from error
    return onnx


def parse(path: str | os.PathLike[str], *, whole: bool = True) -> OnnxModel:
    """Read a file and check all that it declares; nothing from it is executed.

    Args:
        path: of the file.
        whole: whether the output itself is asked about, so that there must be one only.

    Raises:
        ModelFileError: if it is missing, damaged, too large, or keeps its weights elsewhere.
        MissingExtra: if the onnx package is not installed.
    """
    onnx = _onnx()
    file = Path(path)
    if not file.is_file():
        raise ModelFileError(f"there is no file {str(file)!r}; check the path.")
    if file.stat().st_size > FILE_LIMIT:
        raise ModelFileError(f"{str(file)!r} has {file.stat().st_size:,} bytes; at most {FILE_LIMIT:,} are read.")
    try:
        data = read_regular(file, FILE_LIMIT)
    except OSError as error:
        raise ModelFileError(f"{str(file)!r} cannot be read ({error}); name another file.") from error
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:  # the parser's own kinds differ between its implementations
        raise ModelFileError(f"{str(file)!r} is damaged or no ONNX file; export the model again.") from error
    if not model.graph.input or not model.graph.output:
        raise ModelFileError(f"{str(file)!r} holds no graph with an input and an output; export the model again.")
    _check_names(model.graph, str(file))
    return _model(onnx, model, data, whole)


def _check_names(graph: Any, file: str) -> None:
    """Refuse names that are no text: what is not UTF-8 comes as bytes from some implementations of the parser.

    Raises:
        ModelFileError: if there is one.
    """
    names = [each.name for part in (graph.input, graph.output, graph.initializer) for each in part]
    for node in graph.node:
        names += [node.name, node.op_type, node.domain, *node.input, *node.output]
        names += [attribute.name for attribute in node.attribute]
    if not all(isinstance(name, str) for name in names):
        raise ModelFileError(f"{file!r} holds a name that is no text; export the model again.")


def evaluator(data: bytes, tensors: set[str]) -> Callable[[list[str], dict[str, np.ndarray]], list[np.ndarray]]:
    """ONNX's reference evaluator for the part of a model that was read: (names, inputs) -> values.

    Its batch norm before opset 14 mixes in the statistics of the batch unless the momentum is 1, which plays no
    role in inference; and functions stored in the file, which could stand in for ONNX's own, are left out.

    Args:
        data: the file's bytes.
        tensors: first results of the nodes that were read; all others are left out.
    """
    onnx = _onnx()
    model = onnx.load_model_from_string(data)
    del model.functions[:]
    for index in reversed(range(len(model.graph.node))):
        if model.graph.node[index].output[0] not in tensors:
            del model.graph.node[index]
    if _opset(model) < 14:
        for node in model.graph.node:
            if node.op_type == "BatchNormalization":
                kept = [attribute for attribute in node.attribute if attribute.name != "momentum"]
                del node.attribute[:]
                node.attribute.extend([*kept, onnx.helper.make_attribute("momentum", 1.0)])
    return onnx.reference.ReferenceEvaluator(model, new_ops=[_global_max_pool(onnx)]).run


def _global_max_pool(onnx: Any) -> Any:
    """Maxima over all spatial axes; the evaluator's own takes wrong axes where these are not two."""

    class GlobalMaxPool(onnx.reference.op_run.OpRun):
        op_domain = ""

        def _run(self, x: np.ndarray) -> tuple[np.ndarray]:
            return (x.max(axis=tuple(range(2, x.ndim)), keepdims=True),)

    return GlobalMaxPool


def _opset(model: Any) -> int:
    return max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=1)


def _model(onnx: Any, model: Any, data: bytes, whole: bool) -> OnnxModel:
    graph = model.graph
    if _opset(model) < OLDEST_OPSET:
        raise ModelFileError(
            f"the file uses opset {_opset(model)} of ONNX, older than {OLDEST_OPSET}; export the model again."
        )
    if graph.sparse_initializer:
        raise ModelFileError("the file stores sparse weights, which are not read; export the model with dense ones.")
    weights = {tensor.name: _array(onnx, tensor, f"weight {tensor.name!r}") for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    for values, what in ((inputs, "input"), (graph.output, "output")):
        if len(values) != 1 and (whole or what == "input"):
            names = ", ".join(repr(value.name) for value in values)
            raise ModelFileError(f"the model has {len(values)} {what}s ({names}); export one with a single {what}.")
    dims, dtype = _declared(onnx, inputs[0])
    return OnnxModel(
        nodes=tuple(_node(onnx, node) for node in graph.node),
        weights=weights,
        entry=inputs[0].name,
        exits=tuple(value.name for value in graph.output),
        shape=tuple(dim for dim in dims[1:] if dim is not None),
        batch=dims[0],
        dtype=dtype,
        opset=_opset(model),
        serialized=data,
    )


def _declared(onnx: Any, value: Any) -> tuple[list[int | None], np.dtype]:
    """Sizes and dtype of the input as the file declares them."""
    kind = value.type.tensor_type
    names = {onnx.TensorProto.FLOAT16: np.float16, onnx.TensorProto.FLOAT: np.float32, onnx.TensorProto.DOUBLE: float}
    if not value.type.HasField("tensor_type") or kind.elem_type not in names:
        raise ModelFileError(f"the input {value.name!r} is no tensor of float16, float32 or float64; export it so.")
    if not kind.HasField("shape") or not kind.shape.dim:
        raise ModelFileError(f"the input {value.name!r} declares no shape (n, ...); export the model with one.")
    dims = [dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim]
    for axis, dim in enumerate(dims):
        if dim is None and axis > 0:
            raise ModelFileError(
                f"the input {value.name!r} leaves its axis {axis} open; only the batch (axis 0) may be: "
                "export the model with a fixed size."
            )
        if dim is not None and dim < 1:
            raise ModelFileError(f"the input {value.name!r} declares the size {dim}; export the model again.")
    if math.prod(dim for dim in dims if dim is not None) > SAMPLE_LIMIT:
        raise ModelFileError(f"the input {value.name!r} declares {dims}, more than {SAMPLE_LIMIT:,} numbers.")
    return dims, np.dtype(names[kind.elem_type])


def _node(onnx: Any, node: Any) -> OnnxNode:
    if not node.output:
        raise ModelFileError(f"node {node.name!r} gives no result; export the model again.")
    name = node.name or node.output[0]
    own = node.domain in ("", "ai.onnx")
    return OnnxNode(
        name=name,
        function=node.op_type if own else f"{node.domain}.{node.op_type}",
        inputs=tuple(node.input),
        outputs=tuple(node.output),
        attributes={attribute.name: _attribute(onnx, attribute, name) for attribute in node.attribute},
    )


def _attribute(onnx: Any, attribute: Any, node: str) -> Any:
    if attribute.type == onnx.AttributeProto.TENSOR:
        return _array(onnx, attribute.t, f"a constant of node {node!r}")
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return list(value) if attribute.type in (onnx.AttributeProto.INTS, onnx.AttributeProto.FLOATS) else value


def _array(onnx: Any, tensor: Any, what: str) -> np.ndarray:
    """The numbers of a stored tensor, after a check that the file holds as many as it declares."""
    proto = onnx.TensorProto
    stores = {
        proto.FLOAT: ("float_data", 4),
        proto.DOUBLE: ("double_data", 8),
        proto.FLOAT16: ("int32_data", 2),
        proto.INT32: ("int32_data", 4),
        proto.INT64: ("int64_data", 8),
        proto.BOOL: ("int32_data", 1),
    }
    if tensor.data_location == proto.EXTERNAL:
        raise ModelFileError(f"{what} is stored outside the file; save the model with its weights in one file.")
    if tensor.data_type not in stores or tensor.HasField("segment"):
        raise ModelFileError(f"{what} has an element type or layout that is not read; export it as float32.")
    if any(dim < 0 for dim in tensor.dims):
        raise ModelFileError(f"{what} declares the sizes {list(tensor.dims)}; the file is damaged.")
    field, width = stores[tensor.data_type]
    count = math.prod(tensor.dims)
    held = len(tensor.raw_data) / width if tensor.HasField("raw_data") else len(getattr(tensor, field))
    if held != count:
        raise ModelFileError(
            f"{what} declares {count:,} numbers ({list(tensor.dims)}), but the file holds {held:,g}; it is damaged."
        )
    try:
        return np.array(onnx.numpy_helper.to_array(tensor))
    except (ValueError, TypeError, OverflowError) as error:
        raise ModelFileError(f"{what} cannot be read ({error}); the file is damaged.") from error
