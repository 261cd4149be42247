"""A study as a page can show it: names from files cannot break it, nor pass for something else."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import pyarrow as pa

from unrelu.study.schemas import TABLES
from unrelu.study.study import Study
from unrelu.untrusted.printable import printable

LONGEST = 1000
"""Characters of a text on the page."""


def shown(study: Study) -> Study:
    """The same study, with all that is not printable in its texts written as escapes.

    XML has no way to write most control characters, so that one in the name of a layer, which a model file may hold,
    would cost the report. Different texts stay different, since names are what rows are found by.
    """
    known: dict[str, str] = {}
    taken: set[str] = set()

    def text(value: str) -> str:
        if value not in known:
            made = printable(value, LONGEST)
            while made in taken:
                made += "'"
            known[value] = made
            taken.add(made)
        return known[value]

    def plain(value: Any) -> Any:
        if isinstance(value, str):
            return text(value)
        if isinstance(value, tuple):
            return tuple(plain(each) for each in value)
        if isinstance(value, dict):
            return {text(key): plain(each) for key, each in value.items()}
        if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{field.name: plain(getattr(value, field.name)) for field in fields(value)})
        return value

    tables: dict[str, pa.Table] = {}
    for name, schema in TABLES.items():
        table = getattr(study, name)
        for place, field in enumerate(schema):
            if field.type in (pa.string(), pa.list_(pa.string())):
                values = [plain(tuple(v) if isinstance(v, list) else v) for v in table[field.name].to_pylist()]
                table = table.set_column(place, table.schema.field(place), [pa.array(values, field.type)])
        tables[name] = table
    return replace(study, info=plain(study.info), **tables)
