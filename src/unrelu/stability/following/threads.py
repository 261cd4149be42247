"""Whether PyTorch's threads compute in the way that proofs rest on."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import torch

from unrelu.rigor.arithmetic import is_ieee

if TYPE_CHECKING:
    from torch import Tensor

_SHARE = 2**15
"""Numbers from which on PyTorch gives a thread a share of its own."""


def all_threads_are_ieee() -> bool:
    """Whether this thread and those that PyTorch shares its work out to round to nearest and keep subnormal numbers.

    Threads that PyTorch started while `torch.set_flush_denormal(True)` held in the one that asked go on flushing when
    it is switched off there. Where they do, sums that look like 0 need not be 0.
    """
    if not is_ieee():
        return False
    n = torch.get_num_threads()
    return n == 1 or bool((_numbers(n) * 0.5 > 0).all())


@cache
def _numbers(n_threads: int) -> Tensor:
    """Enough numbers for a share for each thread; a few are the least normal ones, since these take long."""
    numbers = torch.ones(_SHARE * n_threads, dtype=torch.float64)
    numbers[:: _SHARE // 8] = 2.0**-1022
    return numbers
