"""The command line, one file a command.

What computes is imported by the commands themselves when they run, so that --help and --version answer at once.
"""

from unrelu.cli.app import app, main

__all__ = ["app", "main"]
