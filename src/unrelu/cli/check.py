"""`unrelu check MODEL`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from unrelu.cli.options import ArrayName, Mean, Resize, Scale, Std, Trust, Upto, read_normalisation, read_size
from unrelu.cli.sentences import sentences

_REFUSED = 1  # exit status

_WIDTH = 140  # of a log


def check(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The network: an ONNX file, or a folder .unrelu.")],
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Inputs on which the network is compared with the model too: a .npz or .npy file, or a folder of "
            "pictures.",
        ),
    ] = None,
    mean: Mean = None,
    std: Std = None,
    scale: Scale = None,
    resize: Resize = None,
    array: ArrayName = None,
    upto: Upto = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all of it as JSON, too.")] = None,
    questions: Annotated[
        bool, typer.Option(help="Foresee what each question takes; some are asked once for that.")
    ] = True,
    trust: Trust = False,
) -> None:
    """Tell what is read of a model, what it can be asked, what that takes, and how far it is from the model itself.

    Every node is listed, each that is refused with the reason. The exit status is 0 where all is read, and 1 where a
    node is refused, the network computes something else than the model, or the model has several outputs, of which one
    has to be named.
    """
    with sentences():
        from unrelu.checking.check import check as checked
        from unrelu.checking.tables import show

        shift, spread = read_normalisation(mean, std)
        found = checked(
            model,
            upto=upto,
            data=data,
            resize=read_size(resize),
            array=array,
            scale=scale,
            mean=shift,
            std=spread,
            questions=questions,
            trust=trust,
        )
        if json is not None:
            found.save(json)
        show(found, Console(width=None if sys.stdout.isatty() else _WIDTH))
    if found.ends or not found.all_read:
        raise typer.Exit(_REFUSED)
