"""Affine nodes that contract a signal with a constant: matrices from either side, einsum, cumulative sums."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence

import torch
from torch import Tensor

from unrelu.intake.builder.affine import product, total
from unrelu.intake.builder.moving import broadcast, permute, pick, reshape
from unrelu.intake.builder.site import Operand, Site
from unrelu.intake.draft import Signal
from unrelu.operators import Contraction, MatrixProduct


def contract(at: Site, x: Signal, constant: Tensor, equation: str) -> Signal:
    """An einsum of a sample and a constant, written as `Contraction` has it."""
    return at.write(Contraction(constant.contiguous(), equation), x)


def matrix_product(at: Site, a: Operand, b: Operand) -> Signal:
    """`a @ b` of a sample and a constant, in either order, with the rules of NumPy for vectors and stacks.

    Of two samples, matrices or stacks of as many axes, it is smooth.

    Args:
        at: where.
        a: in the shape of a sample, or a constant that may have axes of size 1 in front.
        b: the same.

    Raises:
        UnsupportedOperator: if both are constants, or two samples no matrices.
    """
    if isinstance(a, Signal) and isinstance(b, Signal):
        if len(a.shape) != len(b.shape) or len(a.shape) < 2:
            raise at.unread("multiplies signals that are not both matrices, or stacks of them with as many axes")
        return at.write(MatrixProduct(), a, b)
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        raise at.unread("multiplies two constants with each other")
    x, constant = (a, b) if isinstance(a, Signal) else (b, a)
    assert isinstance(x, Signal)
    assert isinstance(constant, Tensor)
    rank = max(len(x.shape), 2)
    while constant.ndim > rank and constant.shape[0] == 1:
        constant = constant[0]
    if isinstance(a, Signal) and constant.ndim <= 2 and x.shape:
        return product(at, x, constant)
    if not x.shape or not constant.ndim:
        raise at.unread("multiplies matrices with a number")
    mine, theirs, result = _letters(len(x.shape), constant.ndim, swapped=not isinstance(a, Signal))
    return einsum(at, [mine, theirs], result, [x, constant])


def einsum(at: Site, terms: Sequence[str], result: str, operands: Sequence[Operand]) -> Signal:
    """Any einsum of one sample with constants; of several constants one after the other.

    Args:
        at: where.
        terms: the letters of the operands' axes, those of a sample without its batch axis.
        result: the letters of the result's axes, without the batch axis.
        operands: one signal, and constants; sizes of 1 that stand for any are allowed.

    Raises:
        UnsupportedOperator: if it is no such einsum.
    """
    small = str.maketrans({letter: string.ascii_lowercase[k % 26] for k, letter in enumerate(_used(terms, result))})
    terms, result = [term.translate(small) for term in terms], result.translate(small)
    signals = [k for k, each in enumerate(operands) if isinstance(each, Signal)]
    if len(_used(terms, result)) > len(string.ascii_lowercase):
        raise at.unread("has more than 26 axes")
    if len(signals) != 1:
        raise at.unread("multiplies signals with each other" if signals else "computes with constants alone")
    x, mine = operands[signals[0]], terms[signals[0]]
    assert isinstance(x, Signal)
    others = [_distinct(each, term) for each, term in zip(operands, terms, strict=True) if isinstance(each, Tensor)]
    x, mine = _diagonal(at, x, mine)
    for k, (constant, theirs) in enumerate(others):
        later = result + "".join(term for _, term in others[k + 1 :])
        constant, theirs = _without_ones(constant, theirs, mine + "".join(term for _, term in others[k + 1 :]))
        x, mine = _fitted(at.part(f"axes{k}"), x, mine, constant, theirs)
        lone = "".join(letter for letter in theirs if letter not in mine + later)
        if lone:  # summed over the constant alone: of the sample there are copies
            sizes = tuple(constant.shape[theirs.index(letter)] for letter in lone)
            x = reshape(at.part(f"front{k}"), x, (1,) * len(lone) + x.shape)
            x, mine = broadcast(at.part(f"copies{k}"), x, sizes + x.shape[len(lone) :]), lone + mine
        x, mine = _summed(at.part(f"sum{k}"), x, mine, theirs + later)
        kept = "".join(letter for letter in dict.fromkeys(mine + theirs) if letter in later)
        last = k == len(others) - 1 and set(result) == set(kept)
        kept = result if last else kept
        x, mine = contract(at if last else at.part(f"with{k}"), x, constant, f"{mine},{theirs}->{kept}"), kept
    x, mine = _summed(at.part("sum"), x, mine, result)
    missing = set(result) - set(mine)
    if missing:
        raise at.unread(f"has axes {sorted(missing)} in its result that no operand has")
    return permute(at, x, [mine.index(letter) for letter in result])


def cumulative_sum(at: Site, x: Signal, axis: int, *, exclusive: bool = False, reverse: bool = False) -> Signal:
    """Sums of all numbers up to each place of an axis, or after each."""
    size = x.shape[axis]
    below = torch.ones(size, size, dtype=torch.float64).tril(-1 if exclusive else 0)
    return along_axis(at, x, axis, below.T.contiguous() if reverse else below)


def along_axis(at: Site, x: Signal, axis: int, matrix: Tensor) -> Signal:
    """A matrix times the numbers along one axis: (m, size)."""
    letters = string.ascii_lowercase[2 : 2 + len(x.shape)]
    result = f"{letters[:axis]}b{letters[axis + 1 :]}"
    return contract(at, x, matrix, f"{letters},b{letters[axis]}->{result}")


def _letters(mine: int, theirs: int, *, swapped: bool) -> tuple[str, str, str]:
    """The letters of a matrix product of so many axes each; `swapped` where the sample is on the right."""
    left, right = (theirs, mine) if swapped else (mine, theirs)
    stack = string.ascii_lowercase[3 : 3 + max(left, right, 2) - 2]
    first = "b" if left == 1 else stack[len(stack) - (left - 2) :] + "ab"
    second = "b" if right == 1 else stack[len(stack) - (right - 2) :] + "bc"
    result = stack + ("a" if left > 1 else "") + ("c" if right > 1 else "")
    return (second, first, result) if swapped else (first, second, result)


def _used(terms: Sequence[str], result: str) -> list[str]:
    return list(dict.fromkeys("".join(terms) + result))


def _diagonal(at: Site, x: Signal, mine: str) -> tuple[Signal, str]:
    """A sample in which no letter stands twice: of those that do, the diagonal."""
    if len(set(mine)) == len(mine):
        return x, mine
    counted = torch.arange(1, 1 + math.prod(x.shape), dtype=torch.float64).reshape(x.shape)
    values, letters = _distinct(counted, mine)
    return pick(at.part("diagonal"), x, values.to(torch.int64) - 1), letters


def _distinct(constant: Tensor, term: str) -> tuple[Tensor, str]:
    """The same for a constant."""
    letters = "".join(dict.fromkeys(term))
    return (constant, term) if letters == term else (torch.einsum(f"{term}->{letters}", constant), letters)


def _without_ones(constant: Tensor, term: str, elsewhere: str) -> tuple[Tensor, str]:
    """A constant without the axes of size 1 that an einsum may stretch to others."""
    drop = [k for k, letter in enumerate(term) if constant.shape[k] == 1 and letter in elsewhere]
    for k in reversed(drop):
        constant, term = constant.squeeze(k), term[:k] + term[k + 1 :]
    return constant, term


def _fitted(at: Site, x: Signal, mine: str, constant: Tensor, theirs: str) -> tuple[Signal, str]:
    """A sample without the axes of size 1 that stand for longer ones of the constant.

    Raises:
        UnsupportedOperator: if axes of one letter have two sizes.
    """
    sizes = dict(zip(theirs, constant.shape, strict=True))
    other = [k for k, letter in enumerate(mine) if sizes.get(letter, x.shape[k]) != x.shape[k]]
    if any(x.shape[k] != 1 for k in other):
        raise at.unread(f"contracts axes of a sample of shape {x.shape} with others of shape {tuple(constant.shape)}")
    shape = tuple(size for k, size in enumerate(x.shape) if k not in other)
    return reshape(at, x, shape), "".join(letter for k, letter in enumerate(mine) if k not in other)


def _summed(at: Site, x: Signal, mine: str, wanted: str) -> tuple[Signal, str]:
    """Summed over the letters that nothing asks for any more."""
    axes = [k for k, letter in enumerate(mine) if letter not in wanted]
    kept = "".join(letter for letter in mine if letter in wanted)
    return (total(at, x, axes, keep=False), kept) if axes else (x, mine)
