"""Reading a folder of pictures. The only file that imports pillow for reading."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unrelu.errors import DataError, MissingExtra

if TYPE_CHECKING:
    from PIL.Image import Image

_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}


@dataclass(frozen=True, eq=False)
class Pictures:
    """The pictures of a folder.

    Attributes:
        inputs: (n, *input_shape) float32 in [0, 1].
        names: the n file names.
        notes: sentences on what was converted or left aside.
    """

    inputs: np.ndarray
    names: tuple[str, ...]
    notes: tuple[str, ...]


def read_pictures(folder: Path, input_shape: tuple[int, ...]) -> Pictures:
    """Read all pictures of a folder, sorted by name and scaled to [0, 1], as a network takes them.

    They become grey for sample shapes (h, w) and (1, h, w), colours come first for (3, h, w); a flat shape is
    grey or RGB by its size. Of animations the first picture is taken; transparency is ignored.

    Args:
        folder: the folder; files that are no pictures are left aside, and a note says so.
        input_shape: the network's sample shape.

    Raises:
        MissingExtra: if pillow is not installed.
        DataError: if there is no picture, one cannot be read, or the size does not fit the network.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ModuleNotFoundError as error:
        raise MissingExtra('reading pictures needs pillow; run pip install "unrelu[report]".') from error

    files = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    paths = [file for file in files if file.suffix.lower() in _SUFFIXES]
    if not paths:
        raise DataError(f"{folder} has no pictures (.png, .jpg, .bmp, .gif, .pgm, .ppm, .tif, .webp).")
    samples, modes = [], set()
    size: tuple[int, int] | None = None
    wanted = "L"
    for path in paths:
        try:
            with Image.open(path) as picture:
                # Judged before decoding: a small file may declare a picture that fills the memory.
                if size is not None and picture.size != size:
                    raise DataError(f"{path} is {_wh(picture.size)} but those before are {_wh(size)}; use one size.")
                size = picture.size
                wanted = _mode(size, input_shape, path)
                modes.add(picture.mode)
                samples.append(_pixels(picture, wanted, path))
        except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
            raise DataError(f"{path} cannot be read as a picture; repair it or take it away.") from error
    notes = []
    if others := [file.name for file in files if file not in paths]:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        notes.append(f"{folder.name}: left aside, not pictures: {', '.join(others[:3])}{more}.")
    if modes_found := sorted(modes - {wanted, "I;16"}):
        name = "grey" if wanted == "L" else "RGB"
        notes.append(f"{folder.name}: pictures of mode {', '.join(modes_found)} were converted to {name}.")
    return Pictures(
        np.stack(samples).reshape(len(paths), *input_shape), tuple(path.name for path in paths), tuple(notes)
    )


def _mode(size: tuple[int, int], shape: tuple[int, ...], path: Path) -> str:
    """What pictures of a (width, height) must become for a sample shape: "L" (grey) or "RGB"."""
    w, h = size
    fitting = {(h, w): "L", (1, h, w): "L", (3, h, w): "RGB", (h * w,): "L", (3 * h * w,): "RGB"}.get(shape)
    if fitting is None:
        raise DataError(f"{path} has {_wh(size)} pixels, which does not fit the network's input {shape}; resize it.")
    return fitting


def _pixels(picture: Image, mode: str, path: Path) -> np.ndarray:
    """(h, w) or (3, h, w) float32 in [0, 1]."""
    if picture.mode.startswith("I;16"):
        grey = np.asarray(picture).astype(np.float32) / np.float32(65535)
        return grey if mode == "L" else np.stack([grey] * 3)
    if picture.mode in ("I", "F"):
        raise DataError(f"{path} has pixels of unknown range (mode {picture.mode}); save it with 8 or 16 bits.")
    values = np.asarray(picture.convert(mode)).astype(np.float32) / np.float32(255)
    return values if mode == "L" else np.ascontiguousarray(np.moveaxis(values, -1, 0))


def _wh(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
