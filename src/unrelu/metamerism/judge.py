"""What a network makes of a metamer: its class, and which of its later nodes still see a difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from unrelu.network.graph import Network

SEEN = 1e-6
"""Nodes see a difference if a number changes by more than this part of the largest: well above rounding."""


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


@dataclass(frozen=True)
class SeenDifference:
    """How far a node behind the features tells a metamer from its original.

    Attributes:
        node: its name.
        change: the largest difference of a number of it, as a part of the largest magnitude of both.
    """

    node: str
    change: float


def classes(net: Network, triple: np.ndarray) -> Classes | None:
    """The classes of original, target and metamer in float64; None for a network with a single output.

    Args:
        net: the network.
        triple: (3, *input_shape).
    """
    return _classes(np.asarray(net(triple)).reshape(3, -1))


def own_classes(net: Network, triple: np.ndarray) -> Classes | None:
    """The same in the user's own forward pass; None where there is no such model, or it has several outputs."""
    if net.source is None or len(net.outputs) != 1:
        return None
    (name,) = net.outputs
    values = net.source.values(torch.from_numpy(triple), (name,))[name]
    return _classes(values.detach().to("cpu", torch.float64).reshape(3, -1).numpy())


def seen_behind(prefix: Network, pair: np.ndarray) -> tuple[SeenDifference, ...]:
    """The nodes of the network behind a prefix that see a difference, in its order.

    Args:
        prefix: whose features are the same.
        pair: (2, *input_shape), original and metamer.
    """
    whole = prefix.whole
    if whole is None:
        return ()
    inside = {node.name for node in prefix.nodes}
    behind = [node.name for node in whole.nodes if node.name not in inside]
    if not behind:
        return ()
    values = whole.values(torch.from_numpy(pair).to(whole.device), behind)
    found = []
    for name in behind:
        both = values[name].reshape(2, -1)
        size = float(both.abs().max()) if both.numel() else 0.0
        change = float((both[0] - both[1]).abs().max()) / size if size else 0.0
        if change > SEEN:
            found.append(SeenDifference(name, change))
    return tuple(found)


def _classes(outputs: np.ndarray) -> Classes | None:
    if outputs.shape[1] < 2:
        return None
    original, target, metamer = outputs.argmax(axis=1).tolist()
    return Classes(original, target, metamer)
