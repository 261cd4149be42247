"""Parquet files, measured before they are read."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from unrelu.untrusted.parquet_pages import Page, pages

PACKED = 20
"""Times its size that a file may grow when it is read: numbers with random bits shrink by a tenth, digits by half."""

ROOM = 2**28
"""Bytes (256 MiB) that a table may take in any case, however well it was packed."""

_VALUE = 16
"""Bytes that a value takes beside what is written for it: where it begins, whether it is there, in which list it is."""

_ENCODINGS = {"PLAIN", "RLE", "BIT_PACKED"}


@dataclass(frozen=True)
class GroupSize:
    """What reading a row group takes.

    Attributes:
        rows: how many there are.
        bytes: at most so many in memory.
    """

    rows: int
    bytes: int


def open_table(
    source: io.BufferedIOBase, schema: pa.Schema, room: int = ROOM, *, whole: bool = False
) -> pq.ParquetFile:
    """Open a table of known columns, once it is known how much memory it takes to read any part of it.

    The numbers in the file's own summary are not taken for true: the headers of all pages are read, which say how much
    is unpacked and how many values are in it, and which whoever reads a page goes by. Columns with a dictionary are
    refused, since there a few bytes may stand for a long text many times; our files are written without.

    Args:
        source: the file.
        schema: the columns that it must have.
        room: bytes that a row group may take, beside `PACKED` times the size of the file.
        whole: whether all row groups together may take no more than that.

    Returns:
        The file.

    Raises:
        ValueError: if it is no such table, or would take more.
        OSError: if it cannot be read.
        pyarrow.ArrowException: if it is no Parquet file.
    """
    size = source.seek(0, 2)
    source.seek(0)
    table = pq.ParquetFile(source)
    if not table.schema_arrow.equals(schema):
        raise ValueError("its columns are others")
    groups = [_measured(source, table.metadata.row_group(group), size) for group in range(table.num_row_groups)]
    taken = (sum if whole else max)([group.bytes for group in groups] or [0])
    if taken > room + PACKED * size:
        raise ValueError(
            f"reading it would take {taken:,} bytes, more than the {room + PACKED * size:,} that a file of {size:,} "
            "bytes may"
        )
    if sum(group.rows for group in groups) != table.metadata.num_rows:
        raise ValueError("it counts its rows in two ways")
    return table


def _measured(source: io.BufferedIOBase, group: Any, size: int) -> GroupSize:
    taken = 0
    for index in range(group.num_columns):
        column = group.column(index)
        if column.has_dictionary_page or not _ENCODINGS.issuperset(column.encodings):
            raise ValueError("it is written with a dictionary or in another way than our tables are")
        start, length = column.data_page_offset, column.total_compressed_size
        if length == 0:  # of a table without rows
            continue
        if not 4 <= start <= start + length <= size:
            raise ValueError("a column lies outside the file")
        source.seek(start)
        for page in pages(source.read(length)):
            if page.kind not in (Page.DATA, Page.DATA_V2) or page.encoding not in (Page.PLAIN, None):
                raise ValueError("it has a page of another kind than our tables have")
            taken += page.unpacked + _VALUE * page.values
    return GroupSize(group.num_rows, taken + _VALUE * group.num_rows * group.num_columns)
