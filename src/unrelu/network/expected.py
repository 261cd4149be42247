"""What is asked of a layer and what of a network: the wrong one of the two is the likeliest slip."""

from __future__ import annotations

from unrelu.errors import InputError
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer


def expect_layer(given: object) -> None:
    """Raise InputError unless it is a layer; the message says how to get one."""
    if not isinstance(given, ReLULayer):
        raise InputError(
            f"a ReLULayer is needed here, not {type(given).__name__}; give net.layer(name) of a network, or "
            "ReLULayer(weight, bias)."
        )


def expect_network(given: object) -> None:
    """Raise InputError unless it is a network; the message says how to get one."""
    if not isinstance(given, Network):
        raise InputError(
            f"a Network is needed here, not {type(given).__name__}; give net.upto(name) of a network, or "
            "Network.from_torch(module, example)."
        )
