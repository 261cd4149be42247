"""Metamers of the first layer between pairs of inputs, as records."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unrelu.errors import InputError
from unrelu.metamers.feature_map import feature_map
from unrelu.metamers.metamer import find_metamer

if TYPE_CHECKING:
    from unrelu.metamers.result import Metamer
    from unrelu.network.graph import Network
    from unrelu.polyhedra.domains import Domain
    from unrelu.progress import Progress


@dataclass(frozen=True)
class Pair:
    """An original and the target that its metamer should come near to.

    Attributes:
        original: index of the original in the data.
        target: index of the target in the data.
        n_active: positive features of the original.
    """

    original: int
    target: int
    n_active: int


def choose_pairs(n_active: np.ndarray, classes: np.ndarray | None, count: int, seed: int) -> list[Pair]:
    """The inputs with the fewest positive features, each with a target of another class.

    Few positive features are few equations, so these are the inputs whose metamers can go farthest (appendix A7 of
    Behrmann et al.). Targets are drawn at random; where all inputs share one class (or none is known), any other
    input may be a target.

    Args:
        n_active: (n,) number of positive features of each input.
        classes: (n,) class of each input, or None.
        count: how many pairs; fewer if there are fewer inputs.
        seed: of the random choice.

    Raises:
        InputError: if there are fewer than two inputs.
    """
    n = len(n_active)
    if n < 2:
        raise InputError("metamers need an original and a target; give at least two inputs, or metamers=0.")
    rng = np.random.default_rng(seed)
    originals = np.argsort(n_active, kind="stable")[:count]
    pairs = []
    for original in originals:
        others = np.delete(np.arange(n), original)
        if classes is not None and len(np.unique(classes)) > 1:
            others = others[classes[others] != classes[original]]
        pairs.append(Pair(int(original), int(rng.choice(others)), int(n_active[original])))
    return pairs


def metamer_rows(
    net: Network,
    layer: str,
    data: np.ndarray,
    pairs: Sequence[Pair],
    norms: Sequence[float],
    *,
    domain: Domain | None,
    labels: np.ndarray | None,
    progress: Progress,
) -> list[dict[str, object]]:
    """A row per pair and norm (`schemas.METAMERS`): the nearest metamer of the original to the target.

    Args:
        net: the network.
        layer: name of the layer whose features are kept.
        data: (n, *input_shape) float64.
        pairs: originals and targets.
        norms: distances to minimise: 1, 2, inf.
        domain: where the metamers may lie.
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
                found = find_metamer(features, x, t, norm=norm, domain=domain, tolerance=0.0)
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
