"""Verdicts of one layer at many inputs, as records."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from unrelu.polyhedra.dimension_interval import DimensionInterval
    from unrelu.preimages.classification import Classification


@dataclass(frozen=True, eq=False)
class Proofs:
    """What was proved about the preimages of one layer.

    Attributes:
        verified: (n,) bool, whether the certificate proves the kind.
        dimensions: proved intervals, one an input.
    """

    verified: np.ndarray
    dimensions: tuple[DimensionInterval, ...]


def verdict_rows(layer: str, found: Classification, proofs: Proofs | None) -> list[dict[str, object]]:
    """A row per input (`schemas.VERDICTS`).

    Args:
        layer: the layer's name.
        found: its verdicts.
        proofs: what was proved about them, or None if nothing was checked.
    """
    kind, bounded, singleton, n_active, margin = (
        found.kind,
        found.bounded,
        found.singleton,
        found.n_active,
        found.margin,
    )
    return [
        {
            "layer": layer,
            "input": index,
            "kind": str(kind[index]),
            "bounded": bounded[index],
            "singleton": singleton[index],
            "n_active": int(n_active[index]),
            "dimension_lower": None if proofs is None else proofs.dimensions[index].lower,
            "dimension_upper": None if proofs is None else proofs.dimensions[index].upper,
            "margin": None if math.isnan(margin[index]) else float(margin[index]),
            "proved": None if proofs is None else bool(proofs.verified[index]),
            "reason": preimage.reason or None,
        }
        for index, preimage in enumerate(found.preimages)
    ]
