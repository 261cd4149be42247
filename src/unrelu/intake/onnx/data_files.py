"""Files beside an ONNX file in which it keeps its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath

from unrelu.errors import ModelFileError
from unrelu.intake.onnx.allowance import ROOM
from unrelu.untrusted.printable import printable
from unrelu.untrusted.regular_file import open_regular


@dataclass(eq=False)
class DataFiles:
    """What lies in the folder of a model; nothing else is opened, whatever names and links the model holds.

    Attributes:
        folder: of the model.
    """

    folder: Path
    _sizes: dict[Path, int] = field(default_factory=dict)
    _read: int = 0

    @property
    def size(self) -> int:
        """Bytes of the files that were read from."""
        return sum(self._sizes.values())

    def read(self, fields: Mapping[str, str], size: int, what: str) -> bytes:
        """The bytes of one tensor.

        Args:
            fields: where they are: "location", "offset" and "length", as ONNX writes them; others say nothing.
            size: how many the tensor needs.
            what: which tensor.

        Raises:
            ModelFileError: if they are not in a file in the model's folder, or that holds fewer.
        """
        path = self._path(fields.get("location", ""), what)
        start = _number(fields.get("offset", "0"), "offset", what)
        length = _number(fields["length"], "length", what) if "length" in fields else size
        if length != size:
            raise ModelFileError(f"{what} needs {size:,} bytes, but the file declares {length:,}; it is damaged.")
        try:
            with open_regular(path) as stream:
                held = stream.seek(0, 2)
                if start + size > held:
                    raise ModelFileError(
                        f"{what} needs the bytes {start:,} to {start + size:,} of {path.name!r}, which has {held:,}; "
                        "the file is damaged."
                    )
                self._sizes[path] = held
                self._count(size, what)
                stream.seek(start)
                content = stream.read(size)
        except OSError as error:
            raise ModelFileError(f"{path.name!r}, in which {what} is stored, cannot be read ({error}).") from error
        if len(content) != size:
            raise ModelFileError(f"{path.name!r} changed while {what} was read from it; read the model again.")
        return content

    def _path(self, location: str, what: str) -> Path:
        """The file, all links followed.

        Raises:
            ModelFileError: if it is not in the folder.
        """
        named = PurePosixPath(location)
        outside = named.is_absolute() or ".." in named.parts or PureWindowsPath(location).anchor or "\\" in location
        if not named.parts or outside or "\0" in location:
            raise ModelFileError(
                f"{what} is stored in {printable(location)!r}, which names no file in the model's folder; only what is "
                "there is read: save the model with its weights beside it."
            )
        try:
            folder = self.folder.resolve(strict=True)
            path = (folder / named).resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as error:
            raise ModelFileError(
                f"{what} is stored in {printable(location)!r}, which is not in the model's folder; put it there."
            ) from error
        if not path.is_relative_to(folder):
            raise ModelFileError(
                f"{what} is stored in {printable(location)!r}, a link that leads out of the model's folder; only what "
                "is there is read: put a copy of the file there."
            )
        return path

    def _count(self, size: int, what: str) -> None:
        """Refuse many tensors that all name the same bytes, before the one too many is read."""
        self._read += size
        if self._read > ROOM + self.size:
            raise ModelFileError(
                f"up to {what} the model has {self._read:,} bytes of weights, more than {ROOM:,} beyond what its files "
                "hold; store each weight once."
            )


def _number(text: str, name: str, what: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ModelFileError(f"{what} has the {name} {printable(text[:40])!r}, which is none; the file is damaged.")
    return int(text)
