"""Parts of few numbers are made of the bytes of one that Arrow wrote: to the byte what it would have written."""

from __future__ import annotations

import math
import struct
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from study.forged import signed_part
from unrelu.study.columns import COUNT, REAL, TEXT, columns, table
from unrelu.study.parts import part_file
from unrelu.study.parts.layout import MOST
from unrelu.study.parts.part import Failure, Part
from unrelu.study.parts.part_file import DamagedPart, decode, encode, handed_over

SCHEMA = columns(("input", COUNT, "its index"), ("value", REAL, "a number"))
NUMBERS = [0.1, -0.0, 5e-324, math.inf, -math.inf, math.nan, math.pi]


def part(n: int = 2, number: int = 7, start: int = 0, **more: object) -> Part:
    rows = [{"input": (start + k) * (-1) ** k, "value": NUMBERS[(start + k) % 7]} for k in range(n)]
    given = {"failures": (), "seconds": 0.25, **more}
    return Part(f"{number:024x}", number, table(SCHEMA, rows), **given)  # pyright: ignore[reportArgumentType]


@pytest.fixture(autouse=True)
def _unknown() -> None:
    part_file._WRITING.clear()
    part_file._READING.clear()


def bits(rows: pa.Table) -> list[bytes]:
    return [struct.pack(">qd", row["input"], row["value"]) for row in rows.to_pylist()]


@pytest.mark.parametrize("n", [1, 2, 13, MOST, MOST + 1])
def test_the_bytes_are_those_that_arrow_writes(n: int) -> None:
    every = [part(n, number, start=number) for number in range(20)] + [part(n, 3, seconds=math.pi * 1e-5)]
    plain = []
    for each in every:
        part_file._WRITING.clear()
        plain.append(encode(each))
    assert (len(part_file._WRITING) == 1) == (n <= MOST)
    assert [encode(each) for each in every] == plain
    assert len(set(plain)) == len(every)


@pytest.mark.parametrize("failures", [(), (Failure("relu1", (3, 5), "no ∞ picture"),)])
def test_what_is_written_is_read_back_to_the_bit(failures: tuple[Failure, ...]) -> None:
    for number in range(9):
        written = part(3, number, start=number, failures=failures, unfinished=failures)
        content = encode(written)
        for found in (decode(content, SCHEMA), handed_over(content, SCHEMA)):
            assert bits(found.rows) == bits(written.rows)
            assert found.rows.schema.equals(SCHEMA, check_metadata=True)
            assert (found.key, found.number, found.failures) == (written.key, number, failures)
            assert found.unfinished == failures
    assert len(part_file._READING) == 1


def test_every_bit_counts_where_the_layout_is_known() -> None:
    content = encode(part(2))
    decode(encode(part(2, 8)), SCHEMA)
    assert part_file._READING
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        with pytest.raises(DamagedPart):
            decode(bytes(changed), SCHEMA)
    for length in (0, 1, len(content) - 1):
        with pytest.raises(DamagedPart):
            decode(content[:length], SCHEMA)


def test_other_columns_of_the_same_size_have_another_layout() -> None:
    other = columns(("input", REAL, "its index"), ("value", COUNT, "a number"))
    content = encode(part(1))
    decode(content, SCHEMA)
    with pytest.raises(DamagedPart, match="columns are others"):
        decode(content, other)


def test_what_others_wrote_is_read_as_they_wrote_it() -> None:
    """A file of another writer has no layout of ours, or one of its own, by which only its own kind is read."""
    about = b'{"key": "a", "number": 1, "failures": [], "seconds": 0.5, "files": {}, "unfinished": []}'
    for settings in (
        {"compression": "zstd"},
        {"compression": "none"},
        {"compression": "none", "write_statistics": False},
    ):
        for start in range(3):
            rows = part(2, start=start).rows
            assert bits(decode(signed_part(rows, about, **settings), SCHEMA).rows) == bits(rows)


def test_missing_values_and_texts_are_written_by_arrow() -> None:
    holed = columns(("input", COUNT, "its index"), ("value", REAL, "a number; null where there is none"))
    for values in ([None, 1.0], [2.0, None], [1.0, 2.0], [None, None]):
        rows = table(holed, [{"input": k, "value": value} for k, value in enumerate(values)])
        found = decode(encode(Part("a", 1, rows, (), 0.5)), holed)
        assert found.rows["value"].to_pylist() == values
    named = columns(("layer", TEXT, "of which"))
    for name in ("relu1", "relu22", ""):
        found = decode(encode(Part("a", 1, table(named, [{"layer": name}]), (), 0.5)), named)
        assert found.rows["layer"].to_pylist() == [name]


def test_slices_and_joined_tables_keep_their_own_rows() -> None:
    rows = part(9).rows
    for chosen in (rows.slice(2, 3), rows.slice(5), pa.concat_tables([rows.slice(7), rows.slice(0, 1)])):
        written = Part("a", 1, chosen, (), 0.5)
        for _ in range(2):
            assert bits(decode(encode(written), SCHEMA).rows) == bits(chosen)


def test_other_programs_read_them(tmp_path: Path) -> None:
    every = [part(2, number, start=number) for number in range(6)]
    for each in every:
        (tmp_path / each.name).write_bytes(encode(each))
    wanted = [code for each in every for code in bits(each.rows)]
    for rows in (
        pd.read_parquet(tmp_path).to_dict("records"),
        pl.read_parquet(tmp_path / "*.parquet").to_dicts(),
        duckdb.read_parquet(f"{tmp_path}/*.parquet").to_arrow_table().to_pylist(),
    ):
        assert [struct.pack(">qd", row["input"], row["value"]) for row in rows] == wanted
