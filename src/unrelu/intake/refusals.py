"""What is said about operators that are not read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unrelu.errors import UnsupportedOperator

if TYPE_CHECKING:
    from unrelu.intake.builder.site import Site

_POOLS = ("fractional_max_pool", "lp_pool", "lppool", "globallppool", "maxroipool")
_JUMPS = {
    "hardshrink",
    "softshrink",
    "shrink",
    "sign",
    "where",
    "thresholdedrelu",
    "floor",
    "ceil",
    "round",
    "le",
    "lt",
    "ge",
    "gt",
}
_ACTIVATIONS = {"log_sigmoid", "softsign", "glu"}
_BATCH = {"rms_norm", "rmsnormalization", "lpnormalization", "local_response_norm", "lrn"}


def refusal(at: Site, function: str) -> UnsupportedOperator:
    """The error for an operator that no line of a registry reads, with what to do about it.

    Args:
        at: the node.
        function: what it computes, in the model's own words.
    """
    plain = function.lower()
    if plain.startswith(_POOLS):
        advice = "replace it by max or average pooling or a strided convolution and train again, or "
    elif plain in _JUMPS | _ACTIVATIONS:
        advice = "replace it by an activation that is read (relu, leaky_relu, clamp, abs) and train again, or "
    elif plain in _BATCH:
        advice = "use batch norm, which is affine in evaluation mode, and train again, or "
    else:
        advice = ""
    return UnsupportedOperator(f"node {at.wish!r} is {function}, which is not read; {advice}{at.advice}.")
