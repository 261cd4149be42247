"""Options that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Threads for the verdicts; all cores if left out.")]
Processes = Annotated[
    int | None, typer.Option(min=1, help="Answer in so many processes of this machine rather than in threads.")
]
Scheduler = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Answer on the Dask cluster of this scheduler: tcp://host:8786.")
]
Upto = Annotated[
    str | None,
    typer.Option(metavar="NODE", help="End the network in this node; what lies behind it is not read."),
]
Trust = Annotated[
    bool,
    typer.Option(
        "--trust",
        help="Read a file of PyTorch (.pt2, .pt) as well, which can run code of its maker's, and one of ONNX that "
        "takes more memory than its size explains.",
    ),
]
PictureShape = Annotated[
    str | None, typer.Option(metavar="HxW", help="Show flat inputs as pictures of this shape: 28x28 or 3x32x32.")
]


def read_picture_shape(text: str | None) -> tuple[int, ...] | None:
    """The sides that `PictureShape` names; None where it is left out.

    Raises:
        BadParameter: if it names none.
    """
    if text is None:
        return None
    try:
        return tuple(int(side) for side in text.lower().split("x"))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no shape; write it as 28x28 or 3x32x32.") from None
