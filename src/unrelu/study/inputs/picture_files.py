"""Pictures: files in a folder, or in folders named for their classes. The only file that imports pillow for reading."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unrelu.errors import DataError, MissingExtra
from unrelu.progress import Progress
from unrelu.study.inputs.gathering import Gathering
from unrelu.study.inputs.given import Given
from unrelu.study.inputs.scaling import BYTE
from unrelu.untrusted.printable import printable

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.Image import Transpose

_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}

_ORIENTATION = 0x0112
"""The number of the EXIF field that says how the camera was held."""

_QUARTERS = (5, 6, 7, 8)
"""Of its values, those that exchange height and width."""

_DEEP = 257
"""Times the largest number of 8 bits is that of 16."""


@dataclass(eq=False)
class Reader:
    """Makes samples of pictures, one after the other, and remembers what it did to them.

    Attributes:
        shape: sample shape of the network.
        resize: (height, width) that pictures of other sizes are brought to; None to refuse them.
        scale: what numbers of 8 bits are divided by.
        first: size (height, width) and name of the first picture.
    """

    shape: tuple[int, ...]
    resize: tuple[int, int] | None
    scale: float
    first: tuple[tuple[int, int], str] | None = None
    modes: set[str] = field(default_factory=set)
    wanted: str = "L"
    sizes: set[tuple[int, int]] = field(default_factory=set)
    turned: int = 0

    def sample(self, picture: Picture, name: str) -> tuple[np.ndarray, float | None]:
        """A picture as the network takes it, and what its numbers are still to be divided by, in float32.

        Those of 8 bits come as they are, all others float32 and divided. The size of a picture is judged before it is
        decoded: a small file may declare one that fills the memory.

        Raises:
            DataError: if its size does not fit the network, or is not that of the first.
        """
        size = (picture.height, picture.width)
        turned, turn = (picture.width, picture.height), None
        if self.resize is not None or _form(size, self.shape) or _form(turned, self.shape):
            turn = _turn(picture)  # for which some kinds of files are decoded
            self.turned += turn is not None
            size = turned if turn in _QUARTERS else size
        if self.first is not None and size != self.first[0] and self.resize is None:
            raise DataError(
                f"{name} is {_hxw(size)} but {self.first[1]} is {_hxw(self.first[0])}, height x width; bring all to "
                f"one size, with {_option(self.first[0])}."
            )
        wanted = size if self.resize is None else self.resize
        form = _form(wanted, self.shape)
        if form is None:
            raise DataError(_unfit(name, wanted, self.shape, given=self.resize is None))
        self.first = self.first or (size, name)
        self.modes.add(picture.mode)
        self.sizes.add(size)
        self.wanted = form
        pixels = _pixels(picture, form, wanted, self.scale, name, turn)
        divisor = self.scale if pixels.dtype == np.uint8 else None
        if form == "RGB" and not _is_last(wanted, self.shape):
            pixels = np.moveaxis(pixels, -1, 0)
        return np.ascontiguousarray(pixels).reshape(self.shape), divisor

    @property
    def hint(self) -> tuple[int, ...] | None:
        """Shape of the pictures, where the samples are flat."""
        if len(self.shape) != 1 or self.first is None:
            return None
        size = self.first[0] if self.resize is None else self.resize
        return size if self.wanted == "L" else (3, *size)

    def notes(self, where: str) -> tuple[str, ...]:
        """Sentences on what was done to them."""
        found = []
        if self.resize is not None and self.sizes - {self.resize}:
            few = sorted(self.sizes)
            of = _hxw(few[0]) if len(few) == 1 else f"{len(few)} sizes, from {_hxw(few[0])} to {_hxw(few[-1])},"
            found.append(
                f"{where}: pictures of {of} were brought to {_hxw(self.resize)}: the largest part in the middle with "
                "these proportions, resampled by Pillow (bilinear)."
            )
        if others := sorted(self.modes - {self.wanted} - {mode for mode in self.modes if mode.startswith("I;16")}):
            name = "grey" if self.wanted == "L" else "RGB"
            found.append(f"{where}: pictures of mode {', '.join(others)} were converted to {name}.")
        if self.turned:
            found.append(
                f"{where}: pictures that say that the camera was turned were turned upright (EXIF orientation): "
                f"{self.turned}."
            )
        if self.scale != BYTE:
            found.append(f"{where}: pixels of 8 bits were divided by {self.scale:g}.")
        return tuple(found)


def read_pictures(
    folder: Path,
    shape: tuple[int, ...],
    *,
    resize: tuple[int, int] | None = None,
    scale: float | None = None,
    limit: int | None = None,
    classes: tuple[str, ...] = (),
    progress: Progress,
) -> Given:
    """Read the pictures of a folder, sorted by name and scaled to [0, 1], as a network takes them.

    Where the folder holds no pictures but folders with pictures, each of these is a class, and they are numbered in the
    order of their names, or as `classes` names them.

    Pictures become grey for sample shapes (h, w), (1, h, w) and (h, w, 1), and RGB for (3, h, w) and (h, w, 3); a flat
    shape is grey or RGB, colours first, by its size. Of animations the first picture is taken; transparency is ignored.
    Pictures of a camera are turned upright, as their EXIF data say.

    Args:
        folder: the folder; files that are no pictures are left aside, and a note says so.
        shape: the network's sample shape.
        resize: (height, width) that all pictures are brought to, keeping proportions.
        scale: what numbers of 8 bits are divided by; 255 if left out.
        limit: read only so many.
        classes: names of the classes; those of the folders if empty.
        progress: where to show how many are read.

    Raises:
        MissingExtra: if pillow is not installed.
        TooLarge: if there is room for them neither in memory nor in the place for temporary files.
        StoreError: if the room came to an end.
        DataError: if there is no picture, one cannot be read, its size does not fit the network, or a folder is that
            of no class.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ModuleNotFoundError as error:
        raise MissingExtra('reading pictures needs pillow; run pip install "unrelu[report]".') from error

    where = printable(folder.name or str(folder))
    paths, others = _pictures(folder)
    labels, names, notes = None, (), []
    inside = [sub for sub in _visible(folder) if sub.is_dir()]
    if not paths:
        paths, labels, names, others = _by_class(folder, inside, classes)
    elif inside:
        others = [*others, *inside]
    total = len(paths)
    reader = Reader(shape, resize, BYTE if scale is None else scale)
    found = paths[:limit]
    with Gathering(len(found), where) as gathering, progress.stage(f"reading {where}", len(found)) as advance:
        for path in found:
            shown = printable(str(path))
            try:
                with Image.open(path) as picture:
                    sample, divisor = reader.sample(picture, shown)
            except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
                raise DataError(f"{shown} cannot be read as a picture; repair it or take it away.") from error
            gathering.add(sample, divisor)
            advance(1)
        rows = gathering.rows()
    n = len(rows)
    if others:
        few = ", ".join(printable(each.name) for each in others[:3])
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        notes.append(f"{where}: left aside, not pictures: {few}{more}.")
    if labels is not None and n < total and len(present := set(labels[:n])) < len(set(labels)):
        notes.append(
            f"{where}: of {len(set(labels))} classes, {len(present)} are among the first {n} of {total} pictures."
        )
    return Given(
        rows=rows,
        where=where,
        refusal=DataError,
        labels=None if labels is None else np.array(labels[:n]),
        total=total,
        names=tuple(path.name if labels is None else f"{path.parent.name}/{path.name}" for path in found),
        classes=names,
        scaled=True,
        scale=gathering.scale,
        hint=reader.hint,
        notes=(*notes, *reader.notes(where)),
    )


