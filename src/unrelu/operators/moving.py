"""Operators that only move numbers: reshape, permute, broadcast, join, slice, pad."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from unrelu.errors import ShapeError
from unrelu.operators.affine import AffineOperator
from unrelu.operators.axis import Axis
from unrelu.operators.base import Shape
from unrelu.operators.broadcasting import broadcasts
from unrelu.operators.windows import Windows

if TYPE_CHECKING:
    from unrelu.operators.extent import Extent
    from unrelu.operators.patch import Patch
    from unrelu.operators.tangents import Tangents

_MODES = {"circular": "wrap", "reflect": "reflect", "replicate": "edge"}


@dataclass(frozen=True, eq=False)
class Reshape(AffineOperator):
    """The same numbers, in C order, in another shape.

    Attributes:
        shape: the sample shape of the result.
    """

    shape: Shape

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape to bring samples into."""
        if math.prod(shapes[0]) != math.prod(self.shape):
            raise ShapeError(f"a sample of shape {shapes[0]} cannot be reshaped to {self.shape}.")
        return self.shape

    def linear(self, *inputs: Tensor) -> Tensor:
        """The reshaped batch."""
        return inputs[0].reshape(inputs[0].shape[0], *self.shape)

    def tangents(self, operands: Sequence[Tangents], shape: Shape) -> Tangents:
        """The same numbers."""
        return replace(operands[0], shape=shape)

    def adjoint(self, cotangents: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
        """The same numbers."""
        return [cotangents.reshape(-1, *shapes[0])]


@dataclass(frozen=True, eq=False)
class Permute(AffineOperator):
    """Axes of the sample in another order.

    Attributes:
        axes: for each axis of the result, the axis of the sample that it was.
    """

    axes: tuple[int, ...]

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape with its axes reordered."""
        if sorted(self.axes) != list(range(len(shapes[0]))):
            raise ShapeError(f"a sample of shape {shapes[0]} has no axes {self.axes}.")
        return tuple(shapes[0][axis] for axis in self.axes)

    def linear(self, *inputs: Tensor) -> Tensor:
        """The permuted batch."""
        return inputs[0].permute(0, *(axis + 1 for axis in self.axes))


@dataclass(frozen=True, eq=False)
class Broadcast(AffineOperator):
    """Copies of a sample along its axes of size 1, and along new axes in front.

    Attributes:
        shape: the sample shape of the result.
    """

    shape: Shape

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape to bring samples into."""
        (shape,) = shapes
        if not broadcasts(shape, self.shape):
            raise ShapeError(f"a sample of shape {shape} cannot be broadcast to {self.shape}.")
        return self.shape

    def linear(self, *inputs: Tensor) -> Tensor:
        """The copies."""
        x = inputs[0]
        aligned = x.reshape(x.shape[0], *[1] * (len(self.shape) - x.ndim + 1), *x.shape[1:])
        return aligned.expand(x.shape[0], *self.shape)


@dataclass(frozen=True, eq=False)
class Concatenate(AffineOperator):
    """Samples of several nodes, one after the other along an axis.

    Attributes:
        axis: axis of the sample.
    """

    axis: int

    def output_shape(self, *shapes: Shape) -> Shape:
        """The common shape, with the sum of the sizes along the axis."""
        first, axis = shapes[0], self.axis
        rest = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
        if not 0 <= axis < len(first) or len(rest) > 1 or len({len(shape) for shape in shapes}) > 1:
            raise ShapeError(f"samples of shapes {', '.join(map(str, shapes))} cannot be joined along axis {axis}.")
        return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])

    def linear(self, *inputs: Tensor) -> Tensor:
        """The joined batch."""
        return torch.cat(inputs, dim=self.axis + 1)

    def windows(self, n_axes: int) -> Windows | None:
        """Place by place, where channels are joined."""
        return Windows.single(n_axes) if self.axis == 0 else None

    def on_patch(self, operands: Sequence[Patch], shape: Shape, extent: Extent) -> Tensor | None:
        """The same on the common extent."""
        return self.linear(*(patch.widened(extent) for patch in operands))


