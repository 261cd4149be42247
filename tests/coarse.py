"""Arithmetic with a coarse unit roundoff, so that every term of a rounding bound can be seen to matter.

A checker that bounds its errors by `gamma` and `lost` holds for any unit roundoff. With one of 2^-20 a term that is
missing, or too small, lets it accept what the theorem does not grant, by far more than chance.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from unrelu.rigor import rounding


def coarsen(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, unit: float, only: Callable[[int], bool] | None = None
) -> None:
    """Let a module believe in a unit roundoff, for sums of the lengths for which `only` holds."""

    def gamma(n: int) -> float:
        return n * unit if only is None or only(n) else rounding.gamma(n)

    monkeypatch.setattr(module, "gamma", gamma)


def lose(monkeypatch: pytest.MonkeyPatch, module: ModuleType, underflow: float) -> None:
    """Let a module believe that one operation can lose so much to underflow."""

    def lost(terms: int, *sizes: float) -> float:
        return (terms + 1) * underflow * (1.0 + sum(sizes))

    monkeypatch.setattr(module, "lost", lost)


class Flushing(np.ndarray):
    """Numbers of which products of matrices read subnormal ones as 0, as some threads of BLAS do."""

    def __matmul__(self, other: object) -> np.ndarray:
        mine = np.asarray(self)
        return np.where(np.abs(mine) < 2.0**-1022, 0.0, mine) @ np.asarray(other)
