"""How the windows of a convolution or a pooling slide, from the attributes of an ONNX node."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from unrelu.errors import ModelFileError
from unrelu.intake.draft import Signal
from unrelu.intake.onnx.explicit import Explicit
from unrelu.intake.onnx.place import Place
from unrelu.operators import Shape


@dataclass(frozen=True)
class Sliding:
    """Windows over the spatial axes of a sample; one number, or pair, each an axis.

    Attributes:
        stride: steps between windows.
        padding: (before, after).
        dilation: steps between the places of a window.
        reach: places from a window's first to its last, both counted.
        grown: sizes of the sample with its padding.
    """

    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    reach: tuple[int, ...]
    grown: tuple[int, ...]

    @classmethod
    def of_node(cls, at: Place, x: Signal, kernel: tuple[int, ...]) -> Self:
        """Those of a node on a sample, with a kernel of that size.

        Raises:
            ModelFileError: if the attributes do not fit.
        """
        stride, dilation = (positive(at, name, len(kernel)) for name in ("strides", "dilations"))
        reach = tuple(step * (width - 1) + 1 for step, width in zip(dilation, kernel, strict=True))
        padding = _padding(at, x, reach, stride)
        grown = tuple(size + sum(pair) for size, pair in zip(x.shape[1:], padding, strict=True))
        return cls(stride, padding, dilation, reach, grown)


def of_transposed(at: Place, x: Signal, kernel: tuple[int, ...]) -> Sliding:
    """How the windows of a transposed convolution slide over its result, of whose ends the padding is cut off.

    Raises:
        ModelFileError: if the attributes do not fit.
    """
    dims = len(kernel)
    stride, dilation = (positive(at, name, dims) for name in ("strides", "dilations"))
    reach = tuple(step * (width - 1) + 1 for step, width in zip(dilation, kernel, strict=True))
    more = at.listed("output_padding", dims, 0)
    mode = at.attribute("auto_pad", "NOTSET")
    full = [step * (size - 1) + width for step, size, width in zip(stride, x.shape[1:], reach, strict=True)]
    if mode == "NOTSET" and "output_shape" not in at.node.attributes:
        pads = at.listed("pads", 2 * dims, 0)
        ends = [(pads[axis], pads[axis + dims]) for axis in range(dims)]
    elif mode == "VALID" and "output_shape" not in at.node.attributes:
        ends = [(0, 0)] * dims
    elif mode in ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"):
        same = [step * size for step, size in zip(stride, x.shape[1:], strict=True)]
        wanted = at.integers(at.attribute("output_shape", same), "output_shape")[-dims:]
        totals = [size + extra - kept for size, extra, kept in zip(full, more, wanted, strict=True)]
        if min(totals) < 0:
            raise ModelFileError(f"node {at.wish!r} asks for the sizes {wanted}, more than it has; export it again.")
        halves = [total // 2 if mode == "SAME_UPPER" else total - total // 2 for total in totals]
        ends = [(half, total - half) for half, total in zip(halves, totals, strict=True)]
    else:
        raise ModelFileError(f"node {at.wish!r} has the auto_pad {mode!r}; export the model again.")
    padding = tuple((before, after - extra) for (before, after), extra in zip(ends, more, strict=True))
    at.explicit = Explicit.of_pairs(ends)
    return Sliding(
        stride, padding, dilation, reach, tuple(size + extra for size, extra in zip(full, more, strict=True))
    )


def made_explicit(at: Place, by: Sliding, pooled: Shape | None = None, counts: bool = False) -> None:
    """Note down the padding that a node implies, as ONNX's reference evaluator computes some of it otherwise.

    Its maxima with uneven padding are among that, too.

    Args:
        at: the node.
        by: how its windows slide.
        pooled: sample shape of its result, where sizes may be rounded up.
        counts: whether an average counts its padding.
    """
    maxima = at.node.function == "MaxPool" and any(before != after for before, after in by.padding)
    if at.attribute("auto_pad", "NOTSET") == "NOTSET" and not at.attribute("ceil_mode", 0) and not maxima:
        return
    if pooled is None:
        at.explicit = Explicit.of_pairs(by.padding)
        return
    beyond = tuple(
        max((count - 1) * step + width - size, 0)
        for count, step, width, size in zip(pooled[1:], by.stride, by.reach, by.grown, strict=True)
    )
    pads = [(before, after + more) for (before, after), more in zip(by.padding, beyond, strict=True)]
    if at.node.function == "MaxPool":
        at.explicit = Explicit.of_pairs([(0, 0)] * len(pads), pads, -math.inf)
    elif counts:  # what is beyond the padding is not counted
        at.explicit = Explicit.of_pairs([(0, more) for more in beyond], by.padding)
    else:
        at.explicit = Explicit.of_pairs(pads)


def positive(at: Place, name: str, dims: int) -> tuple[int, ...]:
    """An attribute of so many positive integers, ones if it is left out.

    Raises:
        ModelFileError: if it has others.
    """
    numbers = at.listed(name, dims, 1)
    if min(numbers) < 1:
        raise ModelFileError(f"node {at.wish!r} has the {name} {list(numbers)}; export the model again.")
    return numbers


def _padding(at: Place, x: Signal, reach: tuple[int, ...], stride: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """Explicit, or what `auto_pad` asks for."""
    dims = len(reach)
    mode = at.attribute("auto_pad", "NOTSET")
    if mode == "NOTSET":
        pads = at.listed("pads", 2 * dims, 0)
        return tuple((pads[axis], pads[axis + dims]) for axis in range(dims))
    if mode == "VALID":
        return ((0, 0),) * dims
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise ModelFileError(f"node {at.wish!r} has the auto_pad {mode!r}; export the model again.")
    pairs = []
    for size, width, step in zip(x.shape[1:], reach, stride, strict=True):
        total = max((-(-size // step) - 1) * step + width - size, 0)
        small, large = total // 2, total - total // 2
        pairs.append((small, large) if mode == "SAME_UPPER" else (large, small))
    return tuple(pairs)
