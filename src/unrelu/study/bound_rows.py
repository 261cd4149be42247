"""What theory's bounds say about the layers at a few inputs, as records."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from unrelu.errors import JoinedLayer, TooLarge
from unrelu.stability.removal.interlacing import compare, svd_values
from unrelu.stability.removal.rows import removed_rows, right_factor
from unrelu.stability.removal.weak_correlation import correlate

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.progress import Progress

WORK = 10**10
"""The greatest `m d min(m, d)` of a layer that gets bounds: some seconds of decompositions an input."""


def bound_rows(
    net: Network, x: np.ndarray, layers: Sequence[str], progress: Progress
) -> tuple[list[dict[str, object]], dict[str, str]]:
    """A row per layer and input (`schemas.BOUNDS`), and the reasons of the layers that have none."""
    rows: list[dict[str, object]] = []
    left_out = {name: "not asked for" for name in net.layers if name not in layers or not len(x)}
    asked = [name for name in net.layers if name not in left_out]
    with progress.stage("bounds", len(asked) * len(x)) as advance:
        for name in asked:
            try:
                layer = net.layer(name)
            except (JoinedLayer, TooLarge) as error:
                left_out[name] = str(error)
                advance(len(x))
                continue
            if not layer.is_rectifier:
                left_out[name] = "the lemmas are about rows that a ReLU removes"
                advance(len(x))
                continue
            m, d = layer.n_outputs, layer.n_inputs
            if m * d * min(m, d) > WORK:
                left_out[name] = f"the decompositions of its {m} x {d} matrix would take too long"
                advance(len(x))
                continue
            before = svd_values(layer.dense_weight)
            for index, point in enumerate(np.asarray(net.layer_input(name, x))):
                removed = removed_rows(layer, None, point)
                factor = right_factor(removed.remaining, None, max(m, d))
                lace = compare(removed, before, factor.values)
                weak = correlate(removed, factor)
                rows.append(
                    {
                        "layer": name,
                        "input": index,
                        "n_outputs": m,
                        "n_inputs": d,
                        "n_removed": lace.n_removed,
                        "rank_before": lace.rank_before,
                        "rank": lace.rank,
                        "largest_before": lace.largest_bound,
                        "largest": lace.largest,
                        "smallest_nonzero_before": _known(lace.upper[lace.rank_before - 1])
                        if lace.rank_before
                        else None,
                        "smallest_nonzero": _known(lace.smallest_nonzero),
                        "smallest": weak.smallest,
                        "interlacing": _known(lace.smallest_nonzero_bound),
                        "interlacing_by_rank": _known(lace.smallest_nonzero_bound_by_rank),
                        "correlation": _known(weak.smallest_bound),
                        "correlation_along": float(weak.along.min()) if weak.along.size else None,
                        "correlation_over_span": _known(weak.over_span),
                        "correlation_applies": weak.applies,
                        "correlation_nonzero": _known(weak.smallest_nonzero_bound),
                        "correlation_nonzero_over_span": _known(weak.over_span_projected),
                    }
                )
                advance(1)
    return rows, left_out


def _known(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
