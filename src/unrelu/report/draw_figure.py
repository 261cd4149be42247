"""Drawing a figure of any kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from unrelu.report.draw_curves import draw_curves
from unrelu.report.draw_histogram import draw_histogram
from unrelu.report.draw_pictures import draw_pictures
from unrelu.report.draw_profile import draw_profile
from unrelu.report.draw_shares import draw_shares
from unrelu.report.draw_tradeoff import draw_tradeoff
from unrelu.study.shown.curves import Curves
from unrelu.study.shown.picture_grid import PictureGrid
from unrelu.study.shown.profile import Profile
from unrelu.study.shown.shares import Shares
from unrelu.study.shown.stacked_histogram import StackedHistogram
from unrelu.study.shown.tradeoff import Tradeoff

if TYPE_CHECKING:
    from collections.abc import Callable

    from unrelu.report.figures import Drawing
    from unrelu.study.shown.shown import Figure

_BY_KIND: dict[type, Callable[[Any, str], Drawing]] = {
    Curves: draw_curves,
    PictureGrid: draw_pictures,
    Profile: draw_profile,
    Shares: draw_shares,
    StackedHistogram: draw_histogram,
    Tradeoff: draw_tradeoff,
}


def draw_figure(figure: Figure, key: str) -> Drawing:
    """A figure as SVG and PNG.

    Args:
        figure: what to draw.
        key: of the drawing: unique on the page; letters, digits and dashes.
    """
    return _BY_KIND[type(figure)](figure, key)
