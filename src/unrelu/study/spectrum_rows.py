"""Singular values of the prefixes of a network, as records."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unrelu.stability.spectrum import Spectrum


def spectrum_row(found: Spectrum) -> dict[str, object]:
    """The row of one spectrum (`schemas.SPECTRA`).

    Args:
        found: the spectrum; its `input` is the index in the data.
    """
    m, d = found.shape
    return {
        "layer": found.layer,
        "input": int(found.input),
        "relu": bool(found.relu),
        "values": [float(value) for value in found.values],
        "n_outputs": int(m),
        "n_inputs": int(d),
        "structural_rank": int(found.structural_rank),
        "rank": int(found.rank),
        "tolerance": float(found.tolerance),
        "largest": float(found.largest),
        "smallest_nonzero": _finite(found.smallest_nonzero),
        "condition_number": _finite(found.condition_number),
        "method": str(found.method),
    }


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
