"""The numbers and sentences of the report, against the records."""

from __future__ import annotations

import dataclasses
import itertools
import math
import re

import pytest

from page_reader import Element
from report_pages import made, page, studies, with_rows
from small_studies import N, dense_study, joined_study
from unrelu.study.study import Study


def classes(element: Element) -> list[str]:
    return element.attributes.get("class", "").split()


def number(text: str) -> float:
    """A number as the page writes it."""
    text = text.replace(",", "").replace("−", "-")
    if "×10" in text:
        mantissa, exponent = text.split("×10")
        return float(mantissa) * 10.0 ** int(exponent.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))
    return math.inf if text == "∞" else float(text)


def recorded(shown: list[Study], element: Element) -> object:
    """What the record that an element names holds."""
    which = element.inherited("data-study")
    assert which is not None
    study = shown[int(which)]
    table, *place = element.attributes["data-source"].split("/")
    if table == "info":
        return getattr(study.info, place[0])
    if table == "study":
        return getattr(study, place[0])
    if table == "asked":
        return study.question(place[0]).about[place[1]]
    row, column = place
    return study[table][column][int(row)].as_py()


@pytest.mark.parametrize("which", ["both", "dense", "joined", "branched"])
def test_every_number_is_the_record_that_it_names(which: str) -> None:
    named = [element for element in page(which).elements if "data-source" in element.attributes]
    checked = 0
    for element in named:
        value = recorded(studies(which), element)
        if value is None:
            assert element.text == "–"
        elif isinstance(value, int | float):
            assert number(element.text) == pytest.approx(value, rel=0.051), element.attributes["data-source"]
            if isinstance(value, int):
                assert number(element.text) == value
            checked += 1
        elif isinstance(value, tuple):
            assert element.text == " × ".join(map(str, value))
        elif isinstance(value, list):
            assert element.text == ", ".join(value)
        else:
            assert element.text == value
    assert checked > 40


def loose_text(element: Element) -> str:
    """The text of an element that is not marked as a record; drawings, settings, times and versions left out."""
    if "data-source" in element.attributes or element.tag in ("svg", "style", "details"):
        return ""
    return " ".join(each if isinstance(each, str) else loose_text(each) for each in element.content)


def test_no_other_number_is_on_the_page() -> None:
    (main,) = page().all("main")
    text = loose_text(main)
    text = re.sub(r"Figure \d\.\d\.", "", text)  # numbers of figures
    text = re.sub(
        r"relu1 and input|input, relu1|net\.upto\('relu2'\)|'relu2'|several nodes at once \([^)]*\)", "", text
    )
    assert re.findall(r"[^\s]*\d[^\s]*", text) == []


def test_the_layer_tables_hold_all_layers_and_counts() -> None:
    (section,) = [each for each in page("dense").all("section") if "network" in classes(each)]
    preimages, spectra, _ = [each for each in section.all("table") if "layers" in classes(each)]
    for row, layer in zip(preimages.all("tbody")[0].all("tr"), dense_study()["layers"].to_pylist(), strict=True):
        cells = [cell.text.strip() for cell in row.all("td")]
        expected = [layer[name] for name in ("input_size", "output_size", "active_min", "active_median", "active_max")]
        expected += [layer[name] for name in ("singleton", "bounded", "unbounded", "undecided")]
        assert row.all("th")[0].text.strip() == layer["layer"]
        assert [number(cell) for cell in cells[:9]] == expected
        assert cells[9] == f"all {N}"
        starts, widths = ([float(rect.attributes[end]) for rect in row.all("rect")] for end in ("x", "width"))
        assert [0.0, *itertools.accumulate(widths)][:-1] == pytest.approx(starts, abs=0.01)  # side by side
        assert sum(widths) == pytest.approx(100, abs=0.01)
        shares = [layer[kind] for kind in ("singleton", "bounded", "unbounded") if layer[kind]]
        assert widths == pytest.approx([100 * share / N for share in shares], abs=0.01)
    for row, layer in zip(spectra.all("tbody")[0].all("tr"), dense_study()["layers"].to_pylist(), strict=True):
        cells = [number(cell.text.strip()) for cell in row.all("td")]
        columns = ["output_size", "rank_without_relu", "rank_with_relu", "invariant_with_relu"]
        for what in ("largest", "smallest_nonzero", "condition"):
            columns += [f"{what}_without_relu", f"{what}_with_relu"]
        assert cells == pytest.approx([layer[column] for column in columns], rel=0.006)


def test_the_bounds_stand_beside_the_true_values() -> None:
    (table,) = [each for each in page("dense").all("table") if "Smallest, where rows suffice" in each.text]
    rows = table.all("tbody")[0].all("tr")
    stored = dense_study()["row_removal"].to_pylist()
    assert len(rows) == len(stored) == 4
    for row, expected in zip(rows, stored, strict=True):
        cells = [cell.text.strip() for cell in row.all("td")]
        assert row.all("th")[0].text.strip() == expected["layer"]
        assert [number(cell) for cell in cells[:3]] == [expected["input"], expected["n_outputs"], expected["n_removed"]]
        true, interlacing, by_rank, projected = (
            expected[name]
            for name in ("smallest_nonzero", "interlacing", "interlacing_by_rank", "correlation_nonzero_over_span")
        )
        assert number(cells[5]) == pytest.approx(true, rel=0.006)
        assert cells[6] == "–" if interlacing is None else number(cells[6]) == pytest.approx(interlacing, rel=0.006)
        assert number(cells[7]) == pytest.approx(by_rank, rel=0.006)
        assert number(cells[8]) == pytest.approx(projected, rel=0.006)
        if expected["correlation_applies"]:
            assert number(cells[9]) == pytest.approx(expected["smallest"], rel=0.006)
            assert number(cells[12]) == pytest.approx(expected["correlation"], rel=0.006)
        else:
            assert cells[9:] == ["–"] * 4
    assert {each["correlation_applies"] for each in stored} == {False, True}
    assert "several nodes at once" in " ".join(
        row.text for each in page("joined").all("table") if "rows suffice" in each.text for row in each.all("tr")
    )


