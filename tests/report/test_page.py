"""The report as a reader has it: every number from the records, nothing from elsewhere, all names harmless."""

from __future__ import annotations

import base64
import dataclasses
import io
import math
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from page_reader import Element, read
from small_studies import SIDE, N, dense_network, dense_study, joined_network, joined_study, pictures
from unrelu.errors import InputError, MissingExtra, StoreError
from unrelu.network.graph import Network
from unrelu.report.page import make_page
from unrelu.report.template import render
from unrelu.report.write import write_report
from unrelu.study.analyze import analyze
from unrelu.study.store import load_study
from unrelu.study.study import Study


@cache
def html(which: str = "both") -> str:
    studies = {"both": [dense_study(), joined_study()], "dense": [dense_study()], "joined": [joined_study()]}
    return render(make_page(studies[which], None))


@cache
def page(which: str = "both") -> Element:
    return read(html(which))


def classes(element: Element) -> list[str]:
    return element.attributes.get("class", "").split()


# -- every number comes from the records -------------------------------------------------------------


def number(text: str) -> float:
    """A number as the page writes it."""
    text = text.replace(",", "").replace("−", "-")
    if "×10" in text:
        mantissa, exponent = text.split("×10")
        return float(mantissa) * 10.0 ** int(exponent.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))
    return math.inf if text == "∞" else float(text)


def recorded(studies: list[Study], element: Element) -> object:
    """What the record that an element names holds."""
    which = element.inherited("data-study")
    assert which is not None
    study = studies[int(which)]
    table, *place = element.attributes["data-source"].split("/")
    if table == "info":
        return getattr(study.info, place[0])
    row, column = place
    return getattr(study, table)[column][int(row)].as_py()


@pytest.mark.parametrize("which", ["both", "dense", "joined"])
def test_every_number_is_the_record_that_it_names(which: str) -> None:
    studies = {"both": [dense_study(), joined_study()], "dense": [dense_study()], "joined": [joined_study()]}[which]
    named = [element for element in page(which).elements if "data-source" in element.attributes]
    checked = 0
    for element in named:
        value = recorded(studies, element)
        if value is None:
            assert element.text == "–"
        elif isinstance(value, int | float):
            assert number(element.text) == pytest.approx(value, rel=0.051), element.attributes["data-source"]
            if isinstance(value, int):
                assert number(element.text) == value
            checked += 1
        elif isinstance(value, tuple):
            assert element.text == " × ".join(map(str, value))
        else:
            assert element.text == value
    assert checked > 40


def loose_text(element: Element) -> str:
    """The text of an element that is not marked as a record, drawings and settings left out."""
    if "data-source" in element.attributes or element.tag in ("svg", "style", "details"):
        return ""
    return " ".join(each if isinstance(each, str) else loose_text(each) for each in element.content)


def test_no_other_number_is_on_the_page() -> None:
    (main,) = page().all("main")
    for details in main.all("details"):  # settings, times and versions
        assert details.parent is not None
        details.parent.content.remove(details)
    text = loose_text(main)
    text = re.sub(r"Figure \d\.\d\.", "", text)  # numbers of figures
    text = re.sub(
        r"relu1 and input|input, relu1|net\.upto\('relu2'\)|'relu2'|several nodes at once \([^)]*\)", "", text
    )
    assert re.findall(r"[^\s]*\d[^\s]*", text) == []
    html.cache_clear()
    page.cache_clear()


def test_the_layer_tables_hold_all_layers_and_counts() -> None:
    (section,) = [each for each in page("dense").all("section") if "network" in classes(each)]
    preimages, spectra = [each for each in section.all("table") if "layers" in classes(each)]
    for row, layer in zip(preimages.all("tbody")[0].all("tr"), dense_study().layers.to_pylist(), strict=True):
        cells = [cell.text.strip() for cell in row.all("td")]
        expected = [layer[name] for name in ("input_size", "output_size", "active_min", "active_median", "active_max")]
        expected += [layer[name] for name in ("singleton", "bounded", "unbounded", "undecided")]
        assert row.all("th")[0].text.strip() == layer["layer"]
        assert [number(cell) for cell in cells[:9]] == expected
        assert cells[9] == f"all {N}"
        widths = [float(rect.attributes["width"]) for rect in row.all("rect")]
        assert sum(widths) == pytest.approx(100, abs=0.01)
        shares = [layer[kind] for kind in ("singleton", "bounded", "unbounded") if layer[kind]]
        assert widths == pytest.approx([100 * share / N for share in shares], abs=0.01)
    for row, layer in zip(spectra.all("tbody")[0].all("tr"), dense_study().layers.to_pylist(), strict=True):
        cells = [number(cell.text.strip()) for cell in row.all("td")]
        columns = ["output_size", "rank_without_relu", "rank_with_relu", "invariant_with_relu"]
        for what in ("largest", "smallest_nonzero", "condition"):
            columns += [f"{what}_without_relu", f"{what}_with_relu"]
        assert cells == pytest.approx([layer[column] for column in columns], rel=0.006)


