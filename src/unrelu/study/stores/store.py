"""What a store can do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from unrelu.errors import StoreError


class NoSuchFile(StoreError):
    """There is no file of that name, or it is no name of a file."""


class Store(Protocol):
    """Files by name, each put at once; names are relative and use "/"."""

    @property
    def place(self) -> str:
        """Where it is, for people."""
        ...

    @property
    def at_once(self) -> int:
        """How many puts at a time are worth it."""
        ...

    def names(self, folder: str) -> list[str]:
        """Names of all files somewhere below a folder, sorted; none where there is no such folder."""
        ...

    def get(self, name: str) -> bytes:
        """The content of a file.

        Raises:
            NoSuchFile: if there is none.
            StoreError: if it cannot be read.
        """
        ...

    def put(self, name: str, content: bytes) -> None:
        """Write a file such that a reader sees all of it or what was there before, whatever happens meanwhile.

        Raises:
            StoreError: if it cannot be written.
        """
        ...

    def set_aside(self, name: str) -> str:
        """Move a file that is damaged below `damaged/`, and tell its new name."""
        ...

    def close(self) -> None:
        """Clear away what was needed to write; more can be put afterwards."""
        ...


def copy_files(source: Store, target: Store, names: Iterable[str]) -> None:
    """Copy files from one store to another."""
    for name in names:
        target.put(name, source.get(name))
