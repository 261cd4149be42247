"""One network of the zoo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn


@dataclass(frozen=True)
class Animal:
    """A small network of a well-known family.

    Attributes:
        name: of the family, and what is special of this one.
        make: builds it with random weights.
        shape: of one sample.
        smooth: whether parts of it have no pieces.
        refused: words of the sentence by which it is refused as it is; empty where it comes in.
        rough: whether PyTorch's own derivative is of float32: of the hard sigmoid it multiplies by float32's 1/6.
        double: whether ONNX's reference evaluator computes it in float64.
        exports: whether the exporter of TorchScript writes it.
        single: whether ONNX keeps numbers of it in float32, as attributes (slopes).
        newer: what is float64 in the file of the newer exporter: all, or all but factors, slopes and divisors that the
            code has as numbers, or nothing, as the reference evaluator does not compute its operators in float64.
        seed: added to the one that its name gives, where that one's weights would leave parts of it dead.
    """

    name: str
    make: Callable[[], nn.Module]
    shape: tuple[int, ...]
    smooth: bool = False
    refused: str = ""
    rough: bool = False
    double: bool = True
    exports: bool = True
    single: bool = False
    newer: Literal["float64", "factors in float32", "float32"] = "float64"
    seed: int = 0
