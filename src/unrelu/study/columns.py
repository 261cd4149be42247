"""Columns of a study's tables, every one described.

The descriptions travel with the tables, as metadata of the fields, and lie beside the parts of a store as
`_columns.json`. A column in which values may be missing says when they are null; where a description does not speak of
null, every row has a value, or the table is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pyarrow as pa

TEXT, COUNT, REAL, FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()
REALS, SHAPE, TEXTS = pa.list_(pa.float64()), pa.list_(pa.int64()), pa.list_(pa.string())


def columns(*fields: tuple[str, pa.DataType, str]) -> pa.Schema:
    """The schema of these columns: name, type and description of each."""
    return pa.schema([pa.field(name, kind, metadata={"description": text}) for name, kind, text in fields])


def described(schema: pa.Schema) -> dict[str, dict[str, str]]:
    """Type and description of each column, by name."""
    return {
        field.name: {"type": str(field.type), "description": field.metadata[b"description"].decode()}
        for field in schema
    }


def table(schema: pa.Schema, rows: Iterable[Mapping[str, object]]) -> pa.Table:
    """A table of that schema; every row names every column.

    >>> table(columns(("input", COUNT, "its index")), [{"input": 0}]).num_rows
    1
    """
    rows = list(rows)
    arrays = [pa.array([row[n] for row in rows], t) for n, t in zip(schema.names, schema.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def lacks_values(found: pa.Table, schema: pa.Schema) -> bool:
    """Whether values are missing where the column's description says nothing of that; parts of lists never are."""
    return any(_lacks(found[field.name], field) for field in schema)


def _lacks(column: pa.ChunkedArray, field: pa.Field) -> bool:
    if pa.types.is_list(field.type) and any(chunk.flatten().null_count for chunk in column.chunks):
        return True
    return bool(column.null_count) and b"null" not in field.metadata[b"description"]