def findings(which: str) -> str:
    (section,) = [each for each in page(which).all("ul") if "findings" in classes(each)]
    return " ".join(section.text.split())


def test_the_summary_says_what_the_tables_hold() -> None:
    first, second = dense_study()["layers"].to_pylist()
    text = findings("dense")
    assert f"In layer relu1, {first['finite']} of {N} inputs have a bounded preimage (all proved)" in text
    assert f"for {first['singleton']} of them the input itself is the only one with its features (all proved)" in text
    assert f"{first['unbounded']} have an unbounded one (all proved)" in text
    assert "In layer relu2 every preimage is unbounded (all proved)." in text
    assert f"After the last ReLU layer, relu2, {second['invariant_with_relu']:g} are forgotten." in text
    assert f"The network predicts the given label for {dense_study().n_correct} of {N} inputs." in text


def test_the_summary_says_how_many_are_the_only_valid_one() -> None:
    first = dense_study()["layers"].to_pylist()[0]
    assert (
        f"Within 0 ≤ x ≤ 1, {first['prior_unique']} of {N} pictures are the only valid one with their features in "
        f"layer relu1 (all proved), {first['prior_not_unique']} are not (all proved); rows drawn at random (Gaussian) "
        f"would single out {first['prior_expected']:.2f} on average."
    ) in findings("dense")
    assert "only valid one" not in findings("joined")


def test_where_all_are_the_only_valid_one_each_of_them_is() -> None:
    study = dense_study()
    layers = study["layers"].to_pylist()
    layers[0].update(prior_unique=N, prior_unique_proved=N, prior_not_unique=0, prior_not_unique_proved=0)
    changed = with_rows(study, layers=layers)
    said = f"each of the {N} pictures is the only valid one with its features in layer relu1 (all proved);"
    assert said in " ".join(made(changed).text.split())


def test_what_stays_open_within_the_prior_is_said_so() -> None:
    study = dense_study()
    layers, priors = study["layers"].to_pylist(), study["uniqueness"].to_pylist()
    for row in priors:
        row.update(unique=None, proved=False, expected=None)
    priors[0].update(unique=True)
    layers[0].update(
        prior_unique=1, prior_unique_proved=0, prior_not_unique=0, prior_not_unique_proved=0, prior_open=N - 1
    )
    layers[0].update(prior_expected=None)
    changed = with_rows(study, layers=layers, uniqueness=priors)
    root = made(changed)
    text = " ".join(root.text.split())
    assert (
        f"1 of {N} pictures is the only valid one with its features in layer relu1 (computed, not proved), for {N - 1} "
        "it stayed open."
    ) in text
    (svg,) = [each for each in root.all("svg") if "only valid one" in each.attributes.get("aria-label", "")]
    words = [each.text.strip() for each in svg.all("text")]
    assert "open" in words
    assert "Gaussian rows" not in words
    assert "Gaussian" not in text


def test_what_was_not_verified_is_not_called_proved() -> None:
    text = findings("joined")
    assert "computed, not proved" in text
    assert "all proved" not in text
    body = " ".join(page("joined").text.split())
    assert "all verdicts are computed, not proved" in body
    assert "not checked" in body


def test_what_is_proved_in_part_is_said_so() -> None:
    study = dense_study()
    verdicts = study["verdicts"].to_pylist()
    kinds = [row["kind"] for row in verdicts]
    verdicts[kinds.index("unbounded")]["proved"] = False
    layers = study["layers"].to_pylist()
    layers[0]["unbounded_proved"] -= 1
    layers[0]["proved"] -= 1
    changed = with_rows(study, layers=layers)
    text = " ".join(made(changed).text.split())
    assert f"({layers[0]['unbounded_proved']} proved, the others computed, not proved)" in text
    assert f"{N - 1} of {N}" in text


def test_a_layer_left_out_is_shown_with_its_reason() -> None:
    text = " ".join(page("joined").text.split())
    assert joined_study()["layers"]["verdicts_left_out"][1].as_py() in text


def test_positive_features_of_other_activations_are_explained() -> None:
    said = 'Where a layer has another activation than the ReLU, "positive" features are those that fix'
    assert said not in " ".join(page("dense").text.split())
    study = dense_study()
    nodes = [dataclasses.replace(node, operator="LeakyReLU") for node in study.info.nodes if node.name == "relu2"]
    others = [node for node in study.info.nodes if node.name != "relu2"]
    changed = dataclasses.replace(study, info=dataclasses.replace(study.info, nodes=(*others, *nodes)))
    assert said in " ".join(made(changed).text.split())
