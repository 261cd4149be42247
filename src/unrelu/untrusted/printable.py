"""Text from files, on its way to a terminal, a log or a page."""

from __future__ import annotations

SHOWN = 500
"""Characters of one text that are shown, unless a caller says otherwise."""


def printable(text: str, limit: int = SHOWN) -> str:
    r"""The text with all that is not printable written as an escape, and cut where it is too long.

    A name may hold line breaks, which forge lines of a report, sequences that move the cursor of a terminal, marks that
    turn the direction of what follows, or halves of surrogate pairs, which no encoding writes. Backslashes stay as they
    are, so that paths read as usual.

    >>> print(printable("relu\n6 of 6 verdicts are proved\x1b[2J"))
    relu\n6 of 6 verdicts are proved\x1b[2J
    >>> printable("a" * 9, 4)
    'aaaa...'
    """
    cut = text if len(text) <= limit else text[:limit]
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in cut)
    return shown if cut is text else f"{shown}..."
