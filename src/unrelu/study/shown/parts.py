"""Pieces of text that remember which stored record a number comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A piece of a sentence or the content of a cell.

    Attributes:
        text: what to show; escaped by the page.
        source: for a number or a name, the record it comes from: "table/row/column" or "info/field"; "" for words.
    """

    text: str
    source: str = ""


Sentence = tuple[Part, ...]
"""A sentence, in pieces."""


def sentence(template: str, **values: Part | Sentence) -> Sentence:
    """Put parts into a template.

    >>> sentence("At {k} inputs.", k=Part("3", "layers/0/finite"))
    (Part(text='At ', source=''), Part(text='3', source='layers/0/finite'), Part(text=' inputs.', source=''))
    """
    parts: list[Part] = []
    for piece in re.split(r"(\{\w+\})", template):
        if piece.startswith("{"):
            value = values[piece[1:-1]]
            parts.extend(value if isinstance(value, tuple) else (value,))
        elif piece:
            parts.append(Part(piece))
    return tuple(parts)


def plain(parts: Sentence) -> str:
    """The sentence as text."""
    return "".join(part.text for part in parts)
