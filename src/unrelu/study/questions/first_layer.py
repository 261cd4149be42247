"""The layer that questions about valid inputs look at."""

from __future__ import annotations

from unrelu.errors import InputError
from unrelu.network.graph import INPUT, Network


def first_layer(net: Network, what: str) -> str:
    """Name of the first ReLU layer that is fed by the network's input alone.

    Raises:
        InputError: if there is none.
    """
    found = next((name for name in net.layers if net.affine_sources(net.node(name).inputs[0]) == (INPUT,)), None)
    if found is None:
        raise InputError(
            f"{what} about the first ReLU layer, but no ReLU layer is fed by the network's input alone; leave it out."
        )
    return found
