"""What is said about operators that are not read."""

from __future__ import annotations

from unrelu.errors import UnsupportedOperator

_FINAL = {"softmax", "log_softmax", "_softmax", "_log_softmax", "sigmoid", "tanh", "log_sigmoid", "softplus"}
_POOLS = ("adaptive_max_pool", "fractional_max_pool", "lp_pool", "amax")
_ACTIVATIONS = {
    "leaky_relu", "prelu", "_prelu_kernel", "rrelu", "elu", "selu", "celu", "gelu", "silu", "mish", "hardswish",
    "hardsigmoid", "hardtanh", "relu6", "hardshrink", "softshrink", "clamp", "clip", "clamp_min", "clamp_max",
    "threshold", "maximum", "minimum", "max", "min", "abs", "sign", "where",
}  # fmt: skip
_BATCH = {"layer_norm", "native_layer_norm", "group_norm", "native_group_norm", "instance_norm"}

BEFORE = "hand over the part of the model before it"


def refusal(name: str, function: str) -> UnsupportedOperator:
    """The error for a node that is neither affine, a ReLU nor a max pooling, with what to do about it.

    Args:
        name: of the node.
        function: what it computes, in the model's own words.
    """
    plain = function.lower()
    if plain in _FINAL or plain.endswith("softmax"):
        advice = f"if it ends the model, drop it and ask about the logits; otherwise {BEFORE}"
    elif plain.startswith(_POOLS):
        advice = f"replace it by plain max or average pooling or a strided convolution and train again, or {BEFORE}"
    elif plain in _ACTIVATIONS:
        advice = f"of all activations only max(x, 0) is read; replace it and train again, or {BEFORE}"
    elif plain in _BATCH:
        advice = f"use batch norm, which is affine in evaluation mode, or {BEFORE}"
    else:
        advice = BEFORE
    return UnsupportedOperator(
        f"node {name!r} is {function}, which is neither affine, a ReLU nor a max pooling here; {advice}."
    )
