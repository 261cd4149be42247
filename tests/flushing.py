"""A thread that flushes subnormal numbers, for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch


@contextmanager
def flushing() -> Iterator[None]:
    """Flush subnormal numbers to zero in this thread, and never longer than that."""
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor keeps subnormal numbers always")
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
