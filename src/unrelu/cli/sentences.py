"""How a command ends that cannot go on."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape

from unrelu.errors import HeadWarning, UnreluError
from unrelu.untrusted.printable import printable

_MISUSE, INTERRUPTED = 2, 130  # exit statuses

LONGEST = 2000
"""Characters of a sentence; what stands in it may come from a file."""


@contextmanager
def notes() -> Iterator[None]:
    """What unrelu says about a model that it reads becomes one line on stderr each."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", HeadWarning)
        yield
    for each in said:
        if issubclass(each.category, HeadWarning):
            typer.echo(f"note: {printable(str(each.message), LONGEST)}", err=True)
        else:
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)


@contextmanager
def sentences() -> Iterator[None]:
    """Errors that unrelu raises on purpose become one sentence on stderr; so does Ctrl-C."""
    try:
        yield
    except UnreluError as error:
        # soft_wrap keeps the sentence on one line for whoever reads a log.
        Console(stderr=True).print(
            f"[bold red]error:[/] {escape(printable(str(error), LONGEST))}", soft_wrap=True, highlight=False
        )
        raise typer.Exit(_MISUSE) from error
    except KeyboardInterrupt as error:
        Console(stderr=True).print("stopped.")
        raise typer.Exit(INTERRUPTED) from error
