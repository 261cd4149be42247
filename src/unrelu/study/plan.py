"""What a question is going to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from unrelu.study.task import Task


@dataclass(frozen=True)
class Plan:
    """The tasks of a question, in the order of its rows.

    Attributes:
        tasks: the tasks; the same network, data and settings give the same ones, so that what is kept is found again.
        left_out: why layers have none, by layer.
    """

    tasks: tuple[Task, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
