"""Samples as they were found, before they are made a network's inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.errors import InputError
from unrelu.study.inputs.samples import Rows, Samples


@dataclass(frozen=True, eq=False)
class Given:
    """Samples as they were found.

    Attributes:
        rows: (n, *any shape) of real numbers, n >= 1, in memory that is nobody else's or in a file; or samples that
            were read before.
        where: what to call them in a sentence, such as "pictures.npz".
        refusal: what is raised where they do not fit.
        labels: of any shape and kind, as found beside them; None where there are none.
        total: how many there are in all where that is known; n of them were asked for.
        names: one each; empty where they have none.
        classes: names of the classes, as found.
        dtype: in which they were given, where it is not that of `rows`.
        unit: unit roundoff of their dtype, where it is not that of `rows`.
        scaled: whether they are pictures in the range that was asked for once they are divided by `scale`.
        scale: what pictures are still to be divided by; None for nothing.
        hint: shape of the pictures, where `rows` are flat.
        notes: what was done to them.
    """

    rows: Rows | Samples
    where: str
    refusal: type[InputError] = InputError
    labels: np.ndarray | None = None
    total: int | None = None
    names: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    dtype: np.dtype | None = None
    unit: float | None = None
    scaled: bool = False
    scale: float | None = None
    hint: tuple[int, ...] | None = None
    notes: tuple[str, ...] = ()
