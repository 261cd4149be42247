"""Where a command shows its progress."""

from __future__ import annotations

import sys

from unrelu.progress import Lines, Progress, Silent, Terminal


def display(quiet: bool) -> Progress:
    """Live bars on a terminal, one line a stage in a log."""
    if quiet:
        return Silent()
    return Terminal() if sys.stderr.isatty() else Lines()
