"""What the questions of a study show, as data, against the study's tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from report_pages import with_rows
from small_studies import branched_study, dense_study, joined_study
from unrelu.study.questions.shown_metamers import shown_metamers
from unrelu.study.questions.shown_ranges import shown_ranges
from unrelu.study.questions.shown_spectra import shown_spectra
from unrelu.study.questions.shown_study import shown_study
from unrelu.study.questions.shown_uniqueness import shown_uniqueness
from unrelu.study.questions.shown_verdicts import active_threshold, shown_verdicts
from unrelu.study.shown.curves import Curves
from unrelu.study.shown.parts import Part, plain
from unrelu.study.shown.picture_grid import PictureGrid
from unrelu.study.shown.profile import Profile
from unrelu.study.shown.shares import Shares
from unrelu.study.shown.shown import Shown
from unrelu.study.shown.shown_table import Bar
from unrelu.study.shown.stacked_histogram import StackedHistogram
from unrelu.study.study import Study


def figure(shown: Shown, key: str) -> Any:
    """A figure by its key."""
    (found,) = [each.figure for each in shown.figures if each.key == key]
    return found


def parts(value: Any) -> Iterator[Part]:
    """All parts in what is shown."""
    if isinstance(value, Part):
        yield value
    elif isinstance(value, tuple):
        for each in value:
            yield from parts(each)
    elif is_dataclass(value):
        for field in fields(value):
            yield from parts(getattr(value, field.name))


@pytest.mark.parametrize("make", [dense_study, joined_study, branched_study])
def test_every_source_is_a_record_of_the_study(make: Any) -> None:
    study: Study = make()
    sources = [part.source for part in parts((shown_study(study), *study.shown())) if part.source]
    assert len(sources) > 20
    for source in sources:
        table, *place = source.split("/")
        if table == "info":
            assert hasattr(study.info, place[0])
        elif table == "study":
            assert getattr(study, place[0]) is not None
        elif table == "asked":
            assert study.question(place[0]).about[place[1]]
        else:
            assert study[table][place[1]][int(place[0])] is not None


def test_a_histogram_counts_every_input_once() -> None:
    study = dense_study()
    histogram = figure(shown_verdicts(study), "preimages-1")
    assert isinstance(histogram, StackedHistogram)
    rows = [row for row in study["verdicts"].to_pylist() if row["layer"] == "relu1"]
    for stack in histogram.stacks:
        own = [row["n_active"] for row in rows if row["kind"] == stack.colour]
        assert stack.counts.sum() == len(own)
        for low, high, k in zip(histogram.edges[:-1], histogram.edges[1:], stack.counts, strict=True):
            assert k == sum(low < active < high for active in own)
    assert histogram.threshold is not None
    assert histogram.threshold.at in histogram.edges  # no bar straddles it
    assert histogram.threshold.at == 15.5


def test_bars_are_parts_of_a_whole() -> None:
    (table,) = shown_verdicts(dense_study()).tables
    for row, layer in zip(table.rows, dense_study()["layers"].to_pylist(), strict=True):
        (bar,) = [cell for cell in row.cells if isinstance(cell, Bar)]
        assert sum(piece.share for piece in bar.pieces) == pytest.approx(1)
        shares = {piece.colour: piece.share for piece in bar.pieces}
        assert shares["unbounded"] == layer["unbounded"] / layer["n_verdicts"]


def test_shares_are_those_of_the_inputs_in_each_bin() -> None:
    study = dense_study()
    shares = figure(shown_uniqueness(study), "unique-1")
    assert isinstance(shares, Shares)
    assert shares.reference is not None
    rows = study["uniqueness"].to_pylist()
    edges = shares.counts.edges
    for place, (low, high) in enumerate(pairwise(edges)):
        own = [row for row in rows if low < row["n_active"] < high]
        assert sum(stack.counts[place] for stack in shares.counts.stacks) == len(own)
        if not own:
            assert np.isnan(shares.found.share[place])
            continue
        assert shares.found.share[place] == sum(row["unique"] is True for row in own) / len(own)
        expected = sum(row["expected"] for row in own) / len(own)
        assert shares.reference.share[place] == pytest.approx(expected, abs=1e-12)
    assert sum(len(stack.counts) for stack in shares.counts.stacks) == 3 * (len(edges) - 1)


def test_what_is_open_is_a_share_of_its_own() -> None:
    study = dense_study()
    rows = [{**row, "unique": None if row["input"] % 2 else row["unique"]} for row in study["uniqueness"].to_pylist()]
    shares = figure(shown_uniqueness(with_rows(study, uniqueness=rows)), "unique-1")
    assert shares.found.at_most is not None
    for low, high, share, at_most in zip(
        shares.counts.edges, shares.counts.edges[1:], shares.found.share, shares.found.at_most, strict=False
    ):
        own = [row for row in rows if low < row["n_active"] < high]
        if own:
            assert share == sum(row["unique"] is True for row in own) / len(own)
            assert at_most == sum(row["unique"] is not False for row in own) / len(own)
    assert np.nanmax(shares.found.at_most - shares.found.share) > 0
    assert figure(shown_uniqueness(study), "unique-1").found.at_most is None


@pytest.mark.parametrize(
    ("d", "m", "most", "beyond"), [(16, 28, 21, False), (16, 28, 8, False), (16, 28, 7, True), (30, 28, 28, True)]
)
def test_a_threshold_too_far_to_the_right_is_pointed_to(d: int, m: int, most: int, beyond: bool) -> None:
    """An axis up to 2.2 times the most positive features still shows d; more inputs than features, and it is none."""
    threshold = active_threshold({"input_size": d, "output_size": m}, most)
    assert (threshold.at, threshold.label, threshold.beyond) == (d - 0.5, f"d = {d}", beyond)


def test_both_decays_have_the_same_axes_and_lie_within_their_bands() -> None:
    shown = shown_spectra(dense_study())
    before, after = (figure(shown, f"decay-{when}") for when in ("before", "with"))
    assert isinstance(before, Curves)
    assert (before.x, before.y.low, before.y.high) == (after.x, after.y.low, after.y.high)
    for curve in (*before.curves, *after.curves):
        assert curve.lower is not None
        assert curve.upper is not None
        assert (curve.lower <= curve.y).all()
        assert (curve.y <= curve.upper).all()
        assert before.y.high is not None
        assert curve.y.max() < before.y.high
    ranks = [row["rank"] for row in dense_study()["spectra"].to_pylist() if row["layer"] == "relu2" and row["relu"]]
    assert (after.curves[1].y > 0).sum() == np.median(ranks)


def test_profiles_have_a_value_for_each_layer() -> None:
    shown = shown_spectra(dense_study())
    for key in ("sizes", "condition", "smallest"):
        profile = figure(shown, key)
        assert isinstance(profile, Profile)
        assert profile.names == ("relu1", "relu2")
        assert all(len(series.y) == 2 for series in profile.series)
    assert [level.value for level in figure(shown, "sizes").levels] == [16]


def test_maps_are_the_widths_of_the_ranges() -> None:
    study = dense_study()
    grid = figure(shown_ranges(study), "freedom")
    assert isinstance(grid, PictureGrid)
    inputs, maps = grid.rows
    for picture, chart, row in zip(inputs, maps, study["ranges"].to_pylist(), strict=True):
        assert picture is not None
        assert chart is not None
        np.testing.assert_array_equal(picture.values, row["original_values"])
        np.testing.assert_array_equal(chart.values.ravel(), np.subtract(row["upper"], row["lower"]))


def test_pictures_are_the_inputs_and_metamers_of_the_study() -> None:
    study = dense_study()
    (gallery,) = shown_metamers(study).galleries
    rows = study["metamers"].to_pylist()
    for number, strip in enumerate(gallery.strips):
        own = [row for row in rows if row["pair"] == number]
        values = [own[0]["original_values"], own[0]["target_values"], *(row["metamer_values"] for row in own)]
        np.testing.assert_array_equal([picture.values for picture in strip.pictures], values)
    assert shown_metamers(branched_study()).galleries == ()
    (table,) = shown_metamers(branched_study()).tables
    assert [row.head is not None for row in table.rows] == [True, False, False, False, False] * 6


def test_a_question_that_was_not_asked_shows_nothing() -> None:
    study = branched_study()
    assert [each.name for each in study.asked] == ["inputs", "metamers"]
    (shown,) = study.shown()
    assert shown.findings
    assert not shown.figures


def test_only_a_layer_about_which_nothing_was_asked_is_called_left_out() -> None:
    def left_out(study: Study) -> list[str]:
        return [plain(each) for each in shown_study(study).findings if "left out" in plain(each)]

    assert left_out(dense_study()) == left_out(joined_study()) == []
    said = [f"Layer relu-{side} was left out; the table says why." for side in ("left", "right")]
    assert left_out(branched_study()) == said
