"""An experiment: what it checks, its numbers and its figure."""

from __future__ import annotations

import json
import platform
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Generic, TypeVar

from matplotlib.figure import Figure

from paper.context import Context, replacing
from paper.style import figure_style
from paper.training import Recipe

Results = dict[str, Any]
"""Numbers, words, lists and dicts of such: what JSON holds."""


@dataclass(frozen=True)
class Config:
    """What an experiment is run with; experiments add their own numbers.

    Attributes:
        recipes: the networks.
        seed: of what is drawn at random beside the networks.
    """

    recipes: tuple[Recipe, ...] = ()
    seed: int = 0

    def with_epochs(self, epochs: int):
        """The same with the trainings on CIFAR-10 of another length; those on MNIST take minutes as they are."""
        recipes = (replace(recipe, epochs=epochs) if "cifar10" in recipe.data else recipe for recipe in self.recipes)
        return replace(self, recipes=tuple(recipes))


C = TypeVar("C", bound=Config)


@dataclass(frozen=True)
class Experiment(Generic[C]):
    """An experiment.

    Attributes:
        name: on the command line, and of its files.
        claim: what the paper says, and where.
        full: what the committed results are made with.
        quick: minutes, on real pictures that need no download.
        run: computes the results.
        draw: draws them.
        say: the main numbers, in a few lines.
    """

    name: str
    claim: str
    full: C
    quick: C
    run: Callable[[C, Context], Results]
    draw: Callable[[Results], Figure]
    say: Callable[[Results], str]

    def record(self, config: C, context: Context) -> Results:
        """The results with all that made them."""
        wall, processor = time.perf_counter(), time.process_time()
        results = self.run(config, context)
        return {
            "experiment": self.name,
            "claim": self.claim,
            "config": asdict(config),
            "made": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": {
                "wall": round(time.perf_counter() - wall, 1),
                "processor": round(time.process_time() - processor, 1),
                "note": "of this run alone; what was in the folder before is not counted",
            },
            "versions": {
                "python": platform.python_version(),
                "system": f"{platform.system()} {platform.machine()}",
                **{package: version(package) for package in ("unrelu", "torch", "numpy", "scipy", "highspy")},
            },
            "threads": context.threads,
            "results": results,
        }

    def write(self, record: Results, out: Path) -> None:
        """Write `NAME.json`, `NAME.png` and `NAME.svg`."""
        with replacing(out / f"{self.name}.json") as file:
            lists = re.compile(r'\[[^][{}"]*\]')  # of numbers: one a line
            text = lists.sub(lambda found: " ".join(found[0].split()), json.dumps(record, indent=1))
            file.write((text + "\n").encode())
        with figure_style(self.name):
            figure = self.draw(record["results"])
            figure.savefig(out / f"{self.name}.png", dpi=150)
            figure.savefig(out / f"{self.name}.svg", metadata={"Date": None})
