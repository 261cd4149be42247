"""How far each coordinate of an input may move while the features stay, as records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from unrelu.preimages.questions import preimage

if TYPE_CHECKING:
    from unrelu.progress import Progress
    from unrelu.study.prior_rows import Prior

SAME = 1e-6
"""Ends of ranges count as the same within this, relative to the prior's width; solvers keep constraints to 1e-9."""


def freedom_rows(
    prior: Prior,
    x: np.ndarray,
    verdicts: Sequence[dict[str, Any]],
    count: int,
    *,
    progress: Progress,
    workers: int | None,
) -> list[dict[str, object]]:
    """A row per chosen input (`schemas.FREEDOM`).

    Chosen are inputs with a bounded preimage in the prior that are not the only ones in it: the one with the fewest
    positive features, the one with the most, and others evenly between.

    Args:
        prior: the valid inputs and the layer.
        x: (n, *input_shape) valid inputs.
        verdicts: what `prior_rows` says of them.
        count: how many to choose.
        progress: where to show progress.
        workers: threads; all cores if None.
    """
    free = sorted(
        (row for row in verdicts if row["bounded"] is True and row["unique"] is False), key=lambda row: row["n_active"]
    )
    places = np.unique(np.linspace(0, len(free) - 1, min(count, len(free))).round().astype(int))
    return [_row(prior, x, free[place], progress, workers) for place in places]


def _row(
    prior: Prior, x: np.ndarray, verdict: dict[str, Any], progress: Progress, workers: int | None
) -> dict[str, object]:
    index = verdict["input"]
    found = preimage(prior.layer, at=x[index], domain=prior.domain).ranges(workers=workers, progress=progress)
    low, high = prior.polyhedron.lower, prior.polyhedron.upper
    same = SAME * np.where(np.isfinite(high - low), np.maximum(high - low, np.finfo(np.float64).tiny), 1.0)
    return {
        "layer": prior.layer.name,
        "input": index,
        "n_active": verdict["n_active"],
        "shape": list(x.shape[1:]),
        "original_values": x[index].reshape(-1).tolist(),
        "lower": found.lower.tolist(),
        "upper": found.upper.tolist(),
        "proved_lower": found.proved_lower.tolist(),
        "proved_upper": found.proved_upper.tolist(),
        "n_free": int(((found.lower - low <= same) & (high - found.upper <= same)).sum()),
        "n_fixed": int((found.width <= same).sum()),
        "width_median": float(np.median(found.width)),
        "width_largest": float(found.width.max()),
        "n_programs": found.n_programs,
    }
