"""Each kind of figure, drawn from plain numbers: what stands in the drawing, and what leaves nothing to draw."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

from page_reader import Element, read
from unrelu.report.draw_figure import draw_figure
from unrelu.report.draw_pictures import draw_gallery
from unrelu.study.shown.axis import Axis
from unrelu.study.shown.colours import Step
from unrelu.study.shown.curves import Curve, Curves
from unrelu.study.shown.gallery import Gallery, Pictured, Strip
from unrelu.study.shown.parts import Part
from unrelu.study.shown.picture_grid import PictureGrid, Tile
from unrelu.study.shown.profile import Level, Profile, Series
from unrelu.study.shown.shares import Share, Shares
from unrelu.study.shown.shown import Figure
from unrelu.study.shown.stacked_histogram import Stack, StackedHistogram
from unrelu.study.shown.threshold import Threshold
from unrelu.study.shown.tradeoff import Points, Tradeoff

ALT = (Part("A figure, "), Part("in words", "layers/0/layer"), Part("."))
X, Y = Axis("along"), Axis("up")


def drawn(figure: Figure) -> Element:
    """The SVG of a figure; matplotlib may complain of nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        drawing = draw_figure(figure, "key")
    assert drawing.png.startswith(b"\x89PNG")
    (svg,) = read(drawing.svg).all("svg")
    assert svg.attributes["aria-label"] == "A figure, in words."
    return svg


def words(svg: Element) -> list[str]:
    return [each.text.strip() for each in svg.all("text")]


def lines(svg: Element, colour: str, *, clipped: bool = True) -> list[list[tuple[float, float]]]:
    """Corners of the lines of a colour, by default of those that are cut off where the axes end, as no legend is."""
    found = []
    for path in svg.all("path"):
        style = path.attributes.get("style", "")
        if f"stroke: var(--{colour})" in style and ("clip-path" in path.attributes or not clipped):
            found.append([(float(x), float(y)) for x, y in re.findall(r"[ML] ([\d.]+) ([\d.]+)", path.attributes["d"])])
    return found


def quarters(axes: Element) -> tuple[float, float]:
    """Where 25 % and 75 % stand on the vertical axis, by the lines of the grid."""
    heights: dict[str, float] = {}
    for tick in axes.elements:
        if re.match(r".*-ytick_\d+$", tick.attributes.get("id", "")):
            (height,) = re.findall(r"M [\d.]+ ([\d.]+)", tick.all("path")[0].attributes["d"])
            heights[tick.all("text")[0].text.strip()] = float(height)
    return heights["25 %"], heights["75 %"]


def histogram(*, threshold: Threshold | None = None, totals: bool = False, counts: tuple[int, ...] = (1, 0, 3)):
    stacks = (
        Stack("few", "bounded", np.array(counts)),
        Stack("none of these", "empty", np.zeros(len(counts), int)),
        Stack("more", "unbounded", 2 * np.array(counts)),
    )
    edges = np.arange(len(counts) + 1) - 0.5
    return StackedHistogram(Axis("along", "count"), Axis("up", "count"), edges, stacks, ALT, threshold, totals)


def test_a_histogram_names_the_kinds_that_there_are_and_writes_totals() -> None:
    svg = drawn(histogram(totals=True))
    assert {"few", "more", "along", "up"} <= set(words(svg))
    assert "none of these" not in words(svg)
    assert words(svg).count("9") == 1  # the total of the last bin: no tick is there
    assert not drawn(histogram()).text.count("9")


@pytest.mark.parametrize("beyond", [False, True])
def test_a_threshold_is_drawn_or_pointed_to(beyond: bool) -> None:
    svg = drawn(histogram(threshold=Threshold(1.5, "d = 2", beyond)))
    dashed = [each for each in svg.all("path") if "stroke-dasharray" in each.attributes.get("style", "")]
    assert len(dashed) == (not beyond)
    assert ("d = 2 →" in words(svg)) == beyond
    assert ("d = 2" in words(svg)) != beyond


def test_curves_on_a_logarithmic_axis_leave_out_what_is_not_positive() -> None:
    values = np.array([100.0, 10.0, 1.0, 0.0])
    curve = Curve("falling", "after", np.arange(4), values, values / 2, 2 * values)
    svg = drawn(Curves(X, Axis("up", "log", 0.1, 1000), (curve,), ALT))
    (line,) = lines(svg, "after")
    assert len(line) == 3
    (_, a), (_, b), (_, c) = line
    assert b - a == pytest.approx(c - b, abs=0.02)  # equal ratios, equal steps
    assert a < b


def test_of_many_curves_some_are_named() -> None:
    many = tuple(Curve(f"line {k}", Step(k, 40), np.arange(2), np.array([0.0, k])) for k in range(40))
    named = [word for word in words(drawn(Curves(X, Y, many, ALT))) if word.startswith("line")]
    assert len(named) == 12
    assert (named[0], named[-1]) == ("line 0", "line 39")


def test_a_profile_has_its_places_levels_and_gaps() -> None:
    gap = np.array([1.0, np.nan, 3.0])
    series = (
        Series("plain", "muted", np.array([2.0, 2.0, 2.0]), marker="dash"),
        Series("with a gap", "after", gap, gap - 0.5, gap + 0.5, dashed=True),
        Series("without bars", "before", np.arange(1.0, 4.0), marker="square"),
    )
    svg = drawn(Profile(("one", "two", "three"), Y, series, ALT, (Level(2.5, "the level"),)))
    assert {"one", "two", "three", "plain", "with a gap", "without bars", "the level", "up"} <= set(words(svg))
    assert sum("fill: var(--after)" in each.attributes.get("style", "") for each in svg.all("use")) >= 2


