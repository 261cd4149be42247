"""From a Keras model to a network."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import torch
from torch import Tensor

from unrelu.errors import ModelError
from unrelu.intake.head import without_head
from unrelu.intake.keras.container import Container, layers
from unrelu.intake.keras.library import back_end, is_model
from unrelu.intake.keras.naming import layer_names
from unrelu.intake.survey import Survey
from unrelu.intake.torch.checks import check_module
from unrelu.intake.torch.exporting import at_least_two, export, own_output
from unrelu.intake.torch.intake import example_for, read
from unrelu.intake.torch.translation import survey
from unrelu.network.arrays import Array
from unrelu.network.graph import Network


def network_from_keras(model: Any, upto: str | None = None, example_input: Array | None = None) -> Network:
    """Read a Keras 3 model through `torch.export`; it is not changed.

    Args:
        model: built, with one input and one output, on Keras' PyTorch back end.
        upto: name of the node that the network ends in; nothing behind it is read.
        example_input: a batch (n, *shape), where the model does not tell the shape of its inputs.

    Returns:
        The network, with the traced model as its source.

    Raises:
        ModelError: if the model cannot be read; the message names the layer and what to do.
        UnknownNode: if no node is called `upto`.
    """
    container, example = _prepared(model, example_input)
    network = read(container, example, partial(export, container), partial(layer_names, container), upto)
    return network if upto is not None else without_head(network)


def survey_keras(model: Any, example_input: Array | None = None) -> tuple[Survey, Tensor]:
    """All that is found in a model, read or not, and the example; arguments and errors as for `network_from_keras`."""
    container, example = _prepared(model, example_input)
    own_output(container, example, whole=False)  # first, for its own errors
    exported = export(container, example)
    return survey(exported, layer_names(container, exported)), at_least_two(example)


def _prepared(model: Any, example_input: Array | None) -> tuple[Container, Tensor]:
    """The model as a module that can be traced, and a batch of its inputs."""
    _check(model)
    container = Container(model)
    check_module(container)
    example = example_for(container, _inputs(model) if example_input is None else example_input)
    for entry in (getattr(model, "inputs", None) or [])[:1]:  # it may be of another precision than the weights
        example = example.to(getattr(torch, str(entry.dtype)))
    return container, example


def _check(model: Any) -> None:
    """Refuse what is no model of Keras 3 on PyTorch, in one precision, that is built."""
    home = type(model).__module__.split(".")[0]
    if "keras" not in sys.modules or home in ("tf_keras", "tensorflow"):  # so it is none of its models
        raise ModelError(_other(model))
    if not is_model(model):
        raise ModelError(_other(model))
    if back_end() != "torch":
        raise ModelError(
            f"Keras computes with {back_end()} here, and a model is read on its PyTorch back end: save it, "
            "set the environment variable KERAS_BACKEND=torch before Keras is imported, and load it with "
            "keras.models.load_model."
        )
    if not model.built:
        raise ModelError("the model has no weights yet; give it an Input, or call it once.")
    for path, layer in layers(model):
        if getattr(layer, "quantization_mode", None) is not None:
            raise ModelError(
                f"layer {path!r} is quantized: it rounds to few bits, so it is not piecewise linear; hand over the "
                "model before it was quantized."
            )
        if layer.compute_dtype != layer.variable_dtype:
            raise ModelError(
                f"layer {path!r} computes in {layer.compute_dtype} with weights in {layer.variable_dtype}; make the "
                "model with one precision as its dtype policy, float32, and load its weights."
            )


def _other(given: object) -> str:
    home, kind = type(given).__module__, type(given).__name__
    if home.split(".")[0] in ("tf_keras", "tensorflow"):
        return (
            f"the {kind} is of {home.split('.')[0]}; save it, and load it with Keras 3 on PyTorch "
            "(KERAS_BACKEND=torch), or convert it to ONNX."
        )
    if isinstance(given, type):
        return f"from_keras takes a model, not the class {given.__name__}; make one, with its trained weights."
    if isinstance(given, str):
        return f"from_keras takes a model, not the name of a file; load it with keras.models.load_model({given!r})."
    return f"from_keras takes a model of Keras 3, not a {kind}."


def _inputs(model: Any) -> torch.Tensor:
    """Two inputs of the shape that the model tells.

    Raises:
        ModelError: if it does not tell one, takes several, or integers.
    """
    entries = getattr(model, "inputs", None) or []
    if len(entries) > 1:
        raise ModelError(f"the model takes {len(entries)} inputs; make one of it that takes one.")
    shape: tuple[Any, ...] = tuple(entries[0].shape)[1:] if entries else (None,)
    if None in shape:
        raise ModelError(
            "the model does not tell the shape of its inputs; give from_keras a batch of them as its example_input."
        )
    if not str(entries[0].dtype).startswith(("float", "bfloat")):
        raise ModelError(f"the model takes {entries[0].dtype}s; hand over the part behind what makes floats of them.")
    return torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
