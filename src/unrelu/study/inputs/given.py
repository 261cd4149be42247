"""Samples as they were found, before they are made a network's inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.errors import InputError


@dataclass(frozen=True, eq=False)
class Given:
    """Samples as they were found.

    Attributes:
        values: (n, *any shape) of real numbers, n >= 1.
        where: what to call them in a sentence, such as "pictures.npz".
        refusal: what is raised where they do not fit.
        labels: of any shape and kind, as found beside them; None where there are none.
        total: how many there are in all where that is known; n of them were asked for.
        names: one each; empty where they have none.
        classes: names of the classes, as found.
        unit: unit roundoff of their dtype, where it is not that of `values`.
        shared: whether the values may lie in memory of the caller's.
        scaled: whether they are pictures in the range that was asked for.
        hint: shape of the pictures, where `values` are flat.
        notes: what was done to them.
    """

    values: np.ndarray
    where: str
    refusal: type[InputError] = InputError
    labels: np.ndarray | None = None
    total: int | None = None
    names: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    unit: float | None = None
    shared: bool = False
    scaled: bool = False
    hint: tuple[int, ...] | None = None
    notes: tuple[str, ...] = ()
