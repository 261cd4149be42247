"""Modules around the one that was trained: averages of weights, copies on several devices, compiled ones."""

from __future__ import annotations

from torch import nn

from unrelu.errors import ModelError

_WRAPPERS = {
    ("torch.optim.swa_utils", "AveragedModel"): "module",
    ("torch.nn.parallel.data_parallel", "DataParallel"): "module",
    ("torch.nn.parallel.distributed", "DistributedDataParallel"): "module",
    ("torch._dynamo.eval_frame", "OptimizedModule"): "_orig_mod",
}
"""The attribute that holds the module, by the class; by its name, as importing these takes a second."""


def unwrapped(module: nn.Module) -> nn.Module:
    """The module that others are wrapped around, which computes the same.

    A compiled module would be compiled for the example first, and `forward(*args)` does not tell what it takes.

    Raises:
        ModelError: if a wrapper has hooks of its own, which would be lost.
    """
    held = _attribute(module)
    while held:
        if module._forward_hooks or module._forward_pre_hooks:
            raise ModelError(
                f"the {type(module).__name__} around the module has hooks of its own, which would be lost; register "
                f"them on its .{held}, and hand that over."
            )
        module = getattr(module, held)
        held = _attribute(module)
    return module


def _attribute(module: nn.Module) -> str:
    kinds = ((kind.__module__, kind.__name__) for kind in type(module).__mro__)
    return next((_WRAPPERS[kind] for kind in kinds if kind in _WRAPPERS), "")
