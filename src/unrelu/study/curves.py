"""Medians and quartiles over the inputs of a study, as the plots show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

if TYPE_CHECKING:
    from unrelu.study.study import Study


@dataclass(frozen=True, eq=False)
class Quartiles:
    """Quartiles over inputs of one quantity, or of a list of them.

    Attributes:
        lower: first quartile, (k,) float64.
        median: second quartile, (k,) float64.
        upper: third quartile, (k,) float64.
    """

    lower: np.ndarray
    median: np.ndarray
    upper: np.ndarray


def decay(study: Study, layer: str, *, relu: bool) -> Quartiles | None:
    """Quartiles of each singular value over the inputs, largest first; values within the tolerance count as 0.

    Args:
        study: the study.
        layer: name of the ReLU layer.
        relu: whether the layer's own ReLU is included.

    Returns:
        Quartiles of length min(m, d), or None if the layer has no spectra.
    """
    rows = _rows(study, layer, ["values", "tolerance"], relu=relu)
    if not rows:
        return None
    values = np.stack([np.asarray(row["values"], dtype=np.float64) for row in rows])
    values = np.where(values > np.array([[row["tolerance"]] for row in rows]), values, 0.0)
    return _quartiles(values)


def over_layers(study: Study, column: str, *, relu: bool) -> Quartiles:
    """Quartiles of a column of the spectra for every layer, in the order of the layer table; NaN where it has none.

    Args:
        study: the study.
        column: a column of numbers of `Spectra.schema`.
        relu: whether the layers' own ReLUs are included.
    """
    found = []
    for layer in study["layers"]["layer"].to_pylist():
        known = [row[column] for row in _rows(study, layer, [column], relu=relu) if row[column] is not None]
        found.append(
            _quartiles(np.array([known], dtype=np.float64).T) if known else Quartiles(*np.full((3, 1), np.nan))
        )
    if not found:
        return Quartiles(np.zeros(0), np.zeros(0), np.zeros(0))
    return Quartiles(
        lower=np.concatenate([each.lower for each in found]),
        median=np.concatenate([each.median for each in found]),
        upper=np.concatenate([each.upper for each in found]),
    )


def _rows(study: Study, layer: str, columns: list[str], *, relu: bool) -> list[dict[str, Any]]:
    part = study["spectra"].filter((pc.field("layer") == layer) & (pc.field("relu") == relu))
    return part.select(columns).to_pylist()


def _quartiles(values: np.ndarray) -> Quartiles:
    lower, median, upper = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
    return Quartiles(lower, median, upper)