def findings(which: str) -> str:
    (section,) = [each for each in page(which).all("ul") if "findings" in classes(each)]
    return " ".join(section.text.split())


def test_the_summary_says_what_the_tables_hold() -> None:
    first, second = dense_study().layers.to_pylist()
    text = findings("dense")
    assert f"In layer relu1, {first['finite']} of {N} inputs have a bounded preimage (all proved)" in text
    assert f"for {first['singleton']} of them the input itself is the only one with its features (all proved)" in text
    assert f"{first['unbounded']} have an unbounded one (all proved)" in text
    assert "In layer relu2 every preimage is unbounded (all proved)." in text
    assert f"After the last ReLU layer, relu2, {second['invariant_with_relu']:g} are forgotten." in text
    assert f"The network predicts the given label for {dense_study().info.n_correct} of {N} inputs." in text


def test_what_was_not_verified_is_not_called_proved() -> None:
    text = findings("joined")
    assert "computed, not proved" in text
    assert "all proved" not in text
    body = " ".join(page("joined").text.split())
    assert "all verdicts are computed, not proved" in body
    assert "not checked" in body


def test_what_is_proved_in_part_is_said_so() -> None:
    study = dense_study()
    verdicts = study.verdicts.to_pylist()
    kinds = [row["kind"] for row in verdicts]
    verdicts[kinds.index("unbounded")]["proved"] = False
    layers = study.layers.to_pylist()
    layers[0]["unbounded_proved"] -= 1
    layers[0]["proved"] -= 1
    changed = dataclasses.replace(study, layers=type(study.layers).from_pylist(layers, schema=study.layers.schema))
    text = " ".join(read(render(make_page([changed], None))).text.split())
    assert f"({layers[0]['unbounded_proved']} proved, the others computed, not proved)" in text
    assert f"{N - 1} of {N}" in text


def test_a_layer_left_out_is_shown_with_its_reason() -> None:
    text = " ".join(page("joined").text.split())
    assert joined_study().layers["verdicts_left_out"][1].as_py() in text


# -- the gallery -------------------------------------------------------------------------------------


def test_the_gallery_shows_original_target_and_metamers_as_they_are() -> None:
    shown = page("dense").all("img")
    rows = dense_study().metamers.to_pylist()
    expected: list[list[float]] = []
    for number_of_pair in range(3):
        own = [row for row in rows if row["pair"] == number_of_pair]
        expected += [own[0]["original_values"], own[0]["target_values"], *(row["metamer_values"] for row in own)]
    assert len(shown) == len(expected) == 15
    for element, values in zip(shown, expected, strict=True):
        content = base64.b64decode(element.attributes["src"].removeprefix("data:image/png;base64,"))
        pixels = np.asarray(Image.open(io.BytesIO(content)))
        assert pixels.shape == (SIDE, SIDE)
        np.testing.assert_array_equal(pixels, np.round(255 * np.array(values)).reshape(SIDE, SIDE))


def test_inputs_that_are_no_pictures_are_not_shown_as_pictures() -> None:
    x, y = pictures()
    study = analyze(dense_network(), x, labels=y, spectra=0, metamers=1, progress=False)
    root = read(render(make_page([study], None)))
    assert root.all("img") == []
    (row, *_) = study.metamers.to_pylist()
    assert f"Input {row['original']} toward input {row['target']}" in " ".join(root.text.split())


def test_colour_pictures() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((3, 3, 4, 5))
    net = Network.from_layers([(rng.normal(size=(8, 60)), np.zeros(8)), (np.eye(8)[:2], np.zeros(2))])
    study = analyze(net, x.reshape(3, 60), metamers=1, metamer_norms=(1,), picture_shape=(3, 4, 5), progress=False)
    first = read(render(make_page([study], None))).all("img")[0]
    content = base64.b64decode(first.attributes["src"].removeprefix("data:image/png;base64,"))
    original = x[study.metamers["original"][0].as_py()]
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(content))), np.round(255 * original.transpose(1, 2, 0))
    )


