"""The headers of the pages of a Parquet column: how much each unpacks to, before anything is unpacked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

_STRUCT = 12

_DEEPEST = 16  # structures within each other


@dataclass(frozen=True)
class Page:
    """What the header of a page says.

    Attributes:
        kind: DATA, DATA_V2, or another.
        unpacked: bytes after decompression.
        packed: bytes in the file, behind the header.
        values: how many there are, missing ones included.
        encoding: PLAIN (0), or another.
    """

    kind: int
    unpacked: int
    packed: int
    values: int
    encoding: int | None

    DATA: ClassVar[int] = 0
    DATA_V2: ClassVar[int] = 3
    PLAIN: ClassVar[int] = 0


def pages(column: bytes) -> Iterator[Page]:
    """The pages of a column, from its bytes in the file.

    A header is a structure in Thrift's compact protocol, of the fields 1 kind, 2 and 3 sizes unpacked and packed, and 5
    or 8 a structure on data pages, whose field 1 is the number of values and whose encoding is field 2, or 4.

    Source: Apache Parquet, parquet.thrift (PageHeader, DataPageHeader, DataPageHeaderV2).

    Raises:
        ValueError: if the bytes are no sequence of pages.
    """
    reader = _Reader(column)
    while reader.place < len(column):
        header = reader.structure(0)
        data = header.get(5) or header.get(8)
        sizes = [header.get(field) for field in (1, 2, 3)]
        if not isinstance(data, dict) or not all(isinstance(number, int) for number in sizes):
            raise ValueError("a page has no header of data")
        kind, unpacked, packed = (int(number) for number in sizes)  # pyright: ignore[reportArgumentType]
        values, encoding = data.get(1), data.get(2 if 5 in header else 4)
        if not isinstance(values, int) or min(unpacked, packed, values) < 0:
            raise ValueError("a page has a negative size")
        yield Page(kind, unpacked, packed, values, encoding if isinstance(encoding, int) else None)
        reader.place += packed
    if reader.place != len(column):
        raise ValueError("a page ends outside its column")


class _Reader:
    """Thrift's compact protocol, as far as headers need it: numbers, flags and structures; text is passed over."""

    def __init__(self, content: bytes) -> None:
        self.content, self.place = content, 0

    def structure(self, depth: int) -> dict[int, object]:
        if depth > _DEEPEST:
            raise ValueError("a header is nested too deep")
        found: dict[int, object] = {}
        field = 0
        while (head := self.byte()) != 0:
            field = field + (head >> 4) if head >> 4 else self.signed()
            found[field] = self.value(head & 15, depth)
        return found

    def value(self, kind: int, depth: int) -> object:
        if kind in (1, 2):  # a flag is its own kind
            return kind == 1
        if kind == 3:
            return self.byte()
        if kind in (4, 5, 6):
            return self.signed()
        if kind == 7:
            return self.skip(8)
        if kind == 8:
            return self.skip(self.unsigned())
        if kind == _STRUCT:
            return self.structure(depth + 1)
        raise ValueError("a header holds what a page has not")

    def byte(self) -> int:
        if self.place >= len(self.content):
            raise ValueError("a header ends too early")
        self.place += 1
        return self.content[self.place - 1]

    def unsigned(self) -> int:
        number = 0
        for shift in range(0, 70, 7):
            byte = self.byte()
            number |= (byte & 127) << shift
            if byte < 128:
                return number
        raise ValueError("a number in a header is too long")

    def signed(self) -> int:
        number = self.unsigned()
        return (number >> 1) ^ -(number & 1)

    def skip(self, count: int) -> None:
        if count > len(self.content) - self.place:
            raise ValueError("a header ends too early")
        self.place += count
