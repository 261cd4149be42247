"""Pages of the small studies, as text and as trees."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pyarrow as pa

from once_a_run import once_a_run
from page_reader import Element, read
from small_studies import branched_study, dense_study, joined_study
from unrelu.report.page import make_page
from unrelu.report.template import render
from unrelu.study.parts.part import Part
from unrelu.study.study import Study


def studies(which: str) -> list[Study]:
    """The studies of a page: "both", "dense", "joined" or "branched" (metamers of a layer with a way around it)."""
    return {
        "both": lambda: [dense_study(), joined_study()],
        "dense": lambda: [dense_study()],
        "joined": lambda: [joined_study()],
        "branched": lambda: [branched_study("relu-left"), branched_study()],
    }[which]()


def made(*shown: Study, title: str | None = None) -> Element:
    """The page of some studies."""
    return read(render(make_page(shown, title)))


@once_a_run
def drawn(which: str) -> str:
    """A page as it is written."""
    return render(make_page(studies(which), None))


def html(which: str = "both") -> str:
    """A page as text."""
    return drawn(which)


def page(which: str = "both") -> Element:
    """A page as a tree."""
    return _tree(which)


@cache
def _tree(which: str) -> Element:
    return read(drawn(which))


def with_rows(study: Study, **rows: list[dict[str, Any]]) -> Study:
    """The same study with other rows in some of its tables.

    Args:
        study: the study.
        rows: by name of the table.
    """
    tables = {name: pa.Table.from_pylist(each, schema=study[name].schema) for name, each in rows.items()}
    layers = tables.pop("layers", None)
    parts = {name: (Part("0" * 24, 0, table, (), 0.0),) for name, table in tables.items()}
    changed = replace(study, parts={**study.parts, **parts})
    if layers is not None:
        vars(changed)["layers"] = layers  # which is computed otherwise
    return changed
