"""How much memory the constants of a file may take that are computed, and not stored in it."""

from __future__ import annotations

from dataclasses import dataclass

from unrelu.errors import ModelFileError

ROOM = 2**26
"""Bytes (64 MiB) that they may take in any case."""

TIMES = 8
"""Times the size of the file that they may take: weights are converted and transposed, each in a node of its own."""


@dataclass(eq=False)
class Allowance:
    """Bytes that are left; a chain of twenty nodes that each join a constant to itself takes a million times the first.

    Attributes:
        left: bytes.
    """

    left: int

    @classmethod
    def of_file(cls, size: int) -> Allowance:
        """The allowance of a file of so many bytes."""
        return cls(ROOM + TIMES * size)

    def spend(self, size: int, node: str) -> None:
        """Take some bytes, before they are allocated.

        Raises:
            ModelFileError: if there are not so many left.
        """
        if size > self.left:
            raise ModelFileError(
                f"node {node!r} computes a constant of {size:,} bytes, with which those of the model would take more "
                f"than {ROOM:,} bytes and {TIMES} times its file; export the model with its constants folded."
            )
        self.left -= size
