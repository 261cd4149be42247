"""How the calls of a traced module are read: each handler parses arguments and leaves the writing to a verb."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from unrelu.errors import TrainingMode, UnsupportedOperator
from unrelu.intake.builder import affine, moving, piecewise, smooth
from unrelu.intake.builder.site import Handler, pairwise, plain, unary
from unrelu.intake.draft import Signal
from unrelu.intake.torch import arithmetic, contractions, filtering, resizing, shapes
from unrelu.intake.torch.picking import added_up, picked
from unrelu.intake.torch.place import Place
from unrelu.operators import (
    ELU,
    GELU,
    Absolute,
    Erf,
    Hardswish,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)


def _batch_norm(
    at: Place, x: Any, weight: Any, bias: Any, running_mean: Any, running_var: Any, momentum: float, eps: float
) -> Signal:
    statistics = at.weight(running_mean, "running mean"), at.weight(running_var, "running variance")
    numbers = at.optional(weight, "weight"), at.optional(bias, "bias")
    return affine.normalization(at, at.signal(x), *statistics, *numbers, eps)


def _own_statistics(at: Place, **_: Any) -> Signal:
    raise UnsupportedOperator(
        f"node {at.wish!r} normalises by the statistics of the batch at hand, so it is not one fixed function of a "
        "sample; call module.eval(), and use batch norm with track_running_stats=True."
    )


def _along(verb: Handler) -> Handler:
    """Over axes of a sample."""

    def handle(at: Place, x: Any, dim: Any, keepdim: bool, dtype: Any = None) -> Signal:
        signal = at.signal(x)
        return verb(at, signal, [at.axis(axis, signal) for axis in ([dim] if isinstance(dim, int) else dim)], keepdim)

    return handle


def _of_two_or_along(two: Handler, along: Handler) -> Handler:
    """`max` and `min`: of two tensors, or over an axis (their result 0; result 1 are the indices)."""

    def handle(at: Place, x: Any, **others: Any) -> Signal:
        return _compared(two)(at, x, **others) if "other" in others else _along(along)(at, x, **others)

    return handle


def _compared(verb: Handler) -> Handler:
    return lambda at, x, other: verb(at, at.bound(x), at.bound(other))


def _clamp(lower: str, upper: str) -> Handler:
    """Between bounds, given by arguments of these names."""

    def handle(at: Place, x: Any, **bounds: Any) -> Signal:
        return piecewise.clamp(at, at.signal(x), at.bound(bounds.get(lower)), at.bound(bounds.get(upper)))

    return handle


def _threshold(at: Place, x: Any, threshold: float, value: float) -> Signal:
    if threshold != value:
        raise at.unread(f"jumps from {value} to {threshold} at its threshold")
    return piecewise.clamp(at, at.signal(x), at.bound(value), None)


def _parametric(at: Place, x: Any, weight: Any) -> Signal:
    slopes, signal = at.weight(weight, "slopes"), at.signal(x)
    per_channel = slopes.numel() > 1  # along the first axis of a sample
    shape = (-1, *[1] * (len(signal.shape) - 1)) if per_channel else ()
    return piecewise.leaky_relu(at, signal, slopes.reshape(shape))


def _randomized(at: Place, x: Any, lower: float, upper: float, training: bool, generator: Any = None) -> Signal:
    if training:
        raise TrainingMode(
            f"node {at.wish!r} draws its slopes at random; call module.eval(), and where it is F.rrelu pass "
            "training=self.training."
        )
    return piecewise.leaky_relu(at, at.signal(x), at.number((lower + upper) / 2))


def _elu(at: Place, x: Any, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Signal:
    return at.write(ELU(*(float(at.number(each)) for each in (alpha, scale, input_scale))), at.signal(x))


def _softplus(at: Place, x: Any, beta: float, threshold: float) -> Signal:
    return at.write(Softplus(float(at.number(beta))), at.signal(x))


def _softmax(kind: type[Softmax]) -> Handler:
    def handle(at: Place, x: Any, dim: int, **_: Any) -> Signal:
        signal = _cast(at, x)
        axis = at.axis(dim, signal)
        if axis < 0:
            raise UnsupportedOperator(f"node {at.wish!r} mixes the samples of a batch; take another axis than 0.")
        return at.write(kind(axis), signal)

    return handle


def _layer_norm(at: Place, x: Any, normalized_shape: Any, weight: Any, bias: Any, eps: float, **_: Any) -> Signal:
    signal = at.signal(x)
    first = len(signal.shape) - len(normalized_shape)
    return smooth.layer_norm(at, signal, first, at.optional(weight, "weight"), at.optional(bias, "bias"), eps)


def _group_norm(at: Place, x: Any, num_groups: int, weight: Any, bias: Any, eps: float, **_: Any) -> Signal:
    return smooth.group_norm(
        at, at.signal(x), num_groups, at.optional(weight, "weight"), at.optional(bias, "bias"), eps
    )


def _instance_norm(
    at: Place,
    x: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    **_: Any,
) -> Signal:
    if use_input_stats:
        return _group_norm(at, x, at.signal(x).shape[0], weight, bias, eps)
    return _batch_norm(at, x, weight, bias, running_mean, running_var, momentum, eps)


def _cast(at: Place, x: Any, **_: Any) -> Signal:
    if torch.promote_types(at.entering, at.dtype) != at.dtype:
        raise UnsupportedOperator(
            f"node {at.wish!r} rounds its values from {at.entering} to {at.dtype}; "
            "take what rounds (torch.autocast, x.half()) out of its forward, and convert the whole module to one dtype "
            "(module.float()); of Keras, take a model in float32."
        )
    return at.signal(x)


def _dropout(at: Place, x: Any, p: float, train: bool | None) -> Signal:
    if train:
        raise TrainingMode(
            f"node {at.wish!r} drops units at random; call module.eval(), and where it is F.dropout pass "
            "training=self.training."
        )
    return at.signal(x)


def _item(at: Place, x: Any, index: int) -> Signal:
    if isinstance(x, tuple):
        return x[index]
    if index != 0:
        raise at.unread(
            f"takes result {index} of an operator (of a max pooling, the places of what it took, which jump), of which "
            "only result 0 is read"
        )
    return at.signal(x)


PICKS = [
    "split",
    "split_with_sizes",
    "unbind",
    "chunk",
    "tensor_split",
    "unsafe_chunk",
    "unsafe_split",
    "index",
    "index_select",
    "gather",
    "flip",
    "fliplr",
    "roll",
    "rot90",
    "repeat",
    "tile",
    "repeat_interleave",
    "diagonal",
    "diag_embed",
    "tril",
    "triu",
    "take_along_dim",
    "unfold",
    "im2col",
    "pixel_shuffle",
    "pixel_unshuffle",
    "channel_shuffle",
    "native_channel_shuffle",
    "upsample_nearest1d",
    "upsample_nearest2d",
    "upsample_nearest3d",
    "_upsample_nearest_exact1d",
    "_upsample_nearest_exact2d",
    "_upsample_nearest_exact3d",
]
"""Calls that pick numbers by constant indices, and put zeros among them."""


def _ranks(function: str, handler: Callable[..., Signal]) -> dict[str, Handler]:
    """One entry for each number of spatial dimensions."""
    return {function.format(dims): handler for dims in (1, 2, 3)}


OPERATORS: dict[str, Handler] = {
    "linear": contractions.linear,
    **dict.fromkeys(("matmul", "mm", "mv", "bmm"), contractions.matmul),
    **dict.fromkeys(("addmm", "baddbmm", "addmv"), contractions.addmm),
    "einsum": contractions.einsum,
    "scaled_dot_product_attention": contractions.attention,
    "tensordot": contractions.tensordot,
    "inner": contractions.inner,
    "linalg_vecdot": contractions.vecdot,
    "cumsum": contractions.cumsum,
    **_ranks("conv{}d", filtering.convolution),
    **_ranks("conv_transpose{}d", filtering.transposed_convolution),
    "_native_batch_norm_legit_no_training": _batch_norm,
    "_native_batch_norm_legit": _own_statistics,
    "_native_batch_norm_legit_functional": _own_statistics,
    **_ranks("avg_pool{}d", filtering.average_pool),
    **_ranks("adaptive_avg_pool{}d", filtering.adaptive_average_pool),
    **_ranks("max_pool{}d", filtering.max_pool),
    **_ranks("max_pool{}d_with_indices", filtering.max_pool),
    **_ranks(
        "adaptive_max_pool{}d", lambda at, x, output_size: piecewise.max_pool_into(at, at.signal(x), at.shape[1:])
    ),
    "mean": _along(affine.mean),
    "sum": _along(affine.total),
    "amax": _along(piecewise.largest_along),
    "amin": _along(piecewise.smallest_along),
    "max": _of_two_or_along(piecewise.largest, piecewise.largest_along),
    "min": _of_two_or_along(piecewise.smallest, piecewise.smallest_along),
    "maximum": _compared(piecewise.largest),
    "minimum": _compared(piecewise.smallest),
    "add": arithmetic.added(1.0),
    **dict.fromkeys(("sub", "subtract"), arithmetic.added(-1.0)),
    "rsub": arithmetic.subtracted_from,
    "lerp": arithmetic.between,
    "addcmul": arithmetic.added_product,
    "addcdiv": arithmetic.added_quotient,
    "diff": arithmetic.difference,
    "where": arithmetic.where,
    "masked_fill": arithmetic.masked_fill,
    **dict.fromkeys(("mul", "multiply"), pairwise(affine.multiply)),
    **dict.fromkeys(("div", "divide", "true_divide"), arithmetic.divide),
    **dict.fromkeys(("neg", "negative"), unary(affine.negate)),
    "relu": plain(ReLU()),
    "abs": plain(Absolute()),
    "leaky_relu": lambda at, x, negative_slope: piecewise.leaky_relu(at, at.signal(x), at.number(negative_slope)),
    **dict.fromkeys(("prelu", "_prelu_kernel"), _parametric),
    "rrelu": _randomized,
    **dict.fromkeys(("clamp", "clip", "clamp_min", "clamp_max"), _clamp("min", "max")),
    "hardtanh": _clamp("min_val", "max_val"),
    "relu6": lambda at, x: piecewise.clamp(at, at.signal(x), at.bound(0.0), at.bound(6.0)),
    "hardsigmoid": unary(piecewise.hard_sigmoid),
    "threshold": _threshold,
    "sigmoid": plain(Sigmoid()),
    "tanh": plain(Tanh()),
    **dict.fromkeys(("erf", "special_erf"), plain(Erf())),
    "softplus": _softplus,
    "gelu": lambda at, x, approximate: at.write(GELU(approximate), at.signal(x)),
    "silu": plain(SiLU()),
    "elu": _elu,
    "selu": lambda at, x: _elu(at, x, 1.6732632423543772848170429916717, 1.0507009873554804934193349852946),
    "celu": lambda at, x, alpha: _elu(at, x, alpha, 1, 1 / alpha),
    "mish": unary(smooth.mish),
    "hardswish": plain(Hardswish()),
    **dict.fromkeys(("softmax", "_softmax"), _softmax(Softmax)),
    **dict.fromkeys(("log_softmax", "_log_softmax"), _softmax(LogSoftmax)),
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "instance_norm": _instance_norm,
    "pow": lambda at, x, exponent: smooth.square(at, at.signal(x), at.number(exponent)),
    "square": lambda at, x: affine.multiply(at, at.signal(x), x),
    **dict.fromkeys(
        ("view", "reshape", "_unsafe_view", "flatten", "unflatten", "squeeze", "unsqueeze"),
        lambda at, x, **_: moving.reshape(at, at.signal(x), at.shape),
    ),
    **dict.fromkeys(
        ("clone", "contiguous", "detach", "detach_", "alias", "lift_fresh_copy", "alias_copy"), unary(moving.keep)
    ),
    **dict.fromkeys(("_to_copy", "to", "type_as"), _cast),
    **dict.fromkeys(("dropout", "native_dropout"), _dropout),
    "getitem": _item,
    "permute": shapes.permute,
    "transpose": shapes.transpose,
    "expand": lambda at, x, **_: moving.broadcast(at, at.signal(x), at.shape),
    "cat": shapes.concatenate,
    "stack": shapes.stack,
    "hstack": shapes.hstack,
    "column_stack": shapes.column_stack,
    "dstack": shapes.dstack,
    **dict.fromkeys(PICKS, picked),
    "col2im": added_up,
    **{f"upsample_{name}": resizing.linear for name in ("linear1d", "bilinear2d", "trilinear3d")},
    "upsample_bicubic2d": resizing.cubic,
    **_ranks("upsample_nearest{}d", resizing.nearest),
    **_ranks("_upsample_nearest_exact{}d", resizing.nearest),
    "slice": shapes.part,
    "select": shapes.select,
    **dict.fromkeys(("pad", "constant_pad_nd"), shapes.pad),
}
"""By the name of the function."""
