"""One reader for inputs in every form that people have them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np

from unrelu.errors import DataError, InputError, ShapeError
from unrelu.network.arrays import Array, unit_roundoff
from unrelu.network.expected import expect_network
from unrelu.network.graph import Network
from unrelu.network.normalizing import begins_normalized
from unrelu.progress import Progress, resolve_progress
from unrelu.study.inputs.arranging import mismatch, said_of_arranging
from unrelu.study.inputs.array_files import NO_LABELS, read_array_file, read_label_file
from unrelu.study.inputs.arrays import given_array, is_array
from unrelu.study.inputs.class_names import class_names
from unrelu.study.inputs.given import Given
from unrelu.study.inputs.inputs import Inputs
from unrelu.study.inputs.labels import as_array, check_range, class_numbers, numbers_of_names
from unrelu.study.inputs.one_by_one import is_walked, walked
from unrelu.study.inputs.picture_files import read_pictures
from unrelu.study.inputs.samples import Rows, Samples, block_slices
from unrelu.study.inputs.scaling import check_scale, is_picture_shaped, resolve_scale
from unrelu.study.pictures import resolve_picture_shape
from unrelu.untrusted.printable import printable

ClassNames: TypeAlias = Sequence[str] | str | os.PathLike[str]
"""Names of classes: a list, a text with commas, or a file with one a line."""


@dataclass(frozen=True)
class _Asked:
    """How data are to be read; see `read_inputs`.

    Attributes:
        shape: of a sample.
        n_outputs: of the network, one a class; 0 where that is not what they are.
        labels: given beside the data.
        classes: names.
        resize: for pictures.
        array: of an archive.
        limit: how many.
        scale: what numbers are divided by.
        progress: where to show how many samples are read.
    """

    shape: tuple[int, ...]
    n_outputs: int
    labels: object
    classes: tuple[str, ...]
    resize: tuple[int, int] | None
    array: str | None
    limit: int | None
    scale: float | None
    progress: Progress


def read_inputs(
    net: Network,
    data: object,
    labels: Array | Sequence[int] | str | None = None,
    classes: ClassNames = (),
    *,
    resize: tuple[int, int] | None = None,
    array: str | None = None,
    limit: int | None = None,
    scale: float | None = None,
    progress: Progress | bool | None = None,
) -> Inputs:
    """Read inputs for a network, and say what was done to them.

    >>> import numpy as np
    >>> net = Network.from_layers([(np.ones((3, 4)), np.zeros(3))])
    >>> found = read_inputs(net, np.eye(4, dtype=np.float32), labels=np.eye(4, 3)[[0, 1, 2, 0]])
    >>> found, found.labels
    (Inputs(4 of shape (4,), with labels), array([0, 1, 2, 0]))

    Args:
        net: the network that will be given them.
        data: an array of NumPy or torch (n, *shape), or what becomes one; a torch Dataset, DataLoader or anything else
            that gives samples, alone or with labels; the path of a `.npy` or `.npz` file, of a folder of pictures, or
            of a folder with a folder of pictures for each class; or `Inputs`.
        labels: the class of each, (n,) or rows (n, k) with a 1 in the place of the class; or the name of an array in
            the archive, or the path of a `.npy` file; "none" leaves out those that the data bring along.
        classes: names of the classes, in the order of the network's outputs: a list, a file with one a line, or a text
            with commas. Those that the data bring along if left out.
        resize: (height, width) that pictures of other sizes are brought to, keeping their proportions.
        array: name of the array in an archive.
        limit: take only so many, from the first on; of a dataset, no more are asked for.
        scale: what numbers are divided by: 255 for pixels of 8 bits and a network that takes [0, 1], 1 to take numbers
            as they are. Pictures from files are divided by 255 unless something else is said; arrays are taken as
            they are, and refused where they look like pixels of 8 bits.
        progress: of what is read one by one; see `unrelu.progress.resolve_progress`.

    Returns:
        The inputs, with the sentences that a person should read about them (`Inputs.notes`).

    Raises:
        InputError: if the data hold no real, finite numbers, do not fit the network, or not their labels or classes.
        DataError: if a file or folder is missing or damaged, or its content does not fit.
        TooLarge: if there is room for them neither in memory nor in the place for temporary files.
        StoreError: if the room came to an end.
        MissingExtra: for pictures without pillow.
    """
    expect_network(net)
    found = read_samples(
        data, net.input_shape, labels, classes,
        resize=resize, array=array, limit=limit, scale=scale, n_outputs=_n_classes(net), progress=progress,
    )  # fmt: skip
    return replace(found, notes=tuple(dict.fromkeys((*found.notes, *_on_normalisation(net, found)))))


def read_samples(
    data: object,
    shape: Sequence[int],
    labels: Array | Sequence[int] | str | None = None,
    classes: ClassNames = (),
    *,
    resize: tuple[int, int] | None = None,
    array: str | None = None,
    limit: int | None = None,
    scale: float | None = None,
    n_outputs: int = 0,
    progress: Progress | bool | None = False,
) -> Inputs:
    """Read samples of a shape; see `read_inputs`, which knows the network too.

    Args:
        data: see there.
        shape: of a sample.
        labels: see there.
        classes: see there.
        resize: see there.
        array: see there.
        limit: see there.
        scale: see there.
        n_outputs: how many classes there are; 0 where nobody knows.
        progress: see there.

    Raises:
        InputError: see there.
        DataError: see there.
        MissingExtra: see there.
    """
    if limit is not None and limit < 1:
        raise InputError(f"at least one input is needed; give a limit of 1 or more, not {limit}.")
    if resize is not None and not (len(resize) == 2 and min(resize) >= 1):
        raise InputError(f"pictures are brought to a height and a width; give two numbers of at least 1, not {resize}.")
    check_scale(scale)
    by_name = labels if isinstance(labels, str) and labels != NO_LABELS and not _is_label_file(labels) else None
    in_archive = isinstance(data, str | os.PathLike) and Path(data).suffix.lower() == ".npz"
    for name in (array, by_name):
        if name is not None and not in_archive:
            raise InputError(f"only arrays in a .npz file have names; leave the name {printable(name)!r} out.")
    names = class_names(classes)
    if names and n_outputs not in (0, len(names)):
        raise InputError(f"{len(names)} classes are named, but the network has {n_outputs} outputs; name one each.")
    asked = _Asked(tuple(shape), n_outputs, labels, names, resize, array, limit, scale, resolve_progress(progress))
    if isinstance(data, Inputs):
        given = _again(data, asked)
    elif isinstance(data, str | os.PathLike):
        given = _from_path(Path(data), asked)
    elif isinstance(data, Mapping):
        raise InputError(
            f"the data are a mapping with {printable(', '.join(map(str, data)))}; give one of its parts, and the "
            "labels as labels."
        )
    elif isinstance(data, tuple) and len(data) == 2 and _is_batch(data[0], asked.shape):
        raise InputError("the data are a pair, of samples and their labels it seems; give the second part as labels.")
    elif is_array(data) or _is_list_of_numbers(data):
        _refuse_resize(asked, "the data are arrays")
        given = given_array(data, asked.shape, limit)
    elif is_walked(data):
        given = walked(data, asked.shape, resize=resize, scale=scale, limit=limit, progress=asked.progress)
    else:
        raise InputError(
            f"a {type(data).__name__} holds no inputs; give an array (n, {', '.join(map(str, shape))}), a dataset, or "
            "the path of a file or folder."
        )
    return _made(given, asked)


def _is_batch(data: object, shape: tuple[int, ...]) -> bool:
    return is_array(data) and not mismatch(tuple(data.shape), shape)  # pyright: ignore[reportAttributeAccessIssue]


def _n_classes(net: Network) -> int:
    """How many classes the outputs stand for; 0 where they do not, as those of a prefix or a single one."""
    part = net.whole is not None and net.whole.outputs != net.outputs
    return net.output_size if not part and len(net.output_shape) == 1 and net.output_size > 1 else 0


def _again(data: Inputs, asked: _Asked) -> Given:
    if data.samples.sample_shape != asked.shape:
        raise ShapeError(
            f"the inputs were read for a network that takes {data.samples.sample_shape}, and this one takes "
            f"{asked.shape}; read them again for it."
        )
    kept = slice(asked.limit)
    return Given(
        data.samples.first(asked.limit), "the inputs", labels=None if data.labels is None else data.labels[kept],
        total=len(data), names=data.names[kept], classes=data.classes, dtype=data.dtype, unit=data.unit,
        hint=data.picture_shape, notes=data.notes,
    )  # fmt: skip


def _from_path(path: Path, asked: _Asked) -> Given:
    if path.is_dir():
        return read_pictures(
            path, asked.shape, resize=asked.resize, scale=asked.scale, limit=asked.limit, classes=asked.classes,
            progress=asked.progress,
        )  # fmt: skip
    if not path.exists():
        raise DataError(f"there is no file or folder {printable(str(path))}; name another one.")
    _refuse_resize(asked, f"{printable(path.name)} holds arrays")
    named = asked.labels if isinstance(asked.labels, str) and not _is_label_file(asked.labels) else None
    return read_array_file(path, asked.shape, array=asked.array, labels=named, limit=asked.limit)


def _refuse_resize(asked: _Asked, why: str) -> None:
    if asked.resize is not None:
        raise InputError(f"{why}, and resize is for pictures; bring arrays to the network's shape before.")


def _is_label_file(labels: object) -> bool:
    return isinstance(labels, os.PathLike) or (isinstance(labels, str) and labels.lower().endswith(".npy"))


def _is_list_of_numbers(data: object) -> bool:
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return isinstance(data, int | float | np.number)


def _made(given: Given, asked: _Asked) -> Inputs:
    """What all forms have in common."""
    rows, notes = given.rows, [*given.notes]
    if isinstance(rows, Samples):
        samples = rows
    else:
        _check_finite(rows, given)
        scale, said = resolve_scale(rows, given, asked.shape, asked.scale)
        notes += [*said, *said_of_arranging(rows.shape[1:], asked.shape, given.where)]
        samples = Samples(rows, asked.shape, scale)
    labels, said = _labels(given, asked)
    notes += said
    return Inputs(
        samples=samples,
        labels=labels,
        names=given.names or tuple(map(str, range(len(samples)))),
        classes=asked.classes or (given.classes if _brings_labels(asked) and labels is not None else ()),
        dtype=given.dtype or samples.dtype,
        unit=max(given.unit or 0.0, unit_roundoff(np.empty(0, samples.dtype))),
        picture_shape=given.hint or _hint(rows.shape[1:], asked.shape),
        notes=tuple(notes),
    )


def _check_finite(rows: Rows, given: Given) -> None:
    if rows.dtype.kind != "f":
        return
    n_bad, first, place = 0, 0, ""
    for some in block_slices(rows.shape):
        block = rows[some]
        flat = np.isfinite(block).reshape(len(block), -1)
        bad = np.flatnonzero(~flat.all(axis=1))
        if bad.size and not n_bad:
            at = np.unravel_index(int(np.argmin(flat[bad[0]])), rows.shape[1:])
            first, place = some.start + int(bad[0]), ", ".join(str(int(side)) for side in at)
        n_bad += bad.size
    if n_bad:
        raise given.refusal(
            f"{given.where} holds NaN or infinite values in {n_bad} samples, first in number {first} at ({place}); "
            "clean or leave out these."
        )


def _brings_labels(asked: _Asked) -> bool:
    """Whether labels are those that the data bring along, under a name or without one."""
    return asked.labels is None or (isinstance(asked.labels, str) and not _is_label_file(asked.labels))


def _labels(given: Given, asked: _Asked) -> tuple[np.ndarray | None, tuple[str, ...]]:
    if isinstance(asked.labels, str) and asked.labels == NO_LABELS:
        return None, ()
    n, where, refusal, found, classes = len(given.rows), given.where, given.refusal, given.labels, asked.classes
    total = n if given.total is None else given.total
    if not _brings_labels(asked):
        if isinstance(asked.labels, str | os.PathLike):
            path = Path(asked.labels)
            where, refusal, found = printable(path.name), DataError, read_label_file(path, total)
        else:
            where, refusal = "the array of labels", InputError
            found = as_array(asked.labels, where)
            if given.total is None and asked.limit is not None and found.ndim:
                found = found[:n]  # nobody knows how many samples there are in all
    elif not classes and found is not None:
        classes = given.classes
        if classes and asked.n_outputs not in (0, len(classes)):
            raise refusal(
                f"{where} has {len(classes)} classes, numbered in their own order, and the network has "
                f"{asked.n_outputs} outputs; name all classes in the order of the outputs (--classes), or leave the "
                'labels out (labels="none", --labels none).'
            )
    if found is None:
        return None, ()
    if found.dtype.kind == "U":
        known = given.classes if asked.n_outputs in (0, len(given.classes)) else ()
        found = numbers_of_names(found, classes or known, where, refusal)
    labels, said = class_numbers(found, n if found.ndim and len(found) == n else total, where, refusal)
    check_range(labels, asked.n_outputs, len(classes), where, refusal)
    return labels[:n], said


def _hint(given: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape in which flat inputs came, where that is one of pictures."""
    return resolve_picture_shape(given, None) if len(shape) == 1 and given != shape else None


def _on_normalisation(net: Network, found: Inputs) -> tuple[str, ...]:
    """What has to be said of pictures to whoever trained the network on normalised ones."""
    if found.picture_shape is None and not is_picture_shaped(net.input_shape):
        return ()
    low, high = found.samples.extent
    own = begins_normalized(net)
    if not own and low >= 0 and high <= 1:
        return (
            "pictures are given to the network in [0, 1]; if it was trained on normalised ones, give --mean and --std "
            "(in Python net.normalized(mean, std)).",
        )
    if own and low < 0:
        return (
            f"the network normalises its inputs itself, and these go from {low:.3g} to {high:.3g}; if they were "
            "normalised already, give them as they were before.",
        )
    return ()
