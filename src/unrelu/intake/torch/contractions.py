"""How products of a traced module with constants are read, from either side and along any axes."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from unrelu.errors import UnsupportedOperator
from unrelu.intake.builder import affine, contracting, moving
from unrelu.intake.builder.site import Operand
from unrelu.intake.draft import Signal
from unrelu.intake.torch.place import Place
from unrelu.operators import Softmax


def linear(at: Place, x: Any, weight: Any, bias: Any = None) -> Signal:
    """`W x + b`."""
    return affine.dense(at, at.signal(x), at.weight(weight, "weight"), at.optional(bias, "bias"))


def matmul(at: Place, x: Any, **others: Any) -> Signal:
    """A product with a matrix, a vector or a stack of matrices from either side."""
    (other,) = others.values()
    return contracting.matrix_product(at, _operand(at, x), _operand(at, other))


def addmm(at: Place, x: Any, beta: float, alpha: float, **others: Any) -> Signal:
    """`beta x + alpha (A B)`."""
    first, second = (_operand(at, each) for each in others.values())
    if (beta, alpha) == (1, 1) and isinstance(first, Signal) and isinstance(x, Tensor) and x.ndim <= 1:
        W = at.weight(second, "matrix").T.contiguous()
        return affine.dense(at, first, W, at.weight(x, "bias").expand(len(W)).contiguous())
    scaled = contracting.matrix_product(at.part("product"), first, second)
    if alpha != 1:
        scaled = affine.multiply(at.part("alpha"), scaled, at.number(alpha))
    return affine.add_multiple(at, scaled, _operand(at, x), at.number(beta))


def inner(at: Place, x: Any, other: Any) -> Signal:
    """Over the last axes of both."""
    return tensordot(at, x, other, [-1], [-1])


def tensordot(at: Place, x: Any, other: Any, dims_self: Sequence[int], dims_other: Sequence[int]) -> Signal:
    """Over any axes of both, numbered with that of the batch."""
    first, second = _operand(at, x), _operand(at, other)
    ranks = [_rank(each) + isinstance(each, Signal) for each in (first, second)]
    mine = list(string.ascii_lowercase[: ranks[0]])
    theirs = list(string.ascii_lowercase[ranks[0] : sum(ranks)])
    for one, two in zip(dims_self, dims_other, strict=True):
        theirs[two] = mine[one]
    used = {mine[one] for one in dims_self}
    result = [letter for letter in mine + theirs if letter not in used]
    return _einsum(at, ["".join(mine), "".join(theirs)], "".join(result), [first, second])


def einsum(at: Place, equation: str, tensors: Sequence[Any], path: Any = None) -> Signal:
    """An einsum with constants."""
    plain = equation.replace(" ", "")
    left, arrow, result = plain.partition("->")
    operands = [_operand(at, each) for each in tensors]
    terms = left.split(",")
    if "." in plain:
        terms, result = _spelled(at, terms, result if arrow else None, operands)
    elif not arrow:
        result = "".join(sorted(letter for letter in set(left) - {","} if left.count(letter) == 1))
    return _einsum(at, terms, result, operands)


def cumsum(at: Place, x: Any, dim: int, dtype: Any = None) -> Signal:
    """Sums of all up to each place."""
    signal = at.signal(x)
    return contracting.cumulative_sum(at, signal, at.own_axis(dim, signal))


def _einsum(at: Place, terms: list[str], result: str, operands: list[Operand]) -> Signal:
    """One whose signals have their batch axis in front, as the result has."""
    batches = {term[:1] for term, each in zip(terms, operands, strict=True) if isinstance(each, Signal)}
    (batch,) = batches if len(batches) == 1 else (None,)
    places = [(term[1:] if isinstance(each, Signal) else term) for term, each in zip(terms, operands, strict=True)]
    if not batch or result[:1] != batch or any(batch in place for place in [*places, result[1:]]):
        # a constant with one axis of size 1 for all samples is one without it
        held = [
            (each[0], term[1:])
            if isinstance(each, Tensor) and batch and term[:1] == batch and each.shape[0] == 1
            else (each, place)
            for each, term, place in zip(operands, terms, places, strict=True)
        ]
        operands, places = [each for each, _ in held], [place for _, place in held]
        if not batch or result[:1] != batch or any(batch in place for place in [*places, result[1:]]):
            raise UnsupportedOperator(
                f"node {at.wish!r} mixes the samples of a batch; keep dimension 0 for the batch in each signal and in "
                "the result."
            )
    return contracting.einsum(at, places, result[1:], operands)


def _spelled(at: Place, terms: list[str], result: str | None, operands: list[Operand]) -> tuple[list[str], str]:
    """The terms with letters for the dots."""
    used = set("".join(terms))
    free = [letter for letter in string.ascii_lowercase + string.ascii_uppercase if letter not in used]
    counts = [
        _rank(each) + isinstance(each, Signal) - len(term.replace(".", ""))
        for term, each in zip(terms, operands, strict=True)
    ]
    longest = max(count for count, term in zip(counts, terms, strict=True) if "." in term)
    dots = "".join(free[:longest])
    spelled = [term.replace("...", dots[longest - count :]) for term, count in zip(terms, counts, strict=True)]
    if result is None:
        once = (letter for letter in used - {"."} if "".join(terms).count(letter) == 1)
        return spelled, dots + "".join(sorted(once))
    return spelled, result.replace("...", dots)


def _operand(at: Place, value: Any) -> Operand:
    return value if isinstance(value, Signal) else at.weight(value, "matrix")


def _rank(value: Operand) -> int:
    return len(value.shape)


def attention(
    at: Place,
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Signal:
    """`softmax(scale Q K') V`."""
    if attn_mask is not None or is_causal or dropout_p or enable_gqa:
        raise at.unread("is an attention with a mask, dropout or groups of queries, which is not read")
    q, k = at.signal(query), at.signal(key)
    order = [*range(len(k.shape) - 2), len(k.shape) - 1, len(k.shape) - 2]
    scores = contracting.matrix_product(at.part("scores"), q, moving.permute(at.part("keys"), k, order))
    factor = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    scaled = affine.multiply(at.part("scale"), scores, at.number(factor))
    weights = at.part("softmax").write(Softmax(len(scaled.shape) - 1), scaled)
    return contracting.matrix_product(at, weights, at.signal(value))


def vecdot(at: Place, x: Any, y: Any, dim: int) -> Signal:
    """Products of the numbers along an axis, summed up."""
    first, second = _operand(at, x), _operand(at, y)
    signal = first if isinstance(first, Signal) else at.signal(second)
    other = second if isinstance(first, Signal) else first
    axis = at.own_axis(dim, signal)
    return affine.total(at, affine.multiply(at.part("mul"), signal, other), [axis], keep=False)
