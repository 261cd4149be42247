"""How much memory reading a file may take: what a few bytes of it can ask for has to have a limit."""

from __future__ import annotations

from dataclasses import dataclass

from unrelu.errors import TooLarge

ROOM = 2**29
"""Bytes (512 MiB) that it may take in any case."""

TIMES = 2**13
"""Times the size of the file that it may take: VGG-16 takes 2 times, MobileNetV2 60 times."""

KEPT = 8
"""Bytes for each number of each node: by the evaluator for each sample of a batch, and twice for the one compared."""

COMPARED = 80
"""Bytes for each number of the node that is compared, and of its operands: bounds of rounding are several such arrays.

Measured: 25 (ReLU) to 65 (Tile), with constants of as many numbers 100.
"""


@dataclass(frozen=True)
class Memory:
    """What reading a model takes, foreseen from the shapes of its nodes.

    Attributes:
        size: bytes of the model's files.
        batch: samples that the model computes at once.
    """

    size: int
    batch: int

    def check(self, name: str, total: int, widest: int) -> None:
        """Refuse a model before it takes too much.

        Args:
            name: of the node up to which it was read.
            total: numbers that all nodes up to it give for one sample.
            widest: numbers of the node, and of its operands, that has the most.

        Raises:
            TooLarge: if that takes more than a file of its size may.
        """
        needed = KEPT * (2 + self.batch) * total + COMPARED * widest
        if needed > ROOM + TIMES * self.size:
            raise TooLarge(
                f"up to node {name!r} reading the model would take about {needed >> 20:,} MiB of memory, more than a "
                f"file of {self.size:,} bytes may take unasked; if you know who made it, say trust=True (on the "
                "command line --trust), or cut the model before that node."
            )
