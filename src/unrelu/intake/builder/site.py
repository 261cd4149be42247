"""Where a node of a model is written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeAlias

import torch
from torch import Tensor

from unrelu.errors import UnsupportedOperator
from unrelu.intake.builder.mixing import MixesSamples
from unrelu.intake.draft import Draft, Signal
from unrelu.operators import Broadcast, Operator, Shape

Operand: TypeAlias = Signal | Tensor
"""What a node takes: computed from the input, or a constant in float64."""

Handler: TypeAlias = Callable[..., Any]
"""Parses the arguments of one operator of a model and calls a verb: (place, *arguments) -> signal, or several."""


@dataclass(eq=False)
class Site(ABC):
    """One node of a model, about to be written; each intake has its own kind, which knows how to read arguments.

    Attributes:
        draft: what to write into.
        wish: the name the node should have.
        before: name of the node whose value it takes, where that can be asked about; else empty.
    """

    draft: Draft
    wish: str
    before: str = field(default="", kw_only=True)
    _name: str = field(default="", init=False)

    @property
    def name(self) -> str:
        """The node's name, its own from the first time that it is asked for."""
        if not self._name:
            self._name = self.draft.claim(self.wish)
        return self._name

    def part(self, name: str) -> Self:
        """A node of its own for one step of what this one computes."""
        return replace(self, wish=f"{self.name}.{name}")

    def write(self, operator: Operator, *inputs: Signal) -> Signal:
        """Write the node."""
        return self.draft.write(self.name, operator, *inputs)

    @property
    @abstractmethod
    def largest(self) -> float:
        """The largest number of the dtype that the model computes the node in."""

    @abstractmethod
    def number(self, value: Any) -> Tensor:
        """A constant as float64, with exactly the value that the model computes with."""

    @abstractmethod
    def stored(self, value: Any) -> Tensor | None:
        """A tensor of the model as float64; None if it is none, but computed from the input or left out."""

    def operand(self, value: Any) -> Operand:
        """An operand of either kind.

        Raises:
            UnsupportedOperator: if it is left out.
        """
        if value is None:
            raise self.unread("is not given all that it computes with")
        return value if isinstance(value, Signal) else self.number(value)

    def signal(self, value: Any) -> Signal:
        """An operand that depends on the input.

        Raises:
            UnsupportedOperator: if it is a constant.
        """
        if not isinstance(value, Signal):
            raise self.unread("takes a constant where only what depends on the input is read")
        return value

    def weight(self, value: Any, what: str) -> Tensor:
        """A weight as float64.

        Raises:
            UnsupportedOperator: if it is computed from the input, or left out.
        """
        stored = self.stored(value)
        if stored is None:
            raise self.unread(f"is given no {what}" if value is None else f"computes its {what} from the input")
        return stored

    def optional(self, value: Any, what: str) -> Tensor | None:
        """A weight that may be left out."""
        return None if value is None else self.weight(value, what)

    def bound(self, value: Any) -> Operand | None:
        """What numbers are compared with, if anything."""
        return None if value is None else self.operand(value)

    def unread(self, what: str) -> UnsupportedOperator:
        """The error for a form of the node that is not read; it says what is."""
        return UnsupportedOperator(f"node {self.wish!r} {what}; {self.advice}.")

    @property
    def advice(self) -> str:
        """What to do about a node that is not read."""
        if self.before:
            return f"read the model up to the node before it (upto={self.before!r})"
        return "hand over the part of the model behind it"

    # -- broadcasting -------------------------------------------------------------------------------

    def aligned(self, x: Signal, *constants: Tensor) -> tuple[Signal, list[Tensor]]:
        """A signal and constants, given with a batch axis or without, that broadcast to its samples."""
        values = []
        for constant in constants:
            if constant.ndim > len(x.shape) + 1 or (constant.ndim > len(x.shape) and constant.shape[0] != 1):
                raise MixesSamples(
                    f"node {self.wish!r} combines samples of shape {x.shape} with a constant of shape "
                    f"{tuple(constant.shape)}, which would mix the samples of a batch; "
                    "give the constant the shape of one sample."
                )
            values.append(constant[0] if constant.ndim > len(x.shape) else constant)
        shape = self.draft.common(self.name, x.shape, *(tuple(value.shape) for value in values))
        return self._expanded(x, shape), values

    def together(self, *signals: Signal) -> list[Signal]:
        """Signals broadcast to their common shape."""
        if len({len(signal.shape) for signal in signals}) > 1:
            shapes = " and ".join(str(signal.shape) for signal in signals)
            raise MixesSamples(
                f"node {self.wish!r} combines samples of shapes {shapes}, which would mix the "
                "samples of a batch; bring them to the same number of axes first."
            )
        shape = self.draft.common(self.name, *(signal.shape for signal in signals))
        return [self._expanded(signal, shape) for signal in signals]

    def _expanded(self, x: Signal, shape: Shape) -> Signal:
        return x if x.shape == shape else self.part("broadcast").write(Broadcast(shape), x)


def unary(verb: Handler) -> Handler:
    """The handler of an operator of one signal without any arguments that matter."""
    return lambda at, x, **_: verb(at, at.signal(x))


def plain(operator: Operator) -> Handler:
    """The handler of an operator of one signal that is one of ours."""
    return lambda at, x: at.write(operator, at.signal(x))


def pairwise(verb: Handler) -> Handler:
    """The handler of an operator of two operands."""
    return lambda at, x, other: verb(at, at.operand(x), at.operand(other))


def full(number: float) -> Tensor:
    """A number as a constant."""
    return torch.tensor(number, dtype=torch.float64)
