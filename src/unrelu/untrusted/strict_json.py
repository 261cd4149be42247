"""JSON from files, and only what the standard calls so."""

from __future__ import annotations

import json
import math
import os
import re
from typing import Any

from unrelu.untrusted.printable import printable
from unrelu.untrusted.regular_file import read_regular

DEEPEST = 32
"""Objects and lists within each other; ours have five."""

LONGEST_NUMBER = 40
"""Characters of a number; a float64 has at most 24, an integer of 64 bits 20."""

_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def read_json(path: str | os.PathLike[str], limit: int) -> Any:
    """The value of a JSON file.

    Beside what is no JSON at all, these are refused: NaN, infinities and numbers beyond float64, numbers of more than
    `LONGEST_NUMBER` characters, a key twice in one object (readers differ in which they take), halves of surrogate
    pairs, and values nested deeper than `DEEPEST`.

    Args:
        path: of the file.
        limit: bytes that it may have.

    Raises:
        OSError: if it cannot be read, is no file, or is longer.
        ValueError: if it is not such JSON.
    """
    return parse_json(read_regular(path, limit))


def parse_json(content: bytes) -> Any:
    """The value of JSON, as `read_json` takes it.

    Raises:
        ValueError: if it is not such JSON.
    """
    _check_depth(content)
    value = json.loads(
        content.decode("utf-8"),
        parse_constant=_constant,
        parse_float=_float,
        parse_int=_int,
        object_pairs_hook=_object,
    )
    # Escapes can name halves of surrogate pairs, which no file can hold as UTF-8.
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def _check_depth(content: bytes) -> None:
    depth = 0
    for token in _TOKENS.finditer(content):
        first = token.group()[:1]
        if first in b"[{":
            depth += 1
            if depth > DEEPEST:
                raise ValueError(f"it is nested deeper than {DEEPEST} levels")
        elif first in b"]}":
            depth -= 1


def _constant(text: str) -> float:
    raise ValueError(f"it holds {text}, which is no number of JSON")


def _float(text: str) -> float:
    if len(text) > LONGEST_NUMBER or not math.isfinite(float(text)):
        raise ValueError(f"it holds the number {printable(text, LONGEST_NUMBER)}, which is too long or too large")
    return float(text)


def _int(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"it holds a whole number of {len(text):,} characters")
    return int(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("it names something twice in one object")
    return found
