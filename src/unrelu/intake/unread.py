"""Reading a model up to a node: what lies beside it and cannot be read does no harm."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from unrelu.errors import UnknownNode, UnreluError
from unrelu.intake.draft import Draft, Signal

K = TypeVar("K")


@dataclass(eq=False)
class Unread(Generic[K]):
    """What was not read of a model, and why.

    Attributes:
        upto: name of the node that the network shall end in; None for the whole model, of which all must be read.
        errors: why, for each node of the model (or tensor) that was not.
        wishes: the same by the names of the nodes.
    """

    upto: str | None
    errors: dict[K, UnreluError] = field(default_factory=dict)
    wishes: dict[str, UnreluError] = field(default_factory=dict)

    def attempt(self, key: K, wish: str, inputs: Iterable[K], read: Callable[[], None]) -> None:
        """Read a node, unless it takes one that was not read.

        Raises:
            UnreluError: what reading it raises, if all must be read.
        """
        if self.upto is None:
            return read()
        lost = next((self.errors[each] for each in inputs if each in self.errors), None)
        try:
            if lost is None:
                return read()
        except UnreluError as error:
            lost = error
        assert lost is not None
        self.errors[key] = lost
        self.wishes.setdefault(wish, lost)
        return None

    def found(self, draft: Draft) -> Signal | None:
        """The node that the network shall end in, if it is written already."""
        if self.upto is None:
            return None
        return next((Signal(node.name, node.shape) for node in draft.nodes if node.name == self.upto), None)

    def missing(self, draft: Draft) -> UnreluError:
        """The error for a name that no node has, or one that could not be read."""
        assert self.upto is not None
        known = self.wishes.get(self.upto) or self.wishes.get(self.upto.split("#")[0])
        return known or UnknownNode(
            f"there is no node {self.upto!r} to read the model up to; it has {', '.join(n.name for n in draft.nodes)}."
        )
