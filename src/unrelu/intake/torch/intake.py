"""From a PyTorch module to a network."""

from __future__ import annotations

import torch
from torch import nn

from unrelu.errors import InputError, ModelError
from unrelu.intake.head import without_head
from unrelu.intake.survey import Survey
from unrelu.intake.torch.exporting import at_least_two, check_mode, export, own_output
from unrelu.intake.torch.translation import survey, translate
from unrelu.network.agreement import check_agreement
from unrelu.network.arrays import Array, as_tensor
from unrelu.network.graph import Network


def network_from_torch(module: nn.Module, example_input: Array, upto: str | None = None) -> Network:
    """Read a module through `torch.export`; it is not changed, and later changes of it are not seen.

    Args:
        module: in evaluation mode, with one input and one output.
        example_input: a batch (n, *shape); converted to the module's dtype and device.
        upto: name of the node that the network ends in; nothing behind it is read.

    Returns:
        The network, on the CPU, with the exported module as its source.

    Raises:
        ModelError: if the module cannot be read; the message names the node and what to do.
        UnknownNode: if no node is called `upto`.
        InputError: if the example is not a batch of finite numbers.
    """
    if not isinstance(module, nn.Module):
        raise ModelError(f"from_torch takes a torch.nn.Module, not a {type(module).__name__}.")
    example = _example(module, example_input)
    check_mode(module)
    whole = upto is None
    # first, so that the module's own errors are not taken for torch.export's
    expected = own_output(module, example, whole=whole)
    network = translate(module, export(module, example), upto)
    if len(example) == 1:
        example = at_least_two(example)
        expected = own_output(module, example, whole=whole)
    check_agreement(network, example, expected)
    return without_head(network) if whole else network


def survey_torch(module: nn.Module, example_input: Array) -> tuple[Survey, torch.Tensor]:
    """All that is found in a module, read or not, and the example in the module's dtype.

    Arguments and errors as for `network_from_torch`.
    """
    example = _example(module, example_input)
    check_mode(module)
    own_output(module, example, whole=False)  # first, for its own errors
    return survey(module, export(module, example)), at_least_two(example)


def _example(module: nn.Module, values: Array) -> torch.Tensor:
    as_tensor(values, "the example input")
    example = values if isinstance(values, torch.Tensor) else torch.from_numpy(values)
    if example.ndim == 0 or example.numel() == 0:
        raise InputError(
            "the example input must be a batch (n, *shape) of at least one sample, "
            f"not of shape {tuple(example.shape)}."
        )
    like = next((p for p in (*module.parameters(), *module.buffers()) if p.is_floating_point()), None)
    dtype = like.dtype if like is not None else example.dtype if example.is_floating_point() else torch.float32
    return example.detach().to(device=None if like is None else like.device, dtype=dtype, copy=True)