def _visible(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if not each.name.startswith("."))


def _pictures(folder: Path) -> tuple[list[Path], list[Path]]:
    """The pictures of a folder, and its other files."""
    files = [each for each in _visible(folder) if each.is_file()]
    paths = [each for each in files if each.suffix.lower() in _SUFFIXES]
    return paths, [each for each in files if each.suffix.lower() not in _SUFFIXES]


def _by_class(
    folder: Path, inside: list[Path], classes: tuple[str, ...]
) -> tuple[list[Path], list[int], tuple[str, ...], list[Path]]:
    """The pictures in folders named for classes, their classes, the names of these, and other files."""
    paths: list[Path] = []
    labels: list[int] = []
    others = [each for each in _visible(folder) if not each.is_dir()]
    names = classes or tuple(sub.name for sub in inside)
    for sub in inside:
        here, rest = _pictures(sub)
        others += [*rest, *(each for each in _visible(sub) if each.is_dir())]
        if sub.name not in names:
            raise DataError(
                f"{printable(str(sub))} is the folder of no class: {printable(', '.join(names))} are named; call it as "
                "one of them, or take it away."
            )
        if not here and not classes and any(_pictures(each)[0] for each in inside):
            raise DataError(
                f"{printable(str(sub))} holds no pictures, though folders beside it do, and each counts as a class; "
                "take it away, or name the classes (--classes)."
            )
        paths += here
        labels += [names.index(sub.name)] * len(here)
    if not paths:
        kinds = ".png, .jpg, .bmp, .gif, .pgm, .ppm, .tif, .webp"
        raise DataError(
            f"{printable(str(folder))} has no pictures ({kinds}), nor has a folder in it; name another one."
        )
    return paths, labels, names, others


