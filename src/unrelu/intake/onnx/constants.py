"""Nodes of an ONNX graph that do not depend on the input: stored constants, and arithmetic with sizes and weights.

They are computed by NumPy in the dtype they are stored in, as ONNX defines them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from unrelu.errors import ModelFileError, UnsupportedOperator
from unrelu.intake.draft import Signal
from unrelu.intake.onnx.place import Place, Value
from unrelu.untrusted.printable import printable


def fold_constant(place: Place, operands: list[Value | None]) -> np.ndarray:
    """The value of a node that does not depend on the input (or only on its shape).

    Raises:
        ModelFileError: if its operands do not fit.
        UnsupportedOperator: if a needed operand is left out.
    """
    try:
        return np.asarray(FOLDS[place.node.function](place, *operands))
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
}
"""By the operator's type."""
