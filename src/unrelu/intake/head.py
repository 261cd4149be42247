"""A softmax or sigmoid that a model ends in."""

from __future__ import annotations

import warnings
from dataclasses import replace

from unrelu.errors import HeadWarning
from unrelu.network.graph import INPUT, OUTPUT, Network
from unrelu.operators import Sigmoid, Softmax


def without_head(network: Network) -> Network:
    """The network that ends in the logits, if it ends in a softmax (or its logarithm) or a sigmoid, with a warning.

    What can be asked about the logits has answers; through the head there are no regions, preimages or metamers. Equal
    logits have equal probabilities; the converse holds for a sigmoid, and for a softmax up to one number added to all.

    Args:
        network: a whole model, called by what its user calls two levels above.
    """
    last = network.node(OUTPUT)
    if not isinstance(last.operator, Softmax | Sigmoid) or last.inputs == (INPUT,):
        return network
    (logits,) = last.inputs
    warnings.warn(
        f"the model ends in {last.name!r}, a {type(last.operator).__name__}, which is cut off: the network ends in its "
        f"logits, the node {logits!r}. To read it with its end, name that (upto={last.name!r}).",
        HeadWarning,
        stacklevel=4,
    )
    return replace(network.upto(logits), head=last.name, whole=None)
