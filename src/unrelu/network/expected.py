"""What is asked of a layer and what of a network: the wrong one of the two is the likeliest slip."""

from __future__ import annotations

from unrelu.errors import InputError
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.network.single_layer import single_layer


def expect_layer_or_network(given: object) -> ReLULayer | Network:
    """What is given, a prefix of a network that is one ReLU layer as that layer.

    Raises:
        InputError: if it is neither; the message says how to get one.
        TooLarge: if the matrix of a prefix's one layer would take more memory than allowed.
    """
    if isinstance(given, ReLULayer):
        return given
    if not isinstance(given, Network):
        raise InputError(
            f"a ReLULayer or a Network is needed here, not {type(given).__name__}; give net.layer(name) or "
            "net.upto(name) of a network, or ReLULayer(weight, bias)."
        )
    layer = single_layer(given)
    return given if layer is None else layer


def expect_network(given: object) -> None:
    """Raise InputError unless it is a network; the message says how to get one."""
    if not isinstance(given, Network):
        raise InputError(
            f"a Network is needed here, not {type(given).__name__}; give net.upto(name) of a network, or "
            "Network.from_torch(module, example)."
        )