def test_class_names_are_shown() -> None:
    x, y = pictures()
    names = [f"digit {k}" for k in range(10)]
    study = analyze(dense_network(), x, labels=y, spectra=0, metamers=1, classes=names, progress=False)
    row = study.metamers.to_pylist()[0]
    text = read(render(make_page([study], None))).text
    assert f"digit {row['original_predicted']}" in text
    assert f"digit {row['target_label']}" in text


# -- one file, no requests ---------------------------------------------------------------------------

FETCHING = {"src", "href", "srcset", "data", "action", "poster", "background", "xlink:href", "formaction", "cite"}


@pytest.mark.parametrize("which", ["both", "dense", "joined"])
def test_the_page_asks_nothing_of_any_other_place(which: str) -> None:
    for element in page(which).elements:
        assert element.tag not in {"script", "link", "iframe", "object", "embed", "base", "form"}
        for name, value in element.attributes.items():
            if name in FETCHING:
                assert value.startswith(("#", "data:image/png;base64,")), (element.tag, name, value[:60])
            for address in re.findall(r"url\(([^)]*)\)", value):
                assert address.startswith("#")
            assert not name.startswith("on")
    assert "://" not in html(which)
    for style in page(which).all("style"):
        assert "@import" not in style.text
        assert "url(" not in style.text


