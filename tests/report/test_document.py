"""One file that asks nothing of any other place, for every reader, with all names harmless."""

from __future__ import annotations

import re

import pytest

from page_reader import read
from report_pages import html, page
from small_studies import SIDE, dense_study, joined_network, pictures
from unrelu.questions import Metamers, RowRemoval, Spectra, Verdicts
from unrelu.report.page import make_page
from unrelu.report.template import render
from unrelu.study.analyze import analyze

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
    first = dense_study()["layers"].to_pylist()[0]
    labels = " ".join(each.attributes.get("aria-label", "") for each in page("dense").all("svg"))
    assert f"{first['singleton']} one point, {first['bounded']} bounded, {first['unbounded']} unbounded" in labels


HOSTILE = ('"><script>alert(1)</script><img src=x onerror=alert(2)> {{ 7 * 7 }}', "$\\frac{<u>$")
"""Layers; the second is short enough to be drawn whole, and no formula."""


def test_hostile_names_are_text() -> None:
    x, y = pictures()
    study = analyze(
        joined_network(HOSTILE),
        x,
        labels=y,
        questions=[Verdicts(), Spectra(2), RowRemoval(2), Metamers(1)],
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
