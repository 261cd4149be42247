"""Model files, by their suffix."""

from __future__ import annotations

import os
from pathlib import Path

from unrelu.errors import ModelFileError
from unrelu.network.graph import Network
from unrelu.network.network_folder import SUFFIX, load_network

ONNX = ".onnx"

_TORCH = {".pt", ".pth", ".pt2", ".ckpt", ".bin", ".safetensors"}
_KERAS = {".keras", ".h5", ".hdf5", ".pb", ".tflite"}


def load(path: str | os.PathLike[str], *, upto: str | None = None) -> Network:
    """Read a model file; the suffix tells its kind: .onnx, or .unrelu, a folder that `Network.save` wrote.

    Args:
        path: of the file or folder.
        upto: as for `Network.from_onnx`.

    Raises:
        ModelFileError: if the file is missing, damaged or of another kind; the message says what to do.
        ModelError: if the model cannot be read; the message names the node and what to do.
        UnknownNode: if no node is called `upto`.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ONNX:
        return Network.from_onnx(path, upto=upto)
    if suffix == SUFFIX:
        network = load_network(path)
        return network if upto is None else network.upto(upto)
    if suffix in _TORCH:
        raise ModelFileError(
            f"{str(path)!r} holds PyTorch weights, which can run code when read; load it yourself and use "
            "Network.from_torch(module, example_input), or export it to ONNX."
        )
    if suffix in _KERAS:
        raise ModelFileError(f"{str(path)!r} is a TensorFlow or Keras model, which is not read; convert it to ONNX.")
    raise ModelFileError(f"{str(path)!r} has the suffix {suffix!r}, which no model has; use .onnx or .unrelu.")
