"""What the drawings draw."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from page_reader import Element
from report_pages import made, page
from small_studies import dense_study, joined_network, pictures
from unrelu.network.graph import Network
from unrelu.questions import Spectra
from unrelu.study.analyze import analyze
from unrelu.study.study import Study


def test_the_histogram_draws_as_many_inputs_as_there_are() -> None:
    """Heights of the bars, read from the drawing by its own axis, add up to the counts by kind."""
    (svg,) = [s for s in page("dense").all("svg") if "Histogram" in s.attributes.get("aria-label", "")]
    ticks = [
        (float(element.all("text")[0].attributes["y"]), float(element.all("text")[0].text.replace(",", "")))
        for element in svg.elements
        if re.match(r".*-ytick_\d+$", element.attributes.get("id", ""))
    ]
    (y0, v0), (y1, v1) = ticks[0], ticks[-1]
    per_input = (y1 - y0) / (v1 - v0)
    first = dense_study()["layers"].to_pylist()[0]
    for kind in ("singleton", "bounded", "unbounded"):
        total = 0.0
        for path in svg.all("path"):
            if f"fill: var(--{kind})" in path.attributes.get("style", "") and "clip-path" in path.attributes:
                ys = [float(y) for y in re.findall(r"[ML] [\d.]+ ([\d.]+)", path.attributes["d"])]
                total += (min(ys) - max(ys)) / per_input
        assert total == pytest.approx(first[kind], abs=0.2)


def test_the_shares_drawn_are_those_of_the_records() -> None:
    """Markers and bars of the figure of uniqueness, read from the drawing by its own axes."""
    (svg,) = [s for s in page("dense").all("svg") if "only valid one" in s.attributes.get("aria-label", "")]
    upper, lower = [each for each in svg.elements if re.fullmatch(r".*-axes_\d", each.attributes.get("id", ""))]
    rows = dense_study()["uniqueness"].to_pylist()

    def ticks(axes: Element) -> tuple[float, float]:
        """Of the vertical axis: where zero is, and how much higher one is."""
        found = [
            (
                float(re.findall(r"M [\d.]+ ([\d.]+)", element.all("path")[0].attributes["d"])[0]),  # of the grid
                float(element.all("text")[0].text.replace(" %", "")),
            )
            for element in axes.elements
            if re.match(r".*-ytick_\d+$", element.attributes.get("id", ""))
        ]
        (y0, v0), (y1, v1) = found[0], found[-1]
        return y0 - v0 * (y1 - y0) / (v1 - v0), (y1 - y0) / (v1 - v0)

    # With 6 to 21 positive features there are 8 bins of 2, from 6 on.
    bins = [[row for row in rows if row["n_active"] // 2 == k] for k in range(3, 11)]
    bins = [each for each in bins if each]
    zero, one = ticks(upper)
    for colour, column in (("after", "unique"), ("muted", "expected")):
        places = [
            float(use.attributes["y"])
            for use in upper.all("use")
            if f"stroke: var(--{colour})" in use.attributes.get("style", "")
        ]
        shares = [100 * sum(row[column] for row in each) / len(each) for each in bins]
        assert [(y - zero) / one for y in places] == pytest.approx(shares, abs=0.2)
    zero, one = ticks(lower)
    for kind, value in (("singleton", True), ("bounded", False)):
        heights = []
        for path in lower.all("path"):
            if f"fill: var(--{kind})" in path.attributes.get("style", "") and "clip-path" in path.attributes:
                ys = [float(y) for y in re.findall(r"[ML] [\d.]+ ([\d.]+)", path.attributes["d"])]
                heights.append((min(ys) - max(ys)) / one)
        assert sum(heights) == pytest.approx(sum(row["unique"] is value for row in rows), abs=0.2)
    written = [each.text.strip() for each in lower.all("text")]
    assert [word for word in written if word.isdigit()][-len(bins) :] == [str(len(each)) for each in bins]


def legend(study: Study) -> list[str]:
    """The names in the legend of the drawing of singular values."""
    root = made(study)
    (svg,) = [s for s in root.all("svg") if "Singular values with" in s.attributes.get("aria-label", "")]
    (key,) = [each for each in svg.elements if "-legend_" in each.attributes.get("id", "")]
    return [text.text.strip() for text in key.all("text")]


def test_every_layer_is_in_the_legend_also_with_an_underscore_in_front() -> None:
    study = analyze(joined_network(("_hidden", "relu2")), pictures()[0][:2], questions=[Spectra(2)], progress=False)
    assert legend(study) == ["_hidden", "relu2"]


def test_of_many_layers_some_are_named_with_the_first_and_the_last() -> None:
    turn = np.array([[0.0, 1.0], [1.0, 0.1]])
    net = Network.from_layers([(turn, np.full(2, 0.1))] * 16)
    names = legend(analyze(net, np.ones((1, 2)), progress=False))
    assert len(names) == 12
    assert (names[0], names[-1]) == ("relu1", "relu15")


def test_a_map_stands_under_each_picture() -> None:
    (svg,) = [s for s in page("dense").all("svg") if "how far every pixel" in s.attributes.get("aria-label", "")]
    images = [each.attributes["href"] for each in svg.all("image")]
    shown = dense_study()["ranges"].to_pylist()
    # Originals, maps, and the scale of colours.
    assert len(images) >= 2 * len(shown)
    assert all(image.startswith("data:image/png;base64,") for image in images)
    written = " ".join(each.text for each in svg.all("text"))
    for row in shown:
        assert f"input {row['input']}" in written
        assert f"{row['n_active']} positive features," in written


def test_the_freedom_of_inputs_that_are_no_pictures_is_drawn_as_curves() -> None:
    study = dense_study()
    flat = made(replace(study, info=replace(study.info, picture_shape=None)))
    (svg,) = [s for s in flat.all("svg") if "stay, sorted" in s.attributes.get("aria-label", "")]
    ends = []
    for path in svg.all("path"):
        if "clip-path" in path.attributes and "var(--layer-" in path.attributes["style"]:
            ys = [float(y) for y in re.findall(r"[ML] [\d.]+ ([\d.]+)", path.attributes["d"])]
            assert ys == sorted(ys, reverse=True)
            ends.append(-ys[-1])
    assert np.argsort(ends).tolist() == np.argsort(study["ranges"]["width_largest"].to_pylist()).tolist()
