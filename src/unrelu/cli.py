"""The command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from unrelu.errors import UnreluError
from unrelu.progress import Lines, Progress, Silent, Terminal

# What computes is imported by the commands themselves, so that --help and --version answer at once.

app = typer.Typer(
    name="unrelu",
    help="What a ReLU network cannot see: preimages, metamers and the stability of the inverse, with proofs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

_NOT_PROVED, _MISUSE, _INTERRUPTED = 1, 2, 130

_SHOWN = 20  # inputs named by number


def main() -> None:
    """Run the command line."""
    app()


@contextmanager
def _sentences() -> Iterator[None]:
    """Errors that unrelu raises on purpose become one sentence on stderr; so does Ctrl-C."""
    try:
        yield
    except UnreluError as error:
        # soft_wrap keeps the sentence on one line for whoever reads a log.
        Console(stderr=True).print(f"[bold red]error:[/] {escape(str(error))}", soft_wrap=True, highlight=False)
        raise typer.Exit(_MISUSE) from error
    except KeyboardInterrupt as error:
        Console(stderr=True).print("stopped.")
        raise typer.Exit(_INTERRUPTED) from error


def _display(quiet: bool) -> Progress:
    """Live bars on a terminal, one line a stage in a log."""
    if quiet:
        return Silent()
    return Terminal() if sys.stderr.isatty() else Lines()


def _show_version(asked: bool) -> None:
    if asked:
        from unrelu.study.info import versions

        typer.echo(f"unrelu {versions()['unrelu']}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and stop.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """What a ReLU network cannot see: preimages, metamers and the stability of the inverse, with proofs."""


_Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
_Workers = Annotated[int | None, typer.Option(min=1, help="Threads for the verdicts; all cores if left out.")]


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the report and the results.")] = Path("unrelu-demo"),
    workers: _Workers = None,
    quiet: _Quiet = False,
) -> None:
    """Train three small networks on real MNIST pictures, analyse them, and write a report: about 3 minutes."""
    with _sentences():
        from unrelu.demo.run import run_demo

        made = run_demo(out, progress=_display(quiet), workers=workers)
        typer.echo(f"The report is {made.report.resolve()}")


@app.command()
def analyze(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The network: an ONNX file.")],
    data: Annotated[
        Path, typer.Argument(metavar="DATA", help="Its inputs: a .npz or .npy file, or a folder of pictures.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the report and the results.")],
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
        tuple[float, float],
        typer.Option(metavar="LOW HIGH", help="Bounds of the metamers' values; -inf inf for none."),
    ] = (0.0, 1.0),
    prior: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="LOW HIGH", help="Bounds of valid inputs: is each the only valid one with its features?"),
    ] = None,
    freedom: Annotated[
        int, typer.Option(min=0, help="How many inputs get the range of each coordinate; needs --prior.")
    ] = 0,
    picture_shape: Annotated[
        str | None, typer.Option(metavar="HxW", help="Show flat inputs as pictures of this shape: 28x28 or 3x32x32.")
    ] = None,
    verify: Annotated[bool, typer.Option(help="Verify the certificate of every verdict.")] = True,
    certificates: Annotated[
        bool, typer.Option("--certificates", help="Save the certificates too, for `unrelu verify OUT`.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the random choice of targets for metamers.")] = 0,
    workers: _Workers = None,
    quiet: _Quiet = False,
) -> None:
    """Analyse a network at every input, and write a report: what each layer forgets, with proofs."""
    shape = _shape(picture_shape)
    with _sentences():
        from unrelu.network.load import load
        from unrelu.polyhedra.domains import Box
        from unrelu.report.requirements import check_requirements
        from unrelu.study import analyze as studies
        from unrelu.study.data_files import read_batch
        from unrelu.study.folders import writable_folder

        check_requirements()
        net = load(model)
        batch = read_batch(data, net.input_shape)
        for note in batch.notes:
            typer.echo(note, err=True)
        folder = writable_folder(out)
        study = studies.analyze(
            net,
            batch.inputs[:limit],
            labels=None if batch.labels is None else batch.labels[:limit],
            layers=layer or None,
            spectra=spectra,
            bounds=bounds,
            metamers=metamers,
            metamer_layer=metamer_layer,
            metamer_domain=Box(*metamer_box),
            prior=None if prior is None else Box(*prior),
            freedom=freedom,
            picture_shape=shape,
            name=model.stem,
            data_name=data.name,
            verify=verify,
            certificates=folder / "certificates" if certificates else None,
            seed=seed,
            progress=_display(quiet),
            workers=workers,
        )
        study.save(folder)
        report = study.report(folder / "report.html")
        typer.echo(str(study))
        typer.echo(f"The report is {report.path.resolve()}")


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with saved certificates somewhere in it.")],
    workers: _Workers = None,
    quiet: _Quiet = False,
) -> None:
    """Verify saved certificates without a solver: what each preimage is, proved for exactly the stored numbers."""
    with _sentences():
        from unrelu.preimages.certificate_files.load import find_certificates, load_certificates

        n_claimed = n_proved = 0
        for path in find_certificates(folder):
            saved = load_certificates(path)
            found = saved.verify(progress=_display(quiet), workers=workers)
            n_claimed += found.n_claimed
            n_proved += found.n_proved
            m, d = saved.layer.weight.shape
            typer.echo(
                f"{path}: {saved.layer.name or 'the layer'}, {m} features of {d} inputs, weight SHA-256 "
                f"{saved.index.arrays['weight'].sha256[:16]}: {found.n_proved} of {found.n_claimed} verdicts about "
                f"{len(saved)} inputs are proved, {len(saved) - found.n_claimed} were left undecided."
            )
            if found.failed.size:
                shown = ", ".join(map(str, found.failed[:_SHOWN].tolist()))
                typer.echo(f"{path}: not proved for {shown}{', ...' if found.failed.size > _SHOWN else ''}.")
        typer.echo(f"{n_proved} of {n_claimed} verdicts are proved.")
    if n_proved < n_claimed:
        raise typer.Exit(_NOT_PROVED)


def _shape(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(side) for side in text.lower().split("x"))
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no shape; write it as 28x28 or 3x32x32.") from None
