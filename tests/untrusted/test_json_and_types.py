"""JSON from files: what the standard calls so, of the kinds that are asked for, and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from unrelu.untrusted.printable import printable
from unrelu.untrusted.strict_json import DEEPEST, read_json
from unrelu.untrusted.typed import typed


def read(folder: Path, content: str | bytes, limit: int = 10**6) -> Any:
    path = folder / "x.json"
    path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
    return read_json(path, limit)


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(2**63),
        1e308,
        5e-324,
        -0.0,
        "",
        'é\U0001f600\n\\"[{',
        [],
        {},
        {"a": [1, {"b": None}]},
        [[]] * 99,
    ],
)
def test_json_is_read(value: object, tmp_path: Path) -> None:
    for ascii_only in (True, False):
        assert read(tmp_path, json.dumps(value, ensure_ascii=ascii_only)) == value


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "Expecting value"),
        ("{", "Expecting"),
        ("[1] 2", "Extra data"),
        (b"\xff\xfe", "utf-8"),
        ('["a', "Unterminated"),
        ("NaN", "holds NaN"),
        ("[Infinity]", "holds Infinity"),
        ("[-Infinity]", "holds -Infinity"),
        ("[1e999]", "holds the number 1e999"),
        ("[" + "9" * 400 + "]", "a whole number of 400 characters"),
        ("[0." + "1" * 400 + "]", "too long or too large"),
        ("[-" + "9" * 5000 + "]", "a whole number of 5,001 characters"),
        ('{"a": 1, "a": 2}', "twice in one object"),
        ('["\\ud800"]', "surrogates not allowed"),
        ('"\ud800"', "utf-8"),
        ("[" * (DEEPEST + 1) + "]" * (DEEPEST + 1), "nested deeper"),
        ("[" * 100_000, "nested deeper"),
        ('{"a":' * 100_000, "nested deeper"),
    ],
)
def test_what_is_no_json_is_a_value_error(content: str | bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=words) as error:
        read(tmp_path, content)
    assert len(str(error.value)) < 300


def test_brackets_in_texts_do_not_nest(tmp_path: Path) -> None:
    assert read(tmp_path, json.dumps(['[{"\\' * 1000])) == ['[{"\\' * 1000]
    deepest = "[" * DEEPEST + "]" * DEEPEST
    assert json.dumps(read(tmp_path, deepest)) == deepest


def test_a_file_may_be_as_long_as_its_limit(tmp_path: Path) -> None:
    assert read(tmp_path, "[1,2,3]", limit=7) == [1, 2, 3]
    with pytest.raises(OSError, match="longer than the 6 bytes"):
        read(tmp_path, "[1,2,3]", limit=6)


@dataclass(frozen=True)
class Inner:
    count: int
    share: float


@dataclass(frozen=True)
class Outer:
    name: str
    flag: bool
    sizes: tuple[int, ...]
    pair: tuple[float, float] | None
    parts: dict[str, Inner]
    said: str | None


RIGHT: dict[str, Any] = {
    "name": "a",
    "flag": True,
    "sizes": [1, 2, 3],
    "pair": [0.5, 1],
    "parts": {"x": {"count": 1, "share": 2}},
    "said": None,
}


def test_values_become_what_is_annotated() -> None:
    assert typed(Outer, RIGHT) == Outer("a", True, (1, 2, 3), (0.5, 1.0), {"x": Inner(1, 2.0)}, None)
    assert typed(Outer, {**RIGHT, "pair": None, "said": "b", "sizes": [], "parts": {}}).pair is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": None}, "name is None and not a text"),
        ({"name": 3}, "name is 3 and not a text"),
        ({"flag": 1}, "flag is 1 and not true or false"),
        ({"flag": "true"}, "flag is 'true' and not"),
        ({"sizes": [1, True]}, r"sizes\[1\] is True and not a whole number"),
        ({"sizes": [1, 2.0]}, r"sizes\[1\] is 2.0 and not a whole number"),
        ({"sizes": [2**63]}, r"sizes\[0\] is 9223372036854775808"),
        ({"sizes": 3}, "sizes is 3 and not a list"),
        ({"sizes": "123"}, "sizes is '123' and not a list"),
        ({"sizes": None}, "sizes is None and not a list"),
        ({"pair": [1.0]}, "pair has 1 parts and not 2"),
        ({"pair": [1.0, "2"]}, r"pair\[1\] is '2' and not a number"),
        ({"pair": [1.0, float("inf")]}, r"pair\[1\] is inf and not a number"),
        ({"pair": [True, 0]}, r"pair\[0\] is True"),
        ({"parts": []}, r"parts is \[\] and not an object"),
        ({"parts": {"x": None}}, "parts.x is None and not an object"),
        ({"parts": {"x": {"count": 1}}}, "parts.x has no field 'share'"),
        ({"parts": {"x\n": 1}}, r"parts.x\\n is 1"),
        ({"more": 1}, "has a field 'more', which is not known"),
    ],
)
def test_a_value_of_another_kind_is_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        typed(Outer, {**RIGHT, **change})


@pytest.mark.parametrize("name", RIGHT)
def test_a_field_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=f"has no field '{name}'"):
        typed(Outer, {key: value for key, value in RIGHT.items() if key != name})


def test_what_is_shown_is_printable_and_short() -> None:
    assert printable("relu1 é 漢 C:\\a") == "relu1 é 漢 C:\\a"
    text = "".join(map(chr, range(0x3000))) + "\u202e\ud800\ufeff\U000e0001"
    assert printable(text, 10**6).isprintable()
    assert printable("\ud800").encode() == b"\\ud800"
    assert printable("ab" * 10**6) == "ab" * 250 + "..."
    with pytest.raises(ValueError, match="which is not known") as error:
        typed(Inner, {"count": 1, "share": 1.0, "\x1b" * 10**6: 1})
    assert len(str(error.value)) < 200
    assert str(error.value).isprintable()
