"""The network and the inputs that a command is given, read as its options say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from unrelu.cli.options import read_normalisation, read_size
from unrelu.cli.sentences import LONGEST, notes
from unrelu.untrusted.printable import printable

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.progress import Progress
    from unrelu.study.inputs.inputs import Inputs


def read_network(
    model: Path, *, upto: str | None = None, trust: bool = False, mean: str | None = None, std: str | None = None
) -> Network:
    """The network of a file, behind the normalisation that the options name.

    Args:
        model: the file or folder.
        upto: see `ur.load`.
        trust: see `ur.load`.
        mean: what the option says.
        std: the same.

    Raises:
        BadParameter: if only one of mean and std is given, or one holds no numbers.
        UnreluError: if there is no such network, or the numbers do not fit it.
    """
    from unrelu.network.load import load

    shift, scale = read_normalisation(mean, std)
    with notes():
        net = load(model, upto=upto, trust=trust)
    return net if shift is None or scale is None else net.normalized(shift, scale)


def read_data(
    net: Network,
    data: Path,
    *,
    labels: str | None = None,
    classes: str | None = None,
    resize: str | None = None,
    array: str | None = None,
    limit: int | None = None,
    scale: float | None = None,
    progress: Progress | bool | None = False,
) -> Inputs:
    """The inputs of a file or folder, after every note about them is said on stderr.

    Args:
        net: what takes them.
        data: the file or folder.
        labels: what the option says, as the others.
        classes: see `ur.read_inputs`.
        resize: a height and width.
        array: see `ur.read_inputs`.
        limit: see `ur.read_inputs`.
        scale: see `ur.read_inputs`.
        progress: see `ur.read_inputs`.

    Raises:
        BadParameter: if `resize` is no height and width.
        UnreluError: if the data cannot be read, or do not fit the network.
    """
    from unrelu.study.inputs.read import read_inputs

    found = read_inputs(
        net, data, labels, classes or (), resize=read_size(resize), array=array, limit=limit, scale=scale,
        progress=progress,
    )  # fmt: skip
    for note in found.notes:
        typer.echo(f"note: {printable(note, LONGEST)}", err=True)
    return found
