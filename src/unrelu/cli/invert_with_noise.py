"""`unrelu invert ... --noise NOISE`: the range of each input."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from unrelu.cli.display import display
from unrelu.cli.sentences import INTERRUPTED
from unrelu.untrusted.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from unrelu.cli.answers_sheet import AnswersSheet
    from unrelu.inverse.consistent_ranges import ConsistentRanges
    from unrelu.network.graph import Network
    from unrelu.polyhedra.domains import Box
    from unrelu.study.number_table import NumberTable

_INCOMPLETE = 1  # exit status


def show_ranges(
    net: Network,
    targets: NumberTable,
    box: Box,
    names: Sequence[str],
    outputs: list[int] | None,
    noise: str,
    *,
    within: float,
    time_limit: float,
    out: Path | None,
    quiet: bool,
    sheet: AnswersSheet | None,
) -> None:
    """Show and write the range of each input for each target.

    Args:
        net: the network.
        targets: measured outputs, a row a target.
        box: where inputs may lie.
        names: of the inputs.
        outputs: which outputs were measured.
        noise: as it was given.
        within: as for `ConsistentSet.ranges`.
        time_limit: seconds for each target.
        out: folder for the table and the certificates.
        quiet: whether no progress is shown.
        sheet: the page that grows with each target, if one is written.

    Raises:
        Exit: if a range was not reached, or on Ctrl-C.
    """
    from unrelu.inverse.invert import invert
    from unrelu.inverse.range_table import RangeTable
    from unrelu.preimages.certificate_files.save import save_certificates
    from unrelu.study.folders import writable_folder

    allowed = _noise(noise)
    table = None if out is None else RangeTable.begin(writable_folder(out))
    n_reached = 0
    for k, values in enumerate(targets.values, start=1):
        off = abs(values) * allowed.share if isinstance(allowed, _Share) else allowed
        found = invert(net, values, domain=box, outputs=outputs, noise=off)
        told = found.ranges(within=within, time_limit=time_limit, progress=display(quiet))
        title = targets.rows[k - 1] if targets.rows else f"target {k}"
        _say(printable(title), told, names)
        if out is not None and table is not None:
            table.add(title, names, told)
            save_certificates(found, out / "certificates" / str(k), progress=False)
        interrupted = told.stopped == "interrupted"
        if sheet is not None:
            sheet.add(title, found, ranges=told, time_limit=0.0 if interrupted else time_limit, progress=display(quiet))
        n_reached += bool(told.reached.all())
        if interrupted:
            if sheet is not None:
                sheet.write()
            typer.echo("stopped.", err=True)
            raise typer.Exit(INTERRUPTED)
    n = len(targets.values)
    if sheet is not None:
        sheet.write()
    typer.echo(f"The ranges of {n_reached} of {n} target{'s' if n > 1 else ''} are known to {100 * within:.4g} %.")
    if n_reached < n:
        raise typer.Exit(_INCOMPLETE)


class _Share:
    """A share of each measured number."""

    def __init__(self, share: float) -> None:
        self.share = share


def _noise(text: str) -> float | np.ndarray | _Share:
    from unrelu.study.number_table import read_table

    if text.endswith(".csv"):
        values = read_table(Path(text)).values
        return values[:, 0] if values.shape[1] == 1 else values
    try:
        number = float(text.removesuffix("%"))
    except ValueError:
        number = math.nan
    if math.isnan(number) or number < 0:
        raise typer.BadParameter(f"{text!r} is no noise; write a number, as 0.1, a share, as 1%, or a .csv file.")
    return _Share(number / 100) if text.endswith("%") else number


def _say(title: str, told: ConsistentRanges, names: Sequence[str]) -> None:
    from unrelu.inverse.words import DIGITS, inner_end, lower_end, told_of_ranges, upper_end

    if told.empty:
        typer.echo(f"{title}: {told_of_ranges(told)}.")
        return
    typer.echo(f"{title}: {told_of_ranges(told)}")
    for name, outer, inner, gap in zip(names, told.outer, told.inner, told.gap, strict=True):
        shown = f"  {printable(name, 40)}: {lower_end(outer[0]):.{DIGITS}g} to {upper_end(outer[1]):.{DIGITS}g}"
        if told.empty is False:
            low, high = inner_end(inner[0]), inner_end(inner[1])
            shown += f"; attained {low:.{DIGITS}g} to {high:.{DIGITS}g}, {100 * gap:.2g} % open"
        typer.echo(shown)
