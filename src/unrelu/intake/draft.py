"""A network in the making: what both intakes write into."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch

from unrelu.errors import ShapeError
from unrelu.intake.memory import Memory
from unrelu.network.ancestry import ancestors
from unrelu.network.graph import INPUT, OUTPUT, Network
from unrelu.network.node import Node
from unrelu.network.sample_size import add_sample
from unrelu.network.source import Source
from unrelu.operators import Input, Operator, Shape


@dataclass(frozen=True)
class Signal:
    """The value of a node that was written already, seen from an operator that takes it.

    Attributes:
        node: the node's name.
        shape: its sample shape.
    """

    node: str
    shape: Shape


def before(operands: Iterable[object]) -> str:
    """Name of the last node among what a node takes; empty where that is the input, or nothing."""
    nodes = [operand.node for operand in operands if isinstance(operand, Signal) and operand.node != INPUT]
    return nodes[-1] if nodes else ""


@dataclass(eq=False)
class Draft:
    """Nodes written one after the other; each gets a name of its own.

    Attributes:
        nodes: what was written so far, the input first.
        memory: what reading may take; None for any.
    """

    nodes: list[Node] = field(default_factory=list)
    memory: Memory | None = None
    _total: int = 0
    _widest: int = 0
    _taken: dict[str, None] = field(default_factory=lambda: {INPUT: None, OUTPUT: None})

    def begin(self, shape: Shape) -> Signal:
        """Write the input node, for samples of that shape."""
        self.nodes.append(Node(INPUT, Input(shape), (), shape))
        self._total, self._widest = self.sizes(INPUT, shape)
        return Signal(INPUT, shape)

    def needed(self, output: Signal) -> set[str]:
        """Names of the nodes that a signal depends on, its own included."""
        return ancestors(self.nodes, (output.node,))

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
        self._taken[name] = None
        return name

    def mark(self) -> tuple[int, int, int, int]:
        """Where the draft is now, to come back to."""
        return len(self.nodes), self._total, self._widest, len(self._taken)

    def rewind(self, mark: tuple[int, int, int, int]) -> None:
        """Forget what was written and claimed since a mark: it is tried another way."""
        count, self._total, self._widest, taken = mark
        del self.nodes[count:]
        while len(self._taken) > taken:
            self._taken.popitem()

    def write(self, name: str, operator: Operator, *inputs: Signal) -> Signal:
        """Write a node under a name that was claimed.

        Raises:
            ShapeError: if the operator does not take these inputs.
            TooLarge: as for `sizes`.
        """
        try:
            shape = operator.output_shape(*(signal.shape for signal in inputs))
        except ShapeError as error:
            raise ShapeError(f"node {name!r}: {error}") from error
        self._total, self._widest = self.sizes(name, shape, *(signal.shape for signal in inputs))
        self.nodes.append(Node(name, operator, tuple(signal.node for signal in inputs), shape))
        return Signal(name, shape)

    def common(self, name: str, *shapes: Shape) -> Shape:
        """The shape that all of these broadcast to.

        Raises:
            ShapeError: if there is none.
        """
        try:
            return tuple(torch.broadcast_shapes(*shapes))
        except RuntimeError:
            raise ShapeError(f"node {name!r}: shapes {' and '.join(map(str, shapes))} do not fit together.") from None

    def sizes(self, name: str, shape: Shape, *operands: Shape) -> tuple[int, int]:
        """Numbers of all nodes, and of the widest node with its operands, if this one is written, too.

        Raises:
            TooLarge: if that is more than a network may have, or takes more memory than reading may.
        """
        total = add_sample(self._total, name, shape)
        widest = max(self._widest, sum(math.prod(each) for each in (shape, *operands)))
        if self.memory is not None:
            self.memory.check(name, total, widest)
        return total, widest