def test_bars_through_the_marks_of_a_profile_reach_as_far_as_they_should() -> None:
    """One below and two above: half as far, by the drawing's own lengths."""
    y = np.array([5.0, 6.0])
    svg = drawn(Profile(("one", "two"), Y, (Series("found", "after", y, y - 1, y + 2),), ALT))
    line, *bars = sorted(lines(svg, "after"), key=lambda each: abs(each[0][0] - each[1][0]), reverse=True)
    assert len(bars) == 2
    for (_, at), bar in zip(line, bars, strict=True):
        top, bottom = min(y for _, y in bar), max(y for _, y in bar)
        assert at - top == pytest.approx(2 * (bottom - at), abs=0.05)
        assert bottom - at > 5


def test_states_of_a_thing_are_joined_and_the_last_is_named() -> None:
    x, y = np.array([1.0, 2.0]), np.array([10.0, 100.0])
    states = (
        Points("first", "before", x, y, "square"),
        Points("then", "others", x + 1, y, "circle"),
        Points("last", "after", np.array([4.0, np.nan]), y),
    )
    svg = drawn(Tradeoff(X, Axis("up", "log"), ("seen", "not at last"), states, ALT))
    assert "seen" in words(svg)
    assert "not at last" not in words(svg)
    joined = lines(svg, "muted")
    assert sorted(len(line) for line in joined) == [2, 3]


def test_shares_with_what_is_open_and_without_a_reference() -> None:
    share = np.array([0.25, np.nan, 0.5])
    counts = histogram(threshold=Threshold(0.5, "d = 1"), totals=True)
    found = Share("found", "after", share, np.array([0.75, np.nan, 0.5]))
    svg = drawn(Shares(Axis("part", "share"), found, None, counts, ALT))
    assert {"0 %", "25 %", "100 %", "found", "part", "d = 1"} <= set(words(svg))
    (upper,) = [each for each in svg.elements if each.attributes.get("id") == "key-axes_1"]
    marks = [use for use in upper.all("use") if "fill: var(--after)" in use.attributes.get("style", "")]
    assert len({use.attributes["x"] for use in marks}) == 2  # none over the bin without anything
    with_reference = Shares(Axis("part", "share"), found, Share("expected", "muted", share), counts, ALT)
    assert "expected" in words(drawn(with_reference))
    assert "expected" not in words(svg)
    opened, *_ = [line for line in lines(upper, "after", clipped=False) if len({x for x, _ in line}) == 1]
    low, high = quarters(upper)
    assert sorted(y for _, y in opened) == pytest.approx([high, low], abs=0.05)  # up to what it may be


def test_a_grid_has_pictures_maps_their_scale_and_room_for_none() -> None:
    grey = Tile(np.arange(6) / 5, (2, 3), (0, 1), above="grey", below=("two", "lines"))
    colour = Tile(np.arange(18) / 17, (3, 2, 3), (0, 1))
    chart = Tile(np.arange(6.0), (2, 3), None, below=("a map",))
    svg = drawn(PictureGrid(((grey, colour), (chart, None)), ALT, "how much"))
    assert {"grey", "two", "lines", "a map", "how much"} <= set(words(svg))
    assert len(svg.all("image")) == 4  # with the scale
    assert len(drawn(PictureGrid(((grey, None),), ALT)).all("image")) == 1


def test_strips_of_different_lengths_are_one_picture() -> None:
    one = Pictured("found", "one", np.arange(4) / 3, (2, 2), (0, 1), ALT, Part("cat"))
    strips = tuple(Strip(ALT, ALT, (one,) * n) for n in (1, 3, 2, 1, 1, 1, 1))
    (svg,) = read(draw_gallery(Gallery("key", strips, ALT), "key").svg).all("svg")
    assert len(svg.all("image")) == 9  # of the first six
    assert words(svg).count("network says cat") == 9
    assert words(svg).count("one") == 1


NOTHING = np.full(2, np.nan)


@pytest.mark.parametrize(
    "figure",
    [
        histogram(counts=(0, 0)),
        Curves(X, Axis("up", "log"), (), ALT),
        Curves(X, Axis("up", "log"), (Curve("zero", "after", np.arange(2), np.zeros(2)),), ALT),
        Profile(("one", "two"), Axis("up", "log"), (Series("unknown", "after", NOTHING, NOTHING, NOTHING),), ALT),
        Profile((), Y, (), ALT),
        Tradeoff(X, Axis("up", "log"), ("a", "b"), (Points("unknown", "after", NOTHING, NOTHING),), ALT),
        Shares(Axis("part", "share"), Share("unknown", "after", NOTHING), None, histogram(counts=(0, 0)), ALT),
        PictureGrid(((Tile(np.zeros(4), (2, 2), None),),), ALT, "flat"),
        PictureGrid(((Tile(np.ones(4), (2, 2), (1, 1)),),), ALT),
    ],
)
def test_where_nothing_is_known_nothing_breaks(figure: Figure) -> None:
    drawn(figure)
