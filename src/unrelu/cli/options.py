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


ArrayName = Annotated[
    str | None, typer.Option("--array", metavar="NAME", help="Of DATA, a .npz file: the array with the inputs.")
]
Labels = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE|none",
        help="The labels: an array in DATA, a .npy file, or none. If left out, those that DATA brings along.",
    ),
]
Classes = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|A,B,...", help="Names of the classes, in the order of the outputs; in a file one a line."
    ),
]
Resize = Annotated[
    str | None,
    typer.Option(metavar="HxW", help="Bring pictures of other sizes to this height and width, keeping proportions."),
]
Scale = Annotated[
    float | None,
    typer.Option(
        metavar="NUMBER",
        help="What numbers are divided by: 255 for bytes and a network that takes [0, 1], 1 to take them as they are.",
    ),
]
Mean = Annotated[
    str | None,
    typer.Option(
        metavar="M,...",
        help="The network was trained on (x - mean) / std: the mean, for all or for each channel. Inputs, bounds and "
        "metamers are then about x.",
    ),
]
Std = Annotated[str | None, typer.Option(metavar="S,...", help="See --mean.")]


def read_size(text: str | None) -> tuple[int, int] | None:
    """The height and width that `Resize` names; None where it is left out.

    Raises:
        BadParameter: if it names none.
    """
    sides = read_picture_shape(text)
    if sides is None:
        return None
    if len(sides) != 2:
        raise typer.BadParameter(f"{text!r} is no height and width; write them as 32x32.")
    return sides[0], sides[1]


def read_normalisation(mean: str | None, std: str | None) -> tuple[tuple[float, ...] | None, tuple[float, ...] | None]:
    """The numbers that `Mean` and `Std` name; None for both where they are left out.

    Raises:
        BadParameter: if only one is given, or one holds no numbers.
    """
    if (mean is None) != (std is None):
        raise typer.BadParameter("--mean and --std go together; give both, with --mean 0 or --std 1 for none.")
    return _read_numbers("mean", mean), _read_numbers("std", std)


def _read_numbers(option: str, text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no {option}; write numbers as 0.49,0.48,0.45.") from None
