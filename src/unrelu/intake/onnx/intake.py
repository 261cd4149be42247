"""From an ONNX file to a network."""

from __future__ import annotations

import os

import torch

from unrelu.intake.head import without_head
from unrelu.intake.onnx.library import parse
from unrelu.intake.onnx.translation import survey, translate
from unrelu.intake.survey import Survey
from unrelu.network.agreement import check_agreement
from unrelu.network.graph import Network


def network_from_onnx(path: str | os.PathLike[str], upto: str | None = None) -> Network:
    """Read an ONNX file, whose weights must be in it.

    Args:
        path: of the file.
        upto: name of the node that the network ends in; nothing behind it is read.

    Returns:
        The network, with ONNX's reference evaluator of the model as its source.

    Raises:
        ModelError: if the file cannot be read, or holds operators that are not read.
        UnknownNode: if no node is called `upto`.
        MissingExtra: if the onnx package is not installed.
    """
    model = parse(path, whole=upto is None)
    network = translate(model, upto)
    check_agreement(network, example_for(network))
    return without_head(network) if upto is None else network


def survey_onnx(path: str | os.PathLike[str]) -> Survey:
    """All that is found in an ONNX file, read or not; arguments and errors as for `network_from_onnx`."""
    return survey(parse(path, whole=False))


def example_for(network: Network) -> torch.Tensor:
    """An example (2, *input_shape) where a model brings none: pictures have values in [0, 1]."""
    return torch.linspace(0, 1, 2 * network.input_size, dtype=torch.float64).reshape(2, *network.input_shape)
