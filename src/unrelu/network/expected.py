"""What is asked of a layer and what of a network: the wrong one of the two is the likeliest slip."""

from __future__ import annotations

from unrelu.errors import InputError
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.network.single_layer import single_layer


def expect_layer(given: object) -> ReLULayer:
    """The layer that is given, by itself or as a prefix of a network that is one ReLU layer.

    Raises:
        InputError: if it is neither; the message says what to ask instead.
        TooLarge: if the matrix of a prefix's one layer would take more memory than allowed.
    """
    if isinstance(given, ReLULayer):
        return given
    if not isinstance(given, Network):
        raise InputError(
            f"a ReLULayer is needed here, not {type(given).__name__}; give net.layer(name) of a network, or "
            "ReLULayer(weight, bias)."
        )
    layer = single_layer(given)
    if layer is None:
        raise InputError(
            f"the network up to {', '.join(given.outputs)} is not one ReLU layer on its input; for a layer on its own "
            "input give net.layer(name), for another input with the features of a deeper prefix ask ur.metamer(prefix, "
            "at=x, target=t), and for the region on which it is affine ur.linearize(prefix, at=x).region."
        )
    return layer


def expect_network(given: object) -> None:
    """Raise InputError unless it is a network; the message says how to get one."""
    if not isinstance(given, Network):
        raise InputError(
            f"a Network is needed here, not {type(given).__name__}; give net.upto(name) of a network, or "
            "Network.from_torch(module, example)."
        )
