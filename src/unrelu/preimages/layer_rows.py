"""The rows of a layer with what is computed about them once, kept as long as the layer lives."""

from __future__ import annotations

import weakref

from unrelu.network.layer import ReLULayer
from unrelu.rigor.scaled_rows import ScaledRows

_ROWS: weakref.WeakKeyDictionary[ReLULayer, ScaledRows] = weakref.WeakKeyDictionary()


def scaled_rows(layer: ReLULayer) -> ScaledRows:
    """The layer's weight rows, scaled by powers of two."""
    rows = _ROWS.get(layer)
    if rows is None:
        rows = _ROWS[layer] = ScaledRows(layer.weight)
    return rows
