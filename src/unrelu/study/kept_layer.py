"""Whose features the metamers of a study keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unrelu.network.graph import Network


def kept_layer(net: Network, asked: str | None = None) -> str | None:
    """Name of the node whose features metamers keep; None where no ReLU reaches the output.

    By default it is the first cut at or behind a ReLU, for only of a cut is it true that the network cannot tell inputs
    with the same features apart: in a chain the first ReLU layer; where branches run side by side, the node in which
    they meet; and where that goes straight into a ReLU, and nowhere else, the ReLU. Where nothing behind a ReLU
    separates the input from the output (as can be with several outputs) it is the first ReLU layer.

    >>> import numpy as np
    >>> from unrelu.network.graph import Network
    >>> kept_layer(Network.from_layers([(np.eye(2), np.zeros(2)), (np.eye(2), np.zeros(2))]))
    'relu1'

    Args:
        net: the network.
        asked: the node that the user names, if any.

    Raises:
        UnknownNode: if there is no node of that name.
    """
    if asked is not None:
        return net.node(asked).name
    behind: set[str] = set()
    for node in net.nodes:
        if node.is_layer or any(name in behind for name in node.inputs):
            behind.add(node.name)
    cuts = net.cuts
    live = net.ancestors(net.outputs)
    first = next((name for name in (*cuts, *net.layers) if name in behind & live), None)
    return next((name for name in cuts if net.node(name).is_layer and net.node(name).inputs == (first,)), first)
