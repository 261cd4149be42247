"""A question that a study asks of a network and its inputs."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

from unrelu.errors import InputError, UnreluError
from unrelu.network.fingerprints import json_sha256, settings_of

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.polyhedra.domains import Domain
    from unrelu.study.answer import Answer
    from unrelu.study.context import Context
    from unrelu.study.plan import Plan
    from unrelu.study.shown.shown import Shown
    from unrelu.study.study import Study
    from unrelu.study.task import Task


_NAME = re.compile(r"[a-z][a-z0-9_]*")

_TAKEN = {"layers", "failures", "studies", "networks", "damaged"}
"""Tables and folders that are no question's."""


class Question(ABC):
    """One question: its tasks, the rows that answer them, and what to show of these.

    A question is a frozen dataclass whose fields are its settings: whatever can change a row. One file holds all of it;
    the store, the executors, the command line and the report know none by name.

    Attributes:
        name: of its table, and of the folder that keeps its rows.
        title: what is being done, in a few words, while it is done.
        schema: columns of its rows, described; see `columns`.
        keys: columns that together tell a row from all others.
        version: raised whenever the same settings give other rows.
        reads_labels: whether the labels of its inputs can change its rows.
        after: names of questions whose rows `plan` reads, if they are asked.
        of_layers: further columns of the study's layer table, described.
        summaries: schemas of small tables that are computed from the rows (`summarize`), by name.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    schema: ClassVar[pa.Schema]
    keys: ClassVar[tuple[str, ...]] = ()
    version: ClassVar[int] = 1
    reads_labels: ClassVar[bool] = True
    after: ClassVar[tuple[str, ...]] = ()
    of_layers: ClassVar[pa.Schema] = pa.schema([])
    summaries: ClassVar[Mapping[str, pa.Schema]] = {}

    def __init_subclass__(cls, **more: Any) -> None:
        """Refuse a name that can be no table's and no folder's.

        Raises:
            InputError: if it is one.
        """
        super().__init_subclass__(**more)
        if "name" not in vars(cls):
            return
        name = cls.name
        if not isinstance(name, str) or not _NAME.fullmatch(name) or name in _TAKEN:
            raise InputError(
                f"{name!r} cannot be the name of a question; take small letters, digits and underscores, and none of "
                f"{', '.join(sorted(_TAKEN))}."
            )

    @abstractmethod
    def plan(self, context: Context, rows: Mapping[str, pa.Table]) -> Plan:
        """The tasks.

        Args:
            context: the network and its inputs.
            rows: tables of the questions named in `after`, as far as they were asked.
        """

    @abstractmethod
    def answer(self, context: Context, task: Task) -> Answer:
        """The rows of one task: in any process the same ones, to the last bit, whatever else is asked.

        `Context.values` of an input do not depend on which other ones are asked for, or are in the data.

        Whatever it raises as an `UnreluError` is kept as the reason why these inputs have no rows.
        """

    def check(self, context: Context, asked: Sequence[Question]) -> Question:
        """The question as it will be asked, refused before any work is done where it cannot be.

        Args:
            context: the network and its inputs.
            asked: all questions of the study, this one included.
        """
        del context, asked
        return self

    @property
    def within(self) -> Domain | None:
        """Where inputs have to lie; those that miss it by rounding alone are moved into it, and it is said."""
        return None

    def nodes(self, net: Network) -> tuple[str, ...]:
        """Nodes whose values at the inputs it needs; "output" for the network's."""
        del net
        return ()

    def most_tasks(self, context: Context) -> int | None:
        """How many tasks there are at most, where `plan` cannot say before other rows are there; None: ask `plan`."""
        del context
        return None

    def trial(self, context: Context) -> Task | None:
        """A task like its own, to measure what one takes where `plan` cannot be asked yet."""
        del context
        return None

    def about(self) -> dict[str, str]:
        """The settings in words, for people."""
        return {field.name: str(getattr(self, field.name)) for field in fields(self)}  # pyright: ignore[reportArgumentType]

    def settings_sha256(self, n_coordinates: int) -> str:
        """A name for the question with all its settings, for inputs of so many coordinates.

        The class counts with its module and its columns: somebody else's question may go by the same name.

        Raises:
            InputError: if a setting is of a kind of which it is not known when two are the same.
        """
        own = type(self)
        settings: dict[str, object] = {}
        for field in fields(self):  # pyright: ignore[reportArgumentType]
            value = getattr(self, field.name)
            try:
                settings[field.name] = settings_of(value, n_coordinates)
            except UnreluError:
                raise
            except (TypeError, ValueError) as error:
                raise InputError(
                    f"{field.name} of {own.__name__} is a {type(value).__name__}, which has no name to keep rows under "
                    f"({error}); give numbers, texts, domains, or lists of these."
                ) from error
        columns = [[field.name, str(field.type)] for field in own.schema]
        return json_sha256([own.name, own.__module__, own.__qualname__, own.version, columns, settings])

    @classmethod
    def of_layer(cls, rows: pa.Table) -> dict[str, object]:
        """The values of its `of_layers` columns, from the rows about one layer."""
        del rows
        return {}

    @classmethod
    def told_of_layer(cls, study: Study, row: Mapping[str, Any]) -> list[str]:
        """What a line about a layer says of it, from a row of the layer table."""
        del study, row
        return []

    @classmethod
    def summarize(cls, rows: pa.Table) -> dict[str, list[dict[str, object]]]:
        """The rows of its `summaries`."""
        del rows
        return {}

    @classmethod
    def shown(cls, study: Study) -> Shown | None:
        """What a page shows of it; None for nothing."""
        del study
        return None
