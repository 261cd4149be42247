"""Model files, by their suffix."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from unrelu.errors import ModelFileError
from unrelu.network.arrays import Array
from unrelu.network.graph import Network
from unrelu.network.network_folder import SUFFIX, load_network
from unrelu.network.trusted_file import PROGRAM, read_trusted

ONNX = ".onnx"

_TORCH = {PROGRAM, ".pt", ".pth", ".ckpt", ".bin"}
_PICKLES = {".pkl", ".pickle", ".joblib"}
_KERAS = {".keras", ".h5", ".hdf5"}
_TENSORFLOW = {".pb", ".tflite"}


def load(
    path: str | os.PathLike[str],
    *,
    upto: str | None = None,
    trust: bool = False,
    example_input: Array | None = None,
) -> Network:
    """Read a model file; the suffix tells its kind: .onnx, or .unrelu, a folder that `Network.save` wrote.

    From these nothing is executed. Files of PyTorch with a whole module, .pt2 (`torch.export.save`) and .pt
    (`torch.save`), can run any code that their writer put there; they are read where you say that you trust them.

    Args:
        path: of the file or folder.
        upto: as for `Network.from_onnx`.
        trust: whether a file may run code, or take more memory than a file of its size explains.
        example_input: a batch (n, *shape) for a module of PyTorch; a .pt2 file brings its own.

    Raises:
        ModelFileError: if the file is missing, damaged, of another kind, or needs trust; the message says what to do.
        ModelError: if the model cannot be read; the message names the node and what to do.
        TooLarge: if reading it would take more memory than it may.
        UnknownNode: if no node is called `upto`.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ONNX:
        return Network.from_onnx(path, upto=upto, trust=trust)
    if suffix == SUFFIX:
        network = load_network(path)
        return network if upto is None else network.upto(upto)
    if is_of_torch(Path(path)) and trust:
        return Network.from_torch(*trusted_module(Path(path), example_input), upto=upto)
    raise ModelFileError(f"{str(path)!r} {_refusal(suffix)}.")


def is_of_torch(path: Path) -> bool:
    """Whether a file is one of PyTorch's own, which can run code."""
    return path.suffix.lower() in _TORCH


def trusted_module(path: Path, example_input: Array | None) -> tuple[Any, Any]:
    """The module or program in a file that may run code, and an example of its input.

    Raises:
        ModelFileError: if the file cannot be read, or has no example and none is given.
    """
    model = read_trusted(path)
    if example_input is not None:
        return model, example_input
    held = getattr(model, "example_inputs", None)  # of a program
    if not held or not held[0]:
        raise ModelFileError(
            f"{str(path)!r} does not say which inputs its {type(model).__name__} takes; give a batch, "
            "ur.load(path, trust=True, example_input=batch). A command takes none: give it the program that "
            "torch.export.export makes of the module, saved by torch.export.save, which brings its own."
        )
    return model, held[0][0]


def _refusal(suffix: str) -> str:
    """What a file is that is not read, and what to do."""
    if suffix in _TORCH:
        return (
            "is a file of PyTorch, which can run code when read; if you know who made it, say trust=True (on the "
            "command line --trust), or load it yourself and use Network.from_torch(module, example_input); or export "
            "it to ONNX"
        )
    if suffix == ".safetensors":
        return (
            "holds weights without their module; make the module, load them into it, and use "
            "Network.from_torch(module, example_input)"
        )
    if suffix in _PICKLES:
        return (
            "is a pickle, which can run code when read; if you know who made it, load it yourself and use "
            "Network.from_sklearn(estimator)"
        )
    if suffix in _KERAS:
        return (
            "is a model of Keras; load it yourself with Keras 3 on PyTorch (KERAS_BACKEND=torch) and use "
            "Network.from_keras(model), or convert it to ONNX"
        )
    if suffix in _TENSORFLOW:
        return "is a model of TensorFlow, which is not read; convert it to ONNX"
    return f"has the suffix {suffix!r}, which no model has; use .onnx or .unrelu"
