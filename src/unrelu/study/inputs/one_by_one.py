"""Samples that come one by one or in batches: datasets, loaders, lists, and anything that is walked through."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, RandomSampler, SubsetRandomSampler, WeightedRandomSampler

from unrelu.errors import InputError, ShapeError
from unrelu.network.arrays import unit_roundoff
from unrelu.progress import Progress
from unrelu.study.inputs.arranging import mismatch
from unrelu.study.inputs.array_files import DATA_NAMES, LABEL_NAMES
from unrelu.study.inputs.arrays import as_numbers, is_array
from unrelu.study.inputs.gathering import Gathering
from unrelu.study.inputs.given import Given
from unrelu.study.inputs.labels import as_array
from unrelu.study.inputs.picture_files import Reader
from unrelu.study.inputs.scaling import BYTE


@dataclass(frozen=True, eq=False)
class _Item:
    """What a dataset gives for one sample, or a loader for a batch.

    Attributes:
        sample: an array or a picture; of a batch several of them.
        label: its class, in whatever form; of a batch several of them; None where there is none.
        n_parts: how many things were given.
    """

    sample: Any
    label: Any
    n_parts: int


def is_walked(data: object) -> bool:
    """Whether samples can be taken from something one by one."""
    return hasattr(data, "__iter__") or (hasattr(data, "__getitem__") and hasattr(data, "__len__"))


def walked(
    data: Any,
    shape: tuple[int, ...],
    *,
    resize: tuple[int, int] | None,
    scale: float | None,
    limit: int | None,
    progress: Progress,
) -> Given:
    """Read samples one by one, or batch by batch, and no more of them than needed.

    An item is a sample, a tuple whose first two parts are the sample and its label, or a mapping with names for them
    such as "image" and "label". A sample is an array or a picture of Pillow, which becomes what pictures from files do.

    Args:
        data: a dataset of torch's or like them (with a length and items), a loader, a list, or an iterable.
        shape: of a sample of the network.
        resize: (height, width) for pictures of Pillow.
        scale: what numbers of 8 bits are divided by in pictures of Pillow.
        limit: read only so many.
        progress: where to show how many are read.

    Raises:
        InputError: if there is no sample, they are of no kind that is read, or only some have a label.
        ShapeError: if two samples have different shapes, or one that does not fit the network.
        DataError: if the size of a picture does not fit.
        TooLarge: if there is room for them neither in memory nor in the place for temporary files.
        StoreError: if the room came to an end.
    """
    in_batches = isinstance(data, DataLoader) and data.batch_sampler is not None
    what = "the loader" if isinstance(data, DataLoader) else "the list" if isinstance(data, list) else "the dataset"
    items = (_item(each, what) for each in _each(data))
    notes = [f"{what} shuffles, so it gives other inputs each time."] if _shuffles(data) else []
    pairs = itertools.chain.from_iterable(_of_batch(item, what) for item in items) if in_batches else items
    reader = Reader(shape, resize, BYTE if scale is None else scale)
    n = _length(data) if not isinstance(data, DataLoader) else None
    expected = n if n is None or limit is None else min(n, limit)
    first: np.ndarray | None = None
    labels: list[np.ndarray] = []
    unit: float | None = None
    pictures = False
    with Gathering(expected, what) as gathering, progress.stage(f"reading {what}", expected) as advance:
        for k, item in enumerate(itertools.islice(pairs, limit)):
            name = f"sample {k} of {what}"
            divisor = None
            if is_array(item.sample):
                unit = unit_roundoff(item.sample) if unit is None and isinstance(item.sample, Tensor) else unit
                sample = as_numbers(item.sample, f"the numbers of {name}")
                if k == 0 and (wrong := mismatch((1, *sample.shape), shape)):
                    raise ShapeError(f"{what} {wrong}")
            else:
                pictures, (sample, divisor) = True, reader.sample(_picture(item.sample, name), name)
            if first is not None and sample.shape != first.shape:
                raise ShapeError(
                    f"{name} has shape {sample.shape}, but the first has {first.shape}; bring all to one shape, in "
                    "the dataset's transform."
                )
            gathering.add(sample, divisor)
            if first is None:
                first = sample.copy()
            if item.label is not None:
                labels.append(as_array(item.label, name))
            if k == 0 and item.n_parts > 2:
                notes.append(
                    f"{what}: of the {item.n_parts} parts of an item the first was taken for the input and the second "
                    "for its label."
                )
            advance(1)
        if first is None:
            raise InputError(f"{what} holds no samples; give at least one.")
        rows = gathering.rows()
    n_read = len(rows)
    if labels and len(labels) != n_read:
        raise InputError(f"{what} has a label for {len(labels)} of {n_read} samples; give one to all or to none.")
    if len({each.shape for each in labels}) > 1:
        raise InputError(f"{what} has labels of different shapes; give one class number a sample.")
    if limit is None and (dropped := _dropped(data, n_read)):
        notes.append(f"{what} leaves out the last {dropped} samples, which fill no batch (drop_last).")
    told = reader.notes(what)
    if _changes(data, first, reader, what):
        notes.append(
            f"{what} gives another sample 0 when it is asked again, as with random transforms; the results are about "
            "the inputs as they were read."
        )
    if resize is not None and not pictures:
        raise InputError(f"{what} gives arrays, and resize is for pictures; resize these in the dataset's transform.")
    return Given(
        rows=rows,
        where=what,
        labels=np.stack(labels) if labels else None,
        total=n,
        classes=_classes(data),
        unit=unit,
        scaled=pictures,
        scale=gathering.scale,
        hint=reader.hint,
        notes=(*notes, *told),
    )


def _each(data: Any) -> Iterator[Any]:
    """The items, by their numbers where there are some: many datasets have no end when iterated."""
    if not isinstance(data, DataLoader | IterableDataset) and hasattr(data, "__getitem__"):
        n = _length(data)
        if n is not None:
            return (data[k] for k in range(n))
    return iter(data)


def _length(data: Any) -> int | None:
    try:
        return len(data)
    except (TypeError, NotImplementedError):
        return None


def _item(given: Any, what: str) -> _Item:
    """What stands for the sample and for the label."""
    if isinstance(given, Mapping):
        names = {str(name).lower(): name for name in given}
        sample = next((given[names[name]] for name in DATA_NAMES if name in names), None)
        label = next((given[names[name]] for name in LABEL_NAMES if name in names), None)
        if sample is None:
            raise InputError(
                f"{what} gives items with {', '.join(map(str, given))}; call the input one of {', '.join(DATA_NAMES)}."
            )
        return _Item(sample, label, 2)
    if isinstance(given, tuple | list) and given and (is_array(given[0]) or _is_picture(given[0])):
        return _Item(given[0], given[1] if len(given) > 1 else None, len(given))
    if isinstance(given, tuple | list) and given and isinstance(given[0], list | tuple) and _is_picture(given[0][0]):
        return _Item(given[0], given[1] if len(given) > 1 else None, len(given))  # a batch of pictures
    return _Item(np.asarray(given) if isinstance(given, tuple | list | float | int) else given, None, 1)


def _of_batch(item: _Item, what: str) -> Iterable[_Item]:
    """The samples of a batch."""
    try:
        n = len(item.sample)
    except TypeError:
        raise InputError(f"{what} gives items that are no batches of samples; collate arrays.") from None
    if item.label is not None and len(item.label) != n:
        raise InputError(f"{what} gives a batch of {n} samples with {len(item.label)} labels; give each one.")
    labels = itertools.repeat(None) if item.label is None else item.label
    return (_Item(sample, label, item.n_parts) for sample, label in zip(item.sample, labels, strict=False))


def _is_picture(given: object) -> bool:
    return hasattr(given, "mode") and hasattr(given, "convert") and hasattr(given, "getbands")


def _picture(given: Any, name: str) -> Any:
    if not _is_picture(given):
        raise InputError(f"{name} is a {type(given).__name__}; give arrays, or pictures of Pillow.")
    return given


def _classes(data: Any) -> tuple[str, ...]:
    """Names of the classes, as torchvision's datasets have them."""
    names = getattr(getattr(data, "dataset", data), "classes", ())
    return tuple(names) if isinstance(names, list | tuple) and all(isinstance(name, str) for name in names) else ()


def _shuffles(data: Any) -> bool:
    sampler = getattr(data, "sampler", None)
    return isinstance(data, DataLoader) and isinstance(
        sampler, RandomSampler | SubsetRandomSampler | WeightedRandomSampler
    )


def _dropped(data: Any, n_read: int) -> int:
    """How many samples a loader leaves out, as they fill no batch."""
    if not (isinstance(data, DataLoader) and getattr(data, "drop_last", False)):
        return 0
    return max(0, (_length(data.sampler) or 0) - n_read)


def _changes(data: Any, first: np.ndarray, reader: Reader, what: str) -> bool:
    """Whether the first item is another one when it is asked for again."""
    if isinstance(data, DataLoader | IterableDataset) or not hasattr(data, "__getitem__"):
        return False
    again = _item(data[0], what).sample
    values = as_numbers(again, what) if is_array(again) else reader.sample(again, what)[0]
    return not np.array_equal(values, first, equal_nan=values.dtype.kind == "f")
