"""From an ONNX file to a network."""

from __future__ import annotations

import os

import torch

from unrelu.errors import ModelFileError, UnreluError
from unrelu.intake.builder.mixing import MixesSamples
from unrelu.intake.head import without_head
from unrelu.intake.onnx.evaluation import OnnxProgram
from unrelu.intake.onnx.library import parse
from unrelu.intake.onnx.model import OnnxModel
from unrelu.intake.onnx.translation import survey, translate
from unrelu.intake.survey import Survey
from unrelu.network.agreement import check_agreement
from unrelu.network.graph import Network
from unrelu.untrusted.printable import printable


def network_from_onnx(path: str | os.PathLike[str], upto: str | None = None, trust: bool = False) -> Network:
    """Read an ONNX file, whose weights must be in it or in its folder.

    Args:
        path: of the file.
        upto: name of the node, or of the tensor, that the network ends in; nothing behind it is read.
        trust: whether reading may take more memory than a file of its size explains.

    Returns:
        The network, with ONNX's reference evaluator of the model as its source.

    Raises:
        ModelError: if the file cannot be read, or holds operators that are not read.
        TooLarge: if reading would take more memory than it may.
        UnknownNode: if no node is called `upto`.
        MissingExtra: if the onnx package is not installed.
    """
    model = parse(path, whole=upto is None, trust=trust)
    try:
        network = translate(model, upto)
    except MixesSamples as error:
        if model.batch == 1:
            raise
        network = _of_one_sample(model, upto, error)
    else:
        _check(network)
    return without_head(network) if upto is None else network


def _check(network: Network) -> None:
    """Compare the network with its source.

    Raises:
        ModelError: if they differ, or cannot be computed.
    """
    try:
        check_agreement(network, example_for(network))
    except (ArithmeticError, MemoryError, RuntimeError, TypeError, ValueError) as error:
        # sizes and weights that fit no operator, in ways that are not worth a rule each
        raise ModelFileError(f"the model cannot be computed: {printable(str(error))}; export it again.") from error


def _of_one_sample(model: OnnxModel, upto: str | None, mixing: MixesSamples) -> Network:
    """The network of a graph that moves the axis of the batch, or has none.

    It is read as it is for one sample, which is exact for that. Of a batch of free size it is then compared what comes
    out for two samples at once, as nodes that move the axis could mix them.

    Args:
        model: the graph.
        upto: as for `translate`.
        mixing: what was said of it as a graph of batches.

    Raises:
        MixesSamples: that, if it cannot be read so either, or two samples at once give something else.
    """
    try:
        network = translate(model.as_one_sample(), upto)
        _check(network)
        if model.batch is None:
            _check_independence(network)
    except UnreluError as error:
        raise mixing from error
    return network


def _check_independence(network: Network) -> None:
    """Compare what the graph makes of two samples at once with the network.

    Raises:
        ModelError: if that is something else.
    """
    assert isinstance(network.source, OnnxProgram)
    generator = torch.Generator().manual_seed(1)
    # float16 numbers, so that they are the model's own in any dtype
    samples = torch.randn(2, *network.input_shape, generator=generator).half().double()
    check_agreement(network, samples, network.source.in_one_batch(samples))


def survey_onnx(path: str | os.PathLike[str], trust: bool = False) -> Survey:
    """All that is found in an ONNX file, read or not; arguments and errors as for `network_from_onnx`."""
    model = parse(path, whole=False, trust=trust)
    found = survey(model)
    if model.batch == 1 or not any(isinstance(each.error, MixesSamples) for each in found.unread):
        return found
    alone = survey(model.as_one_sample())
    if alone.unread:
        return found
    try:
        if model.batch is None:
            _check_independence(alone.network)
    except UnreluError:
        return found
    return alone


def example_for(network: Network) -> torch.Tensor:
    """An example (2, *input_shape) where a model brings none: pictures have values in [0, 1]."""
    return torch.linspace(0, 1, 2 * network.input_size, dtype=torch.float64).reshape(2, *network.input_shape)
