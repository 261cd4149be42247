"""What a question says about one task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """Rows of a question's table, and files that go with them.

    Attributes:
        rows: each names every column of the question's schema.
        files: contents by name, under the folder of the question; put into the store before the rows are.
    """

    rows: Sequence[Mapping[str, object]]
    files: Mapping[str, bytes] = field(default_factory=dict)
