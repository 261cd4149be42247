"""How nodes of an ONNX graph are read that multiply by a constant matrix: `MatMul`, `Gemm`, `Einsum`."""

from __future__ import annotations

import math
import string

import numpy as np
from torch import Tensor

from unrelu.errors import ModelFileError, UnsupportedOperator
from unrelu.intake.builder import affine, contracting, moving
from unrelu.intake.builder.site import full
from unrelu.intake.draft import Signal
from unrelu.intake.onnx.place import Place, Value


def matmul(at: Place, a: Value, b: Value) -> Signal:
    """`x M` or `M x`, of vectors, matrices or stacks of them; or of two signals."""
    if isinstance(a, Signal) and isinstance(b, Signal):
        return contracting.matrix_product(at, a, b)
    x, constant = (a, b) if isinstance(a, Signal) else (at.signal(b), a)
    M = at.weight(constant, "matrix")
    more = M.ndim - len(at.dims(x))
    if not at.batchless and M.ndim > 2 and (more > 0 or (more == 0 and M.shape[0] != 1)):
        raise at.mixing("multiplies by a stack of matrices")
    if not at.batchless and x is not a and len(x.shape) < 2:
        raise at.mixing("multiplies a matrix by a batch of vectors")
    return contracting.matrix_product(at, x, M) if x is a else contracting.matrix_product(at, M, x)


def gemm(at: Place, a: Value, b: Value, c: Value | None = None) -> Signal:
    """`alpha A B + beta C`, either of A and B transposed."""
    if not isinstance(a, Signal):
        return _plus(at, _left(at.part("product") if c is not None else at, a, b), c)
    signal = a
    if at.attribute("transA", 0):
        if not at.batchless:
            raise at.mixing("transposes its input")
        signal = moving.permute(at.part("turned"), signal, [1, 0])
    W = _scaled(at, b, at.attribute("alpha", 1.0), "matrix")
    if W.ndim != 2:
        raise ModelFileError(f"node {at.wish!r} multiplies by an array of {W.ndim} axes; export the model again.")
    W = W if at.attribute("transB", 0) else W.T.contiguous()
    if c is None:
        return affine.dense(at, signal, W)
    if isinstance(c, Signal):
        return _plus(at, affine.dense(at.part("product"), signal, W), c)
    stored = _scaled(at, c, at.attribute("beta", 1.0), "bias")
    if stored.numel() in (1, len(W)) and stored.shape[-1:].numel() == stored.numel():
        return affine.dense(at, signal, W, stored.reshape(-1).expand(len(W)).contiguous())
    if not at.batchless:
        raise at.mixing(f"adds an array of shape {tuple(stored.shape)}")
    return affine.add(at, affine.dense(at.part("product"), signal, W), stored)


def _left(at: Place, a: Value, b: Value) -> Signal:
    """`alpha A B` of a constant A."""
    x, M = at.signal(b), _scaled(at, a, at.attribute("alpha", 1.0), "matrix")
    if not at.batchless:
        raise at.mixing("multiplies a matrix by the batch")
    if M.ndim != 2 or len(x.shape) != 2:
        raise ModelFileError(f"node {at.wish!r} multiplies by an array of {M.ndim} axes; export the model again.")
    x = moving.permute(at.part("turned"), x, [1, 0]) if at.attribute("transB", 0) else x
    return contracting.matrix_product(at, M.T.contiguous() if at.attribute("transA", 0) else M, x)


def _plus(at: Place, x: Signal, c: Value | None) -> Signal:
    """`x + beta C`."""
    if c is None:
        return x
    if not isinstance(c, Signal):
        return affine.add(at, x, _scaled(at, c, at.attribute("beta", 1.0), "bias"))
    beta = at.attribute("beta", 1.0)
    return affine.add(at, x, c if beta == 1 else affine.multiply(at.part("scaled"), c, full(beta)))


def _scaled(at: Place, value: Value | None, factor: float, what: str) -> Tensor:
    """A stored array times a factor, exactly.

    Raises:
        UnsupportedOperator: if the product would be rounded.
    """
    weight = at.weight(value, what)
    single = isinstance(value, np.ndarray) and value.dtype.itemsize <= 4  # two float32 make one float64
    if not single and math.frexp(abs(factor))[0] != 0.5 and factor != 0:
        raise UnsupportedOperator(f"node {at.wish!r} scales float64 weights by {factor}; store them scaled.")
    return factor * weight


def einsum(at: Place, *values: Value) -> Signal:
    """An einsum of one signal with constants, whose first letter is the batch."""
    operands = [at.operand(value) for value in values]
    ranks = [len(at.dims(each)) if isinstance(each, Signal) else each.ndim for each in operands]
    terms, result = _letters(at, str(at.attribute("equation", "")), ranks)
    if not at.batchless:
        mine = [term for term, each in zip(terms, operands, strict=True) if isinstance(each, Signal)]
        theirs = "".join(term for term, each in zip(terms, operands, strict=True) if not isinstance(each, Signal))
        first = {term[:1] for term in mine}
        if first != {result[:1]} or result[:1] in theirs + "".join(term[1:] for term in mine) + result[1:]:
            raise at.mixing("contracts the batch")
        terms = [term[1:] if isinstance(each, Signal) else term for term, each in zip(terms, operands, strict=True)]
        result = result[1:]
    return contracting.einsum(at, terms, result, operands)


def _letters(at: Place, equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """The letters of the operands' axes and of the result's, with those that an ellipsis stands for."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    wrong = ModelFileError(f"node {at.wish!r} has the equation {equation[:80]!r} for {ranks} axes; export it again.")
    used = set(equation) & set(string.ascii_letters)
    if len(terms) != len(ranks) or set(left + right) - used - set(",."):
        raise wrong
    free = [letter for letter in string.ascii_letters if letter not in used]
    longest, full_terms = 0, []
    for term, rank in zip(terms, ranks, strict=True):
        more = rank - len(term.replace("...", ""))
        if more < 0 or more > len(free) or (more and "..." not in term) or term.count("...") > 1:
            raise wrong
        longest = max(longest, more)
        full_terms.append(term.replace("...", "".join(free[len(free) - more :])))
    dots = "".join(free[len(free) - longest :])
    if not arrow:
        once = sorted(letter for letter in used if left.count(letter) == 1)
        return full_terms, dots + "".join(once)
    result = right.replace("...", dots)
    if len(set(result)) != len(result) or "." in result + "".join(full_terms):
        raise wrong
    return full_terms, result
