"""The class of each input, as whole numbers or as rows of one 1 among zeros."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from unrelu.errors import InputError
from unrelu.untrusted.printable import printable


def label_mismatch(declared: tuple[int, ...], n: int) -> str:
    """What is wrong with the shape of labels for n samples; "" if nothing.

    They have shape (n,) or (n, 1), or (n, k) for rows with a 1 in the place of the class.
    """
    if declared in ((n,), (n, 1)) or (len(declared) == 2 and declared[0] == n and declared[1] > 1):
        return ""
    return f"holds labels of shape {declared} for {n} samples; they must have shape ({n},)."


def as_array(labels: object, where: str) -> np.ndarray:
    """Labels as a user has them, as an array of numbers, or of names of classes.

    Raises:
        InputError: if they are neither.
    """
    values = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    if values.dtype == object and values.size and all(isinstance(name, str) for name in values.flat):
        values = values.astype(str)
    if values.dtype.kind not in "biufU":
        raise InputError(f"{where} tells classes by {values.dtype}; give the index of each class, or its name.")
    return values


def numbers_of_names(names: np.ndarray, classes: Sequence[str], where: str, refusal: type[InputError]) -> np.ndarray:
    """The index of each name among those of the classes.

    Args:
        names: of any shape.
        classes: all of them, by index; none if nobody said.
        where: what to call the names.
        refusal: what to raise.

    Returns:
        int64, of the same shape.

    Raises:
        InputError: (as `refusal`) if a name is that of no class.
    """
    if not classes:
        raise refusal(
            f"{where} tells classes by name; name all of them in the order of the network's outputs (classes, "
            "--classes), or give the index of each."
        )
    index = {name: number for number, name in enumerate(classes)}
    wrong = next((name for name in names.flat if str(name) not in index), None)
    if wrong is not None:
        raise refusal(
            f"{where} names the class {printable(str(wrong))!r}, and the classes are {printable(', '.join(classes))}; "
            "give each name as it is among these."
        )
    return np.array([index[str(name)] for name in names.flat], dtype=np.int64).reshape(names.shape)


def class_numbers(
    values: np.ndarray, n: int, where: str, refusal: type[InputError]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """One class number a sample, and sentences on how they were found.

    Args:
        values: of a shape without `label_mismatch` for n samples.
        n: how many samples there are.
        where: what to call them.
        refusal: what to raise.

    Returns:
        (n,) int64.

    Raises:
        InputError: (as `refusal`) if they are no whole numbers from 0 on, or rows that do not name one class.
    """
    if wrong := label_mismatch(values.shape, n):
        raise refusal(f"{where} {wrong}")
    if values.ndim == 2 and values.shape[1] > 1:
        return _from_rows(values, where, refusal), (
            f"{where}: labels of shape {values.shape} are rows with a 1 in the place of the class; it was taken.",
        )
    values = values.reshape(n)
    with np.errstate(invalid="ignore"):
        labels = values.astype(np.int64)
    if not np.array_equal(labels, values):
        raise refusal(f"{where} has labels that are not whole numbers; give one class number a sample.")
    if n and labels.min() < 0:
        at = int(np.argmax(labels < 0))
        raise refusal(
            f"{where} has the label {labels[at]} at sample {at}; classes are counted from 0, so leave samples without "
            'a class out, or all labels (labels="none", --labels none).'
        )
    return labels, ()


def check_range(labels: np.ndarray, n_outputs: int, n_classes: int, where: str, refusal: type[InputError]) -> None:
    """Refuse labels that no output of the network, or no name, stands for.

    Args:
        labels: (n,) int64, none below 0.
        n_outputs: of the network, one a class; 0 if that is not what its outputs are.
        n_classes: how many names there are; 0 if there are none.
        where: what to call them.
        refusal: what to raise.

    Raises:
        InputError: (as `refusal`) if a label is too large.
    """
    for limit, what in ((n_outputs, "the network has {} outputs"), (n_classes, "{} classes are named")):
        if limit and labels.max() >= limit:
            at = int(np.argmax(labels >= limit))
            begins = labels.min() == 1 and labels.max() == limit
            advice = (
                "they seem to begin at 1, so subtract 1"
                if begins
                else 'leave the labels out (labels="none", --labels none)'
            )
            raise refusal(
                f"{where} has the label {labels[at]} at sample {at}, but {what.format(limit)}, numbered from 0 to "
                f"{limit - 1}; {advice}, or give the network or names that go with them."
            )


def _from_rows(values: np.ndarray, where: str, refusal: type[InputError]) -> np.ndarray:
    ones = values == 1
    wrong = ((values != 0) & ~ones).any(axis=1) | (ones.sum(axis=1) != 1)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise refusal(
            f"{where} has labels of shape {values.shape}, whose row {at} is not one 1 among zeros; give one class "
            "number a sample."
        )
    return ones.argmax(axis=1).astype(np.int64)
