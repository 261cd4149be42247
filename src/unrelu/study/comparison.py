"""One study against another: before and after training, or pruning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from unrelu.errors import InputError
from unrelu.untrusted.printable import printable

if TYPE_CHECKING:
    from unrelu.study.study import Study


@dataclass(frozen=True, eq=False)
class Comparison:
    """Rows about the same layers and inputs in two studies.

    Attributes:
        before: the first study.
        after: the second one.
        tables: by question, the rows that both have: the key columns, then each other column twice, with `_before` and
            `_after` at the end of its name.
    """

    before: Study
    after: Study
    tables: Mapping[str, pa.Table]

    def __getitem__(self, name: str) -> pa.Table:
        """The rows of a question.

        Raises:
            InputError: if the studies do not share it.
        """
        if name not in self.tables:
            raise InputError(f"the studies do not share {name!r}; they share {', '.join(self.tables)}.")
        return self.tables[name]

    def changed(self, name: str, column: str) -> pa.Table:
        """The rows of a question in which a column differs; what is null in both does not.

        Raises:
            InputError: if the studies do not share it, or there is no such column.
        """
        found = self[name]
        if f"{column}_before" not in found.column_names:
            own = [each.removesuffix("_before") for each in found.column_names if each.endswith("_before")]
            raise InputError(f"{name!r} has no column {column!r} to compare; it has {', '.join(own)}.")
        pairs = zip(found[f"{column}_before"].to_pylist(), found[f"{column}_after"].to_pylist(), strict=True)
        return found.filter(pa.array([a != b for a, b in pairs], pa.bool_()))

    def __str__(self) -> str:
        """A line per layer: what its row of the layer table said before and says after, where that differs."""
        lines = [f"{printable(self.before.info.name)} before, {printable(self.after.info.name)} after"]
        rows = {row["layer"]: row for row in self.after.layers.to_pylist()}
        for row in self.before.layers.to_pylist():
            if row["layer"] not in rows:
                lines.append(f"  {printable(row['layer'])}: only before")
                continue
            told = []
            for name, kind in self.before.kinds.items():
                if name in self.tables:
                    old = kind.told_of_layer(self.before, row)
                    new = kind.told_of_layer(self.after, rows[row["layer"]])
                    told += [a if a == b else f"{a} → {b}" for a, b in zip(old, new, strict=False)]
            lines.append(f"  {printable(row['layer'])}: {', '.join(told) or 'nothing to compare'}")
        known = {row["layer"] for row in self.before.layers.to_pylist()}
        lines += [f"  {printable(name)}: only after" for name in rows if name not in known]
        for name, joined in self.tables.items():
            lines.append(f"  {name}: {joined.num_rows} rows in both")
        return "\n".join(lines)


def compare(before: Study, after: Study) -> Comparison:
    """Join the tables of two studies; see `Study.compare`.

    Raises:
        InputError: if they are about other inputs.
    """
    if before.info.data_sha256 != after.info.data_sha256:
        raise InputError(
            f"the studies are about {before.info.n_inputs} and {after.info.n_inputs} inputs, which are not the same; "
            "compare studies of the same data."
        )
    tables = {}
    for name, kind in before.kinds.items():
        if name in before.tables and name in after.tables and kind.keys:
            keys = list(kind.keys)
            others = [column for column in kind.schema.names if column not in keys]
            first = before[name].rename_columns([c if c in keys else f"{c}_before" for c in kind.schema.names])
            second = after[name].rename_columns([c if c in keys else f"{c}_after" for c in kind.schema.names])
            tables[name] = _joined(first, second, keys, others)
    return Comparison(before, after, tables)


def _joined(first: pa.Table, second: pa.Table, keys: list[str], others: list[str]) -> pa.Table:
    """Rows of both with the same keys, in the order of the first; Arrow's own join takes no lists."""
    places = {key: at for at, key in enumerate(_keys(second, keys))}
    pairs = [(at, places[key]) for at, key in enumerate(_keys(first, keys)) if key in places]
    left = first.take(pa.array([at for at, _ in pairs], pa.int64()))
    right = second.take(pa.array([at for _, at in pairs], pa.int64()))
    names = [*keys, *(f"{column}_{side}" for column in others for side in ("before", "after"))]
    columns = [left[name] if name in left.column_names else right[name] for name in names]
    return pa.table(columns, names=names)


def _keys(table: pa.Table, keys: list[str]) -> list[tuple[object, ...]]:
    return list(zip(*(table[key].to_pylist() for key in keys), strict=True))
