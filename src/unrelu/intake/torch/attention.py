"""PyTorch's attention of several heads, traced with the batch in front.

`nn.MultiheadAttention` and what is made of it (`nn.TransformerEncoderLayer`) compute with the batch behind the
sequence, and with samples and heads as one axis. While a module is traced the same formula stands in for it, of batches
all along; the output of what was read is compared with the module's own, as ever.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

_LEFT_OUT = ("key_padding_mask", "attn_mask", "bias_k", "bias_v", "static_k", "static_v")

_SIGNATURE = inspect.signature(functional.multi_head_attention_forward)


class BatchesInFront(TorchFunctionMode):
    """While it is entered, in its thread."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """The call itself, but for attention of the plain form."""
        keywords = kwargs or {}
        if func is functional.multi_head_attention_forward:
            bound = _SIGNATURE.bind(*args, **keywords)
            bound.apply_defaults()
            if _is_plain(bound.arguments):
                with self:  # a mode is left while it is asked
                    return _attention(bound.arguments)
        return func(*args, **keywords)


def _is_plain(given: dict[str, Any]) -> bool:
    """Of one batch of sequences and without masks, dropout and weights that are stored one by one."""
    if any(given[name] is not None for name in _LEFT_OUT) or given["use_separate_proj_weight"]:
        return False
    dropped = given["training"] and given["dropout_p"] > 0
    return not (dropped or given["is_causal"] or given["add_zero_attn"]) and given["query"].ndim == 3


def _attention(given: dict[str, Any]) -> tuple[Tensor, Tensor | None]:
    """`softmax(Q K' / sqrt(d)) V` of each head; queries, keys and values (length, n, width).

    Returns:
        The attention's output (length, n, width), and the weights, (n, length, other length), or None.
    """
    width, heads = given["embed_dim_to_check"], given["num_heads"]
    weight, bias = given["in_proj_weight"], given["in_proj_bias"]

    def projected(x: Tensor, k: int) -> Tensor:
        rows = slice(k * width, (k + 1) * width)
        x = functional.linear(x.transpose(0, 1), weight[rows], None if bias is None else bias[rows])
        return x.unflatten(2, (heads, width // heads)).transpose(1, 2)

    q, k, v = (projected(given[name], place) for place, name in enumerate(("query", "key", "value")))
    weights = torch.softmax((q * (width // heads) ** -0.5) @ k.transpose(2, 3), dim=-1)
    joined = (weights @ v).transpose(1, 2).flatten(2)
    found = functional.linear(joined, given["out_proj_weight"], given["out_proj_bias"]).transpose(0, 1)
    if not given["need_weights"]:
        return found, None
    return found, weights.mean(dim=1) if given["average_attn_weights"] else weights
