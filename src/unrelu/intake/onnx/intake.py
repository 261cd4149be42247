"""From an ONNX file to a network."""

from __future__ import annotations

import os

import torch

from unrelu.errors import ModelFileError
from unrelu.intake.builder.mixing import MixesSamples
from unrelu.intake.head import without_head
from unrelu.intake.onnx.library import parse
from unrelu.intake.onnx.translation import translate
from unrelu.network.agreement import check_agreement
from unrelu.network.graph import Network
from unrelu.untrusted.printable import printable


def network_from_onnx(path: str | os.PathLike[str], upto: str | None = None) -> Network:
    """Read an ONNX file, whose weights must be in it or in its folder.

    Args:
        path: of the file.
        upto: name of the node, or of the tensor, that the network ends in; nothing behind it is read.

    Returns:
        The network, with ONNX's reference evaluator of the model as its source.

    Raises:
        ModelError: if the file cannot be read, or holds operators that are not read.
        UnknownNode: if no node is called `upto`.
        MissingExtra: if the onnx package is not installed.
    """
    model = parse(path, whole=upto is None)
    try:
        network = translate(model, upto)
    except MixesSamples:
        if model.batch in (None, 1):
            raise
        network = translate(model.as_one_sample(), upto)  # axis 0 is no batch
    # The file brings no example: pictures have values in [0, 1].
    example = torch.linspace(0, 1, 2 * network.input_size, dtype=torch.float64).reshape(2, *network.input_shape)
    try:
        check_agreement(network, example)
    except (ArithmeticError, MemoryError, RuntimeError, TypeError, ValueError) as error:
        # sizes and weights that fit no operator, in ways that are not worth a rule each
        raise ModelFileError(f"the model cannot be computed: {printable(str(error))}; export it again.") from error
    return without_head(network) if upto is None else network
