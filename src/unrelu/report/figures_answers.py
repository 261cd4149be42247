"""The picture of an answer: pairs of unknowns, with all that is consistent, or every solution."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from unrelu.inverse.inversion import Inversion
from unrelu.report.figures import Drawing, draw, legend_below, shortened
from unrelu.report.palette import AFTER, INK, OPEN, OTHERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from unrelu.inverse.answer import Answer
    from unrelu.inverse.paving import Paving

POINTS = 400
"""Of another method, that are drawn at most; a random choice of them."""

_MARGIN = 0.06  # of what is shown, on each side


def draw_answer(answer: Answer, key: str) -> Drawing | None:
    """The answer over its unknowns, two by two; over the one that is free, where there is only one; None over none.

    Args:
        answer: to draw.
        key: of the drawing.
    """
    n = len(answer.shown)
    if n == 0 or (not isinstance(answer.found, Inversion) and answer.ranges is not None and answer.ranges.empty):
        return None
    ends = [_ends(answer, k) for k in answer.shown]

    def paint(figure: Figure) -> None:
        if n == 1:
            axes = figure.subplots()
            _paint_line(axes, answer)
            axes.set_xlim(*ends[0])
            axes.set_xlabel(shortened(answer.names[answer.shown[0]], 28))
            legend_below(figure, axes)
            return
        grid = figure.subplots(n - 1, n - 1, squeeze=False)
        for row, column in itertools.product(range(n - 1), repeat=2):
            axes = grid[row, column]
            if column > row:
                axes.set_axis_off()
                continue
            _paint_pair(axes, answer, column, row + 1)
            axes.set(xlim=ends[column], ylim=ends[row + 1])
            axes.locator_params(nbins=5 if n < 4 else 3)
            if row == n - 2:
                axes.set_xlabel(shortened(answer.names[answer.shown[column]], 28 if n < 4 else 18))
            else:
                axes.set_xticklabels([])
            if column == 0:
                axes.set_ylabel(shortened(answer.names[answer.shown[row + 1]], 28 if n < 4 else 18))
            else:
                axes.set_yticklabels([])
        legend_below(figure, grid[0, 0])

    side = {1: (6.4, 1.9), 2: (5.4, 4.6), 3: (6.4, 5.6)}.get(n, (7.4, 6.6))
    return draw(key, paint, (AFTER, OPEN, OTHERS), alt=_alt(answer), size=side)


def _alt(answer: Answer) -> str:
    shown = ", ".join(answer.names[k] for k in answer.shown)
    if isinstance(answer.found, Inversion):
        return f"All {len(answer.found.solutions)} solutions over {shown}."
    return f"Over {shown}: what is proved consistent, what is open; all else is proved not to be."


def _ends(answer: Answer, k: int) -> tuple[float, float]:
    """What is shown of an unknown: the domain, or what is known to hold all that is consistent, and points."""
    low, high = float(answer.found.statement.lower[k]), float(answer.found.statement.upper[k])
    if answer.ranges is not None:
        kept = [answer.ranges.outer[k]] if answer.seen is None else [answer.ranges.outer[k], answer.seen.interval[k]]
        low, high = max(low, min(float(each[0]) for each in kept)), min(high, max(float(each[1]) for each in kept))
    room = _MARGIN * (high - low) or abs(low) * 1e-9 or 1e-9
    return low - room, high + room


def _paint_line(axes: Axes, answer: Answer) -> None:
    (k,) = answer.shown
    found = answer.found
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(-1, 1)
    if isinstance(found, Inversion):
        left = found.left
        _bars(axes, left[0][:, k], left[1][:, k], OPEN.light, 0.5, "not settled yet")
        centers = [each.center[k] for each in found.solutions]
        flats = [each for each in found.solutions if each.is_flat]
        low, high = (np.array([getattr(each, end)[k] for each in flats]) for end in ("lower", "upper"))
        _bars(axes, low, high, AFTER.light, 0.4, "holds solutions that hang together")
        axes.plot(centers, np.zeros(len(centers)), "o", color=INK.light, markersize=5, label="a solution")
    else:
        lower, upper = found.boxes
        _bars(axes, lower[:, k], upper[:, k], OPEN.light, 0.5, "all that is consistent lies in here")
        known = found.members[:POINTS, k]
        axes.plot(known, np.zeros(len(known)), "|", color=INK.light, markersize=9, label="consistent, proved")
    _paint_points(axes, answer, k, None)


def _bars(axes: Axes, low: np.ndarray, high: np.ndarray, colour: str, half: float, label: str) -> None:
    lower, upper = (np.stack([each, np.full(len(each), end)], axis=1) for each, end in ((low, -half), (high, half)))
    _rectangles(axes, lower, upper, colour, label, 2)


def _paint_pair(axes: Axes, answer: Answer, first: int, second: int) -> None:
    i, j = answer.shown[first], answer.shown[second]
    found = answer.found
    if isinstance(found, Inversion):
        lower, upper = (each[:, [i, j]] for each in found.left)
        _rectangles(axes, lower, upper, OPEN.light, "not settled yet", 2)
        flats = [each for each in found.solutions if each.is_flat]
        lower, upper = (np.array([getattr(x, end)[[i, j]] for x in flats]).reshape(-1, 2) for end in ("lower", "upper"))
        _rectangles(axes, lower, upper, AFTER.light, "holds solutions that hang together", 3, edged=True)
        points = np.array([each.center[[i, j]] for each in found.solutions if not each.is_flat]).reshape(-1, 2)
        if len(points):
            axes.plot(*points.T, "o", color=INK.light, markersize=5, label="a solution", zorder=5)
    else:
        paving = next(each for each in answer.pavings if set(each.inputs) == {i, j})
        turned = [0, 1] if paving.inputs == (i, j) else [1, 0]
        _paint_paving(axes, paving, turned)
    _paint_points(axes, answer, i, j)


def _paint_paving(axes: Axes, paving: Paving, turned: list[int]) -> None:
    outer = paving.outer_lower[:, turned], paving.outer_upper[:, turned]
    inner = paving.inner_lower[:, turned], paving.inner_upper[:, turned]
    _rectangles(axes, *inner, AFTER.light, "consistent, proved", 3)
    _rectangles(axes, *outer, OPEN.light, "open; all else is not, proved", 2)
    if not len(paving.inner_lower) and len(paving.members):
        members = paving.members[:POINTS, turned]
        axes.plot(*members.T, ".", color=AFTER.light, markersize=3, label="consistent, proved", zorder=3)


def _paint_points(axes: Axes, answer: Answer, i: int, j: int | None) -> None:
    if answer.seen is None:
        return
    points = answer.seen.points
    if len(points) > POINTS:
        points = points[np.random.default_rng(0).choice(len(points), POINTS, replace=False)]
    heights = np.full(len(points), -0.75) if j is None else points[:, j]
    (drawn,) = axes.plot(points[:, i], heights, "o", color=OTHERS.light, label="what the sampler saw", zorder=4)
    drawn.set(markersize=2.2, markeredgewidth=0.0)


def _rectangles(
    axes: Axes, lower: np.ndarray, upper: np.ndarray, colour: str, label: str, layer: int, *, edged: bool = False
) -> None:
    """Rectangles (n, 2) as one shape; those side by side in a row are joined."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if not len(lower):
        return
    joined = _rows(lower, upper)
    corners = [[(a, b), (c, b), (c, d), (a, d), (a, b)] for (a, b), (c, d) in joined]
    codes = [Path.MOVETO, Path.LINETO, Path.LINETO, Path.LINETO, Path.CLOSEPOLY] * len(corners)
    path = Path(np.array(corners).reshape(-1, 2), codes)
    line = {"edgecolor": colour, "linewidth": 1.6 if edged else 0.25}
    axes.add_patch(PathPatch(path, facecolor=colour, label=label, zorder=layer, **line))


def _rows(lower: np.ndarray, upper: np.ndarray) -> list[tuple[list[float], list[float]]]:
    order = np.lexsort((lower[:, 0], upper[:, 1], lower[:, 1]))
    joined: list[tuple[list[float], list[float]]] = []
    for low, high in zip(lower[order].tolist(), upper[order].tolist(), strict=True):
        if joined and joined[-1][0][1] == low[1] and joined[-1][1] == [low[0], high[1]]:
            joined[-1] = joined[-1][0], high
        else:
            joined.append((low, high))
    return joined
