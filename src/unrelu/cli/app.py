"""The command line as a whole: its commands, and what `unrelu` itself takes."""

from __future__ import annotations

from typing import Annotated

import typer

from unrelu.cli.analyze import analyze
from unrelu.cli.check import check
from unrelu.cli.demo import demo
from unrelu.cli.invert import invert
from unrelu.cli.metamer import metamer
from unrelu.cli.verify import verify

app = typer.Typer(
    name="unrelu",
    help="What a ReLU network cannot see: preimages, metamers and the stability of the inverse, with proofs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

for _command in (demo, check, analyze, metamer, invert, verify):  # in the order of --help
    app.command()(_command)


def main() -> None:
    """Run the command line."""
    app()


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
