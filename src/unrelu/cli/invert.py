"""`unrelu invert MODEL MEASURED --domain RANGES`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unrelu.cli.display import display
from unrelu.cli.invert_with_noise import show_ranges
from unrelu.cli.options import Quiet, Trust, Upto
from unrelu.cli.ranges import HELP, read_ranges
from unrelu.cli.sentences import INTERRUPTED, notes, sentences
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
            help="Folder for targets.csv and solutions.csv, or with noise ranges.csv, and certificates: `unrelu verify "
            "OUT`."
        ),
    ] = None,
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
        from unrelu.network.load import load
        from unrelu.preimages.certificate_files.save import save_certificates
        from unrelu.study.folders import writable_folder
        from unrelu.study.number_table import read_table

        with notes():
            net = load(model, upto=upto, trust=trust)
        ranges = read_ranges(domain, net.input_size)
        names = ranges.names
        targets = read_table(measured)
        chosen = None if outputs is None else _chosen(outputs)
        if noise is not None:
            if exact or resolution is not None:
                raise typer.BadParameter("noise takes the place of a resolution; leave --exact and --resolution out.")
            show_ranges(
                net, targets, ranges.box, names, chosen, noise,
                within=within, time_limit=time_limit, out=out, quiet=quiet,
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
            n_complete += found.complete
            if found.stopped == "interrupted":
                typer.echo("stopped.", err=True)
                raise typer.Exit(INTERRUPTED)
        n = len(targets.values)
        typer.echo(f"The solutions of {n_complete} of {n} target{'s' if n > 1 else ''} are proved complete.")
    if n_complete < n:
        raise typer.Exit(_INCOMPLETE)


def _chosen(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{text!r} names no outputs; write their numbers as 0,2.") from None


def _say(title: str, found: Inversion, names: Sequence[str]) -> None:
    n = len(found.solutions)
    count = "no solution" if n == 0 else "1 solution" if n == 1 else f"{n} solutions"
    unique = {True: "; it is unique", False: "; not unique", None: "; uniqueness is open"}[found.unique] if n else ""
    if found.complete:
        how = f", proved complete to {found.resolution.max():.1e} in the outputs"
    else:
        left = len(found.left[0])
        how = f" so far, {100 * found.settled:.4g} % of the domain settled, {left} part{'s' if left != 1 else ''} left"
        how += f" ({found.stopped})" if found.stopped else ""
    typer.echo(f"{title}: {count}{how}{unique}.")
    for number, each in enumerate(found.solutions[:_SHOWN], start=1):
        typer.echo(f"  {number}: {_where(each, names)}; {_proved(each)}")
    if n > _SHOWN:
        typer.echo(f"  and {n - _SHOWN} more")


def _where(each: Solution, names: Sequence[str]) -> str:
    shown = [printable(name, 40) for name in names]
    if each.is_flat:
        ends = zip(shown, each.lower, each.upper, strict=True)
        return ", ".join(f"{name} in {low:.10g} to {high:.10g}" for name, low, high in ends)
    places = zip(shown, each.center, each.radius, strict=True)
    return ", ".join(f"{name} = {center:.10g} ± {radius:.0e}" for name, center, radius in places)


def _proved(each: Solution) -> str:
    if each.is_flat:
        low, high = each.dimension.lower, each.dimension.upper
        return f"several inputs that hang together, of dimension {low}" + (f" to {high}" if high > low else "")
    said = {
        True: "an exact root",
        False: f"no exact root, the least noise is {each.noise[0]:.1e} to {each.noise[1]:.1e}",
        None: "whether it is exact is open",
    }
    holds = "" if each.holds else "not proved to be a solution, "
    return f"{holds}{said[each.exact]}, condition {each.condition:.1e}"
