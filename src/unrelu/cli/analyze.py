"""`unrelu analyze MODEL DATA`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unrelu.cli.display import display
from unrelu.cli.given import read_data, read_network
from unrelu.cli.options import (
    ArrayName,
    Classes,
    Labels,
    Mean,
    PictureShape,
    Processes,
    Quiet,
    Resize,
    Scale,
    Scheduler,
    Std,
    Trust,
    Upto,
    read_picture_shape,
)
from unrelu.cli.sentences import INTERRUPTED, LONGEST, sentences
from unrelu.untrusted.printable import printable

if TYPE_CHECKING:
    from unrelu.study.executors.executor import Executor
    from unrelu.study.question import Question
    from unrelu.study.study import Study

_INCOMPLETE = 1  # exit status

_DEFAULT = ("verdicts", "spectra:32", "row_removal:2")


def _tell(wanted: bool) -> None:
    if wanted:
        from unrelu.study.question_text import told
        from unrelu.study.questions import QUESTIONS

        for kind in QUESTIONS[1:]:
            typer.echo(told(kind))
        raise typer.Exit


def analyze(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The network: an ONNX file.")],
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Its inputs: a .npz or .npy file, or a folder of pictures.")
    ],
    out: Annotated[
        Path | None, typer.Option(help="Folder for the report, and for the results if there is no --store.")
    ] = None,
    ask: Annotated[
        list[str] | None,
        typer.Option(
            metavar="QUESTION",
            help="What to ask, with its settings: NAME, or NAME:VALUE,FIELD=VALUE as in uniqueness:0..1 or "
            "metamers:24,layer=relu2; a domain is LOW..HIGH, none, or a .csv file of ranges. May be repeated; "
            "verdicts, spectra:32 and row_removal:2 if left out. See --questions.",
        ),
    ] = None,
    questions: Annotated[
        bool,
        typer.Option(
            "--questions",
            is_eager=True,
            callback=_tell,
            help="Tell what can be asked and its settings, and do nothing.",
        ),
    ] = False,
    store: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Where to keep the results: a folder or s3://... and the like; OUT if left out."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Measure a few tasks, tell what all will take, and do nothing.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Take only so many inputs, from the first on.")] = None,
    time_limit: Annotated[
        float, typer.Option(min=0.0, help="Seconds after which no task is begun; the same command goes on.")
    ] = math.inf,
    processes: Processes = None,
    scheduler: Scheduler = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads, where there are no processes; all cores if left out.")
    ] = None,
    mean: Mean = None,
    std: Std = None,
    scale: Scale = None,
    resize: Resize = None,
    array: ArrayName = None,
    labels: Labels = None,
    classes: Classes = None,
    picture_shape: PictureShape = None,
    upto: Upto = None,
    trust: Trust = False,
    quiet: Quiet = False,
) -> None:
    """Analyse a network at every input, and write a report: what each layer forgets, with proofs.

    Results are kept as they come. Whatever ends the command (Ctrl-C, a kill, a full disk), the same command goes on
    from there. Exit status 1: some tasks have no answer, as the time limit came or a process died; 130: Ctrl-C.
    """
    del questions  # told before
    shape = read_picture_shape(picture_shape)
    with sentences():
        from unrelu.errors import InputError
        from unrelu.report.requirements import check_requirements
        from unrelu.study.analyze import analyze as analyzed
        from unrelu.study.folders import writable_folder
        from unrelu.study.foreseen import foresee

        if out is None and not dry_run:
            raise typer.BadParameter("name a folder for the report: --out OUT.")
        if sum(each is not None for each in (processes, scheduler, workers)) > 1:
            raise typer.BadParameter("--workers, --processes and --scheduler exclude each other; give one of them.")
        if not dry_run:
            check_requirements()
        net = read_network(model, upto=upto, trust=trust, mean=mean, std=std)
        shown = display(quiet)
        batch = read_data(
            net, data, labels=labels, classes=classes, resize=resize, array=array, limit=limit, scale=scale,
            progress=shown,
        )  # fmt: skip
        asked = [_question(text, net.input_size) for text in ask or _DEFAULT]
        where = store if store is not None else None if out is None else str(out)
        if dry_run:
            typer.echo(str(foresee(net, batch, questions=asked, store=where, progress=shown)))
            return
        if out is None:
            raise InputError("name a folder for the report: --out OUT.")
        folder = writable_folder(out)
        study = analyzed(
            net,
            batch,
            questions=asked,
            store=where,
            executor=_executor(processes, scheduler, workers),
            picture_shape=shape,
            name=model.stem,
            data_name=data.name,
            time_limit=time_limit,
            progress=shown,
        )
        for note in study.info.notes[len(batch.notes) :]:
            typer.echo(f"note: {printable(note, LONGEST)}", err=True)
        _say(study)
        report = study.report(folder / "report.html")
        typer.echo(f"The report is {report.path.resolve()}")
    if study.stopped == "interrupted":
        raise typer.Exit(INTERRUPTED)
    if not study.complete:
        raise typer.Exit(_INCOMPLETE)


def _question(text: str, d: int) -> Question:
    from unrelu.cli.ranges import read_ranges
    from unrelu.study.question_text import read_question
    from unrelu.study.questions import QUESTIONS

    kinds = {kind.name: kind for kind in QUESTIONS}
    return read_question(text, kinds, lambda path: read_ranges(Path(path), d).box)


def _executor(processes: int | None, scheduler: str | None, workers: int | None) -> Executor:
    from unrelu import executors

    if scheduler is not None:
        return executors.Dask(scheduler)
    return executors.Threads(workers) if processes is None else executors.Processes(processes)


def _say(study: Study) -> None:
    typer.echo(str(study))
    found = sum(each.found for each in study.accounts.values())
    if found:
        typer.echo(f"{found} tasks were answered before and kept.")
    for each in study.accounts.values():
        for name in each.damaged:
            typer.echo(f"{each.question}: a damaged file was set aside as {name}, and computed again.", err=True)
