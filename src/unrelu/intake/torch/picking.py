"""How calls of a traced module are read that pick numbers, whatever they are called: by what they do to a count."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unrelu.errors import UnsupportedOperator
from unrelu.intake.builder.interpolation import scattered_sum
from unrelu.intake.builder.moving import pick
from unrelu.intake.draft import Signal
from unrelu.intake.torch.place import Place


def picked(at: Place, **arguments: Any) -> Signal | tuple[Signal, ...]:
    """A call that picks numbers of a sample, or several results that do.

    It is made with numbers that count from 1, for two samples, so that PyTorch itself tells where each number of the
    result is from; zeros are zeros.
    """
    (signal,) = (each for each in arguments.values() if isinstance(each, Signal))
    size = math.prod(signal.shape)
    counted = torch.arange(1, 2 * size + 1, dtype=torch.float64).reshape(2, *signal.shape)
    found = at.call(counted)
    if isinstance(found, Tensor):
        return pick(at, signal, _indices(at, found, size))
    return tuple(pick(at.part(str(k)), signal, _indices(at, each, size)) for k, each in enumerate(found))


def added_up(at: Place, x: Any, output_size: Any, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> Signal:
    """The way back of `im2col`: windows added up. Where they come from is told by that of a count."""
    signal = at.signal(x)
    size = math.prod(at.shape)
    counted = torch.arange(1, size + 1, dtype=torch.float64).reshape(1, *at.shape)
    columns = torch.ops.aten.im2col(counted, kernel_size, dilation, padding, stride)
    return scattered_sum(at, signal, columns[0].numpy().astype(np.int64) - 1, at.shape)


def _indices(at: Place, found: Tensor, size: int) -> np.ndarray:
    """Which numbers of the sample the result of a count is, -1 for zeros.

    Raises:
        UnsupportedOperator: if samples are mixed, or it is another number.
    """
    first, second = found[0].numpy(), found[1 % len(found)].numpy()
    if len(found) != 2 or not np.array_equal(np.where(first == 0, 0, first + size), second):
        raise UnsupportedOperator(
            f"node {at.wish!r} mixes the samples of a batch; keep dimension 0 for the batch, and pick within samples."
        )
    return first.astype(np.int64) - 1
