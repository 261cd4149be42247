"""A study: the rows that answer questions about many inputs of one network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from unrelu.errors import InputError, MissingExtra
from unrelu.study.account import Account
from unrelu.study.asked import Asked
from unrelu.study.columns import COUNT, SHAPE, TEXT, columns, table
from unrelu.study.info import StudyInfo
from unrelu.study.layer_table import layer_table
from unrelu.study.parts.part import Part, rows_of
from unrelu.study.question import Question
from unrelu.untrusted.printable import printable

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.report.write import Report
    from unrelu.study.comparison import Comparison
    from unrelu.study.shown.shown import Shown
    from unrelu.study.stores.store import Store

LAYERS, FAILURES = "layers", "failures"

_FAILURES = columns(
    ("question", TEXT, "name of the question"),
    ("layer", TEXT, "name of the node it was about; empty where that is several or none"),
    ("n_inputs", COUNT, "how many inputs have no rows for this reason"),
    ("inputs", SHAPE, "their indices in the data"),
    ("reason", TEXT, "why, in a sentence"),
)


@dataclass(frozen=True, eq=False)
class Study:
    """What `unrelu.analyze` found, as tables: `study["verdicts"]` and so on; only counts and medians are computed.

    Beside the table of each question there are "inputs" (label and predicted class), "layers" (counts and medians of
    all questions, a row per ReLU layer) and "failures" (what could not be answered, and why).

    Attributes:
        info: the network, the data and the versions.
        asked: the questions, in order, with their settings in words.
        parts: by question, its parts in the order of its tasks.
        kinds: the classes of the questions, by name; one that this process does not know has no table here.
        network: the network, where it is known: a study that was read from a store has it unless it was too large to be
            saved with it (more than 2^24 numbers), or has operators that are not those of unrelu.
        accounts: what this analysis computed and what it found, by question; empty for a study that was read.
        store: where it is kept.
        stopped: "time limit" or "interrupted" where the analysis was; the same call goes on.
    """

    info: StudyInfo
    asked: tuple[Asked, ...]
    parts: Mapping[str, tuple[Part, ...]]
    kinds: Mapping[str, type[Question]]
    network: Network | None = None
    accounts: Mapping[str, Account] = field(default_factory=dict)
    store: Store | None = None
    stopped: str = ""

    def __getitem__(self, name: str) -> pa.Table:
        """The table of a question, or one of "layers", "inputs", "failures" and the questions' summaries.

        Raises:
            InputError: if the study has no such table.
        """
        if name in self._tables:
            return self._tables[name]
        if name == LAYERS:
            return self.layers
        if name == FAILURES:
            return self.failures
        if name in self._summaries:
            return self._summaries[name]
        raise InputError(f"a study has no table {name!r}; its tables are {', '.join(self.tables)}.")

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of all tables."""
        return (LAYERS, *self._tables, *self._summaries, FAILURES)

    @cached_property
    def layers(self) -> pa.Table:
        """A row per ReLU layer: counts and medians of all questions, and why something was left out."""
        return layer_table(self)

    @cached_property
    def failures(self) -> pa.Table:
        """A row for everything that could not be answered."""
        return table(
            _FAILURES,
            [
                {
                    "question": asked.name,
                    "layer": each.layer,
                    "n_inputs": len(each.inputs),
                    "inputs": list(each.inputs),
                    "reason": each.reason,
                }
                for asked in self.asked
                for each in dict.fromkeys(
                    (
                        *(
                            each
                            for part in self.parts.get(asked.name, ())
                            for each in (*part.failures, *part.unfinished)
                        ),
                        *(self.accounts[asked.name].unfinished if asked.name in self.accounts else ()),
                    )
                )
            ],
        )

    @property
    def complete(self) -> bool:
        """Whether every task of every question has its answer; one that failed for a lasting reason has."""
        return all(
            each.n_tasks == sum(not part.unfinished for part in self.parts.get(each.name, ())) for each in self.asked
        )

    @cached_property
    def n_correct(self) -> int | None:
        """Of the inputs, those whose predicted class is their label; None where either is not known."""
        rows = self["inputs"].to_pylist()
        if not rows or None in (rows[0]["label"], rows[0]["predicted"]):
            return None
        return sum(row["label"] == row["predicted"] for row in rows)

    @property
    def seconds(self) -> dict[str, float]:
        """By question, what its answers took together, on one core each."""
        return {name: sum(part.seconds for part in parts) for name, parts in self.parts.items()}

    def shown(self) -> tuple[Shown, ...]:
        """What its questions show, as data that a page can draw."""
        asked = {each.name for each in self.asked}
        found = [kind.shown(self) for name, kind in self.kinds.items() if name in asked]
        return tuple(each for each in found if each is not None)

    def question(self, name: str) -> Asked:
        """A question as it was asked.

        Raises:
            InputError: if it was not.
        """
        found = next((each for each in self.asked if each.name == name), None)
        if found is None:
            raise InputError(
                f"{name!r} was not asked; the questions were {', '.join(each.name for each in self.asked)}."
            )
        return found

    def to_pandas(self, name: str = LAYERS) -> Any:
        """One of the tables as a `pandas.DataFrame`.

        Raises:
            InputError: if there is no such table.
            MissingExtra: if pandas is not installed.
        """
        found = self[name]
        try:
            import pandas as pd  # noqa: F401
        except ImportError as error:
            raise MissingExtra('to_pandas needs pandas; install it with: pip install "unrelu[report]"') from error
        return found.to_pandas()

    def save(self, where: str | PathLike[str]) -> None:
        """Put the study into a folder, or at any address that fsspec knows; see `load_study` and docs/studies.md.

        Other studies that are there stay.

        Raises:
            StoreError: if nothing can be written there.
        """
        from unrelu.study.saving import save_study

        save_study(self, where)

    def report(self, path: str | PathLike[str] = "report.html", *, title: str | None = None) -> Report:
        """Write the report: one self-contained HTML file, and its figures as PNG files in a folder beside it.

        Args:
            path: the HTML file to write.
            title: heading of the page; by default it names the network.

        Raises:
            MissingExtra: if matplotlib or jinja2 are not installed.
            StoreError: if the file cannot be written.
        """
        from unrelu.report.write import write_report

        return write_report([self], path, title=title)

    def compare(self, other: Study) -> Comparison:
        """This study against another one of the same inputs: before and after training, or pruning.

        Rows of the questions that both asked are put side by side; what was predicted is always among them.

        Raises:
            InputError: if they are about other inputs.
        """
        from unrelu.study.comparison import compare

        return compare(self, other)

    @cached_property
    def _tables(self) -> dict[str, pa.Table]:
        found = {}
        for asked in self.asked:
            parts = self.parts.get(asked.name, ())
            if asked.name in self.kinds:
                found[asked.name] = rows_of(parts, self.kinds[asked.name].schema)
        return found

    @cached_property
    def _summaries(self) -> dict[str, pa.Table]:
        found = {}
        for name, rows in self._tables.items():
            if name in self.kinds and self.kinds[name].summaries:
                made = self.kinds[name].summarize(rows)
                found.update({each: table(schema, made[each]) for each, schema in self.kinds[name].summaries.items()})
        return found

    def __str__(self) -> str:
        """One line per layer, as the report's table has it."""
        lines = [
            f"Study of {printable(self.info.name)}: {self.info.n_inputs} inputs, {self.layers.num_rows} ReLU layers"
            + (f", without its head {printable(self.info.head)}" if self.info.head else "")
        ]
        for row in self.layers.to_pylist():
            parts = [f"  {printable(row['layer'])}: {row['output_size']} features"]
            for name, kind in self.kinds.items():
                if name in self._tables:
                    parts.extend(kind.told_of_layer(self, row))
            lines.append(", ".join(parts))
        lines += [
            f"  {each.question}: {each.open} of {each.n_tasks} tasks are open"
            for each in self.accounts.values()
            if each.open
        ]
        if self.failures.num_rows:
            lines.append(f"  {self.failures.num_rows} reasons why inputs have no rows: see study['failures']")
        lines += [f"  note: {printable(note)}" for note in self.info.notes]
        if self.stopped:
            lines.append(f"  stopped ({self.stopped}); the same call goes on from here")
        return "\n".join(lines)
