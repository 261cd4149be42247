"""Tables of numbers as people write them, and as they should not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unrelu.errors import DataError
from unrelu.study.number_table import LONGEST, read_table


@pytest.mark.parametrize(
    ("text", "values", "columns", "rows"),
    [
        ("1,2\n3,4\n", [[1, 2], [3, 4]], (), ()),
        ("a,b\n1,2", [[1, 2]], ("a", "b"), ()),
        (
            "\ufeffheat , from,to\r\nT, 10 ,210\r\n\r\nn,1e4,1e6\r\n",
            [[10, 210], [1e4, 1e6]],
            ("from", "to"),
            ("T", "n"),
        ),
        ('"T, kelvin",10,210\n', [[10, 210]], (), ("T, kelvin",)),
        ("y\n0.1\n-inf\n", [[0.1], [-np.inf]], ("y",), ()),
        ("7", [[7]], (), ()),
        (",a\nfirst,1\nsecond,2\n", [[1], [2]], ("a",), ("first", "second")),
    ],
)
def test_tables_are_read_with_the_names_beside_them(
    text: str, values: list[list[float]], columns: tuple[str, ...], rows: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode())
    table = read_table(path)
    assert np.array_equal(table.values, np.array(values, dtype=float))
    assert (table.columns, table.rows) == (columns, rows)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "holds no numbers"),
        (b"a,b\n", "holds no numbers"),
        (b"1,2\n3\n", "has 1 cells in row 2, but 2 in others"),
        (b"a,b,c\n1,2\n", "has 3 cells|has 2 cells"),
        (b"1,2\n3,nan\n", "has 'nan' where a number is expected, in the row that begins with '3'"),
        (b"1,2\n3,\n", "has '' where a number"),
        (b"1;2\n3;4\n", "holds no numbers|separated by commas"),
        (b"1_000,2\n3,4\n", "has '1_000' where a number"),
        (b"T,1,2\n3,4,5\n", "has 'T' where a number"),
        (b"\xff\xfe1\x00", "cannot be read"),
        (b'"1,2\n', "cannot be read"),
        (b"1,\x1b[2J\n2,3", r"has '\\x1b\[2J' where"),
    ],
)
def test_what_is_no_such_table_is_told_with_the_place(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as refused:
        read_table(path)
    assert "t.csv" in str(refused.value)


def test_only_files_are_read_and_no_endless_ones(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv", Path("/dev/zero")):
        with pytest.raises(DataError, match="cannot be read"):
            read_table(path)
    long = tmp_path / "long.csv"
    with long.open("wb") as stream:
        stream.truncate(LONGEST + 1)
    with pytest.raises(DataError, match=r"cannot be read \(it is longer than"):
        read_table(long)
