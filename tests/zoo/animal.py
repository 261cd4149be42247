"""One network of the zoo."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
