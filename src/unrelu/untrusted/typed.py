"""Values from files as dataclasses, each of the kind that its annotation says."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from unrelu.untrusted.printable import printable

ValueT = TypeVar("ValueT")

_NAMES = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", NoneType: "null"}


def typed(kind: type[ValueT], value: object, where: str = "it") -> ValueT:
    """A value that was read from JSON, as a value of an annotated kind; nothing is converted that is not that already.

    Kinds are bool, int (of 64 bits), float (finite), str, None, `X | None`, tuples, `dict[str, X]` and dataclasses of
    these, whose fields must be there, all of them and no others.

    Args:
        kind: of the value.
        value: as `json` reads it.
        where: what to call it in an error.

    Raises:
        ValueError: if it is of another kind; the message names the field.

    >>> typed(tuple[int, ...], [2, 3])
    (2, 3)
    """
    return _typed(kind, value, where)


def _typed(kind: Any, value: object, where: str) -> Any:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is UnionType:
        if value is None and NoneType in inner:
            return None
        (other,) = (each for each in inner if each is not NoneType)
        return _typed(other, value, where)
    if origin is tuple:
        return _tuple(inner, _expect(list, value, where, "a list"), where)
    if origin is dict:
        items = _expect(dict, value, where, "an object").items()
        return {str(key): _typed(inner[1], each, f"{where}.{printable(str(key), 40)}") for key, each in items}
    if is_dataclass(kind):
        return _record(kind, _expect(dict, value, where, "an object"), where)
    return _plain(kind, value, where)


def _plain(kind: Any, value: object, where: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    right = type(value) is kind
    if kind is int and right:
        right = -(2**63) <= int(value) < 2**63  # pyright: ignore[reportArgumentType]
    if kind is float and right:
        right = math.isfinite(float(value))  # pyright: ignore[reportArgumentType]
    if not right:
        raise ValueError(f"{where} is {printable(repr(value), 60)} and not {_NAMES[kind]}")
    return value


def _tuple(inner: tuple[Any, ...], values: list[object], where: str) -> tuple[Any, ...]:
    kinds = (inner[0],) * len(values) if inner[1:] == (...,) else inner
    if len(kinds) != len(values):
        raise ValueError(f"{where} has {len(values)} parts and not {len(kinds)}")
    return tuple(_typed(kind, each, f"{where}[{k}]") for k, (kind, each) in enumerate(zip(kinds, values, strict=True)))


def _record(kind: Any, record: dict[str, object], where: str) -> Any:
    hints = _hints(kind)
    names = [field.name for field in fields(kind)]
    for name in names:
        if name not in record:
            raise ValueError(f"{where} has no field {name!r}")
    for name in record:
        if name not in names:
            raise ValueError(f"{where} has a field {printable(repr(name), 60)}, which is not known")
    prefix = "" if where == "it" else f"{where}."
    return kind(**{name: _typed(hints[name], record[name], f"{prefix}{name}") for name in names})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _expect(kind: type, value: object, where: str, name: str) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"{where} is {printable(repr(value), 60)} and not {name}")
    return value
