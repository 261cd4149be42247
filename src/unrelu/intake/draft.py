"""A network in the making: what both intakes write into."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from unrelu.errors import ShapeError, TooLarge, UnsupportedOperator
from unrelu.network.graph import INPUT, OUTPUT, Network
from unrelu.network.node import Node
from unrelu.network.source import Source
from unrelu.operators import (
    AffineOperator,
    Broadcast,
    Elementwise,
    Input,
    Operator,
    Quotient,
    Reshape,
    Shape,
)

SAMPLE_LIMIT = 2**26
"""Numbers that one node may give for one sample (512 MiB as float64)."""

NETWORK_LIMIT = 2**29
"""Numbers that all nodes together may give for one sample (4 GiB as float64)."""


@dataclass(frozen=True)
class Signal:
    """The value of a node that was written already, seen from an operator that takes it.

    Attributes:
        node: the node's name.
        shape: its sample shape.
    """

    node: str
    shape: Shape


@dataclass(eq=False)
class Draft:
    """Nodes written one after the other; each gets a name of its own.

    Attributes:
        nodes: what was written so far, the input first.
    """

    nodes: list[Node] = field(default_factory=list)
    _total: int = 0
    _taken: set[str] = field(default_factory=lambda: {INPUT, OUTPUT})

    def begin(self, shape: Shape) -> Signal:
        """Write the input node, for samples of that shape."""
        self.nodes.append(Node(INPUT, Input(shape), (), shape))
        self._check_size(INPUT, shape)
        return Signal(INPUT, shape)

    def finish(self, output: Signal, source: Source) -> Network:
        """The network whose result is that signal, without the nodes it does not depend on."""
        return Network(tuple(self.nodes), (output.node,), source).upto(output.node)

    def claim(self, wish: str) -> str:
        """A name that no other node has: the one wished for, or that with "#2", "#3", ...

        "input" and "output" mean the ends of a network; a node that wishes to be called so gets a
        trailing underscore, as Python code does with reserved words.
        """
        wish = f"{wish}_" if wish in (INPUT, OUTPUT) else wish
        name, count = wish, 1
        while name in self._taken:
            count += 1
            name = f"{wish}#{count}"
        self._taken.add(name)
        return name

    def write(self, name: str, operator: Operator, *inputs: Signal) -> Signal:
        """Write a node under a name that was claimed.

        Raises:
            ShapeError: if the operator does not take these inputs.
            TooLarge: if the result would be larger than `SAMPLE_LIMIT`.
        """
        try:
            shape = operator.output_shape(*(signal.shape for signal in inputs))
        except ShapeError as error:
            raise ShapeError(f"node {name!r}: {error}") from error
        self._check_size(name, shape)
        self.nodes.append(Node(name, operator, tuple(signal.node for signal in inputs), shape))
        return Signal(name, shape)

    # -- constants and broadcasting -----------------------------------------------------------------

    def plus(self, name: str, x: Signal, constant: Tensor) -> Signal:
        """`x + constant`."""
        x, offset = self._aligned(name, x, constant)
        return self.write(name, Elementwise(torch.ones((), dtype=torch.float64), offset), x)

    def times(self, name: str, x: Signal, constant: Tensor, offset: Tensor | None = None) -> Signal:
        """`constant * x + offset`."""
        x, factor = self._aligned(name, x, constant)
        if offset is None:
            return self.write(name, Elementwise(factor, torch.zeros((), dtype=torch.float64)), x)
        x, shift = self._aligned(name, x, offset)
        return self.write(name, Elementwise(factor, shift), x)

    def over(self, name: str, x: Signal, constant: Tensor) -> Signal:
        """`x / constant`."""
        x, divisor = self._aligned(name, x, constant)
        if bool((divisor == 0).any()):
            raise UnsupportedOperator(
                f"node {name!r} divides by a constant that is zero somewhere; correct the constant."
            )
        return self.write(name, Quotient(divisor), x)

    def pair(self, name: str, operator: AffineOperator, first: Signal, second: Signal) -> Signal:
        """An operator of two samples, both broadcast to their common shape."""
        if len(first.shape) != len(second.shape):
            raise UnsupportedOperator(
                f"node {name!r} combines samples of shapes {first.shape} and {second.shape}, which would mix the "
                "samples of a batch; bring them to the same number of axes first."
            )
        shape = self._common(name, first.shape, second.shape)
        return self.write(name, operator, self._expanded(name, first, shape), self._expanded(name, second, shape))

    def reshape(self, name: str, x: Signal, shape: Shape) -> Signal:
        """The same numbers in another sample shape; no node where that is the shape already."""
        return x if shape == x.shape else self.write(name, Reshape(shape), x)

    def _aligned(self, name: str, x: Signal, constant: Tensor) -> tuple[Signal, Tensor]:
        """The signal and a constant, given with a batch axis or without, that broadcasts to its samples."""
        values = constant.detach().to(device="cpu", dtype=torch.float64)
        if values.ndim > len(x.shape):
            if values.ndim > len(x.shape) + 1 or values.shape[0] != 1:
                raise UnsupportedOperator(
                    f"node {name!r} combines samples of shape {x.shape} with a constant of shape "
                    f"{tuple(values.shape)}, which would mix the samples of a batch; "
                    "give the constant the shape of one sample."
                )
            values = values[0]
        shape = self._common(name, x.shape, tuple(values.shape))
        return self._expanded(name, x, shape), values

    def _common(self, name: str, first: Shape, second: Shape) -> Shape:
        try:
            return tuple(torch.broadcast_shapes(first, second))
        except RuntimeError:
            raise ShapeError(f"node {name!r}: shapes {first} and {second} do not fit together.") from None

    def _expanded(self, name: str, x: Signal, shape: Shape) -> Signal:
        return x if x.shape == shape else self.write(self.claim(f"{name}.broadcast"), Broadcast(shape), x)

    def _check_size(self, name: str, shape: Shape) -> None:
        if math.prod(shape) > SAMPLE_LIMIT:
            raise TooLarge(
                f"node {name!r} would give {math.prod(shape):,} numbers for one sample (limit {SAMPLE_LIMIT:,}); "
                "take a smaller input or cut the model before it."
            )
        self._total += math.prod(shape)
        if self._total > NETWORK_LIMIT:
            raise TooLarge(
                f"up to node {name!r} the network would give more than {NETWORK_LIMIT:,} numbers for one sample; take "
                "a smaller input or cut the model before it."
            )
