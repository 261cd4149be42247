"""Constants of a traced module that have the size of the batch: one sample of them, the same for all batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx
from torch.fx.node import map_arg

from unrelu.errors import UnsupportedOperator

SIZES = (2, 3)
"""Batches for which what depends on their size is computed; what differs is no constant."""


def size_at(value: Any, n: int) -> int:
    """A size, known by an expression in that of the batch, for a batch of n.

    Raises:
        UnsupportedOperator: if it depends on values.
    """
    if isinstance(value, int):
        return value
    expression = value.node.expr
    found = expression.subs(dict.fromkeys(expression.free_symbols, n))
    if any(not str(symbol).startswith("s") for symbol in expression.free_symbols) or not found.is_integer:
        raise UnsupportedOperator(
            "a size depends on the values of a tensor, so that torch.export does not know it; write indices for masks."
        )
    return int(found)


def spread_to(value: Any, meta: Any, n: int) -> Any:
    """A constant of one sample for a batch of n.

    Args:
        value: a tensor with size 1 where the trace has the size of the batch, or several, or anything else.
        meta: what the trace says about it.
        n: of the batch.
    """
    if isinstance(value, Tensor) and isinstance(meta, Tensor):
        return value.expand([size_at(size, n) for size in meta.shape])
    if isinstance(value, (tuple, list)) and isinstance(meta, (tuple, list)):
        return type(value)(spread_to(each, its, n) for each, its in zip(value, meta, strict=True))
    return value


def is_sized(meta: Any) -> bool:
    """Whether a value has the size of the batch, or is one, by what the trace says about it."""
    if isinstance(meta, (tuple, list)):
        return any(map(is_sized, meta))
    return not all(isinstance(size, int) for size in meta.shape) if isinstance(meta, Tensor) else not _is_plain(meta)


def one_sample(compute: Callable[[int], Any], meta: Any, name: str) -> Any:
    """A value computed for batches of two sizes, with size 1 where it has that of the batch.

    Args:
        compute: the value for a batch of n.
        meta: what the trace says about it.
        name: of the node, for the message.

    Raises:
        UnsupportedOperator: if samples of the batch, or batches, have other values.
    """
    first, second = (_narrowed(compute(n), meta, name) for n in SIZES)
    if not _same(first, second):
        raise _not_fixed(name)
    return first


def arguments_at(node: fx.Node, n: int, known: Callable[[fx.Node], Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a call for a batch of n, sizes as numbers."""

    def value(source: fx.Node) -> Any:
        meta = source.meta.get("val")
        if isinstance(meta, torch.SymInt):
            return size_at(meta, n)
        return spread_to(known(source), meta, n)

    arguments, keywords = map_arg((node.args, dict(node.kwargs)), value)
    return tuple(arguments), dict(keywords)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, (bool, int, float, complex, str, torch.dtype, torch.device))


def _narrowed(value: Any, meta: Any, name: str) -> Any:
    if isinstance(value, Tensor) and isinstance(meta, Tensor):
        for axis, size in enumerate(meta.shape):
            if not isinstance(size, int):
                kept = value.narrow(axis, 0, 1)
                if not torch.equal(kept.expand_as(value), value):
                    raise _not_fixed(name)
                value = kept
        return value
    if isinstance(value, (tuple, list)) and isinstance(meta, (tuple, list)):
        return type(value)(_narrowed(each, its, name) for each, its in zip(value, meta, strict=True))
    return value


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, Tensor):
        return torch.equal(first, second)
    if isinstance(first, (tuple, list)):
        return all(_same(one, two) for one, two in zip(first, second, strict=True))
    return first == second


def _not_fixed(name: str) -> UnsupportedOperator:
    return UnsupportedOperator(
        f"node {name!r} computes with the number of samples of a batch, so it is not one fixed function of a sample; "
        "write the number itself."
    )
