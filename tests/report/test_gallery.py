"""Originals, targets and metamers on the page."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from report_pages import made, page
from small_studies import SIDE, branched_study, dense_network, dense_study, pictures
from unrelu.network.graph import Network
from unrelu.questions import Metamers
from unrelu.study.analyze import analyze


def test_the_gallery_shows_original_target_and_metamers_as_they_are() -> None:
    shown = page("dense").all("img")
    rows = dense_study()["metamers"].to_pylist()
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
    study = analyze(dense_network(), x, labels=y, questions=[Metamers(1)], progress=False)
    root = made(study)
    assert root.all("img") == []
    (row, *_) = study["metamers"].to_pylist()
    assert f"Input {row['original']} toward input {row['target']}" in " ".join(root.text.split())


def test_colour_pictures() -> None:
    rng = np.random.default_rng(0)
    x = rng.random((3, 3, 4, 5))
    net = Network.from_layers([(rng.normal(size=(8, 60)), np.zeros(8)), (np.eye(8)[:2], np.zeros(2))])
    study = analyze(net, x.reshape(3, 60), questions=[Metamers(1, norms=(1,))], picture_shape=(3, 4, 5), progress=False)
    first = made(study).all("img")[0]
    content = base64.b64decode(first.attributes["src"].removeprefix("data:image/png;base64,"))
    original = x[study["metamers"]["original"][0].as_py()]
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(content))), np.round(255 * original.transpose(1, 2, 0))
    )


def test_that_nothing_can_tell_them_apart_is_said_of_cuts_only() -> None:
    for layer, name, cut in ((None, "joined", True), ("relu-left", "relu-left", False)):
        study = branched_study(layer)
        (kept,) = study["kept"].to_pylist()
        text = " ".join(made(study).text.split())
        who = "all" if cut else str(kept["same_class"])
        assert f"Each metamer has the features of its original in {name}, up to the feature error beside it." in text
        assert f"metamers keep the features of {'node' if cut else 'layer'} {name} of one input while they" in text
        assert f"for {who} of them the network predicts what it predicts for the original." in text
        assert ("nothing behind it can tell apart two inputs that have exactly the same features there" in text) == cut
        assert ("sees more than relu-left: its output also depends on the input through right, past it" in text) != cut
        assert ("but past it the output also depends on the input through right; for" in text) != cut
        assert "in the linear region of the original" not in text  # walks cross regions


def test_class_names_are_shown() -> None:
    x, y = pictures()
    names = [f"digit {k}" for k in range(10)]
    study = analyze(dense_network(), x, labels=y, questions=[Metamers(1)], classes=names, progress=False)
    row = study["metamers"].to_pylist()[0]
    text = made(study).text
    assert f"digit {row['original_predicted']}" in text
    assert f"digit {row['target_label']}" in text
