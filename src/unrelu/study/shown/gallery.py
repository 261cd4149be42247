"""Pictures side by side with what is known of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.study.shown.parts import Part, Sentence


@dataclass(frozen=True, eq=False)
class Pictured:
    """An input that is shown as a picture.

    Attributes:
        role: what it is among those beside it, in one word.
        label: what stands above its facts.
        values: the input, flat in C order.
        shape: (h, w), (1, h, w) or (3, h, w).
        limits: values of black and of full brightness.
        alt: the picture in words.
        said: the class that the network says.
        facts: pairs of a word and a number.
    """

    role: str
    label: str
    values: np.ndarray
    shape: tuple[int, ...]
    limits: tuple[float, float]
    alt: Sentence
    said: Part
    facts: tuple[tuple[str, Sentence], ...] = ()


@dataclass(frozen=True, eq=False)
class Strip:
    """Pictures that belong together.

    Attributes:
        heading: what they are.
        note: what to know of them.
        pictures: in the order in which they stand side by side.
    """

    heading: Sentence
    note: Sentence
    pictures: tuple[Pictured, ...]


@dataclass(frozen=True, eq=False)
class Gallery:
    """Strips of pictures, one below the other.

    Attributes:
        key: what to call its file, in letters, digits and dashes.
        strips: the pictures.
        alt: all of them in words.
    """

    key: str
    strips: tuple[Strip, ...]
    alt: Sentence
