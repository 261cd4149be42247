"""The prefixes of a network that are one ReLU layer on the network's own input."""

from __future__ import annotations

from unrelu.network.graph import INPUT, Network
from unrelu.network.layer import ReLULayer


def single_layer(prefix: Network) -> ReLULayer | None:
    """The layer that a prefix is: one ReLU on an affine map of the input; None where it is anything else.

    Raises:
        TooLarge: if the layer's matrix would take more memory than allowed.

    >>> import numpy as np
    >>> net = Network.from_layers([(np.eye(2), np.zeros(2)), (np.eye(2), np.zeros(2)), (np.eye(2), np.zeros(2))])
    >>> single_layer(net.upto("relu1")), single_layer(net.upto("relu2"))
    (ReLULayer('relu1': 2 features of 2 inputs), None)
    """
    if len(prefix.outputs) != 1:
        return None
    last = prefix.node(prefix.outputs[0])
    if not last.is_layer or prefix.affine_sources(last.inputs[0]) != (INPUT,):
        return None
    return prefix.layer(last.name)