def _form(size: tuple[int, int], shape: tuple[int, ...]) -> str | None:
    """What pictures of a (height, width) must become for a sample shape: "L" (grey), "RGB", or None."""
    h, w = size
    forms = {(3, h, w): "RGB", (h, w, 3): "RGB", (h * w,): "L", (3 * h * w,): "RGB"}
    return {(h, w): "L", (1, h, w): "L", (h, w, 1): "L", **forms}.get(shape)


def _is_last(size: tuple[int, int], shape: tuple[int, ...]) -> bool:
    return shape == (*size, 3) and shape != (3, *size)


def _sides(shape: tuple[int, ...]) -> tuple[int, int] | None:
    """The (height, width) that a network takes; None where its inputs are flat."""
    if len(shape) == 2:
        return shape[0], shape[1]
    if len(shape) == 3 and shape[0] in (1, 3):
        return shape[1], shape[2]
    return (shape[0], shape[1]) if len(shape) == 3 and shape[2] in (1, 3) else None


def _option(size: tuple[int, int]) -> str:
    return f"--resize {size[0]}x{size[1]} (resize=({size[0]}, {size[1]}))"


def _unfit(name: str, size: tuple[int, int], shape: tuple[int, ...], *, given: bool) -> str:
    sides = _sides(shape)
    if sides is None and len(shape) == 1:
        side = next((root for n in (1, 3) if (root := math.isqrt(shape[0] // n)) ** 2 * n == shape[0]), None)
        sides = None if side is None else (side, side)
    what = (
        f"{name} is {_hxw(size)} (height x width), which does" if given else f"resize asks for {_hxw(size)}, which does"
    )
    advice = f"give {_option(sides)}" if sides else "its inputs are no grey or RGB pictures, so give an array"
    return f"{what} not fit the network's input {shape}; {advice}."


def _pixels(
    picture: Picture, mode: str, size: tuple[int, int], scale: float, name: str, turn: int | None
) -> np.ndarray:
    """(h, w) or (h, w, 3): uint8 as they are, or those of 16 bits float32, divided by the scale and by 257."""
    from PIL import Image, ImageOps

    def fitted(each: Picture) -> Picture:
        each = each if turn is None else each.transpose(_turns()[turn])
        same = (each.height, each.width) == size
        return each if same else ImageOps.fit(each, (size[1], size[0]), Image.Resampling.BILINEAR)

    if picture.mode.startswith("I;16"):
        grey = Image.fromarray(np.asarray(picture).astype(np.float32))  # which pillow resamples, unlike 16 bits
        values = np.asarray(fitted(grey)) / np.float32(_DEEP * scale)
        return values if mode == "L" else np.stack([values] * 3, axis=-1)
    if picture.mode in ("I", "F"):
        raise DataError(f"{name} has pixels of unknown range (mode {picture.mode}); save it with 8 or 16 bits.")
    return np.asarray(fitted(picture.convert(mode)))


def _turn(picture: Picture) -> int | None:
    """How a picture has to be turned or mirrored to be upright, as its EXIF data number it; None if it is."""
    if picture.format == "TIFF":  # pillow turns these itself
        return None
    try:
        said = picture.getexif().get(_ORIENTATION)
    except Exception:  # damaged data of a camera, which fail in many ways, do not make a picture unreadable
        return None
    return said if said in _turns() else None


def _turns() -> dict[int, Transpose]:
    from PIL.Image import Transpose

    return {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }


def _hxw(size: Iterable[int]) -> str:
    return " x ".join(map(str, size))
