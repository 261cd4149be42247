"""What points of another method tell of an answer, and the page that shows it."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path

import numpy as np
import pytest

import unrelu as ur
from page_reader import read
from unrelu.inverse import consistent_set
from unrelu.inverse.answer import answer
from unrelu.inverse.range_search import RangeSearch
from unrelu.inverse.sampler_seen import in_boxes
from unrelu.report.write_answers import write_answers

MAGNITUDES = ur.Network.from_layers(
    [(np.vstack([np.eye(2), -np.eye(2)]), np.zeros(4)), (np.kron([1.0, 1.0], np.eye(2)), np.zeros(2))]
)
"""|x0| and |x1|: four solutions, or four squares under noise."""

Y = np.array([0.5, 0.25])
BOX = ur.Box(-1, 1)


def squares() -> ur.ConsistentSet:
    found = ur.invert(MAGNITUDES, Y, domain=BOX, noise=0.125)
    assert found.refine(0.05)
    return found


def test_the_parts_are_the_four_squares_in_order() -> None:
    found = squares()
    assert found.parts == 4
    exact = [[[-0.625, -0.375], [-0.375, -0.125]], [[-0.625, -0.375], [0.125, 0.375]]]
    exact += [[[0.375, 0.625], each[1]] for each in exact]
    assert found.part_ranges.shape == (4, 2, 2)
    for told, true in zip(found.part_ranges, np.array(exact), strict=True):
        assert (told[:, 0] <= true[:, 0]).all()
        assert (true[:, 1] <= told[:, 1]).all()
        assert np.abs(told - true).max() < 0.1
    none = ur.invert(MAGNITUDES, np.array([-1.0, 0.5]), domain=BOX, noise=0.125)
    assert none.ranges().empty
    assert none.part_ranges.shape == (0, 2, 2)
    assert none.seen_by(np.zeros((3, 2))).at.shape == (3, 0)


def test_a_point_is_in_its_part_and_consistent_to_the_last_bit() -> None:
    """Corners of a square are consistent, and the next floats are not; all are in its boxes or in none."""
    end = math.nextafter(0.625, 1)
    points = np.array([[0.625, 0.375], [end, 0.375], [-0.5, 0.25], [0.0, 0.0], [0.375, -0.125]])
    seen = squares().seen_by(points)
    assert seen.consistent.tolist() == [True, False, True, False, True]
    assert seen.at[[0, 2, 3, 4]].argmax(axis=1).tolist() == [3, 1, 0, 2]
    assert seen.at[[0, 2, 4]].sum(axis=1).tolist() == [1, 1, 1]
    assert not seen.at[3].any()
    assert seen.seen.tolist() == [False, True, True, True]
    assert seen.n_points.sum() == seen.at.sum()
    assert "of 5 points in 3 of 4 places, 3 consistent" in repr(seen)


def test_the_interval_holds_the_central_99_per_cent() -> None:
    points = np.stack([np.linspace(-1, 1, 2001), np.zeros(2001)], axis=1)
    seen = squares().seen_by(points)
    np.testing.assert_allclose(seen.interval, [[-0.99, 0.99], [0, 0]], atol=1e-12)
    inside = (seen.interval[0, 0] <= points[:, 0]) & (points[:, 0] <= seen.interval[0, 1])
    assert inside.mean() == pytest.approx(0.99, abs=0.001)


def test_points_near_solutions() -> None:
    found = ur.invert(MAGNITUDES, Y, domain=BOX)
    order = [each.center.round(6).tolist() for each in found.solutions]
    points = np.array([[0.5, 0.25], [0.5, 0.349], [0.5, 0.351], [-0.5, -0.25]])
    seen = found.seen_by(points)
    assert seen.n_points[order.index([0.5, 0.25])] == 2  # 5 % of the domain's width of 2, each way
    assert seen.n_points[order.index([-0.5, -0.25])] == 1
    assert seen.seen.sum() == 2
    assert seen.consistent.tolist() == [True, False, False, True]
    exactly = found.seen_by(np.vstack([points, found.solutions[0].center]), near=0)
    assert exactly.n_points[0] >= 1
    everywhere = found.seen_by(np.zeros((1, 2)), near=1)
    assert everywhere.seen.all()
    with pytest.raises(ur.errors.InputError, match="0 or more"):
        found.seen_by(points, near=-0.1)


@pytest.mark.parametrize("found", [lambda: ur.invert(MAGNITUDES, Y, domain=BOX), squares])
def test_what_is_no_table_of_points_is_refused(found) -> None:
    asked = found()
    for wrong in (np.zeros(2), np.zeros((3, 3)), np.zeros((0, 2))):
        with pytest.raises(ur.errors.ShapeError, match="rows of 2 numbers"):
            asked.seen_by(wrong)
    with pytest.raises(ur.errors.InputError, match="NaN or infinite"):
        asked.seen_by(np.array([[0.0, np.nan]]))


def test_boxes_and_points_against_a_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    lower = rng.integers(-4, 4, (30, 3)).astype(float)
    upper = lower + rng.integers(0, 3, (30, 3))
    points = rng.integers(-5, 6, (200, 3)).astype(float)
    plain = [any(bool((a <= x).all() and (x <= b).all()) for a, b in zip(lower, upper, strict=True)) for x in points]
    assert in_boxes(lower, upper, points).tolist() == plain
    monkeypatch.setattr("unrelu.inverse.sampler_seen.AT_ONCE", 1)  # in many steps
    assert in_boxes(lower, upper, points).tolist() == plain
    assert not in_boxes(lower[:0], upper[:0], points).any()


def table_cells(path: Path, number: int = 0) -> list[list[str]]:
    page = read(path.read_text(encoding="utf-8"))
    table = page.all("table")[number]
    rows = [row for row in table.all("tr") if row.all("td")]
    return [[cell.text for cell in row.elements if cell.tag in ("th", "td")] for row in rows]


def test_the_page_says_what_the_answer_says(tmp_path: Path) -> None:
    found = squares()
    points = np.array([[0.5, 0.25]] * 90 + [[0.45, 0.2]] * 10)
    written = found.report(tmp_path / "a" / "page.html", names=["heat", "<b>"], points=points, title="A & B")
    text = written.path.read_text(encoding="utf-8")
    assert "A &amp; B" in text
    assert "&lt;b&gt;" in text
    assert "<b>" not in text
    assert "At least 4 parts" not in text
    assert "at least 4 parts, proved." in text
    assert "100 of the 100 points of the sampler are in 1 of the 4 known parts." in text
    assert "100 of them (100 %) are consistent" in text
    assert "unrelu" in text
    assert "ranges.csv" not in text  # there is none beside it
    assert [each.name for each in written.figures] == [f"{written.path.stem}-answer1.png"]
    assert written.figures[0].read_bytes().startswith(b"\x89PNG")
    ranges = found.ranges()
    for row, outer in zip(table_cells(written.path), ranges.outer, strict=True):
        low, high = (float(row[k].replace("−", "-")) for k in (1, 4))
        assert low <= outer[0]  # what is shown as proved is proved
        assert outer[1] <= high
        assert row[6].endswith("to 0.500000") or row[6].endswith("to 0.250000")
        assert float(row[7].removesuffix(" %")) > 90
    assert [row[-1] for row in table_cells(written.path, 1)] == ["0", "0", "0", "100"]


def test_the_page_tells_of_the_parts_that_were_looked_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking again may find more of them; the points in each are those of the parts that are listed."""
    found, real, looks = squares(), consistent_set.visit, []

    def visit(search: RangeSearch) -> list[np.ndarray]:
        looks.append(search)
        return real(search)[: 1 + 3 * (len(looks) > 1)]

    monkeypatch.setattr(consistent_set, "visit", visit)
    path = found.report(tmp_path / "page.html", points=np.array([[0.5, 0.25]])).path
    assert len(looks) == 1
    assert "at least 1 part, proved" in path.read_text(encoding="utf-8")