def test_ids_are_unique_and_references_arrive() -> None:
    ids = [each.attributes["id"] for each in page().elements if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    for element in page().elements:
        for name, value in element.attributes.items():
            targets = [value[1:]] if name == "href" and value.startswith("#") else re.findall(r"url\(#([^)]*)\)", value)
            if name == "aria-labelledby":
                targets = [value]
            assert set(targets) <= set(ids)


def test_every_colour_is_defined_for_light_and_dark() -> None:
    (style,) = page().all("style")
    light, dark = re.split(r"@media screen and \(prefers-color-scheme: dark\)", style.text, maxsplit=1)
    used = set(re.findall(r"var\(--([\w-]+)", html()))
    defined = set(re.findall(r"--([\w-]+):", light))
    assert used <= defined | {"sans", "surface", "link"}
    assert defined <= set(re.findall(r"--([\w-]+):", dark))
    drawn = " ".join(each.attributes.get("style", "") for svg in page().all("svg") for each in svg.elements)
    assert re.findall(r"#[0-9a-fA-F]{6}", drawn) == []


def test_pictures_and_figures_are_described() -> None:
    for element in page().all("img"):
        assert element.attributes["alt"]
    for element in page().all("svg"):
        assert element.attributes.get("aria-hidden") == "true" or (
            element.attributes["role"] == "img" and len(element.attributes["aria-label"]) > 40
        )
    first = dense_study().layers.to_pylist()[0]
    labels = " ".join(each.attributes.get("aria-label", "") for each in page("dense").all("svg"))
    assert f"{first['singleton']} one point, {first['bounded']} bounded, {first['unbounded']} unbounded" in labels


def test_the_histogram_draws_as_many_inputs_as_there_are() -> None:
    """Heights of the bars, read from the drawing by its own axis, add up to the counts by kind."""
    (svg,) = [s for s in page("dense").all("svg") if "Histogram" in s.attributes.get("aria-label", "")]
    ticks = [
        (float(element.all("text")[0].attributes["y"]), number(element.all("text")[0].text))
        for element in svg.elements
        if re.match(r".*-ytick_\d+$", element.attributes.get("id", ""))
    ]
    (y0, v0), (y1, v1) = ticks[0], ticks[-1]
    per_input = (y1 - y0) / (v1 - v0)
    first = dense_study().layers.to_pylist()[0]
    for kind in ("singleton", "bounded", "unbounded"):
        total = 0.0
        for path in svg.all("path"):
            if f"fill: var(--{kind})" in path.attributes.get("style", "") and "clip-path" in path.attributes:
                ys = [float(y) for y in re.findall(r"[ML] [\d.]+ ([\d.]+)", path.attributes["d"])]
                total += (min(ys) - max(ys)) / per_input
        assert total == pytest.approx(first[kind], abs=0.2)


def legend(study: Study) -> list[str]:
    """The names in the legend of the drawing of singular values."""
    root = read(render(make_page([study], None)))
    (svg,) = [s for s in root.all("svg") if "Singular values with" in s.attributes.get("aria-label", "")]
    (key,) = [each for each in svg.elements if "-legend_" in each.attributes.get("id", "")]
    return [text.text.strip() for text in key.all("text")]


def test_every_layer_is_in_the_legend_also_with_an_underscore_in_front() -> None:
    study = analyze(joined_network(("_hidden", "relu2")), pictures()[0][:2], spectra=2, progress=False)
    assert legend(study) == ["_hidden", "relu2"]


def test_of_many_layers_some_are_named_with_the_first_and_the_last() -> None:
    turn = np.array([[0.0, 1.0], [1.0, 0.1]])
    net = Network.from_layers([(turn, np.full(2, 0.1))] * 31)
    names = legend(analyze(net, np.ones((1, 2)), progress=False))
    assert len(names) == 12
    assert (names[0], names[-1]) == ("relu1", "relu30")


# -- hostile names -----------------------------------------------------------------------------------

HOSTILE = ('"><script>alert(1)</script><img src=x onerror=alert(2)> {{ 7 * 7 }}', "$\\frac{<u>$")
"""Layers; the second is short enough to be drawn whole, and no formula."""


def test_hostile_names_are_text() -> None:
    x, y = pictures()
    study = analyze(
        joined_network(HOSTILE),
        x,
        labels=y,
        spectra=2,
        metamers=1,
        classes=["</style><script>", *"bcdefghij"],
        name="</title><script>alert(3)</script>",
        data_name="<u>data</u>",
        picture_shape=(SIDE, SIDE),
        progress=False,
    )
    text = render(make_page([study], "<q>title</q>"))
    root = read(text)
    assert root.all("script") == root.all("u") == root.all("q") == []
    assert all(element.attributes["src"].startswith("data:") for element in root.all("img"))
    assert not any(name.startswith("on") for element in root.elements for name in element.attributes)
    for name in (*HOSTILE, "</title><script>alert(3)</script>", "<u>data</u>", "<q>title</q>"):
        assert name in root.text
    assert "{{ 7 * 7 }}" in root.text


# -- writing -----------------------------------------------------------------------------------------


def test_report_of_a_stored_study_is_the_same(tmp_path: Path) -> None:
    dense_study().save(tmp_path / "study")
    one = dense_study().report(tmp_path / "one" / "report.html")
    two = load_study(tmp_path / "study").report(tmp_path / "two" / "report.html")
    assert one.path.read_bytes() == two.path.read_bytes()
    assert [path.name for path in one.figures] == [path.name for path in two.figures]
    for first, second in zip(one.figures, two.figures, strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_figures_are_written_beside_the_page(tmp_path: Path) -> None:
    written = write_report([dense_study(), joined_study()], tmp_path / "report.html", title="Two")
    names = {path.name for path in written.figures}
    for kind in ("preimages-1", "decay-before", "decay-with", "sizes", "condition"):
        assert {f"network1-{kind}.png", f"network2-{kind}.png"} <= names
    assert "network1-gallery.png" in names
    for path in written.figures:
        assert path.parent == tmp_path / "figures"
        with Image.open(path) as picture:
            assert picture.size[0] > 400
    assert read(written.path.read_text(encoding="utf-8")).all("h1")[0].text == "Two"


def test_the_user_s_matplotlib_settings_are_left_alone() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    render(make_page([joined_study()], None))
    assert dict(matplotlib.rcParams) == before


def test_a_network_without_relu_has_a_page(tmp_path: Path) -> None:
    study = analyze(Network.from_layers([(np.eye(3), np.zeros(3))]), np.ones((2, 3)), progress=False)
    text = read(study.report(tmp_path / "report.html").path.read_text(encoding="utf-8")).text
    assert "no ReLU layers" in text


def test_titles() -> None:
    assert page("dense").all("h1")[0].text == "What small cannot see"
    assert page().all("h1")[0].text == "What two networks cannot see"


def test_a_report_needs_a_study(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one study"):
        write_report([], tmp_path / "report.html")


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        write_report([joined_study()], tmp_path / "file" / "report.html")


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_without_an_extra(package: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtra, match=rf'{package}; install it with: pip install "unrelu\[report\]"'):
        joined_study().report(tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()
