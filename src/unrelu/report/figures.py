"""Drawing: one figure, as SVG for the page and as PNG beside it.

The SVG takes its colours from CSS variables, so that it follows the page from light to dark; its words stay text.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from unrelu.errors import MissingExtra
from unrelu.report.palette import GRID, INK, MUTED, PAPER, Colour
from unrelu.study.shown.numbers import power_of_ten, rough

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from unrelu.study.shown.axis import Axis

SIZE = (4.7, 3.2)
"""Inches; at 96 pixels an inch the width of a phone's screen, so that letters stay readable there."""

PNG_DPI = 200

_NARROW = 100.0  # below this ratio of its ends a logarithmic axis has too few powers of ten

_STYLE: dict[Any, Any] = {
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED.light,
    "axes.labelcolor": INK.light,
    "axes.facecolor": "none",
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": GRID.light,
    "grid.linewidth": 0.7,
    "text.color": INK.light,
    "xtick.color": MUTED.light,
    "ytick.color": MUTED.light,
    "xtick.labelcolor": INK.light,
    "ytick.labelcolor": INK.light,
    "figure.facecolor": PAPER.light,
    "savefig.facecolor": PAPER.light,
    "svg.fonttype": "none",
    "text.usetex": False,
    "text.parse_math": False,  # names of layers are the user's, not formulas
}


@dataclass(frozen=True, eq=False)
class Drawing:
    """A figure that was drawn.

    Attributes:
        key: what to call its file, and what its ids begin with.
        svg: an `<svg>` element to stand in an HTML page.
        png: the same as a PNG file.
        colours: those that it uses and that the page must define.
    """

    key: str
    svg: str
    png: bytes
    colours: tuple[Colour, ...]


def draw(
    key: str,
    paint: Callable[[Figure], None],
    colours: Sequence[Colour] = (),
    *,
    alt: str,
    size: tuple[float, float] = SIZE,
) -> Drawing:
    """Draw a figure.

    Args:
        key: unique on the page; letters, digits and dashes.
        paint: puts everything on an empty figure.
        colours: those it uses beside ink, muted, grid and paper.
        alt: what the figure shows, for those who do not see it.
        size: in inches.

    Raises:
        MissingExtra: if matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra('a report needs matplotlib; install it with: pip install "unrelu[report]"') from error
    used = (INK, MUTED, GRID, PAPER, *colours)
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": key}):
        figure = Figure(figsize=size, layout="constrained")
        FigureCanvasAgg(figure)
        paint(figure)
        vector, pixels = io.BytesIO(), io.BytesIO()
        figure.savefig(vector, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
        figure.set_layout_engine("none")  # where everything lies was settled for the SVG
        figure.savefig(pixels, format="png", dpi=PNG_DPI)
    return Drawing(key, _inline(vector.getvalue(), key, used, alt), pixels.getvalue(), used)


def log_axis(axes: Axes, which: str) -> None:
    """Make an axis logarithmic: powers of ten, or plain numbers where it spans less than two of them.

    Call it when the limits of the axis are settled.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axis = axes.xaxis if which == "x" else axes.yaxis
    (axes.set_xscale if which == "x" else axes.set_yscale)("log", nonpositive="mask")
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    narrow = 0 < low < high < _NARROW * low
    axis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5) if narrow else (1,), numticks=9))
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: rough(value) if narrow else power_of_ten(round(_log10(value))))
    )
    axis.set_minor_locator(NullLocator())


