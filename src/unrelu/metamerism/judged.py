"""Metamers of many pairs, and what the network says to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from unrelu.errors import ShapeError
from unrelu.metamerism.feature_map import feature_map
from unrelu.metamerism.metamer import PICTURES, find_metamer
from unrelu.metamerism.result import Metamer
from unrelu.network.arrays import Array, as_numpy, unit_roundoff
from unrelu.network.graph import Network
from unrelu.polyhedra.domains import Domain
from unrelu.progress import Progress, resolve_progress


@dataclass(frozen=True)
class Classes:
    """What a network says: the index of its largest output.

    Attributes:
        original: to the original.
        target: to the target.
        metamer: to the metamer.
    """

    original: int
    target: int
    metamer: int


@dataclass(frozen=True, eq=False)
class JudgedMetamer:
    """A metamer and the classes that the network sees.

    Attributes:
        metamer: the metamer.
        predicted: classes in float64; None for a network with a single output.
        own_predicted: classes in the user's own forward pass; None where there is no such model.
    """

    metamer: Metamer
    predicted: Classes | None
    own_predicted: Classes | None


def judged_metamers(
    net: Network,
    layer: str,
    originals: Array,
    targets: Array,
    *,
    norm: float = 1,
    domain: Domain | None = PICTURES,
    tolerance: float = 0.0,
    progress: Progress | bool | None = None,
) -> list[JudgedMetamer]:
    """The metamer nearest to each target, with the features of each original, and what the whole network says to it.

    Args:
        net: the network.
        layer: name of the node whose features are kept.
        originals: (n, *input_shape).
        targets: (n, *input_shape).
        norm: see `unrelu.metamerism.metamer.metamer`, as for what follows.
        domain: where metamers may lie; pictures in [0, 1] by default, None for the whole space.
        tolerance: by how much each feature may differ.
        progress: where to show progress.

    Raises:
        InputError: if the arrays do not fit each other or the network.
        UnknownNode: if there is no node of that name.
        DomainError: if an original lies outside the domain.
    """
    x, t = as_numpy(originals, "the originals"), as_numpy(targets, "the targets")
    if x.shape != t.shape or x.shape[1:] != net.input_shape:
        raise ShapeError(
            f"originals and targets need the shape (n, {', '.join(map(str, net.input_shape))}), not {x.shape} and "
            f"{t.shape}."
        )
    features = feature_map(net.upto(layer))
    unit = unit_roundoff(originals)
    judged: list[JudgedMetamer] = []
    with resolve_progress(progress).stage(f"metamers of {layer}", len(x)) as advance:
        for original, target in zip(x, t, strict=True):
            found = find_metamer(features, original, target, norm=norm, domain=domain, tolerance=tolerance, unit=unit)
            triple = np.stack([original, target, np.asarray(found.x)])
            judged.append(JudgedMetamer(found, _predicted(net, triple), _own_predicted(net, triple)))
            advance(1)
    return judged


def _predicted(net: Network, triple: np.ndarray) -> Classes | None:
    return _classes(np.asarray(net(triple)).reshape(3, -1))


def _own_predicted(net: Network, triple: np.ndarray) -> Classes | None:
    if net.source is None or len(net.outputs) != 1:
        return None
    (name,) = net.outputs
    values = net.source.values(torch.from_numpy(triple), (name,))[name]
    return _classes(values.detach().to("cpu", torch.float64).reshape(3, -1).numpy())


def _classes(outputs: np.ndarray) -> Classes | None:
    if outputs.shape[1] < 2:
        return None
    original, target, metamer = outputs.argmax(axis=1).tolist()
    return Classes(original, target, metamer)
