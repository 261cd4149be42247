"""Files in memory, for studies that nobody keeps."""

from __future__ import annotations

from unrelu.study.stores.store import NoSuchFile


class MemoryStore:
    """A store that ends with the process."""

    def __init__(self) -> None:
        """An empty one."""
        self._files: dict[str, bytes] = {}

    @property
    def place(self) -> str:
        """Where it is."""
        return "memory"

    @property
    def at_once(self) -> int:
        """One: a put is a moment."""
        return 1

    def names(self, folder: str) -> list[str]:
        """Names of all files below a folder, sorted."""
        return sorted(name for name in self._files if name.startswith(f"{folder}/"))

    def get(self, name: str) -> bytes:
        """The content of a file."""
        try:
            return self._files[name]
        except KeyError:
            raise NoSuchFile(f"there is no {name} in memory; run the analysis again.") from None

    def put(self, name: str, content: bytes) -> None:
        """Keep a file."""
        self._files[name] = content

    def set_aside(self, name: str) -> str:
        """Move a file below `damaged/`."""
        self._files[f"damaged/{name}"] = self._files.pop(name)
        return f"damaged/{name}"

    def close(self) -> None:
        """Nothing is open."""
