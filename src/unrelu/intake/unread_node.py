"""A node of a model that was not read."""

from __future__ import annotations

from dataclasses import dataclass

from unrelu.errors import UnreluError
from unrelu.operators import Shape


@dataclass(frozen=True, eq=False)
class UnreadNode:
    """A node of a model that was not read, and why.

    Attributes:
        name: as it would be called.
        operator: what it computes, in the model's own words.
        inputs: names of the nodes that it takes, as far as they depend on the input.
        shape: sample shape of its result; None where the model does not tell.
        error: why it is refused; where it is not refused itself, why the node is that it is behind.
        is_refused: whether it is refused itself, whatever it takes.
        behind: name of a refused node that it depends on; empty where there is none.
    """

    name: str
    operator: str
    inputs: tuple[str, ...]
    shape: Shape | None
    error: UnreluError
    is_refused: bool
    behind: str
