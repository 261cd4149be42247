"""A piece of a question's work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Task:
    """What is answered at once, and kept as one part.

    Attributes:
        inputs: indices in the data of the inputs it reads; nothing else of the data counts in its answer.
        layer: name of the node that it is about; empty where it is about several or none.
        settings: whatever else tells it from the question's other tasks, as pairs of a word and a number or text.
        divisible: whether its answer is that about each of its inputs by itself, so that a failing one can be left out.
        cost: about how many seconds it takes, as far as anybody knows; 0 where nobody does.
    """

    inputs: tuple[int, ...]
    layer: str = ""
    settings: tuple[tuple[str, str | int | float], ...] = ()
    divisible: bool = True
    cost: float = 0.0

    def divided(self) -> Iterator[Task]:
        """The same about each input by itself."""
        for index in self.inputs:
            yield replace(self, inputs=(index,))


def slices(n: int, size: int, start: int = 0) -> Iterator[tuple[int, ...]]:
    """Indices start to n - 1 in runs of a size, the last one shorter.

    >>> list(slices(5, 2))
    [(0, 1), (2, 3), (4,)]
    """
    for first in range(start, n, size):
        yield tuple(range(first, min(first + size, n)))
