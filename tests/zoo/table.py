"""The table of docs/zoo.md, from what the tests of the zoo hold.

cd tests && python -m zoo.table
"""

from __future__ import annotations

from pathlib import Path

from zoo.animal import Animal
from zoo.others import OTHERS
from zoo.pictures import PICTURES

PAGE = Path(__file__).parents[2] / "docs" / "zoo.md"
BEGIN, END = "<!-- the table, by tests/zoo/table.py -->\n", "<!-- its end -->\n"


def table() -> str:
    """All rows."""
    rows = ["| family | a sample | comes in | regions | older exporter | newer exporter |", "|---|---|---|---|---|---|"]
    return "\n".join([*rows, *map(_row, [*PICTURES, *OTHERS])]) + "\n"


def _row(animal: Animal) -> str:
    shape = " × ".join(map(str, animal.shape))
    comes = f"no: “{animal.refused}”" if animal.refused else "yes"
    regions = "no, parts are smooth" if animal.smooth else "yes"
    if not animal.exports:
        older = "it does not write it"
    elif not animal.double:
        older = "yes, in float32"
    else:
        older = "yes, slopes in float32" if animal.single else "yes"
    newer = "yes" if animal.newer == "float64" else f"yes, {animal.newer}".replace(", float32", ", in float32")
    return f"| {animal.name} | {shape} | {comes} | {regions} | {older} | {newer} |"


def written(page: str) -> str:
    """The page with the table as it is now."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + table() + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
