"""From a PyTorch module to a network."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.export import ExportedProgram

from unrelu.errors import InputError, ModelError, TrainingMode
from unrelu.intake.head import without_head
from unrelu.intake.survey import Survey
from unrelu.intake.torch.checks import check_is_module, check_module
from unrelu.intake.torch.exporting import Exported, at_least_two, export, own_output, readable
from unrelu.intake.torch.naming import module_names
from unrelu.intake.torch.translation import survey, translate
from unrelu.intake.torch.unwrapping import unwrapped
from unrelu.network.agreement import check_agreement
from unrelu.network.arrays import Array, as_tensor
from unrelu.network.graph import Network


def network_from_torch(module: nn.Module | ExportedProgram, example_input: Array, upto: str | None = None) -> Network:
    """Read a module through `torch.export`; it is not changed, and later changes of it are not seen.

    Args:
        module: in evaluation mode, with one input and one output; or a program that `torch.export` made of one.
        example_input: a batch (n, *shape); converted to the module's dtype and device.
        upto: name of the node that the network ends in; nothing behind it is read.

    Returns:
        The network, on the CPU, with the exported module as its source.

    Raises:
        ModelError: if the module cannot be read; the message names the node and what to do.
        UnknownNode: if no node is called `upto`.
        InputError: if the example is not a batch of finite numbers.
    """
    itself, trace, names = _traced(module)
    network = read(itself, example_for(itself, example_input), trace, names, upto)
    return network if upto is not None else without_head(network)


def read(
    module: nn.Module,
    example: Tensor,
    trace: Callable[[Tensor], Exported],
    names: Callable[[Exported], Callable[[fx.Node], str]],
    upto: str | None,
) -> Network:
    """Trace a module, write what it does, and compare the two.

    Args:
        module: called by itself for what it gives.
        example: a batch (n, *shape) of its dtype, on its device.
        trace: gives its calls for the example.
        names: gives what the node of each call should be called.
        upto: name of the node to end in; None for the output.

    Raises:
        ModelError: if the module cannot be read, or gives something else than what was read.
        UnknownNode: if no node is called `upto`.
    """
    # first, so that the module's own errors are not taken for torch.export's
    expected = own_output(module, example, whole=upto is None)
    exported = trace(example)
    network = translate(exported, names(exported), upto)
    again = own_output(module, example, whole=upto is None)
    if expected is not None and again is not None and not torch.equal(expected.nan_to_num(), again.nan_to_num()):
        raise TrainingMode(
            "the module gives something else the next time it is called; call module.eval() first, and take out of its "
            "forward what draws random numbers or counts."
        )
    alone = expected if len(example) == 1 or expected is None else _alone(module, example[:1])
    if len(example) == 1:
        example = at_least_two(example)
        expected = own_output(module, example, whole=upto is None)
    check_agreement(network, example, expected, alone)
    return network


def _alone(module: nn.Module, sample: Tensor) -> Tensor | None:
    """What a module gives for one sample; None where it takes several only."""
    try:
        return own_output(module, sample)
    except ModelError:
        return None


def survey_torch(module: nn.Module | ExportedProgram, example_input: Array) -> tuple[Survey, Tensor]:
    """All that is found in a module, read or not, and the example in the module's dtype.

    Arguments and errors as for `network_from_torch`.
    """
    itself, trace, names = _traced(module)
    example = example_for(itself, example_input)
    own_output(itself, example, whole=False)  # first, for its own errors
    exported = trace(example)
    return survey(exported, names(exported)), at_least_two(example)


def _traced(
    module: nn.Module | ExportedProgram,
) -> tuple[nn.Module, Callable[[Tensor], Exported], Callable[[Exported], Callable[[fx.Node], str]]]:
    """What is called by itself, what gives its calls for an example, and what the nodes of these should be called."""
    if isinstance(module, ExportedProgram):
        program = readable(module)
        return module.module(), lambda _: program, partial(module_names, None)
    check_is_module(module)
    itself = unwrapped(module)
    check_module(itself)
    return itself, partial(export, itself), partial(module_names, itself)


def example_for(module: nn.Module, values: Array) -> Tensor:
    """The user's example in a module's dtype and on its device, copied.

    Raises:
        InputError: if it is not a batch (n, *shape) of finite numbers.
    """
    if isinstance(values, list | tuple | dict):
        raise InputError(
            f"the example input must be one NumPy array or torch tensor (n, *shape), not a {type(values).__name__}."
        )
    as_tensor(values, "the example input")
    example = values if isinstance(values, Tensor) else torch.from_numpy(np.asarray(values))
    if example.ndim == 0 or example.numel() == 0:
        raise InputError(
            "the example input must be a batch (n, *shape) of at least one sample, "
            f"not of shape {tuple(example.shape)}."
        )
    like = next((p for p in (*module.parameters(), *module.buffers()) if p.is_floating_point()), None)
    dtype = like.dtype if like is not None else example.dtype if example.is_floating_point() else torch.float32
    return example.detach().to(device=None if like is None else like.device, dtype=dtype, copy=True)
