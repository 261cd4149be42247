"""Inputs for a network, read and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from unrelu.study.inputs.samples import Samples


@dataclass(frozen=True, eq=False)
class Inputs:
    """Inputs for a network, read and checked, whatever form they came in.

    Attributes:
        samples: the inputs, n >= 1 and finite, as they were given and where they lie: float64 is made of them where
            they are used.
        labels: (n,) int64, the class of each, or None where there are none.
        names: what each is called: the file name of a picture, otherwise "0", "1", ...
        classes: names of the classes by index, or empty.
        dtype: of the numbers as given: a float dtype of NumPy's that holds all values exactly.
        unit: unit roundoff of the dtype as given, by which inputs may miss the rows of a domain.
        picture_shape: (h, w), (1, h, w) or (3, h, w), where the network takes flat inputs that came as pictures of that
            shape; otherwise None.
        notes: sentences on what was done to them or guessed, which a person should read; often empty.
    """

    samples: Samples
    labels: np.ndarray | None
    names: tuple[str, ...]
    classes: tuple[str, ...]
    dtype: np.dtype
    unit: float
    picture_shape: tuple[int, ...] | None
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.samples)

    def __repr__(self) -> str:
        """A line: how many, of what shape, and whether they have labels."""
        labels = "without labels" if self.labels is None else "with labels"
        return f"Inputs({len(self)} of shape {self.samples.sample_shape}, {labels})"

    @cached_property
    def values(self) -> np.ndarray:
        """(n, *input_shape) float64 in C order: exactly the numbers given, unless `notes` say otherwise.

        All of them are brought into memory, and stay there.
        """
        values = self.samples[:]
        self.__dict__["samples"] = Samples.of(values)  # once is enough
        return values

    @property
    def as_given(self) -> np.ndarray:
        """The values in the dtype that they came in."""
        return self.values.astype(self.dtype)

    def take(self, indices: Sequence[int]) -> Inputs:
        """The inputs at some positions, in that order, with all notes.

        Args:
            indices: at least one, from 0 on.
        """
        chosen = list(indices)
        labels = None if self.labels is None else self.labels[chosen]
        names = tuple(self.names[index] for index in chosen)
        return replace(self, samples=self.samples.take(chosen), labels=labels, names=names)

    @property
    def sha256(self) -> str:
        """A name for the values, whatever file or dtype they came in."""
        return self.samples.sha256
