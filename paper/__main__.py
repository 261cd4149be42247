"""`python -m paper NAME [--quick] [--epochs N] [--folder DIR]`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from threadpoolctl import threadpool_limits

from paper.context import DEFAULT_FOLDER, Context
from paper.experiments import EXPERIMENTS
from unrelu.errors import UnreluError
from unrelu.progress import Lines, Terminal

RESULTS = Path(__file__).parent / "results"
"""What full runs write; quick ones write into their folder."""


def main(arguments: list[str] | None = None) -> None:
    """Run one experiment, or all."""
    parser = argparse.ArgumentParser(prog="python -m paper", description=__doc__)
    parser.add_argument("name", choices=[*EXPERIMENTS, "all"])
    parser.add_argument("--quick", action="store_true", help="minutes, on small real data that need no download")
    parser.add_argument("--epochs", type=int, help="of trainings on CIFAR-10; the paper's 100 by default")
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="for weights and raw results")
    parser.add_argument("--data", type=Path, help="with the data sets; the environment variable UNRELU_DATA by default")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="for the training of networks")
    parser.add_argument("--out", type=Path, help="for JSON and figures; paper/results, or quick/ in the folder")
    given = parser.parse_args(arguments)
    out = given.out or (given.folder / "quick" if given.quick else RESULTS)
    progress = Terminal() if sys.stderr.isatty() else Lines()
    context = Context(given.folder, given.data, progress, given.threads, given.device)
    for name in EXPERIMENTS if given.name == "all" else [given.name]:
        experiment = EXPERIMENTS[name]
        config = experiment.quick if given.quick else experiment.full
        if given.epochs is not None:
            config = config.with_epochs(given.epochs)
        with threadpool_limits(given.threads):
            record = experiment.record(config, context)
        experiment.write(record, out)
        print(f"{name}\n{experiment.say(record['results'])}\n{out / name}.json, .png, .svg")


if __name__ == "__main__":
    try:
        main()
    except UnreluError as error:
        sys.exit(f"error: {error}")
