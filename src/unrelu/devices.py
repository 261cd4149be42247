"""Where large products are computed."""

from __future__ import annotations

import torch

from unrelu.errors import InputError


def resolve_device(device: torch.device | str | None) -> torch.device:
    """A device that can be computed on; None is the processor.

    Raises:
        InputError: if there is no such device here.
    """
    try:
        chosen = torch.device("cpu" if device is None else device)
        torch.zeros(1, dtype=torch.float64, device=chosen).cpu()
    except (RuntimeError, AssertionError, TypeError, NotImplementedError) as problem:
        raise InputError(
            f"the device {str(device)!r} cannot compute in double precision here; leave it out for the processor."
        ) from problem
    return chosen
