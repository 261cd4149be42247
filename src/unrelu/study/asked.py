"""What a study asked, as its store remembers it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Asked:
    """A question of a study.

    Attributes:
        name: of the question and of its table.
        run: name of the folder with its rows, for these settings, this network and these data.
        about: the settings in words.
        n_tasks: how many tasks it has; None until it is planned.
        left_out: why layers have none, by layer.
    """

    name: str
    run: str
    about: dict[str, str] = field(default_factory=dict)
    n_tasks: int | None = None
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Of its parts, in the store."""
        return f"{self.name}/run={self.run}"

    @property
    def files(self) -> str:
        """Folder of what goes with the parts, in the store."""
        return f"{self.name}-files/run={self.run}"
