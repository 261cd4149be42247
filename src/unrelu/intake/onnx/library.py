"""The one place where the `onnx` package is used: it parses files and evaluates graphs as a reference."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from unrelu.errors import MissingExtra, ModelFileError
from unrelu.intake.onnx.data_files import DataFiles
from unrelu.intake.onnx.explicit import Explicit, make_explicit
from unrelu.intake.onnx.model import OnnxModel, OnnxNode
from unrelu.intake.onnx.own_operators import own_operators
from unrelu.intake.onnx.tensors import read_tensor
from unrelu.network.sample_size import SAMPLE_LIMIT
from unrelu.untrusted.printable import printable
from unrelu.untrusted.regular_file import read_regular

FILE_LIMIT = 2 * 2**30
"""Bytes of a model file: what one protocol buffer may have."""

OLDEST_OPSET = 7
"""Before it Add, Mul and their like do not broadcast as NumPy does, but as attributes say."""


def _onnx() -> Any:
    try:
        import onnx
        import onnx.numpy_helper
        import onnx.reference
        import onnx.reference.op_run
        import onnx.reference.ops._op_list
    except ImportError as error:
        raise MissingExtra('reading ONNX files needs the onnx package: pip install "unrelu[onnx]".') from error
    return onnx


def parse(path: str | os.PathLike[str], *, whole: bool = True, trust: bool = False) -> OnnxModel:
    """Read a file and check all that it declares; nothing from it is executed.

    Args:
        path: of the file.
        whole: whether the output itself is asked about, so that there must be one only.
        trust: whether the model may take any memory.

    Raises:
        ModelFileError: if it is missing, damaged, too large, or keeps its weights outside of its folder.
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
    return _model(onnx, model, data, whole, trust, DataFiles(file.parent))


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


def evaluator(
    model: OnnxModel, tensors: set[str], explicit: dict[str, Explicit]
) -> Callable[[list[str], dict[str, np.ndarray]], list[np.ndarray]]:
    """ONNX's reference evaluator for the part of a model that was read: (names, inputs) -> values.

    It is made of an equal graph: its batch norm before opset 14 mixes in the statistics of the batch, which play no
    role in inference; its pooling rounds sizes up in another way than ONNX says, and some automatic padding too; and
    functions stored in the file, which could stand in for ONNX's own, are left out.

    Args:
        model: the model.
        tensors: results of the nodes that were read; all others are left out.
        explicit: what some of these nodes do, by their first results.
    """
    onnx = _onnx()
    proto = onnx.load_model_from_string(model.serialized)
    del proto.functions[:]
    for tensor in proto.graph.initializer:
        _bring_inside(onnx, tensor, model.weights.get(tensor.name))
    nodes = [node for node in proto.graph.node if node.output[0] in tensors]
    stored = {node.outputs[0]: node.attributes for node in model.nodes}
    for node in nodes:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                _bring_inside(onnx, attribute.t, stored[node.output[0]][attribute.name])
    made = [each for node in nodes for each in make_explicit(onnx, node, explicit.get(node.output[0]), model)]
    del proto.graph.node[:]
    proto.graph.node.extend(made)
    return onnx.reference.ReferenceEvaluator(proto, new_ops=own_operators(onnx, model.opset)).run


def _bring_inside(onnx: Any, tensor: Any, values: np.ndarray | None) -> None:
    """Put the numbers into the tensor that are stored elsewhere."""
    if tensor.data_location == onnx.TensorProto.EXTERNAL and values is not None:
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))


def _opset(model: Any) -> int:
    return max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=1)


def _model(onnx: Any, model: Any, data: bytes, whole: bool, trust: bool, files: DataFiles) -> OnnxModel:
    graph = model.graph
    if _opset(model) < OLDEST_OPSET:
        raise ModelFileError(
            f"the file uses opset {_opset(model)} of ONNX, older than {OLDEST_OPSET}, before which sums and products "
            "broadcast in another way; export the model again, or convert it (onnx.version_converter)."
        )
    if graph.sparse_initializer:
        raise ModelFileError("the file stores sparse weights, which are not read; export the model with dense ones.")
    weights = {tensor.name: read_tensor(onnx, tensor, f"weight {tensor.name!r}", files) for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in weights]
    for values, what in ((inputs, "input"), (graph.output, "output")):
        if len(values) != 1 and (whole or what == "input"):
            names = ", ".join(repr(printable(value.name)) for value in values)
            advice = (
                f"read it up to one of them (upto={printable(values[0].name)!r})"
                if what == "output"
                else "only functions of one input are read: join them in front of the model, or store all but one as "
                "constants"
                if values
                else "export one that takes its input as an argument"
            )
            raise ModelFileError(f"the model has {len(values)} {what}s ({names}); {advice}.")
    dims, dtype = _declared(onnx, inputs[0])
    batchless = len(dims) == 1 and dims[0] is not None
    nodes = tuple(_node(onnx, node, files) for node in graph.node)
    return OnnxModel(
        nodes=nodes,
        weights=weights,
        entry=inputs[0].name,
        exits=tuple(value.name for value in graph.output),
        shape=tuple(dim for dim in (dims if batchless else dims[1:]) if dim is not None),
        batch=1 if batchless else dims[0],
        batchless=batchless,
        dtype=dtype,
        opset=_opset(model),
        serialized=data,
        size=None if trust else len(data) + files.size,
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


def _node(onnx: Any, node: Any, files: DataFiles) -> OnnxNode:
    if not node.output:
        raise ModelFileError(f"node {node.name!r} gives no result; export the model again.")
    name = node.name or node.output[0]
    own = node.domain in ("", "ai.onnx")
    return OnnxNode(
        name=name,
        function=node.op_type if own else f"{node.domain}.{node.op_type}",
        inputs=tuple(node.input),
        outputs=tuple(node.output),
        attributes={attribute.name: _attribute(onnx, attribute, name, files) for attribute in node.attribute},
    )


def _attribute(onnx: Any, attribute: Any, node: str, files: DataFiles) -> Any:
    if attribute.type == onnx.AttributeProto.TENSOR:
        return read_tensor(onnx, attribute.t, f"a constant of node {node!r}", files)
    value = onnx.helper.get_attribute_value(attribute)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return list(value) if attribute.type in (onnx.AttributeProto.INTS, onnx.AttributeProto.FLOATS) else value