@dataclass(frozen=True, eq=False)
class Slice(AffineOperator):
    """A part of a sample along one axis.

    Attributes:
        axis: axis of the sample.
        start: first index, at least 0.
        stop: index after the last, at most the size of the axis.
        step: distance of the indices, at least 1.
    """

    axis: int
    start: int
    stop: int
    step: int = 1

    def output_shape(self, *shapes: Shape) -> Shape:
        """The shape with a smaller axis."""
        (shape,) = shapes
        taken = range(self.start, self.stop, self.step)
        if not 0 <= self.axis < len(shape) or not taken or taken[0] < 0 or taken[-1] >= shape[self.axis]:
            raise ShapeError(
                f"indices {self.start} to {self.stop} of axis {self.axis} do not exist in a sample of shape {shape}."
            )
        return (*shape[: self.axis], len(taken), *shape[self.axis + 1 :])

    def linear(self, *inputs: Tensor) -> Tensor:
        """The part of the batch."""
        axes = [slice(None)] * (self.axis + 1)
        return inputs[0][(*axes, slice(self.start, self.stop, self.step))]

    def windows(self, n_axes: int) -> Windows | None:
        """The places that stay, where they are cut out along an axis behind the channels."""
        single = Windows.single(n_axes)
        if self.axis == 0 or self.axis > n_axes:
            return single if self.axis == 0 else None
        before, stride = list(single.before), list(single.stride)
        before[self.axis - 1], stride[self.axis - 1] = -self.start, self.step
        return replace(single, before=tuple(before), stride=tuple(stride))

    def on_patch(self, operands: Sequence[Patch], shape: Shape, extent: Extent) -> Tensor | None:
        """What is left of the patch."""
        (patch,) = operands
        if self.axis == 0:
            return self.linear(patch.values)
        windows = self.windows(len(shape) - 1)
        assert windows is not None
        steps = tuple(slice(None, None, step) for step in windows.stride)
        return patch.under(windows, extent)[(..., *steps)]


@dataclass(frozen=True, eq=False)
class Pad(AffineOperator):
    """Rows and columns added around the last axes: zeros, or copies of the sample's own numbers.

    Attributes:
        padding: (before, after) for each padded axis, the first of them first; axes at the end of the sample.
        mode: "constant" (zeros), "reflect", "replicate" or "circular".
    """

    padding: tuple[tuple[int, int], ...]
    mode: str = "constant"

    def output_shape(self, *shapes: Shape) -> Shape:
        """The grown shape."""
        shape = shapes[0]
        if len(self.padding) > len(shape):
            raise ShapeError(f"a sample of shape {shape} has fewer axes than are to be padded.")
        first = len(shape) - len(self.padding)
        for size, pair in zip(shape[first:], self.padding, strict=True):
            most = {"reflect": size - 1, "circular": size}.get(self.mode)
            if sum(pair) + size < 1 or (most is not None and max(pair) > most):
                raise ShapeError(f"{self.mode} padding of {pair} does not fit an axis of size {size}.")
        return shape[:first] + tuple(
            size + before + after for size, (before, after) in zip(shape[first:], self.padding, strict=True)
        )

    def linear(self, *inputs: Tensor) -> Tensor:
        """The padded batch."""
        sides = [side for pair in reversed(self.padding) for side in pair]
        return functional.pad(inputs[0], sides, mode=self.mode)

    def windows(self, n_axes: int) -> Windows | None:
        """The places that stay, where zeros are added around them."""
        pairs = self._pairs(n_axes)
        if self.mode != "constant" or pairs is None:
            return None
        before = tuple(pair[0] for pair in pairs)
        return replace(Windows.single(n_axes), before=before)

    def receptive_fields(self, operands: Sequence[tuple[Axis, ...]], shape: Shape) -> tuple[Axis, ...] | None:
        """Of copies, those of the places that they copy."""
        pairs = self._pairs(len(shape) - 1)
        if self.mode == "constant" or pairs is None:
            return super().receptive_fields(operands, shape)
        return tuple(axis.behind(self._copied(axis.size, pair)) for axis, pair in zip(operands[0], pairs, strict=True))

    def on_patch(self, operands: Sequence[Patch], shape: Shape, extent: Extent) -> Tensor | None:
        """The same numbers; None where some of them may be cut off."""
        return None if min(map(min, self.padding)) < 0 else operands[0].values

    def _pairs(self, n_axes: int) -> tuple[tuple[int, int], ...] | None:
        """(before, after) along each axis behind the channels; None where channels are added."""
        free = n_axes - len(self.padding)
        return None if free < 0 else ((0, 0),) * free + self.padding

    def _copied(self, size: int, pair: tuple[int, int]) -> np.ndarray:
        """(n, 1) int64, the place that each place of the result is a copy of."""
        before, after = (max(side, 0) for side in pair)
        mode = cast("str", _MODES[self.mode])
        places = np.pad(np.arange(size), (before, after), mode=mode)  # pyright: ignore[reportCallIssue, reportArgumentType]
        return places[max(-pair[0], 0) : len(places) - max(-pair[1], 0), None]
