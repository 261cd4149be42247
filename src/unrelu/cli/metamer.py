"""`unrelu metamer MODEL DATA --index I --target J --out DIR`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unrelu.cli.display import display
from unrelu.cli.given import read_data, read_network
from unrelu.cli.options import (
    ArrayName,
    Mean,
    PictureShape,
    Quiet,
    Resize,
    Scale,
    Std,
    Trust,
    Upto,
    read_picture_shape,
)
from unrelu.cli.ranges import HELP, read_domain
from unrelu.cli.sentences import INTERRUPTED, sentences
from unrelu.untrusted.printable import printable

if TYPE_CHECKING:
    from unrelu.study.metamers_by_depth import LayerMetamer

_INCOMPLETE = 1  # exit status


def metamer(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The network: an ONNX file, or a folder .unrelu.")],
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Its inputs: a .npz or .npy file, or a folder of pictures.")
    ],
    index: Annotated[int, typer.Option(min=0, help="Which input is the original; the first is 0.")],
    out: Annotated[Path, typer.Option(help="Folder for the page, the pictures, the arrays and the numbers.")],
    target: Annotated[
        int | None, typer.Option(min=0, help="Which input the metamers should come near to, or stay away from.")
    ] = None,
    farthest: Annotated[
        bool, typer.Option("--farthest", help="As far as can be from the target; from the original without one.")
    ] = False,
    layer: Annotated[
        list[str] | None,
        typer.Option(
            help="A node whose features are kept; may be repeated. If left out, every ReLU and other piecewise linear "
            "layer that all paths from input to output run through, and the output."
        ),
    ] = None,
    norm: Annotated[float, typer.Option(metavar="1|2|inf", help="Of the distance.")] = 1.0,
    box: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="LOW HIGH", help="Bounds of all values; 0 1 if left out, -inf inf for none."),
    ] = None,
    domain: Annotated[
        Path | None, typer.Option(metavar="RANGES", help=f"In place of --box, bounds for each input: {HELP}.")
    ] = None,
    mask: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A .npy file of bool: True where the original may change.")
    ] = None,
    tolerance: Annotated[float, typer.Option(min=0.0, help="By how much each feature may differ.")] = 0.0,
    search: Annotated[
        str | None,
        typer.Option(
            metavar="walk|region|exact",
            help="Along the preimage at any depth; in the original's linear region; with proved bounds, for small "
            "networks. If left out, exact for one layer and a walk beyond.",
        ),
    ] = None,
    mean: Mean = None,
    std: Std = None,
    scale: Scale = None,
    resize: Resize = None,
    array: ArrayName = None,
    picture_shape: PictureShape = None,
    time_limit: Annotated[
        float, typer.Option(min=0.0, help="Seconds for each layer; the best that is known then is taken.")
    ] = math.inf,
    upto: Upto = None,
    trust: Trust = False,
    quiet: Quiet = False,
) -> None:
    """Make an input look like another one while the network's features stay the same, layer by layer.

    Each layer's metamer keeps the original's features there to rounding; a line says how near it comes to the target,
    and what is proved of that. Exit status 1: a layer was refused, or ran out of time. Ctrl-C writes what is known so
    far, and stops.
    """
    shape = read_picture_shape(picture_shape)
    if target is None and not farthest:
        raise typer.BadParameter("name an input to come near to by --target, or ask for the --farthest.")
    with sentences():
        from unrelu.errors import InputError
        from unrelu.metamerism.metamer import PICTURES
        from unrelu.report.metamers_page import MetamersSeen
        from unrelu.report.requirements import check_requirements
        from unrelu.report.write_metamers import write_metamers
        from unrelu.solvers.status import Status
        from unrelu.study.folders import writable_folder
        from unrelu.study.inputs.array_files import read_mask
        from unrelu.study.inputs.clipping import clipped_to
        from unrelu.study.metamers_by_depth import MetamersAsked, layers_by_depth, metamers_by_depth
        from unrelu.study.pictures import picture_range, resolve_picture_shape

        check_requirements()
        net = read_network(model, upto=upto, trust=trust, mean=mean, std=std)
        where = read_domain("--box", box, domain, net.input_size) or PICTURES
        layers = layers_by_depth(net, layer or ())
        free = None if mask is None else read_mask(mask, net.input_shape)
        read = read_data(net, data, labels="none", resize=resize, array=array, scale=scale)
        shown_as = resolve_picture_shape(net.input_shape, shape or read.picture_shape)
        for option, number in (("--index", index), ("--target", target)):
            if number is not None and number >= len(read):
                raise InputError(
                    f"{data} has {len(read)} inputs, numbered from 0, so {option} can be at most {len(read) - 1}, "
                    f"not {number}."
                )
        folder = writable_folder(out)
        batch = clipped_to(read.take([index, index if target is None else target]), where)
        for note in batch.notes[len(read.notes) :]:
            typer.echo(f"note: {note}", err=True)
        original, wanted = batch.as_given
        asked = MetamersAsked(
            net,
            original,
            wanted,
            objective="farthest" if farthest else "nearest",
            norm=norm,
            domain=where,
            tolerance=tolerance,
            mask=free,
            search=search,
            time_limit=time_limit,
        )
        found: list[LayerMetamer] = []
        interrupted = False
        try:
            for each in metamers_by_depth(asked, layers, progress=display(quiet)):
                found.append(each)
                _say(each)
                if each.found is not None and each.found.status is Status.INTERRUPTED:
                    interrupted = True
                    break
        except KeyboardInterrupt:
            interrupted = True
        if found:
            seen = MetamersSeen(
                asked,
                tuple(found),
                left=layers[len(found) :],
                model=model.stem,
                data=data.name,
                names=(batch.names[0], "" if target is None else batch.names[1]),
                picture_shape=shown_as,
                picture_range=picture_range(batch.samples.extent, where),
            )
            typer.echo(f"The page is {write_metamers(seen, folder).path.resolve()}")
        if interrupted:
            typer.echo("stopped.", err=True)
            raise typer.Exit(INTERRUPTED)
    if not all(each.finished for each in found):
        raise typer.Exit(_INCOMPLETE)


def _say(each: LayerMetamer) -> None:
    from unrelu.study.metamer_words import told_of_layer

    typer.echo(f"{printable(each.layer, 80)}: {printable(told_of_layer(each), 1000)}")