def test_the_page_of_solutions_of_none_and_of_an_unfinished_search(tmp_path: Path) -> None:
    found = ur.invert(MAGNITUDES, Y, domain=BOX)
    path = found.report(tmp_path / "page.html", points=np.array([[0.5, 0.25]])).path
    rows = table_cells(path)
    assert len(rows) == 4
    assert [row[3] for row in rows] == ["0", "0", "0", "1"]
    assert all("an exact root" in row[4] for row in rows)
    text = path.read_text(encoding="utf-8")
    assert "4 solutions, proved complete to" in text
    assert "1 of the 1 points of the sampler are within 5 % of the domain of 1 of the 4 known solutions." in text
    empty = ur.invert(MAGNITUDES, -Y, domain=BOX).report(tmp_path / "none.html").path.read_text(encoding="utf-8")
    assert "No solution, proved complete" in empty
    assert "<table" not in empty
    early = ur.invert(MAGNITUDES, Y, domain=BOX, time_limit=0).report(tmp_path / "early.html").path
    assert "No solution so far, 0 % of the domain settled, 1 part left (time limit)." in early.read_text()
    assert "not settled yet" in early.read_text()
    nothing = ur.invert(MAGNITUDES, -Y, domain=BOX, noise=0.1).report(tmp_path / "empty.html").path.read_text()
    assert "No input is consistent, proved." in nothing
    assert "<svg" not in nothing


