"""What ONNX's reference evaluator is given in place of operators of its own that are slow, wrong or not there."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np

FEW = 2**14
"""Numbers that the evaluator's own pooling gives; it takes 20 microseconds for each."""


def own_operators(onnx: Any, opset: int) -> list[Any]:
    """The classes for a model of that opset.

    Args:
        onnx: the package, with its evaluator.
        opset: of the model.
    """
    older = ("Upsample", "Resize") if opset < 11 else ()
    pools = [_pool(onnx, name, opset) for name in ("MaxPool", "AveragePool")]
    return [_global_max_pool(onnx), *pools, *(_resize(onnx, name) for name in older)]


def _global_max_pool(onnx: Any) -> Any:
    """Maxima over all spatial axes; the evaluator's own takes wrong axes where these are not two."""

    def run(self: Any, x: np.ndarray) -> tuple[np.ndarray]:
        return (x.max(axis=tuple(range(2, x.ndim)), keepdims=True),)

    return type("GlobalMaxPool", (onnx.reference.op_run.OpRun,), {"op_domain": "", "_run": run})


def _pool(onnx: Any, name: str, opset: int) -> Any:
    """The evaluator's own pooling where it gives few numbers, and else the same at once."""
    base = onnx.reference.ops._op_list.load_op("", name, opset)
    known = inspect.signature(base._run).parameters

    def run(self: Any, x: np.ndarray, **attributes: Any) -> Any:
        kernel = attributes["kernel_shape"]
        strides = attributes.get("strides") or [1] * len(kernel)
        sizes = [-(-size // step) for size, step in zip(x.shape[2:], strides, strict=True)]
        if math.prod((*x.shape[:2], *sizes)) <= FEW:
            return base._run(self, x, **{key: value for key, value in attributes.items() if key in known})
        return (pooled(x, name, {**attributes, "strides": strides}),)

    return type(name, (base,), {"op_domain": "", "_run": run})


def pooled(x: np.ndarray, name: str, attributes: dict[str, Any]) -> np.ndarray:
    """Pooling with explicit padding, sizes rounded down.

    Args:
        x: (n, channels, *places).
        name: "MaxPool" or "AveragePool".
        attributes: of the node.
    """
    kernel, strides = attributes["kernel_shape"], attributes["strides"]
    dims = len(kernel)
    dilations = attributes.get("dilations") or [1] * dims
    pads = attributes.get("pads") or [0] * 2 * dims
    sides = [(0, 0), (0, 0), *zip(pads[:dims], pads[dims:], strict=True)]

    def windows(values: np.ndarray, fill: float) -> np.ndarray:
        padded = np.pad(values, sides, constant_values=fill)
        reach = [step * (width - 1) + 1 for step, width in zip(dilations, kernel, strict=True)]
        found = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=tuple(range(2, 2 + dims)))
        starts = [slice(None, None, step) for step in strides]
        return found[(slice(None), slice(None), *starts, *(slice(None, None, step) for step in dilations))]

    inside = tuple(range(-dims, 0))
    if name == "MaxPool":
        return windows(x, -np.inf).max(axis=inside)
    sums = windows(x, 0.0).sum(axis=inside)
    if attributes.get("count_include_pad"):
        return sums / x.dtype.type(math.prod(kernel))
    return sums / windows(np.ones_like(x[:1, :1]), 0.0).sum(axis=inside)


def _resize(onnx: Any, name: str) -> Any:
    """`Upsample`, or the `Resize` of opset 10, as that of opset 13: the evaluator has none or parts of them."""

    def run(self: Any, x: np.ndarray, scales: Any = None, **attributes: Any) -> tuple[np.ndarray]:
        mode = attributes.get("mode") or "nearest"
        how = {"mode": mode, "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        node = onnx.helper.make_node("Resize", ["x", "", "scales"], ["y"], **how)
        ends = [onnx.helper.make_tensor_value_info(each, onnx.TensorProto.FLOAT, None) for each in ("x", "scales", "y")]
        graph = onnx.helper.make_graph([node], "resize", ends[:2], ends[2:])
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)])
        factors = np.asarray(attributes.get("scales") if scales is None else scales, dtype=np.float32)
        return tuple(onnx.reference.ReferenceEvaluator(model).run(None, {"x": x, "scales": factors}))

    return type(name, (onnx.reference.op_run.OpRun,), {"op_domain": "", "_run": run})
