"""Reading a model up to a node: what lies beside it and cannot be read does no harm."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from unrelu.errors import UnknownNode, UnreluError
from unrelu.intake.draft import Draft, Signal
from unrelu.intake.unread_node import UnreadNode
from unrelu.operators import Shape

K = TypeVar("K")


@dataclass(eq=False)
class Unread(Generic[K]):
    """What was not read of a model, and why.

    Attributes:
        upto: name of the node that the network shall end in; None for the whole model, of which all must be read.
        keep: whether what cannot be read is kept for a list of all of it, though the whole model is asked about.
        errors: why, for each node of the model (or tensor) that was not.
        wishes: the same by the names of the nodes.
        refused: those that are refused themselves, and not only as they take others that are.
        behind: for each that was not tried, as it takes one that was not read: one that it depends on and is refused.
    """

    upto: str | None
    keep: bool = False
    errors: dict[K, UnreluError] = field(default_factory=dict)
    wishes: dict[str, UnreluError] = field(default_factory=dict)
    refused: set[K] = field(default_factory=set)
    behind: dict[K, K] = field(default_factory=dict)
    _wish: dict[K, str] = field(default_factory=dict)

    def attempt(
        self,
        key: K,
        wish: str,
        inputs: Iterable[K],
        read: Callable[[], None],
        refuse: Callable[[], UnreluError | None] = lambda: None,
    ) -> None:
        """Read a node, unless it takes one that was not read.

        Args:
            key: the node.
            wish: the name that it should have.
            inputs: what it takes.
            read: reads it.
            refuse: why it could not be read whatever it takes, if so; asked where all is kept.

        Raises:
            UnreluError: what reading it raises, if all must be read.
        """
        if self.upto is None and not self.keep:
            return read()
        before = next((each for each in inputs if each in self.errors), None)
        try:
            if before is None:
                return read()
            lost = (refuse() if self.keep else None) or self.errors[before]
        except UnreluError as error:
            lost = error
        if before is not None:
            self.behind[key] = before if before in self.refused else self.behind[before]
        if before is None or lost is not self.errors[before]:
            self.refused.add(key)
        self._wish[key] = wish
        self.errors[key] = lost
        self.wishes.setdefault(wish, lost)
        return None

    def rows(
        self,
        draft: Draft,
        operator: Callable[[K], str],
        inputs: Callable[[K], Iterable[K | str]],
        shape: Callable[[K], Shape | None],
    ) -> tuple[UnreadNode, ...]:
        """What there is to say of all nodes that were not read.

        Args:
            draft: with those that were.
            operator: what a node computes, in the model's own words.
            inputs: what a node takes, as far as it depends on the input: nodes that were not read, or names.
            shape: sample shape of a node, where the model tells.
        """
        taken = {node.name for node in draft.nodes}
        names: dict[K | str, str] = {}
        for key, wish in self._wish.items():
            name, count = wish, 1
            while name in taken:
                count += 1
                name = f"{wish}#{count}"
            taken.add(name)
            names[key] = name
        return tuple(
            UnreadNode(
                name=names[key],
                operator=operator(key),
                inputs=tuple(names.get(each, str(each)) for each in inputs(key)),
                shape=shape(key),
                error=error,
                is_refused=key in self.refused,
                behind=names[self.behind[key]] if key in self.behind else "",
            )
            for key, error in self.errors.items()
        )

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
