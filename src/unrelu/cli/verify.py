"""`unrelu verify DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unrelu.cli.display import display
from unrelu.cli.options import Quiet, Workers
from unrelu.cli.sentences import sentences

_NOT_PROVED = 1  # exit status

_SHOWN = 20  # inputs named by number


def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with saved certificates somewhere in it.")],
    workers: Workers = None,
    quiet: Quiet = False,
) -> None:
    """Verify saved certificates without a solver: what each preimage is, proved for exactly the stored numbers."""
    with sentences():
        from unrelu.preimages.certificate_files.load import find_certificates, load_certificates

        n_claimed = n_proved = 0
        for path in find_certificates(folder):
            saved = load_certificates(path)
            found = saved.verify(progress=display(quiet), workers=workers)
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