def test_several_answers_one_input_and_many(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    wide = ur.Network.from_layers(
        [(rng.standard_normal((8, 5)), rng.standard_normal(8)), (rng.standard_normal((3, 8)), np.zeros(3))]
    )
    y = np.asarray(wide(np.full((1, 5), 0.25)))[0]
    lower, upper = np.zeros(5), np.ones(5)
    lower[1] = upper[1] = 0.25  # known
    box = ur.Box(lower, upper)
    noisy = ur.invert(wide, y, domain=box, noise=0.3)
    told = answer(noisy, title="five", time_limit=4)
    assert told.shown == (0, 2, 3, 4)
    assert [each.inputs for each in told.pavings] == [(0, 2), (0, 3), (0, 4), (2, 3), (2, 4), (3, 4)]
    turned = answer(noisy, title="turned", shown=(4, 0), time_limit=2)
    assert [each.inputs for each in turned.pavings] == [(4, 0)]
    alone = answer(noisy, title="one", shown=(2,), time_limit=1)
    line = ur.Network.from_layers([(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))])  # |x|
    one = answer(ur.invert(line, np.array([0.5]), domain=BOX), title="line")
    flat = answer(ur.invert(MAGNITUDES, Y[:1], domain=BOX, outputs=[0]), title="flat")
    assert all(each.is_flat for each in flat.found.solutions)  # pyright: ignore[reportAttributeAccessIssue]
    written = write_answers([told, turned, alone, one, flat], tmp_path / "page.html", files=True)
    text = written.path.read_text(encoding="utf-8")
    assert re.findall(r'<a href="#target\d">(\w+)</a>', text) == ["five", "turned", "one", "line", "flat"]
    assert "Every input that gives 5 measurements" in text
    assert "ranges.csv" in text
    assert "verify" in text
    assert len(written.figures) == 5
    assert "holds solutions that hang together" in text
    colours = set(re.findall(r"var\(--([\w-]+)\)", text))
    assert colours <= set(re.findall(r"--([\w-]+):", text))


def test_what_a_picture_cannot_show_is_refused() -> None:
    found = ur.invert(MAGNITUDES, Y, domain=ur.Box(np.array([-1, 0.25]), np.array([1, 0.25])))
    for wrong in ((1,), (0, 0), (2,), (-1,)):
        with pytest.raises(ur.errors.InputError, match="at most 4 different inputs of 0 to 1 that are not fixed"):
            answer(found, shown=wrong)
    with pytest.raises(ur.errors.ShapeError, match="2 inputs, but there are 1 names"):
        answer(found, names=["x"])
    with pytest.raises(ur.errors.InputError, match="at least one answer"):
        write_answers([], "page.html")


def test_a_program_that_is_short_of_room_draws_twenty(tmp_path: Path) -> None:
    one = answer(ur.invert(MAGNITUDES, Y, domain=BOX), title="one")
    many = [dataclasses.replace(one, title=f"target {k}", shown=(0,)) for k in range(22)]
    written = write_answers(many, tmp_path / "page.html")
    assert len(written.figures) == 20
    assert "The last 2 targets have no picture here." in written.path.read_text(encoding="utf-8")
