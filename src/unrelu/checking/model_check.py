"""What a check of a model found."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from unrelu.checking.cut_check import CutCheck
from unrelu.checking.node_check import NodeCheck
from unrelu.checking.node_kind import NodeKind
from unrelu.checking.question_check import QuestionCheck
from unrelu.errors import InputError, MissingExtra, StoreError
from unrelu.network.graph import Network
from unrelu.network.node_deviation import NodeDeviation

TABLES = ("nodes", "cuts", "questions")


@dataclass(frozen=True, eq=False)
class ModelCheck:
    """What is read of a model, what it can be asked, what that takes, and how far it is from the model itself.

    `print(check)` shows it as tables.

    Attributes:
        nodes: all nodes, those that are not read included.
        cuts: the layers and cuts of the network that can be read.
        questions: what it can be asked.
        upto: the last node that the model can be read up to; its output where all is read.
        mismatch: what the comparison with the model's own values objects to, node by node; "" where it does not.
        n_random: inputs of the comparison that were the example's and random ones.
        n_data: inputs of the comparison that were the user's.
        ends: the outputs of the model where it has several and no node to end in was named.
        notes: sentences on what was done on the way.
        network: what can be read: the model up to `upto`, its head cut off.
    """

    nodes: tuple[NodeCheck, ...]
    cuts: tuple[CutCheck, ...]
    questions: tuple[QuestionCheck, ...]
    upto: str
    mismatch: str
    n_random: int
    n_data: int
    ends: tuple[str, ...]
    notes: tuple[str, ...]
    network: Network

    @property
    def refused(self) -> tuple[NodeCheck, ...]:
        """The nodes that are refused themselves."""
        return tuple(node for node in self.nodes if node.kind is NodeKind.REFUSED)

    @property
    def all_read(self) -> bool:
        """Whether every node is read and computes what the model computes, up to rounding."""
        return not self.mismatch and all(node.is_read for node in self.nodes)

    @property
    def worst(self) -> NodeCheck | None:
        """The node that is furthest from the model's own, relative to its size; None where nothing was compared."""
        compared = [(each.deviation.relative, -k) for k, each in enumerate(self.nodes) if each.deviation is not None]
        return self.nodes[-max(compared)[1]] if compared else None

    @property
    def deviation(self) -> NodeDeviation | None:
        """That of the node that is furthest from the model's own; None where nothing was compared."""
        return None if self.worst is None else self.worst.deviation

    def question(self, question: str, node: str | None = None) -> QuestionCheck:
        """What there is to say about one question.

        Args:
            question: its name, as `QuestionCheck.question` lists them.
            node: the layer, or the end of the prefix; the last one if left out.

        Raises:
            InputError: if there is no such question.
        """
        for each in reversed(self.questions):
            if each.question == question and node in (None, each.node):
                return each
        names = ", ".join(dict.fromkeys(each.question for each in self.questions))
        where = "" if node is None else f" about {node!r}"
        raise InputError(f"there is no question {question!r}{where}; there are {names}.")

    def to_pandas(self, name: str = "nodes") -> Any:
        """One of the tables as a `pandas.DataFrame`, a row a node, cut or question.

        Args:
            name: "nodes", "cuts" or "questions".

        Raises:
            InputError: if there is no such table.
            MissingExtra: if pandas is not installed.
        """
        if name not in TABLES:
            raise InputError(f"a check has no table {name!r}; its tables are {', '.join(TABLES)}.")
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtra('to_pandas needs pandas; install it with: pip install "unrelu[report]"') from error
        return pd.DataFrame(self.to_json()[name])

    def to_json(self) -> dict[str, Any]:
        """All of it as plain numbers, texts, lists and dictionaries."""
        said = {name: [_plain(asdict(row)) for row in getattr(self, name)] for name in TABLES}
        rest = {name: getattr(self, name) for name in ("upto", "mismatch", "n_random", "n_data", "all_read")}
        return {**rest, "ends": list(self.ends), "notes": list(self.notes), **said}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write `to_json()` to a file.

        Raises:
            StoreError: if it cannot be written.
        """
        try:
            Path(path).write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise StoreError(f"{str(path)!r} cannot be written ({error}); name another file.") from error

    def __str__(self) -> str:
        """As tables."""
        from unrelu.checking.tables import as_text

        return as_text(self)

    def __repr__(self) -> str:
        """A line."""
        unread = sum(not node.is_read for node in self.nodes)
        how = "all read" if self.all_read else f"{unread} not read; upto={self.upto!r}" if unread else "a mismatch"
        return f"ModelCheck({len(self.nodes)} nodes, {how})"


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value
