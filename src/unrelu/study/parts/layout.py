"""Parts of few numbers, whose files differ in these, in what is said of them and in the checksum alone.

Arrow takes many times as long to write or read a row of two numbers as to copy them. So it writes one file of a kind,
and the others are made of its bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

MOST = 64
"""Rows of a part that is written so, at most."""

_WIDTH = 8
_NUMBERS = {pa.int64(), pa.float64()}


@dataclass(frozen=True)
class Layout:
    """Where in the files of a kind what differs lies.

    Attributes:
        n_rows: how many rows.
        fixed: the bytes before, between and behind what differs.
        holes: from where to where it lies: each column, what is said of the part, and the checksum.
    """

    n_rows: int
    fixed: tuple[bytes, ...]
    holes: tuple[tuple[int, int], ...]

    def filled(self, values: Sequence[bytes]) -> bytes:
        """The file with these bytes where files differ."""
        parts = [self.fixed[0]]
        for value, rest in zip(values, self.fixed[1:], strict=True):
            parts += (value, rest)
        return b"".join(parts)

    def found(self, content: bytes) -> list[bytes] | None:
        """The bytes of a file where files differ; None if it differs elsewhere."""
        values, at = [], 0
        for rest, (start, end) in zip(self.fixed, self.holes, strict=False):
            if content[at:start] != rest:
                return None
            values.append(content[start:end])
            at = end
        return values if content[at:] == self.fixed[-1] else None

    def table(self, values: Sequence[bytes], schema: pa.Schema) -> pa.Table:
        """The table of these columns."""
        arrays = [
            pa.Array.from_buffers(kind, self.n_rows, [None, pa.py_buffer(value)], 0)
            for kind, value in zip(schema.types, values, strict=False)
        ]
        return pa.Table.from_arrays(arrays, schema=schema)


def columns_of(rows: pa.Table) -> list[bytes] | None:
    """The bytes of a table's columns; None where it is none of few numbers, all of them known."""
    if not 0 < rows.num_rows <= MOST:
        return None
    found = []
    for column in rows.itercolumns():
        if column.type not in _NUMBERS or column.num_chunks != 1 or column.null_count:
            return None
        chunk = column.chunk(0)
        start = _WIDTH * chunk.offset
        found.append(memoryview(chunk.buffers()[1])[start : start + _WIDTH * rows.num_rows].tobytes())
    return found


def layout_of(sample: bytes, columns: Sequence[bytes], about: bytes, checksum: bytes) -> Layout:
    """The layout of a file that Arrow has written.

    Args:
        sample: the file.
        columns: the bytes of its columns.
        about: what is said of the part.
        checksum: the part's.

    Raises:
        ValueError: if they do not lie where they should.
    """
    group = pq.read_metadata(pa.BufferReader(sample)).row_group(0)
    ends = []
    for index, values in enumerate(columns):
        column = group.column(index)
        ends.append((column.data_page_offset + column.total_compressed_size, values))
    ends += [(sample.rfind(each) + len(each), each) for each in (about, checksum)]
    holes = tuple((end - len(values), end) for end, values in ends)
    bounds = [0, *(place for hole in holes for place in hole), len(sample)]
    fixed = tuple(sample[start:end] for start, end in zip(bounds[::2], bounds[1::2], strict=True))
    found = Layout(group.num_rows, fixed, holes)
    if bounds != sorted(bounds) or found.found(sample) != [values for _, values in ends]:
        raise ValueError("the file is not written as expected")
    return found
