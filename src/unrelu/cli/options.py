"""Options that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Threads for the verdicts; all cores if left out.")]
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
