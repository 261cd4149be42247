"""Parts: every byte of their files is checked, and they say what their tasks could not answer."""

from __future__ import annotations

import dataclasses
import io
import math
import struct

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from study.forged import ABOUT, signed_part
from unrelu.study.columns import COUNT, FLAG, REAL, REALS, TEXT, columns, table
from unrelu.study.parts.part import Failure, Part
from unrelu.study.parts.part_file import DamagedPart, decode, encode

SCHEMA = columns(
    ("input", COUNT, "its index"),
    ("layer", TEXT, "of which"),
    ("proved", FLAG, "whether it is; null where not asked"),
    ("margin", REAL, "how clearly; null where not known"),
    ("values", REALS, "all of them"),
)


def part(n: int = 3, number: int = 7, failures: tuple[Failure, ...] = (), unfinished: tuple[Failure, ...] = ()) -> Part:
    """A part with every kind of column, numbers with all bits, signed zeros, infinities and nulls among them."""
    numbers = [0.1, -0.0, 5e-324, math.inf, -math.inf, math.pi]
    rows = [
        {
            "input": index,
            "layer": f"relu–{index}",
            "proved": (True, False, None)[index % 3],
            "margin": numbers[index % 6] if index % 2 else None,
            "values": numbers[: index % 7],
        }
        for index in range(n)
    ]
    return Part(
        "0123456789abcdef01234567", number, table(SCHEMA, rows), failures, 0.25, {"relu/000.npy": "0" * 64}, unfinished
    )


FAILED = (Failure("relu1", (3, 5), 'an input "3" is no ∞ picture'), Failure("", (), ""))


def bits(rows: pa.Table) -> list[object]:
    """The rows, floats as their bits: -0.0 is not 0.0."""

    def plain(value: object) -> object:
        if isinstance(value, float):
            return struct.pack(">d", value)
        return [plain(each) for each in value] if isinstance(value, list) else value

    return [{name: plain(value) for name, value in row.items()} for row in rows.to_pylist()]


@pytest.mark.parametrize("n", [0, 1, 3, 5000])
@pytest.mark.parametrize("failures", [(), FAILED])
def test_what_is_written_is_read_back_to_the_bit(n: int, failures: tuple[Failure, ...]) -> None:
    written = part(n, failures=failures, unfinished=failures[:1])
    found = decode(encode(written), SCHEMA)
    for field in dataclasses.fields(Part):
        if field.name != "rows":
            assert getattr(found, field.name) == getattr(written, field.name)
    assert bits(found.rows) == bits(written.rows)
    assert found.rows.schema.equals(SCHEMA, check_metadata=True)
    assert encode(found) == encode(written)


def test_large_parts_are_packed() -> None:
    assert len(encode(part(5000))) < part(5000).rows.nbytes / 4


@pytest.mark.parametrize("failures", [(), FAILED])
def test_every_bit_that_is_flipped_is_found(failures: tuple[Failure, ...]) -> None:
    content = encode(part(2, failures=failures))
    for place in range(len(content)):
        for bit in (0, 3, 7):
            changed = bytearray(content)
            changed[place] ^= 1 << bit
            with pytest.raises(DamagedPart):
                decode(bytes(changed), SCHEMA)


def test_every_length_but_the_whole_is_refused() -> None:
    content = encode(part(2))
    for length in range(len(content)):
        with pytest.raises(DamagedPart):
            decode(content[:length], SCHEMA)
    for more in (b"\0", b"PAR1", content):
        with pytest.raises(DamagedPart):
            decode(content + more, SCHEMA)
        with pytest.raises(DamagedPart):
            decode(more + content, SCHEMA)


def test_the_checksum_is_the_sha256_of_the_file_with_zeros_in_its_place() -> None:
    """How anybody can check a part without unrelu."""
    import hashlib

    content = encode(part())
    claimed = (pq.read_metadata(io.BytesIO(content)).metadata or {})[b"unrelu.sha256"]
    assert content.count(claimed) == 1
    assert hashlib.sha256(content.replace(claimed, b"0" * 64)).hexdigest().encode() == claimed


def test_a_part_can_be_written_by_hand() -> None:
    found = decode(signed_part(part().rows, ABOUT), SCHEMA)
    assert (found.key, found.number, found.seconds) == ("a", 1, 0.5)
    assert bits(found.rows) == bits(part().rows)


@pytest.mark.parametrize(
    "about",
    [
        b"",
        b"[]",
        b"{}",
        b"3",
        b"\xff",
        b"[" * 100_000,
        ABOUT.replace(b'"key": "a"', b'"key": 3'),
        ABOUT.replace(b"1", b'"1"'),
        ABOUT.replace(b"0.5", b"null"),
        ABOUT.replace(b'"failures": []', b'"failures": [{"layer": "a"}]'),
        ABOUT.replace(b'"files": {}', b'"files": {"a": null}'),
        ABOUT.replace(b'"files": {}', b'"files": {}, "more": 1'),
        ABOUT.replace(b', "unfinished": []', b""),
    ],
)
def test_a_right_checksum_does_not_make_a_part(about: bytes) -> None:
    with pytest.raises(DamagedPart):
        decode(signed_part(part().rows, about), SCHEMA)


def test_other_columns_and_missing_values_are_refused() -> None:
    good = part().rows
    for rows in (
        good.drop_columns(["margin"]),
        good.rename_columns(["a", *SCHEMA.names[1:]]),
        good.select([1, 0, 2, 3, 4]),
    ):
        with pytest.raises(DamagedPart, match="columns are others"):
            decode(signed_part(rows, ABOUT), SCHEMA)
    for name, value in (("input", None), ("layer", None), ("values", None), ("values", [None])):
        place = SCHEMA.get_field_index(name)
        holed = good.set_column(place, name, pa.array([value] * good.num_rows, SCHEMA.field(name).type))
        with pytest.raises(DamagedPart, match="lacks values"):
            decode(signed_part(holed, ABOUT), SCHEMA)


def test_files_that_unpack_without_end_are_refused() -> None:
    long = columns(("text", TEXT, "long"))
    many = pa.table({"text": ["a" * 1_000_000] * 400}, schema=long)
    with pytest.raises(DamagedPart, match="dictionary"):
        decode(signed_part(many, ABOUT, use_dictionary=True, compression="zstd"), long)
    with pytest.raises(DamagedPart, match="reading it would take"):
        decode(signed_part(many, ABOUT, compression="zstd"), long)


def test_names_sort_as_the_tasks() -> None:
    names = [part(number=number).name for number in (0, 1, 9, 10, 99_999, 100_000, 9_999_999)]
    assert names == sorted(names)
    assert all(name.endswith(f"-{part().key}.parquet") for name in names)
