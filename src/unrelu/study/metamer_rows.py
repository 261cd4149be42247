"""Metamers between pairs of inputs, as records."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from unrelu.metamerism.feature_map import feature_map
from unrelu.metamerism.metamer import find_metamer

if TYPE_CHECKING:
    from unrelu.metamerism.pairs import Pair
    from unrelu.metamerism.result import Metamer
    from unrelu.network.graph import Network
    from unrelu.polyhedra.domains import Domain
    from unrelu.progress import Progress


def metamer_rows(
    net: Network,
    layer: str,
    data: np.ndarray,
    pairs: Sequence[Pair],
    norms: Sequence[float],
    *,
    domain: Domain | None,
    unit: float,
    labels: np.ndarray | None,
    progress: Progress,
) -> list[dict[str, object]]:
    """A row per pair and norm (`schemas.METAMERS`): the nearest metamer of the original to the target.

    Args:
        net: the network.
        layer: name of the node whose features are kept.
        data: (n, *input_shape) float64.
        pairs: originals and targets.
        norms: distances to minimise: 1, 2, inf.
        domain: where the metamers may lie.
        unit: unit roundoff of the dtype in which the data were given.
        labels: (n,) classes as given, or None.
        progress: where to tell how far it is.
    """
    features = feature_map(net.upto(layer))
    rows: list[dict[str, object]] = []
    with progress.stage(f"metamers of {layer}", len(pairs) * len(norms)) as advance:
        for number, pair in enumerate(pairs):
            x, t = data[pair.original], data[pair.target]
            about = {
                "pair": number,
                "layer": layer,
                "original": pair.original,
                "target": pair.target,
                "n_active": pair.n_active,
                "original_label": None if labels is None else int(labels[pair.original]),
                "target_label": None if labels is None else int(labels[pair.target]),
            }
            for norm in norms:
                found = find_metamer(features, x, t, norm=norm, domain=domain, tolerance=0.0, unit=unit)
                said = predicted(net, np.stack([x, t, np.asarray(found.x)]))
                rows.append({**about, **_metamer_row(x, t, found), **_classes(said)})
                advance(1)
    return rows


def _metamer_row(x: np.ndarray, t: np.ndarray, found: Metamer) -> dict[str, object]:
    result = np.asarray(found.x, dtype=np.float64)
    return {
        "norm": found.norm,
        "objective": found.objective,
        "shape": list(x.shape),
        "original_values": x.ravel(),
        "target_values": t.ravel(),
        "metamer_values": result.ravel(),
        "distance": found.distance,
        "distance_before": _distance(x, t, found.norm),
        "distance_moved": _distance(x, result, found.norm),
        "bound": found.bound,
        "optimal": found.optimal,
        "feature_error": found.feature_error,
        "forward_error": found.forward_error,
        "radius": found.radius if math.isfinite(found.radius) else None,
        "status": str(found.status),
        "regional": found.regional,
    }


def _classes(said: np.ndarray | None) -> dict[str, object]:
    names = ("original_predicted", "target_predicted", "metamer_predicted")
    return {name: None if said is None else int(said[place]) for place, name in enumerate(names)}


def predicted(net: Network, batch: np.ndarray) -> np.ndarray | None:
    """Index of the largest output for each input of a batch (n, *input_shape), or None for a single output."""
    if net.output_size < 2:
        return None
    return np.asarray(net(batch)).reshape(len(batch), -1).argmax(axis=1)


def _distance(a: np.ndarray, b: np.ndarray, norm: float) -> float:
    return float(np.linalg.norm((a - b).ravel(), ord=norm))