def count_axis(axes: Axes, which: str) -> None:
    """Whole numbers with thousands separated."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(MaxNLocator(nbins=6, integer=True, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def set_axis(axes: Axes, which: str, axis: Axis) -> None:
    """Put the label, the ends and the scale of an axis in place, once everything is drawn."""
    (axes.set_xlabel if which == "x" else axes.set_ylabel)(axis.label)
    low, high = (0, 1) if axis.scale == "share" else (axis.low, axis.high)
    if low is not None or high is not None:
        (axes.set_xlim if which == "x" else axes.set_ylim)(low, high)
    if axis.scale == "log":
        log_axis(axes, which)
    elif axis.scale == "count":
        count_axis(axes, which)
    elif axis.scale == "share":
        quarters = (0, 0.25, 0.5, 0.75, 1)
        (axes.set_xticks if which == "x" else axes.set_yticks)(quarters, [f"{100 * each:g} %" for each in quarters])


def legend_below(figure: Figure, *plots: Axes) -> None:
    """A legend under the plots, in as many columns as its words leave room for."""
    entries = [entry for axes in plots for entry in zip(*axes.get_legend_handles_labels(), strict=True)]
    handles, labels = [handle for handle, _ in entries], [label for _, label in entries]
    longest = max((len(label) for label in labels), default=1)
    columns = max(1, min(len(labels), int(62 / (longest + 5))))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, columnspacing=1.2, labelspacing=0.3)


def name_layers(axes: Axes, names: Sequence[str]) -> None:
    """Names of layers under an axis on which they stand at 0, 1, ...; of many, some."""
    every = max(1, len(names) // 16)
    places = range(0, len(names), every)
    slanted = sum(min(len(name), 18) + 2 for name in names[::every]) > 52
    axes.set_xticks(
        places,
        [shortened(names[place]) for place in places],
        rotation=40 if slanted else 0,
        ha="right" if slanted else "center",
        rotation_mode="anchor",
    )
    axes.set_xlim(-0.5, max(len(names), 1) - 0.5)
    axes.grid(axis="y")
    axes.tick_params(which="both", length=0)


def shortened(name: str, length: int = 18) -> str:
    """A name that fits into a plot, its middle left out if it is long.

    >>> shortened("features.block3.conv2.relu", 12)
    'featur….relu'
    """
    name = f" {name}" if name.startswith("_") else name  # matplotlib leaves such names out of legends
    if len(name) <= length:
        return name
    return f"{name[: length // 2]}…{name[len(name) - (length - length // 2 - 1) :]}"


def _log10(value: float) -> float:
    return math.log10(value) if value > 0 else 0.0


def _inline(content: bytes, key: str, colours: Sequence[Colour], alt: str) -> str:
    """Matplotlib's SVG file as an element that can stand in a page among others."""
    root = ElementTree.fromstring(content)
    for parent in list(root.iter()):
        for child in list(parent):
            if _local(child.tag) in ("metadata", "style"):
                parent.remove(child)
    variables = {colour.light.lower(): f"var(--{colour.name})" for colour in colours}
    for element in root.iter():
        element.tag = _local(element.tag)
        attributes = {_local(name): value for name, value in element.attrib.items()}
        element.attrib.clear()
        for name, value in attributes.items():
            element.set(name, _attribute(name, value, key, variables))
        element.tail = None
        if element.text is not None and not element.text.strip():
            element.text = None
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.set("class", "plot")
    root.set("role", "img")
    root.set("aria-label", alt)
    root.set("style", "stroke-linejoin: round; stroke-linecap: butt")
    return ElementTree.tostring(root, encoding="unicode", method="html")


def _attribute(name: str, value: str, key: str, variables: dict[str, str]) -> str:
    if name == "id":
        return f"{key}-{value}"
    if name == "href":
        return value.replace("#", f"#{key}-", 1)
    if name == "d":
        return re.sub(r"\s+", " ", re.sub(r"(\d\.\d{2})\d+", r"\1", value)).strip()
    value = value.replace("url(#", f"url(#{key}-")
    if name == "style":
        value = re.sub(r"font-family:[^;]*;?\s*", "", value)
        value = re.sub(r"#[0-9a-fA-F]{6}", lambda found: variables.get(found[0].lower(), found[0]), value)
    return value


def _local(name: object) -> str:
    return str(name).rsplit("}", 1)[-1]
