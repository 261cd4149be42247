"""What reading a table takes, from the headers of its pages, against what it takes."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrelu.untrusted.parquet import PACKED, open_table
from unrelu.untrusted.parquet_pages import Page, pages

SCHEMA = pa.schema([("text", pa.string()), ("numbers", pa.list_(pa.float64())), ("count", pa.int64())])


def written(table: pa.Table, **options: object) -> io.BytesIO:
    stream = io.BytesIO()
    pq.write_table(table, stream, **{"use_dictionary": False, "compression": "zstd", **options})  # pyright: ignore[reportArgumentType]
    return stream


def table(rows: int, letters: int, numbers: int) -> pa.Table:
    columns = {"text": ["a" * letters] * rows, "numbers": [np.zeros(numbers)] * rows, "count": [7] * rows}
    return pa.table(columns, schema=SCHEMA)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 40), st.integers(0, 3000), st.integers(0, 3000), st.sampled_from(["1.0", "2.0"]))
def test_a_table_takes_no_more_than_its_pages_say(rows: int, letters: int, numbers: int, version: str) -> None:
    made = table(rows, letters, numbers)
    stream = written(made, data_page_version=version, row_group_size=7)
    size = len(stream.getvalue())
    room = made.nbytes - PACKED * size - 1
    if rows and room > 0:
        with pytest.raises(ValueError, match="reading it would take"):
            open_table(stream, SCHEMA, room, whole=True)
    most = 3 * made.nbytes + 200 * (rows + 10)
    assert open_table(stream, SCHEMA, most, whole=True).read().equals(made)


@pytest.mark.parametrize("made", [table(1, 10**6, 0), table(1, 0, 10**5), table(20_000, 0, 0)])
def test_each_kind_of_column_counts(made: pa.Table) -> None:
    stream = written(made)
    with pytest.raises(ValueError, match="reading it would take"):
        open_table(stream, SCHEMA, 1000)


def test_columns_with_a_dictionary_and_other_encodings_are_refused() -> None:
    made = table(3, 2, 2)
    for options in (
        {"use_dictionary": True},
        {"use_dictionary": ["text"]},
        {"column_encoding": {"count": "DELTA_BINARY_PACKED"}},
        {"column_encoding": {"text": "DELTA_LENGTH_BYTE_ARRAY"}},
    ):
        with pytest.raises(ValueError, match="written with a dictionary or in another way"):
            open_table(written(made, **options), SCHEMA)


def test_other_columns_are_refused_before_their_pages() -> None:
    with pytest.raises(ValueError, match="its columns are others"):
        open_table(written(table(3, 2, 2).drop_columns(["count"])), SCHEMA)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80))
def test_bytes_are_pages_or_a_value_error(content: bytes) -> None:
    try:
        found = list(pages(content))
    except ValueError:
        return
    assert sum(page.packed for page in found) < len(content) or not content


def test_pages_of_a_column_are_all_of_it() -> None:
    stream = written(table(5, 1, 1000), compression="none", data_page_size=4096)
    column = pq.ParquetFile(stream).metadata.row_group(0).column(1)
    start = column.data_page_offset
    content = stream.getvalue()[start : start + column.total_compressed_size]
    found = list(pages(content))
    assert len(found) > 1
    assert all(page.kind == Page.DATA and page.encoding == Page.PLAIN for page in found)
    assert sum(page.values for page in found) == column.num_values == 5000
    for cut in (content[:-1], content + b"\x15"):
        with pytest.raises(ValueError, match=r"a page ends outside its column|a header ends too early"):
            list(pages(cut))
