"""The report shows what questions give it, and knows none of them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import unrelu.report
from page_reader import Element, read
from small_studies import dense_study, joined_study
from unrelu.report.page import make_page
from unrelu.report.template import render
from unrelu.report.write import write_report
from unrelu.study.shown.axis import Axis
from unrelu.study.shown.colours import Step
from unrelu.study.shown.curves import Curve, Curves
from unrelu.study.shown.gallery import Gallery, Pictured, Strip
from unrelu.study.shown.parts import Part, sentence
from unrelu.study.shown.records import of_layer
from unrelu.study.shown.shown import Captioned, Glance, Shown
from unrelu.study.shown.shown_table import Bar, Piece, Row, ShownTable, column
from unrelu.study.study import Study

HERE = Path(unrelu.report.__file__).parent

QUESTIONS = ("verdicts", "uniqueness", "ranges", "spectra", "row_removal", "metamers")


def ask(monkeypatch: pytest.MonkeyPatch, *shows: Callable[[Study], Shown], others: bool = False) -> None:
    """Let studies show the answers to these questions, after those to their own if `others`."""
    own = Study.shown
    monkeypatch.setattr(
        Study, "shown", lambda study: (*(own(study) if others else ()), *(show(study) for show in shows))
    )


def widest(study: Study) -> Shown:
    """The answer to a question that the report has never heard of: how wide the layers are."""
    sizes = study["layers"]["output_size"].to_pylist()
    widest = max(range(len(sizes)), key=sizes.__getitem__)
    rows = tuple(
        Row(
            (of_layer(study, row, "layer", str),),
            (
                (of_layer(study, row, "output_size"),),
                Bar((Piece("its own", "others", size / sum(sizes)), Piece("of the rest", "muted", 0.0))),
                (of_layer(study, row, "first", str),),
            ),
        )
        for row, size in enumerate(sizes)
    )
    curve = Curve("features", Step(0, 1), np.arange(len(sizes)), np.array(sizes))
    figure = Curves(
        Axis("layer", "count"), Axis("width in features", low=0), (curve,), (Part("Widths of the layers."),)
    )
    return Shown(
        heading="How wide it is",
        findings=(sentence("The widest layer has {m} features.", m=of_layer(study, widest, "output_size")),),
        lead=((Part("Widths count features."),), (Part("They are known beforehand."),)),
        tables=(
            ShownTable(
                (
                    column("Layer", words=True),
                    column("Width", group="Features"),
                    column("Share", group="Features"),
                    column("Is it", "the first?"),
                ),
                (*rows, Row((Part("past the end"),), ((Part("–"),),), reason="there is no such layer")),
                notes=((Part("A note on widths."),),),
            ),
        ),
        figures=(Captioned("widths", figure, "Widths.", (Part("Wider is more to the top."),)),),
        glances=(Glance(column("Widest"), (of_layer(study, widest, "output_size"),)),),
        facts=(("unit", (Part("features"),)),),
        words=(("Width", "How many features a layer has."),),
    )


def test_a_question_of_which_the_report_has_never_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(monkeypatch, widest, others=True)
    report = write_report([dense_study(), joined_study()], tmp_path / "page.html")
    root = read(report.path.read_text(encoding="utf-8"))
    for number, study in enumerate((dense_study(), joined_study()), start=1):
        sizes = study["layers"]["output_size"].to_pylist()
        (section,) = [each for each in root.all("section") if each.attributes.get("id") == f"network{number}"]
        assert f"The widest layer has {max(sizes)} features." in text(section.all("ul")[0])
        heading = [each for each in section.all("h3") if each.text == "How wide it is"]
        assert len(heading) == 1
        assert "Widths count features. They are known beforehand." in text(section)
        (table,) = [each for each in section.all("table") if "the first?" in each.text]
        assert table.parent is not None
        assert table.parent.attributes["aria-labelledby"] == heading[0].attributes["id"]
        first, second = table.all("thead")[0].all("tr")
        spans = [(th.text, th.attributes.get("colspan"), th.attributes.get("rowspan")) for th in first.all("th")]
        assert spans == [("Layer", None, "2"), ("Features", "2", None), ("Is itthe first?", None, "2")]
        assert [th.text for th in second.all("th")] == ["Width", "Share"]
        *body, last = table.all("tbody")[0].all("tr")
        for row, layer in zip(body, study["layers"].to_pylist(), strict=True):
            assert row.all("th")[0].text == layer["layer"]
            width, share, is_first = row.all("td")
            assert (width.text, is_first.text) == (str(layer["output_size"]), str(layer["first"]))
            (rect,) = share.all("rect")
            assert float(rect.attributes["width"]) == pytest.approx(100 * layer["output_size"] / sum(sizes), abs=1e-3)
            assert rect.attributes["style"] == "fill: var(--others)"
        assert [td.attributes.get("colspan") for td in last.all("td")] == [None, "2"]
        assert "there is no such layer" in last.text
        assert "its own" in text(section)
        assert "A note on widths." in text(section)
        (svg,) = [each for each in section.all("svg") if each.attributes.get("aria-label") == "Widths of the layers."]
        assert "width in features" in [each.text.strip() for each in svg.all("text")]
        figures = [int(found) for found in re.findall(rf"Figure {number}\.(\d+)\.", section.text)]
        assert figures == list(range(1, len(figures) + 1))
        assert "Widths. Wider is more to the top." in text(section)
        assert "unit" in [dt.text for dt in section.all("details")[0].all("dt")]
        with Image.open(tmp_path / "figures" / f"page-network{number}-widths.png") as picture:
            assert picture.size[0] > 400
    (style,) = root.all("style")
    assert "--others:" in style.text
    glossary = root.all("section")[-1]
    assert [each.text for each in glossary.all("dt")].count("Width") == 1
    overview = root.all("table")[0]
    assert "Widest" in overview.all("thead")[0].text
    said = [row.all("td")[-1].text for row in overview.all("tbody")[0].all("tr")]
    assert said == [str(max(each["layers"]["output_size"].to_pylist())) for each in (dense_study(), joined_study())]


def text(element: Element) -> str:
    return " ".join(element.text.split())


def test_a_question_asked_twice_has_its_own_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(monkeypatch, widest, widest)
    report = write_report([dense_study()], tmp_path / "page.html")
    assert len(set(report.figures)) == len(report.figures) == 2
    ids = [each.attributes["id"] for each in read(report.path.read_text("utf-8")).elements if "id" in each.attributes]
    assert len(ids) == len(set(ids))


def test_a_question_without_an_answer_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    ask(monkeypatch, lambda study: Shown("Nothing found"))
    assert "Nothing found" not in render(make_page([dense_study()], None))


def test_what_is_seen_at_once_stands_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def pictured(study: Study) -> Shown:
        said = Part("7")
        one = Pictured("found", "one", np.arange(6) / 5, (2, 3), (0, 1), (Part("A ramp."),), said)
        strip = Strip((Part("Ramps"),), (Part("From black to white."),), (one, one))
        return Shown("Ramps", galleries=(Gallery("ramps", (strip, Strip((), (), (one,))), (Part("Three ramps."),)),))

    ask(monkeypatch, widest, pictured)
    page = make_page([dense_study()], None)
    root = read(render(page))
    assert [each.text for each in root.all("h3")] == ["Ramps", "How wide it is"]
    assert [each.attributes["alt"] for each in root.all("img")] == ["A ramp."] * 3
    assert [drawing.key for drawing in page.sections[0].drawings] == ["network1-widths", "network1-ramps"]


HOSTILE = ("line\nbreak", "line\\nbreak", "\x1b[2J\ud800", "<script>")


def test_texts_from_files_cannot_break_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control characters have no place in XML; two names that are written the same stay two."""

    def hostile(study: Study) -> Shown:
        curves = tuple(Curve(name, Step(0, 1), np.arange(2), np.arange(2.0)) for name in HOSTILE)
        alt = (Part("Of "), *(Part(name) for name in HOSTILE))
        figure = Curves(Axis(HOSTILE[2]), Axis(HOSTILE[2]), curves, alt)
        table = ShownTable((column("Name", words=True),), tuple(Row((Part(name),), ()) for name in HOSTILE))
        return Shown("Names", tables=(table,), figures=(Captioned("names", figure, HOSTILE[2], alt),))

    ask(monkeypatch, hostile)
    page = render(make_page([dense_study()], None))
    assert not re.search("[\x00-\x09\x0b-\x1f\ud800-\udfff]", page)
    root = read(page)
    heads = [row.all("th")[0].text for row in root.all("tbody")[0].all("tr")]
    assert heads == ["line\\nbreak", "line\\nbreak'", "\\x1b[2J\\ud800", "<script>"]
    assert root.all("script") == []


OF_OTHER_COMMANDS = re.compile("answers|figures_metamers|metamers_page|write_metamers|metamers.html")


def test_no_question_is_named_in_the_report() -> None:
    names = {*QUESTIONS, "kept", "priors", "freedom", "verdict", "metamer"}
    looked_at = [path for path in HERE.rglob("*.*") if path.suffix in (".py", ".j2", ".css")]
    looked_at = [path for path in looked_at if not OF_OTHER_COMMANDS.search(path.name)]
    assert len(looked_at) > 15
    for path in looked_at:
        words = set(re.findall(r"[a-z_]+", path.read_text(encoding="utf-8").lower()))
        assert not words & names, path
        assert "study[" not in path.read_text(encoding="utf-8"), path
    assert set(re.findall("[a-z_]+", (HERE / "metamers_page.py").read_text())) & names  # so that the search finds some


def test_what_is_shown_is_known_without_anything_that_draws() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, unrelu.study.study, unrelu.study.questions.shown_study\n"
            "import unrelu.study.questions\n"
            "print(*(name for name in ('matplotlib', 'jinja2', 'unrelu.report') if name in sys.modules))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []
