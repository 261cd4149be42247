"""Pictures on the page, each with its facts below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from unrelu.report.png import picture_uri
from unrelu.study.shown.parts import Part, Sentence, plain

if TYPE_CHECKING:
    from unrelu.study.shown.gallery import Gallery, Pictured


@dataclass(frozen=True)
class Card:
    """One picture.

    Attributes:
        role: what it is among those beside it, in one word.
        label: what stands above its facts.
        picture: a `data:` address.
        alt: the picture in words.
        said: the predicted class.
        facts: pairs of a word and a number.
    """

    role: str
    label: str
    picture: str
    alt: str
    said: Part
    facts: tuple[tuple[str, Sentence], ...] = ()


@dataclass(frozen=True)
class CardStrip:
    """Pictures that belong together.

    Attributes:
        heading: what they are.
        note: what to know of them.
        cards: in the order in which they stand side by side.
    """

    heading: Sentence
    note: Sentence
    cards: tuple[Card, ...]


def card_strips(gallery: Gallery) -> tuple[CardStrip, ...]:
    """A gallery as the page shows it."""
    return tuple(
        CardStrip(strip.heading, strip.note, tuple(_card(each) for each in strip.pictures)) for strip in gallery.strips
    )


def _card(pictured: Pictured) -> Card:
    picture = picture_uri(pictured.values, pictured.shape, pictured.limits)
    return Card(pictured.role, pictured.label, picture, plain(pictured.alt), pictured.said, pictured.facts)
