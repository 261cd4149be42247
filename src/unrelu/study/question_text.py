"""Questions as people write them on a command line."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any, get_args, get_type_hints

from unrelu.errors import InputError
from unrelu.polyhedra.domains import Box, Domain
from unrelu.study.question import Question
from unrelu.untrusted.printable import printable

FORM = "NAME, or NAME:VALUE,FIELD=VALUE,... as in spectra:32, uniqueness:0..1 or metamers:24,layer=relu2"


def read_question(text: str, kinds: Mapping[str, type[Question]], read_ranges: Callable[[str], Domain]) -> Question:
    """The question that a text names, with its settings.

    Values without a field's name are those of the first fields, in order. A domain is LOW..HIGH, none, or whatever
    `read_ranges` reads; several values are joined by "+".

    Args:
        text: as in `FORM`.
        kinds: the questions by name.
        read_ranges: gives the domain that a file describes.

    Raises:
        InputError: if there is no such question, or a setting is not one of its.

    >>> from unrelu.study.questions import Metamers
    >>> read_question("metamers:24,norms=1+inf", {"metamers": Metamers}, lambda path: Box(0, 1)).norms
    (1.0, inf)
    """
    name, _, rest = text.partition(":")
    if name not in kinds:
        raise InputError(f"there is no question {printable(name, 40)!r}; the questions are {', '.join(kinds)}.")
    kind = kinds[name]
    known = {each.name: each for each in fields(kind)}  # pyright: ignore[reportArgumentType]
    hints = get_type_hints(kind)
    settings: dict[str, object] = {}
    for place, part in enumerate(rest.split(",") if rest else ()):
        field, equals, value = part.partition("=")
        if not equals:
            field, value = (list(known)[place] if place < len(known) else ""), part
        if field not in known or field in settings:
            told = ", ".join(known) or "none"
            raise InputError(f"{name} has no setting for {printable(part, 40)!r}; its settings are {told}.")
        try:
            settings[field] = _value(hints[field], value, read_ranges)
        except ValueError:
            raise InputError(
                f"{printable(value, 40)!r} is no value for {field} of {name}; {_wanted(hints[field])}."
            ) from None
    missing = [each.name for each in known.values() if _is_needed(each) and each.name not in settings]
    if missing:
        raise InputError(f"{name} needs {' and '.join(missing)}; write {name}:{missing[0]}=VALUE.")
    return kind(**settings)


def told(kind: type[Question]) -> str:
    """A question in a line: its name, its settings and what it asks."""
    settings = ", ".join(each.name for each in fields(kind))  # pyright: ignore[reportArgumentType]
    doc = (kind.__doc__ or "").strip().splitlines()[0]
    return f"{kind.name}{f' ({settings})' if settings else ''}: {doc}"


def _is_needed(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _value(hint: Any, text: str, read_ranges: Callable[[str], Domain]) -> object:
    options = set(get_args(hint)) if type(None) in get_args(hint) else {hint}
    if text == "none" and type(None) in options:
        return None
    (kind,) = options - {type(None)}
    if kind is bool:
        if text not in ("yes", "no"):
            raise ValueError(text)
        return text == "yes"
    if kind is int:
        return int(text)
    if kind is float:
        return float(text)
    if kind is str:
        return text
    if kind is Domain:
        low, dots, high = text.partition("..")
        return Box(_end(low), _end(high)) if dots else read_ranges(text)
    (inner,) = get_args(kind)
    return tuple(inner(each) for each in text.split("+"))


def _end(text: str) -> float:
    value = float(text)
    if math.isnan(value):
        raise ValueError(text)
    return value


def _wanted(hint: Any) -> str:
    words = str(hint)
    if "bool" in words:
        return "write yes or no"
    if "Domain" in words:
        return "write LOW..HIGH, none, or the name of a file of ranges"
    if "Sequence" in words:
        return "write values joined by +"
    return "write a whole number" if "int" in words else "write a number"
