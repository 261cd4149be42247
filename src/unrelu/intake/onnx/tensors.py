"""The numbers of a tensor that is stored in an ONNX file, or beside it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from unrelu.errors import ModelFileError
from unrelu.intake.onnx.data_files import DataFiles


def read_tensor(onnx: Any, tensor: Any, what: str, files: DataFiles) -> np.ndarray:
    """The numbers, after a check that the file holds as many as it declares.

    Args:
        onnx: the package.
        tensor: a TensorProto.
        what: it is, for messages.
        files: where those are that the file does not hold itself.

    Raises:
        ModelFileError: if there are fewer or more, or they are of a kind that is not read.
    """
    proto = onnx.TensorProto
    stores = {
        proto.FLOAT: ("float_data", np.dtype("<f4")),
        proto.DOUBLE: ("double_data", np.dtype("<f8")),
        proto.FLOAT16: ("int32_data", np.dtype("<f2")),
        proto.INT32: ("int32_data", np.dtype("<i4")),
        proto.INT64: ("int64_data", np.dtype("<i8")),
        proto.BOOL: ("int32_data", np.dtype("?")),
    }
    if tensor.data_type not in stores or tensor.HasField("segment"):
        raise ModelFileError(f"{what} has an element type or layout that is not read; export it as float32.")
    if any(dim < 0 for dim in tensor.dims):
        raise ModelFileError(f"{what} declares the sizes {list(tensor.dims)}; the file is damaged.")
    name, dtype = stores[tensor.data_type]
    count = math.prod(tensor.dims)
    if tensor.data_location == proto.EXTERNAL:
        return _outside(tensor, dtype, count, what, files)
    held = len(tensor.raw_data) / dtype.itemsize if tensor.HasField("raw_data") else len(getattr(tensor, name))
    if held != count:
        raise ModelFileError(
            f"{what} declares {count:,} numbers ({list(tensor.dims)}), but the file holds {held:,g}; it is damaged."
        )
    try:
        return np.array(onnx.numpy_helper.to_array(tensor))
    except (ValueError, TypeError, OverflowError) as error:
        raise ModelFileError(f"{what} cannot be read ({error}); the file is damaged.") from error


def _outside(tensor: Any, dtype: np.dtype, count: int, what: str, files: DataFiles) -> np.ndarray:
    fields = {entry.key: entry.value for entry in tensor.external_data}
    if not all(isinstance(text, str) for pair in fields.items() for text in pair):
        raise ModelFileError(f"{what} is stored in a place whose name is no text; export the model again.")
    content = files.read(fields, count * dtype.itemsize, what)
    try:
        if dtype.kind == "b":
            return (np.frombuffer(content, np.uint8) != 0).reshape(tensor.dims)
        return np.frombuffer(content, dtype).reshape(tensor.dims)
    except (ValueError, OverflowError) as error:
        raise ModelFileError(f"{what} cannot be read ({error}); the file is damaged.") from error
