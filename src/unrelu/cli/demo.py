"""`unrelu demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unrelu.cli.display import display
from unrelu.cli.options import Quiet, Workers
from unrelu.cli.sentences import sentences


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the report and the results.")] = Path("unrelu-demo"),
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Train three small networks on real MNIST pictures, analyse them, and write a report: about 3 minutes."""
    with sentences():
        from unrelu.demo.run import run_demo

        made = run_demo(out, progress=display(quiet), workers=workers)
        typer.echo(f"The report is {made.report.resolve()}")
