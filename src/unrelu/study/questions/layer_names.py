"""Which layers a question is about."""

from __future__ import annotations

import math
from collections.abc import Sequence

from unrelu.errors import InputError, UnknownNode
from unrelu.network.graph import Network

NOT_ASKED = "not asked for"


def checked_layers(net: Network, layers: Sequence[str] | None) -> tuple[str, ...]:
    """Names of ReLU layers in the network's order; all if None.

    Raises:
        InputError: if the names are one text.
        UnknownNode: if a name is not that of a ReLU layer.
    """
    if layers is None:
        return net.layers
    if isinstance(layers, str):
        raise InputError(f"layers must be a list of names, such as [{layers!r}].")
    unknown = [name for name in layers if name not in net.layers]
    if unknown:
        raise UnknownNode(f"there is no ReLU layer {unknown[0]!r}; the network's layers are {', '.join(net.layers)}.")
    return tuple(name for name in net.layers if name in layers)


def single_inputs(net: Network, layers: Sequence[str]) -> dict[str, str]:
    """Of the layers with a single input, the node that it is."""
    sources = {name: net.affine_sources(net.node(name).inputs[0]) for name in layers}
    return {name: found[0] for name, found in sources.items() if len(found) == 1}


def layer_size(net: Network, name: str, source: str) -> tuple[int, int]:
    """(m, d) of a layer with a single input."""
    return math.prod(net.node(name).shape), math.prod(net.node(source).shape)


def check_count(count: int, what: str) -> None:
    """Refuse a count that is none.

    Raises:
        InputError: if it is not a whole number of 0 or more.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise InputError(f"{what} must be 0 or more, not {count}.")
