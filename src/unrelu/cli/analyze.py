"""`unrelu analyze MODEL DATA`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unrelu.cli.display import display
from unrelu.cli.given import read_data, read_network
from unrelu.cli.options import (
    ArrayName,
    Classes,
    Labels,
    Mean,
    PictureShape,
    Quiet,
    Resize,
    Scale,
    Std,
    Trust,
    Upto,
    Workers,
    read_picture_shape,
)
from unrelu.cli.ranges import HELP, read_domain
from unrelu.cli.sentences import sentences


def analyze(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The network: an ONNX file.")],
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Its inputs: a .npz or .npy file, or a folder of pictures.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the report and the results.")],
    upto: Upto = None,
    trust: Trust = False,
    layer: Annotated[
        list[str] | None, typer.Option(help="A ReLU layer that gets verdicts; may be repeated. All if left out.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Take only so many inputs, from the first on.")] = None,
    spectra: Annotated[int, typer.Option(min=0, help="How many inputs get the spectra of all layers.")] = 32,
    bounds: Annotated[int, typer.Option(min=0, help="How many inputs get the bounds of Lemmas 8 and 9.")] = 2,
    metamers: Annotated[int, typer.Option(min=0, help="How many pairs get metamers.")] = 0,
    metamer_layer: Annotated[
        str | None,
        typer.Option(
            help="The node whose features the metamers keep. If left out, the first one at or behind a ReLU through "
            "which all paths from input to output run, so that the same features mean the same output."
        ),
    ] = None,
    metamer_box: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="LOW HIGH", help="Bounds of the metamers' values; 0 1 if left out, -inf inf for none."),
    ] = None,
    metamer_ranges: Annotated[
        Path | None,
        typer.Option(metavar="RANGES", help=f"In place of --metamer-box, bounds for each input: {HELP}."),
    ] = None,
    prior: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="LOW HIGH", help="Bounds of valid inputs: is each the only valid one with its features?"),
    ] = None,
    prior_ranges: Annotated[
        Path | None, typer.Option(metavar="RANGES", help=f"In place of --prior, bounds for each input: {HELP}.")
    ] = None,
    freedom: Annotated[
        int, typer.Option(min=0, help="How many inputs get the range of each coordinate; needs --prior.")
    ] = 0,
    mean: Mean = None,
    std: Std = None,
    scale: Scale = None,
    resize: Resize = None,
    array: ArrayName = None,
    labels: Labels = None,
    classes: Classes = None,
    picture_shape: PictureShape = None,
    verify: Annotated[bool, typer.Option(help="Verify the certificate of every verdict.")] = True,
    certificates: Annotated[
        bool, typer.Option("--certificates", help="Save the certificates too, for `unrelu verify OUT`.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the random choice of targets for metamers.")] = 0,
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Analyse a network at every input, and write a report: what each layer forgets, with proofs."""
    shape = read_picture_shape(picture_shape)
    with sentences():
        from unrelu.report.requirements import check_requirements
        from unrelu.study import analyze as studies
        from unrelu.study.folders import writable_folder
        from unrelu.study.inputs.clipping import clipped_to

        check_requirements()
        net = read_network(model, upto=upto, trust=trust, mean=mean, std=std)
        where = read_domain("--metamer-box", metamer_box, metamer_ranges, net.input_size)
        valid = read_domain("--prior", prior, prior_ranges, net.input_size)
        read = read_data(
            net, data, labels=labels, classes=classes, resize=resize, array=array, limit=limit, scale=scale
        )
        batch = clipped_to(read, valid)
        for note in batch.notes[len(read.notes) :]:
            typer.echo(f"note: {note}", err=True)
        folder = writable_folder(out)
        study = studies.analyze(
            net,
            batch.as_given,
            labels=batch.labels,
            classes=batch.classes,
            layers=layer or None,
            spectra=spectra,
            bounds=bounds,
            metamers=metamers,
            metamer_layer=metamer_layer,
            metamer_domain=studies.PICTURES if where is None else where,
            prior=valid,
            freedom=freedom,
            picture_shape=shape or batch.picture_shape,
            name=model.stem,
            data_name=data.name,
            verify=verify,
            certificates=folder / "certificates" if certificates else None,
            seed=seed,
            progress=display(quiet),
            workers=workers,
        )
        study.save(folder)
        report = study.report(folder / "report.html")
        typer.echo(str(study))
        typer.echo(f"The report is {report.path.resolve()}")
