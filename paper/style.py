"""How figures look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MUTED, BEFORE, AFTER = "#1c2128", "#5b6571", "#8a95a1", "#1f6fa8"
FINITE, INFINITE, OPEN = "#3f8fc6", "#dd7a14", "#a3a9b0"
UNIQUE = "#0b3c63"


@contextmanager
def figure_style(name: str) -> Iterator[None]:
    """Small sober figures; the SVG is the same bytes for the same numbers."""
    style: dict[Any, Any] = {
        "font.size": 9,
        "axes.titlesize": 9,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.color": INK,
        "svg.fonttype": "none",
        "svg.hashsalt": name,
    }
    with mpl.rc_context(style):
        yield


def panels(rows: int, columns: int, *, width: float = 4.0, height: float = 2.9) -> tuple[Figure, list[list[Axes]]]:
    """A figure and its plots, as rows of columns; sizes in inches for each."""
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False).tolist()


def layer_colour(k: int, n: int) -> Any:
    """The colour of the k-th of n layers, counted from 0."""
    return mpl.colormaps["viridis"](0.05 + 0.85 * k / max(1, n - 1))
