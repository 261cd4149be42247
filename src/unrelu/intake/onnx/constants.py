"""Nodes of an ONNX graph that do not depend on the input: stored constants, and arithmetic with sizes and weights.

They are computed by NumPy in the dtype they are stored in, as ONNX defines them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from unrelu.errors import ModelFileError, UnsupportedOperator
from unrelu.intake.draft import Signal
from unrelu.intake.onnx.place import Place, Value
from unrelu.untrusted.printable import printable


def fold_constant(place: Place, operands: list[Value | None]) -> np.ndarray | list[np.ndarray]:
    """The value of a node that does not depend on the input (or only on its shape); several where it has several.

    Raises:
        ModelFileError: if its operands do not fit.
        UnsupportedOperator: if a needed operand is left out.
    """
    try:
        found = FOLDS[place.node.function](place, *operands)
        return [np.asarray(part) for part in found] if isinstance(found, list) else np.asarray(found)
    except (ArithmeticError, AttributeError, LookupError, MemoryError, TypeError, ValueError) as error:
        raise ModelFileError(
            f"node {place.wish!r} ({place.node.function}) cannot be computed: {printable(str(error))}; export the "
            "model again."
        ) from error


def _constant(at: Place) -> Any:
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if name in at.node.attributes:
            dtype = {"value": None, "value_float": np.float32, "value_floats": np.float32}.get(name, np.int64)
            return np.asarray(at.node.attributes[name], dtype=dtype)
    raise UnsupportedOperator(f"node {at.wish!r} is a constant of a kind that is not read; export it as a tensor.")


def _shape(at: Place, x: Value) -> Any:
    shape = at.dims(x) if isinstance(x, Signal) else x.shape
    return np.array(shape[at.attribute("start", 0) : at.attribute("end", None)], dtype=np.int64)


def _cast(at: Place, x: Any) -> Any:
    types = {1: np.float32, 6: np.int32, 7: np.int64, 9: np.bool_, 10: np.float16, 11: np.float64}
    if at.attribute("to", 0) not in types:
        raise UnsupportedOperator(f"node {at.wish!r} casts to a type that is not read; export it as float32.")
    at.make_room(x.shape)
    return x.astype(types[at.attribute("to", 0)])


def _gather(at: Place, x: Any, indices: Any) -> Any:
    axis = int(at.attribute("axis", 0))
    if not -x.ndim <= axis < x.ndim:
        raise IndexError(f"axis {axis} of {x.ndim}")
    axis %= x.ndim
    at.make_room((*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))
    return np.take(x, indices, axis=axis)


def _concat(at: Place, *parts: Any) -> Any:
    at.make_room((sum(part.size for part in parts),))
    return np.concatenate(parts, axis=at.attribute("axis", 0))


def _unsqueeze(at: Place, x: Any, axes: Any = None) -> Any:
    return np.expand_dims(x, tuple(at.integers(at.attribute("axes", axes), "axes")))


def _squeeze(at: Place, x: Any, axes: Any = None) -> Any:
    given = at.attribute("axes", axes)
    return np.squeeze(x) if given is None else np.squeeze(x, tuple(at.integers(given, "axes")))


def _slice(at: Place, x: Any, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None) -> Any:
    first = at.integers(at.attribute("starts", starts), "starts")
    last = at.integers(at.attribute("ends", ends), "ends")
    along = at.attribute("axes", axes)
    every = [1] * len(first) if steps is None else at.integers(steps, "steps")
    places = range(len(first)) if along is None else at.integers(along, "axes")
    cut = [slice(None)] * x.ndim
    for axis, start, stop, step in zip(places, first, last, every, strict=True):
        cut[axis] = slice(start, stop, step)
    return x[tuple(cut)]


def _reshape(at: Place, x: Any, shape: Any) -> Any:
    sizes = at.integers(shape, "shape")
    at.make_room(x.shape)  # the numbers of a view that was transposed are copied
    return x.reshape([x.shape[k] if size == 0 else size for k, size in enumerate(sizes)])


def _transpose(at: Place, x: Any) -> Any:
    return np.transpose(x, at.attribute("perm", None))


def _divide(at: Place, x: Any, y: Any) -> Any:
    _fits(at, x, y)
    return x // y if np.issubdtype(np.result_type(x, y), np.integer) else x / y


def _pairwise(function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def compute(at: Place, x: Any, y: Any) -> Any:
        _fits(at, x, y)
        return function(x, y)

    return compute


def _remainder(at: Place, x: Any, y: Any) -> Any:
    """With the sign of the divisor, or with fmod that of what is divided."""
    _fits(at, x, y)
    return np.fmod(x, y) if at.attribute("fmod", 0) else np.mod(x, y)


def _elementwise(function: Callable[[Any], Any]) -> Callable[..., Any]:
    def compute(at: Place, x: Any) -> Any:
        at.make_room(x.shape)
        return function(x)

    return compute


def _fits(at: Place, x: Any, y: Any) -> None:
    at.make_room(np.broadcast_shapes(x.shape, y.shape))


def _constant_of_shape(at: Place, shape: Any) -> Any:
    sizes = tuple(at.integers(shape, "sizes"))
    if any(size < 0 for size in sizes):
        raise ValueError(f"an array of the shape {list(sizes)}")
    at.make_room(sizes)
    fill = np.asarray(at.attribute("value", np.zeros(1, dtype=np.float32))).reshape(-1)[0]
    return np.full(sizes, fill)


def _matmul(at: Place, x: Any, y: Any) -> Any:
    rows, columns = x.shape[:-1], y.shape[-1:] if y.ndim > 1 else ()
    stack = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    at.make_room((*stack, *rows[-1:], *columns))
    if math.prod((*stack, *rows[-1:], *columns)) * max(x.shape[-1], 1) > _WORK:
        raise ValueError(f"a product of {x.shape} and {y.shape}")
    return np.matmul(x, y)


def _expand(at: Place, x: Any, shape: Any) -> Any:
    sizes = np.broadcast_shapes(x.shape, tuple(at.integers(shape, "shape")))
    at.make_room(sizes)
    return np.array(np.broadcast_to(x, sizes))


def _tile(at: Place, x: Any, repeats: Any) -> Any:
    times = at.integers(repeats, "repeats")
    if len(times) != x.ndim or min(times, default=0) < 0:
        raise ValueError(f"{times} copies of {x.shape}")
    at.make_room(tuple(size * count for size, count in zip(x.shape, times, strict=True)))
    return np.tile(x, times)


def _where(at: Place, mask: Any, x: Any, y: Any) -> Any:
    at.make_room(np.broadcast_shapes(mask.shape, x.shape, y.shape))
    return np.where(mask, x, y)


def _range(at: Place, start: Any, limit: Any, delta: Any) -> Any:
    first, last, step = (value.reshape(()).item() for value in (start, limit, delta))
    count = max(math.ceil((last - first) / step), 0)
    at.make_room((count,))
    return (first + step * np.arange(count)).astype(start.dtype)


def _flatten(at: Place, x: Any) -> Any:
    axis = int(at.attribute("axis", 1))
    axis = axis + x.ndim if axis < 0 else axis
    at.make_room(x.shape)
    return x.reshape(math.prod(x.shape[:axis]), math.prod(x.shape[axis:]))


def _split(at: Place, x: Any, sizes: Any = None) -> Any:
    axis, count = int(at.attribute("axis", 0)), len(at.node.outputs)
    given = at.attribute("split", sizes)
    each = -(-x.shape[axis] // count)
    ends = np.cumsum([each] * count if given is None else at.integers(given, "sizes"))
    if len(ends) != count or min(ends) < 0 or (given is not None and ends[-1] != x.shape[axis]):
        raise ValueError(f"{x.shape} in parts that end in {ends.tolist()}")
    at.make_room(x.shape)
    return [np.array(part) for part in np.split(x, ends[:-1], axis=axis)]


def _reduced(function: Callable[..., Any]) -> Callable[..., Any]:
    def compute(at: Place, x: Any, axes: Any = None) -> Any:
        given = at.attribute("axes", axes)
        if given is None and at.attribute("noop_with_empty_axes", 0):
            return x
        along = None if given is None else tuple(at.integers(given, "axes"))
        at.make_room(x.shape)
        return function(x, axis=along, keepdims=bool(at.attribute("keepdims", 1)), dtype=x.dtype)

    return compute


_WORK = 2**30
"""Products that a constant may take."""


FOLDS: dict[str, Callable[..., Any]] = {
    "Constant": _constant,
    "ConstantOfShape": _constant_of_shape,
    "Shape": _shape,
    "Identity": _elementwise(np.array),
    "Cast": _cast,
    "Gather": _gather,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Slice": _slice,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Neg": _elementwise(np.negative),
    "Sqrt": _elementwise(np.sqrt),
    "Reciprocal": _elementwise(np.reciprocal),
    "Add": _pairwise(np.add),
    "Sub": _pairwise(np.subtract),
    "Mul": _pairwise(np.multiply),
    "Div": _divide,
    "Mod": _remainder,
    "Min": _pairwise(np.minimum),
    "Max": _pairwise(np.maximum),
    "Equal": _pairwise(np.equal),
    "Greater": _pairwise(np.greater),
    "Less": _pairwise(np.less),
    "GreaterOrEqual": _pairwise(np.greater_equal),
    "LessOrEqual": _pairwise(np.less_equal),
    "And": _pairwise(np.logical_and),
    "Or": _pairwise(np.logical_or),
    "Not": _elementwise(np.logical_not),
    "Floor": _elementwise(np.floor),
    "Ceil": _elementwise(np.ceil),
    "Abs": _elementwise(np.abs),
    "Size": lambda at, x: np.asarray(x.size, dtype=np.int64),
    "MatMul": _matmul,
    "Expand": _expand,
    "Tile": _tile,
    "Where": _where,
    "Range": _range,
    "Flatten": _flatten,
    "Split": _split,
    "ReduceSum": _reduced(np.sum),
    "ReduceProd": _reduced(np.prod),
}
"""By the operator's type."""
