"""The rows of one task."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa


@dataclass(frozen=True)
class Failure:
    """Inputs about which a question could not be answered.

    Attributes:
        layer: name of the node it was about; empty where that is several or none.
        inputs: their indices in the data.
        reason: why, in a sentence.
    """

    layer: str
    inputs: tuple[int, ...]
    reason: str


@dataclass(frozen=True, eq=False)
class Part:
    """What one task gave.

    Attributes:
        key: the task's name.
        number: its place among the question's tasks.
        rows: its rows.
        failures: what it could not answer.
        seconds: what it took.
        files: SHA-256 of the files that go with it, by name.
        unfinished: what went wrong in a way that nobody foresaw. The same analysis tries again; until then the rows are
            those of the other inputs, each asked by itself.
    """

    key: str
    number: int
    rows: pa.Table
    failures: tuple[Failure, ...]
    seconds: float
    files: Mapping[str, str] = field(default_factory=dict)
    unfinished: tuple[Failure, ...] = ()

    @property
    def name(self) -> str:
        """Of its file: sorted by name, files are in the order of the tasks."""
        return part_name(self.number, self.key)


def part_name(number: int, key: str) -> str:
    """What a part's file is called: sorted by name, files are in the order of the tasks."""
    return f"{number:07d}-{key}.parquet"


def rows_of(parts: Iterable[Part], schema: pa.Schema) -> pa.Table:
    """The rows of parts, in the order of their tasks."""
    ordered = sorted(parts, key=lambda part: part.number)
    return pa.concat_tables([schema.empty_table(), *(part.rows for part in ordered)])
