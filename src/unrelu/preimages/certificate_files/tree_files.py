"""The tree of a proof as a table, a row for each node, and back without trusting it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unrelu.errors import StoreError
from unrelu.frontier.tree import GrowingTree, Tree
from unrelu.network.fingerprints import array_sha256, json_sha256
from unrelu.untrusted.parquet import open_table
from unrelu.untrusted.regular_file import open_regular

BLOCK = 4096
"""Nodes that are read and written at once."""

MOST_NODES = 2**22
"""Nodes that a tree may have; checking one takes about as long as the search took for it."""


def write_tree(path: Path, tree: Tree) -> None:
    """Write a tree, every number as it is, to the last bit.

    Raises:
        OSError: if nothing can be written there.
    """
    _, k, m = tree.multipliers.shape
    schema = _schema(tree.lower.shape[1], m, k)
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=False) as writer:
        for start in range(0, len(tree), BLOCK):
            part = slice(start, min(start + BLOCK, len(tree)))
            columns = [_column(getattr(tree, name), part) for name in schema.names]
            writer.write_table(pa.table(columns, schema=schema), row_group_size=BLOCK)


def read_tree(path: Path, d: int, m: int, k: int | None = None) -> Tree:
    """The tree of a file; whether it proves anything is for its certificate to say.

    Args:
        path: the file.
        d: number of inputs.
        m: number of outputs.
        k: rows of multipliers of a node; d if None.

    Raises:
        StoreError: if it is none.
    """
    schema = _schema(d, m, k)
    parts: dict[str, list[np.ndarray]] = {}
    weights: dict[str, dict[int, np.ndarray]] = {}
    done = 0
    try:
        with open_regular(path) as stream, open_table(stream, schema, whole=True) as table:
            n = table.metadata.num_rows
            if not 1 <= n <= MOST_NODES:
                raise ValueError(f"it has {n:,} nodes, and a tree has 1 to {MOST_NODES:,}")
            for group in range(table.num_row_groups):
                rows = table.read_row_group(group).combine_chunks()
                for name, kind, shape in _layout(d, m, k):
                    column = rows[name].combine_chunks()
                    if kind is None:
                        weights.setdefault(name, {}).update(_by_node(column, done))
                    else:
                        parts.setdefault(name, []).append(_values(column, kind, shape))
                done += len(rows)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise StoreError(f"{path} is damaged ({error}); copy or save the certificates again.") from error
    columns: dict[str, Any] = {name: np.concatenate(each) for name, each in parts.items()}
    columns |= weights
    return Tree(**columns)


def tree_sha256(tree: Tree) -> str:
    """A name for every number in a tree, whatever file it came in."""
    record: dict[str, object] = {}
    for field in fields(Tree):
        value = getattr(tree, field.name)
        if isinstance(value, Mapping):
            record[field.name] = {str(k): array_sha256(np.asarray(each)) for k, each in value.items()}
        else:
            record[field.name] = [array_sha256(half.astype(np.float64)) for half in _halves(value)]
    return json_sha256(record)


def _halves(values: np.ndarray) -> list[np.ndarray]:
    """Numbers as parts that are floats exactly: of integers of 64 bits the upper and the lower half."""
    if values.dtype.kind not in "iu":
        return [values]
    whole = values.astype(np.int64)
    return [whole >> 32, whole & (2**32 - 1)]


def _layout(d: int, m: int, k: int | None) -> Iterator[tuple[str, np.dtype | None, tuple[int, ...]]]:
    """Of each field of a tree its name, its dtype (None where only some nodes have one), and the shape of a node's."""
    empty = GrowingTree(d, m, k).frozen()
    for field in fields(Tree):
        value = getattr(empty, field.name)
        if isinstance(value, Mapping):
            yield field.name, None, ()
        else:
            yield field.name, value.dtype, value.shape[1:]


def _schema(d: int, m: int, k: int | None) -> pa.Schema:
    columns = []
    for name, kind, shape in _layout(d, m, k):
        number = pa.float64() if kind is None else pa.from_numpy_dtype(kind)
        columns.append(pa.field(name, pa.list_(number) if kind is None or shape else number))
    return pa.schema(columns)


def _column(values: np.ndarray | Mapping[int, np.ndarray], part: slice) -> pa.Array:
    n = part.stop - part.start
    if isinstance(values, Mapping):
        lists = [values.get(number) for number in range(part.start, part.stop)]
        return pa.array(lists, pa.list_(pa.float64()))
    chosen = np.ascontiguousarray(values[part])
    if chosen.ndim == 1:
        return pa.array(chosen)
    size = math.prod(chosen.shape[1:])
    return pa.ListArray.from_arrays(np.arange(n + 1, dtype=np.int32) * size, pa.array(chosen.reshape(-1)))


def _values(column: pa.Array, kind: np.dtype, shape: tuple[int, ...]) -> np.ndarray:
    """The numbers of some nodes.

    Raises:
        ValueError: if any is missing.
    """
    n, flat = len(column), column
    if shape:
        lengths = np.diff(column.offsets.to_numpy())
        if column.null_count or bool((lengths != math.prod(shape)).any()):
            raise ValueError("a node has not as many numbers as there are inputs and outputs")
        flat = column.flatten()
    if flat.null_count:
        raise ValueError("a number is missing")
    return np.array(flat.to_numpy(zero_copy_only=False), dtype=kind).reshape(n, *shape)


def _by_node(column: pa.Array, start: int) -> dict[int, np.ndarray]:
    """The numbers of those nodes that have some."""
    found: dict[int, np.ndarray] = {}
    for place in np.flatnonzero(np.asarray(column.is_valid())).tolist():
        values = column[place].values
        if values.null_count:
            raise ValueError("a number is missing")
        found[start + place] = np.array(values.to_numpy(zero_copy_only=False), dtype=np.float64)
    return found
