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
_SORTED = {"sort", "topk", "kthvalue", "median", "nanmedian", "cummax", "cummin", "msort", "aminmax"}
_AFFINE = {
    "_upsample_bilinear2d_aa",
    "_upsample_bicubic2d_aa",
    "as_strided",
    "col2im",
    "copy",
    "cumulative_trapezoid",
    "dft",
    "index_add",
    "index_copy",
    "index_fill",
    "index_put",
    "kron",
    "masked_scatter",
    "scatter",
    "scatter_add",
    "scatterelements",
    "scatternd",
    "select_scatter",
    "slice_scatter",
    "trapezoid",
    "vander",
}
"""With constants for all operands but one."""

_BATCH = {"rms_norm", "rmsnormalization", "lpnormalization", "local_response_norm", "lrn"}


def refusal(at: Site, function: str) -> UnsupportedOperator:
    """The error for an operator that no line of a registry reads, with what to do about it.

    Args:
        at: the node.
        function: what it computes, in the model's own words.
    """
    plain, what = function.lower(), "is not read"
    if plain in _AFFINE or plain.startswith("fft_"):
        what, advice = "is affine, but not read yet", "write it by slices, concatenation or a matrix, or "
    elif plain in _SORTED:
        what, advice = "is piecewise linear, but not read yet", ""
    elif plain.startswith(_POOLS):
        advice = "replace it by max or average pooling or a strided convolution and train again, or "
    elif plain in _JUMPS | _ACTIVATIONS:
        advice = "replace it by an activation that is read (relu, leaky_relu, clamp, abs) and train again, or "
    elif plain in _BATCH:
        advice = "use batch norm, which is affine in evaluation mode, and train again, or "
    else:
        advice = ""
    return UnsupportedOperator(f"node {at.wish!r} is {function}, which {what}; {advice}{at.advice}.")
