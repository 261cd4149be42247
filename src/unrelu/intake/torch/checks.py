"""What a module must be like to be traced at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from os import PathLike
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from unrelu.errors import ModelError, TrainingMode

_MODE_MATTERS = (nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd, nn.RReLU)


def check_is_module(given: Any) -> None:
    """Refuse what is no module.

    Raises:
        ModelError: it says what to hand over.
    """
    if isinstance(given, nn.Module):
        return
    kind = type(given).__name__
    if isinstance(given, type):
        said = f"the class {given.__name__}; make one, with its trained weights, and hand that over"
    elif isinstance(given, Mapping) and any(isinstance(value, Tensor) for value in given.values()):
        said = f"a state dict ({kind}), which holds weights only; make the module, call its load_state_dict"
    elif isinstance(given, str | PathLike):
        said = f"the name of a file ({str(given)!r}); ur.load reads files"
    elif isinstance(given, torch.jit.ScriptFunction):
        said = "a TorchScript function; hand over the nn.Module it was made from"
    else:
        said = f"a {kind}"
    raise ModelError(f"from_torch takes a torch.nn.Module, not {said}.")


def check_module(module: nn.Module) -> None:
    """Refuse a module that has no numbers, or that is not one fixed function of real numbers in float arithmetic.

    Raises:
        ModelError: naming the first part for which it is so, and what to do.
        TrainingMode: if that is to call `module.eval()`.
    """
    for path, part in module.named_modules():
        where = f"its part {path!r} ({type(part).__name__})" if path else f"it ({type(part).__name__})"
        if isinstance(part, torch.jit.ScriptModule):
            raise ModelError(
                f"{where} is TorchScript, which is not read; hand over the nn.Module that it was made from, or export "
                "it to ONNX."
            )
        if _is_quantized(part):
            raise ModelError(
                f"{where} is quantized: it rounds to few bits, so it is not piecewise linear; hand over the module of "
                "floats that it was made from."
            )
    for name, values in _tensors(module):
        if is_lazy(values):
            raise ModelError(f"{name!r} has no shape yet, as its module is lazy; call the module once.")
        if values.is_meta:
            raise ModelError(
                f"{name!r} is on the meta device, so it holds no numbers; call module.to_empty(device='cpu') and load "
                "its weights."
            )
        if values.is_complex():
            raise ModelError(f"{name!r} is complex; only networks of real numbers are read.")
    for path, part in module.named_modules():
        if part.training and isinstance(part, _MODE_MATTERS):
            where = f"its part {path!r}" if path else "it"
            raise TrainingMode(
                f"the module is in training mode, where {where} ({type(part).__name__}) is not one fixed function; "
                "call module.eval() first."
            )


def _tensors(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from module.named_parameters()
    yield from module.named_buffers()


def _is_quantized(part: nn.Module) -> bool:
    """Whether a part is one of torch.ao's that quantizes, really or for training."""
    for kind in type(part).__mro__:
        home = kind.__module__
        if home.startswith("torch.ao.nn.") and {"quantized", "qat"} & set(home.split(".")):
            return True
        if home == "torch.ao.quantization.fake_quantize" and kind.__name__ == "FakeQuantizeBase":
            return True
    return False
