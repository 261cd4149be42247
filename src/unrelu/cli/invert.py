"""`unrelu invert MODEL MEASURED --domain RANGES`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unrelu.cli.answers_sheet import AnswersSheet
from unrelu.cli.display import display
from unrelu.cli.given import read_network
from unrelu.cli.invert_with_noise import show_ranges
from unrelu.cli.options import Mean, Quiet, Std, Trust, Upto
from unrelu.cli.ranges import HELP, read_ranges
from unrelu.cli.sentences import INTERRUPTED, sentences
from unrelu.untrusted.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unrelu.inverse.inversion import Inversion
    from unrelu.inverse.solution import Solution

_INCOMPLETE = 1  # exit status

_SHOWN = 20  # solutions of a target


def invert(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The network: an ONNX file, or a folder .unrelu.")],
    measured: Annotated[
        Path, typer.Argument(metavar="MEASURED", help="A .csv file of measured outputs, a row a target.")
    ],
    domain: Annotated[
        Path,
        typer.Option(
            metavar="RANGES",
            help=f"{HELP.capitalize()}. Equal ends fix an input.",
        ),
    ],
    outputs: Annotated[
        str | None,
        typer.Option(
            metavar="K,...", help="Which outputs were measured, in the order of the columns: 0,2. All if left out."
        ),
    ] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Exact solutions only, for exactly the numbers that are written.")
    ] = False,
    resolution: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="Outputs so near to the measured ones count as the same. If left out, half a unit in the last place "
            "of float64, and the rounding of the network.",
        ),
    ] = None,
    noise: Annotated[
        str | None,
        typer.Option(
            metavar="NOISE",
            help="How far each output may be off: a number, 1% of each measured number, or a .csv file with a row an "
            "output: how far, or how far below and above. Asks for the range of each input instead of solutions.",
        ),
    ] = None,
    within: Annotated[
        float, typer.Option(min=0.0, help="With noise: how much of each range's width may be open.")
    ] = 0.05,
    time_limit: Annotated[
        float, typer.Option(min=0.0, help="Seconds for each target; what is known then is shown.")
    ] = math.inf,
    memory_limit: Annotated[
        float,
        typer.Option(metavar="GIB", help="GiB that the search of a target may take; what is known then is shown."),
    ] = 4.0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for a page with the picture, targets.csv and solutions.csv, or with noise ranges.csv, and "
            "certificates: `unrelu verify OUT`."
        ),
    ] = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            metavar="POINTS",
            help="With --out: a .csv file of inputs that another method found (a Markov chain, many fits), a row a "
            "point, in the order of RANGES or under their names. The page shows which of the solutions, or parts, they "
            "miss.",
        ),
    ] = None,
    shown: Annotated[
        str | None,
        typer.Option(
            "--show", metavar="K,...", help="With --out: which inputs are in the picture, at most four, as 0,2,3."
        ),
    ] = None,
    page: Annotated[bool, typer.Option(help="With --out: write the page with the picture, solutions.html.")] = True,
    mean: Mean = None,
    std: Std = None,
    upto: Upto = None,
    trust: Trust = False,
    quiet: Quiet = False,
) -> None:
    """Find every input that gives the measured outputs, with a proof that none is missing.

    A solution is an input whose exact output is within the resolution of the measured one; all of them lie within the
    shown distance of the inputs that are listed. With --noise, the range of each input over all that are consistent is
    shown, and between which inputs that are it is attained. Ctrl-C shows what is known so far of a target, and stops.
    """
    with sentences():
        from unrelu.inverse.inversion_tables import InversionTables
        from unrelu.inverse.invert import invert as inverted
        from unrelu.preimages.certificate_files.save import save_certificates
        from unrelu.study.folders import writable_folder
        from unrelu.study.number_table import read_table

        net = read_network(model, upto=upto, trust=trust, mean=mean, std=std)
        ranges = read_ranges(domain, net.input_size)
        names = ranges.names
        targets = read_table(measured)
        chosen = None if outputs is None else _chosen(outputs)
        if (out is None or not page) and (samples is not None or shown is not None):
            raise typer.BadParameter(
                "--samples and --show are for the page; name its folder by --out, without --no-page."
            )
        sheet = None if out is None or not page else AnswersSheet.begin(
            out, names, shown=None if shown is None else _chosen(shown, "inputs"), samples=samples,
            n_targets=len(targets.values), box=ranges.box,
        )  # fmt: skip
        if noise is not None:
            if exact or resolution is not None:
                raise typer.BadParameter("noise takes the place of a resolution; leave --exact and --resolution out.")
            show_ranges(
                net, targets, ranges.box, names, chosen, noise,
                within=within, time_limit=time_limit, out=out, quiet=quiet, sheet=sheet,
            )  # fmt: skip
            return
        tables = None if out is None else InversionTables.begin(writable_folder(out), names)
        n_complete = 0
        for k, values in enumerate(targets.values, start=1):
            found = inverted(
                net,
                values,
                domain=ranges.box,
                outputs=chosen,
                resolution=resolution,
                exact=exact,
                time_limit=time_limit,
                memory_limit=memory_limit * 2**30,
                progress=display(quiet),
            )
            title = targets.rows[k - 1] if targets.rows else f"target {k}"
            _say(printable(title), found, names)
            if out is not None and tables is not None:
                tables.add(title, found)
                save_certificates(found, out / "certificates" / str(k), progress=False)
            if sheet is not None:
                sheet.add(title, found)
            n_complete += found.complete
            if found.stopped == "interrupted":
                if sheet is not None:
                    sheet.write()
                typer.echo("stopped.", err=True)
                raise typer.Exit(INTERRUPTED)
        n = len(targets.values)
        if sheet is not None:
            sheet.write()
        typer.echo(f"The solutions of {n_complete} of {n} target{'s' if n > 1 else ''} are proved complete.")
    if n_complete < n:
        raise typer.Exit(_INCOMPLETE)


def _chosen(text: str, what: str = "outputs") -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{text!r} names no {what}; write their numbers as 0,2.") from None


def _say(title: str, found: Inversion, names: Sequence[str]) -> None:
    from unrelu.inverse.words import told_of_solution, told_of_solutions

    typer.echo(f"{title}: {told_of_solutions(found)}.")
    for number, each in enumerate(found.solutions[:_SHOWN], start=1):
        typer.echo(f"  {number}: {_where(each, names)}; {told_of_solution(each)}")
    more = len(found.solutions) - _SHOWN
    if more > 0:
        typer.echo(f"  and {more} more")


def _where(each: Solution, names: Sequence[str]) -> str:
    shown = [printable(name, 40) for name in names]
    if each.is_flat:
        ends = zip(shown, each.lower, each.upper, strict=True)
        return ", ".join(f"{name} in {low:.10g} to {high:.10g}" for name, low, high in ends)
    places = zip(shown, each.center, each.radius, strict=True)
    return ", ".join(f"{name} = {center:.10g} ± {radius:.0e}" for name, center, radius in places)
