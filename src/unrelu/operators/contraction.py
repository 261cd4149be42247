"""A signal contracted with a constant: products with matrices from either side, einsum, cumulative sums."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from unrelu.errors import ShapeError
from unrelu.operators.axis_by_axis import AxisByAxis
from unrelu.operators.base import Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from unrelu.operators.extent import Extent
    from unrelu.operators.patch import Patch

_BATCH = "Z"  # of the samples; an equation is written in small letters
_MOST_AXES = 20


@dataclass(frozen=True, eq=False)
class Contraction(AxisByAxis):
    """An einsum of a sample and a constant: the products of both, summed over what the result does not have.

    Attributes:
        constant: float64.
        equation: of an einsum in small letters, the sample first: "kp,mk->mp" for `W x`. No operand has a letter twice;
            each of the sample's is in the constant or in the result, each of the constant's in one of the others.
    """

    constant: Tensor
    equation: str

    @property
    def roundings(self) -> int:
        """The products and their sums."""
        return self.terms

    @property
    def terms(self) -> int:
        """One for each number of the constant that goes into one of the result."""
        _, constant, result = labels(self.equation)
        sizes = zip(constant, self.constant.shape, strict=True)
        return max(1, math.prod(size for label, size in sizes if label not in result))

    def output_shape(self, *shapes: Shape) -> Shape:
        """The sizes of the result's letters."""
        (shape,) = shapes
        signal, constant, result = labels(self.equation)
        if len(signal) != len(shape) or len(constant) != self.constant.ndim:
            raise ShapeError(
                f"a contraction {self.equation!r} does not fit a sample of shape {shape} and a constant of shape "
                f"{tuple(self.constant.shape)}."
            )
        sizes = dict(zip(signal, shape, strict=True))
        for label, size in zip(constant, self.constant.shape, strict=True):
            if sizes.setdefault(label, size) != size:
                raise ShapeError(
                    f"a contraction {self.equation!r} of a sample of shape {shape} with a constant of shape "
                    f"{tuple(self.constant.shape)} has two sizes for {label!r}."
                )
        if not all(sizes.values()):
            raise ShapeError(f"a contraction of a sample of shape {shape} has an axis of size 0.")
        return tuple(sizes[label] for label in result)

    def linear(self, *inputs: Tensor) -> Tensor:
        """The contraction."""
        return _contracted(inputs[0], self.constant, self.equation)

    def adjoint(self, cotangents: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """The contraction over the result's letters instead."""
        signal, constant, result = labels(self.equation)
        return [_contracted(cotangents, self.constant, f"{result},{constant}->{signal}")]

    def absolute(self) -> Contraction:
        """With the magnitudes of the constant."""
        return replace(self, constant=torch.abs(self.constant))

    def places(self, shape: Shape) -> tuple[NDArray[np.int64] | None, ...] | None:
        """Along each axis of one letter its own places; else those that have a number other than 0 in the constant.

        None where an axis becomes another one, or is summed up without the constant telling its places apart.
        """
        return self._tables

    @functools.cached_property
    def _tables(self) -> tuple[NDArray[np.int64] | None, ...] | None:
        """See `places`; asked for once for each place of a picture."""
        if not self._axis_by_axis():
            return None
        signal, constant, result = labels(self.equation)
        tables: list[NDArray[np.int64] | None] = []
        for mine, theirs in zip(result[1:], signal[1:], strict=True):
            if mine == theirs:
                tables.append(None)
                continue
            if theirs not in constant:
                return None
            used = self.constant != 0
            others = [axis for axis, label in enumerate(constant) if label not in (mine, theirs)]
            table = used.amax(dim=others) if others else used
            if mine not in constant:
                return None
            if constant.index(theirs) < constant.index(mine):
                table = table.T
            tables.append(_listed(table.cpu().numpy()))
        return tuple(tables)

    def on_patch(self, operands: Sequence[Patch], shape: Shape, extent: Extent) -> Tensor | None:
        """The contraction with the part of the constant that meets the patch; None where no extent is known."""
        (patch,) = operands
        if not self._axis_by_axis():
            return None
        signal, constant, result = labels(self.equation)
        where = dict(zip(result[1:], extent.slices(), strict=True))
        where |= dict(zip(signal[1:], patch.extent.slices(), strict=True))
        part = self.constant[tuple(where.get(label, slice(None)) for label in constant)]
        return _contracted(patch.values, part, self.equation)

    def _axis_by_axis(self) -> bool:
        """Whether no letter of the sample is at another place of the result."""
        signal, _, result = labels(self.equation)
        return len(signal) == len(result) > 0 and all(
            mine == theirs or (mine not in signal and theirs not in result)
            for mine, theirs in zip(result, signal, strict=True)
        )


def labels(equation: str) -> tuple[str, str, str]:
    """The letters of the sample, of the constant and of the result.

    Raises:
        ShapeError: if it is no equation of a `Contraction`.
    """
    operands, arrow, result = equation.partition("->")
    signal, comma, constant = operands.partition(",")
    parts = (signal, constant, result)
    fits = bool(arrow and comma) and all(
        (not part or (part.isascii() and part.isalpha() and part.islower())) and len(set(part)) == len(part)
        for part in parts
    )
    s, c, r = map(set, parts)
    if not fits or len(s | c | r) > _MOST_AXES or not (s <= c | r and c <= s | r and r <= s | c):
        raise ShapeError(f"{equation[:80]!r} is no equation of a sample and a constant.")
    return signal, constant, result


def _contracted(x: Tensor, constant: Tensor, equation: str) -> Tensor:
    signal, held, result = labels(equation)
    return torch.einsum(f"{_BATCH}{signal},{held}->{_BATCH}{result}", x, constant)


def _listed(used: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The columns of each row that are used, as many for each, -1 where there are fewer."""
    most = max(1, int(used.sum(axis=1).max(initial=0)))
    order = np.argsort(~used, axis=1, kind="stable")[:, :most]
    return np.where(np.take_along_axis(used, order, axis=1), order, -1)
