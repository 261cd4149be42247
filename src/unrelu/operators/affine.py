"""Affine operators."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from unrelu.operators.base import Operator, Shape
from unrelu.operators.tangents import Tangents
from unrelu.rigor.rounding import UNDERFLOW, UNIT, lost

if TYPE_CHECKING:
    from unrelu.operators.extent import Extent
    from unrelu.operators.patch import Patch
    from unrelu.rigor.matrices import SparseRows


_TINY = 2.0**-900  # a sum of magnitudes above it is none of zeros alone, whatever underflows


@dataclass(frozen=True, eq=False)
class AffineOperator(Operator):
    """An affine operator `x -> L x + c`.

    `roundings` bounds how many floating point roundings go into one number of the result: a result
    computed in any order of summation differs from the exact one by at most
    `gamma_roundings (|L| |x| + |c|)` elementwise, with `gamma_k = k u / (1 - k u)`.
    It is 0 for operators that only move numbers.
    """

    @property
    def is_affine(self) -> bool:
        """It is."""
        return True

    @property
    def exact_on_units(self) -> bool:
        """Whether `linear` of a unit vector and `apply` of zero are exact in floating point."""
        return True

    @property
    def slack(self) -> float:
        """How many times the bound by `roundings` fast algorithms may err, relative to the largest of a channel."""
        return 1.0

    @abstractmethod
    def linear(self, *inputs: Tensor) -> Tensor:
        """The linear part `L x` on a batch."""

    def apply(self, *inputs: Tensor) -> Tensor:
        """`L x + c` on a batch."""
        return self.linear(*inputs)

    def absolute(self) -> AffineOperator:
        """The operator `x -> |L| x + |c|`, all its numbers replaced by their magnitudes."""
        return self

    def error(
        self,
        values: Sequence[Tensor],
        errors: Sequence[Tensor],
        unit: float = UNIT,
        *,
        linear: bool = False,
        magnitudes: AffineOperator | None = None,
        plain: bool = False,
    ) -> Tensor:
        """How far the result for values with these errors may lie from the exact one, whatever the order of summation.

        `|fl(L v + c) - (L w + c)| <= |L| |v - w| + gamma_k (|L| |v| + |c|)` (Higham, Accuracy and Stability of
        Numerical Algorithms, 2nd ed., chapter 3), and what underflow takes in float64.

        Args:
            values: v, of the operands.
            errors: at least |v - w|.
            unit: the unit roundoff of the arithmetic that computes the result; the sum of two whose results are
                compared.
            linear: whether the result is `linear`, to which c does not count.
            magnitudes: `absolute()`, where it is at hand.
            plain: whether no fast algorithm (`slack`) has computed it.
        """
        if self.roundings == 0:
            return self.linear(*errors)
        sizes_of = self.absolute() if magnitudes is None else magnitudes
        apply = sizes_of.linear if linear else sizes_of.apply
        sizes = apply(*(value.abs() for value in values))
        g, own = growth(self.roundings, unit), growth(self.roundings, UNIT)
        if not plain and self.slack > 1 and sizes.ndim > 2:
            channels = sizes.amax(dim=tuple(range(2, sizes.ndim)), keepdim=True).expand_as(sizes)
            rounded = self.slack * g * channels
        else:
            rounded = g * sizes
        # What threads of BLAS may read as 0 counts as an error of the operand.
        spread = sizes_of.linear(*(error + UNDERFLOW for error in errors))
        greatest = [float(value.abs().max()) for value in values if value.numel()]
        # The bounds were computed in floating point too, with as many roundings again and three more. Where there is
        # nothing but zeros to add up, and no offset, the result is exactly 0: dead neurons feed what is as dead.
        found = (spread + rounded) * (1 + 6 * own) + lost(self.roundings, *greatest)
        if bool((sizes <= _TINY).any()):
            used = [((value != 0) | (error != 0)).to(value.dtype) for value, error in zip(values, errors, strict=True)]
            found = torch.where((sizes == 0) & (apply(*used) == 0), 0.0, found)
        return found

    def image(
        self, boxes: Sequence[tuple[Tensor, Tensor]], magnitudes: AffineOperator | None = None
    ) -> tuple[Tensor, Tensor]:
        """At most the least, and at least the largest value of each number on boxes, rounded outward.

        Args:
            boxes: for each operand its lower and its upper ends, (n, *shape) float64, finite.
            magnitudes: `absolute()`, where it is at hand.
        """
        if self.roundings == 0:
            return self.linear(*(low for low, _ in boxes)), self.linear(*(high for _, high in boxes))
        middles = [low / 2 + high / 2 for low, high in boxes]
        halves = [
            torch.maximum(high - middle, middle - low) for (low, high), middle in zip(boxes, middles, strict=True)
        ]
        value = self.apply(*middles)
        widened = [half * (1 + 8 * UNIT) + UNDERFLOW for half in halves]
        spread = self.error(middles, widened, magnitudes=magnitudes)
        room = 4 * UNIT * (value.abs() + spread) + UNDERFLOW
        return value - spread - room, value + spread + room

    def tangents(self, operands: Sequence[Tangents], shape: Shape) -> Tangents:
        """The tangents of the result from those of the operands.

        Args:
            operands: one each.
            shape: sample shape of the result.
        """
        result = self.linear(*(operand.batch() for operand in operands))
        return Tangents(result.reshape(result.shape[0], -1), shape)

    def on_patch(self, operands: Sequence[Patch], shape: Shape, extent: Extent) -> Tensor | None:
        """The tangents of the result on an extent outside of which they are zero, from such patches of the operands.

        Args:
            operands: one each.
            shape: sample shape of the result.
            extent: what `reach` gives for the patches' extents.

        Returns:
            (r, channels, *extent.sizes) float64; None where only all places can be computed together.
        """
        return None

    def matrix(self, shapes: Sequence[Shape]) -> SparseRows | None:
        """The linear part, (m, n) on the operands flattened and joined, where its numbers are known beforehand.

        Args:
            shapes: sample shapes of the operands.

        Returns:
            None where they are told by what becomes of unit vectors; so it is for all operators of one operand.
        """
        return None

    def rows(self, units: Tensor, shapes: Sequence[Shape]) -> list[Tensor] | None:
        """Rows of the linear part, for each operand (R, its size), exactly; None where they are not at hand.

        Args:
            units: (R,) int64, which of the numbers of the result.
            shapes: sample shapes of the operands.
        """
        return None

    def dense_rows(self, shapes: Sequence[Shape]) -> Tensor | None:
        """Weights and constant, (m, size + 1), where the operator is stored as a whole matrix; else None.

        Args:
            shapes: sample shapes of the operands.
        """
        return None

    def divisors(self, weights: Tensor) -> Tensor | None:
        """What sums of the operand's numbers are divided by; None where the operator is anything else.

        Args:
            weights: what each sum is multiplied by, one over its divisor as rounded; of the result's sample shape.
        """
        return None

    def adjoint(self, cotangents: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """The cotangents of the operands from those of the result: `L' u`.

        Args:
            cotangents: (k, *shape) of the result.
            shapes: sample shapes of the operands.

        Returns:
            For each operand (k, *its shape).
        """
        # zeros that take no room: only their shape matters to a linear map's derivative
        zero = cotangents.new_zeros(1)
        with torch.enable_grad():
            operands = [zero.expand(len(cotangents), *shape).requires_grad_() for shape in shapes]
            value = self.linear(*operands)
        return list(torch.autograd.grad(value, operands, cotangents))


def growth(roundings: int, unit: float) -> float:
    """At least `gamma_k = (1 - u)^-k - 1`, for any unit roundoff u; from 100 on it says nothing anyway."""
    product = roundings * unit
    if product < 0.25:
        return product / (1 - product) * (1 + 8 * UNIT)
    return math.expm1(min(-roundings * math.log1p(-unit), 100.0))
