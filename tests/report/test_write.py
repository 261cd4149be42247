"""Writing the report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from page_reader import read
from report_pages import page
from small_studies import dense_study, joined_study
from unrelu.errors import InputError, MissingExtra, StoreError
from unrelu.network.graph import Network
from unrelu.report.page import make_page
from unrelu.report.template import render
from unrelu.report.write import Report, write_report
from unrelu.study.analyze import analyze
from unrelu.study.saving import load_study


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return write_report([dense_study(), joined_study()], tmp_path_factory.mktemp("two") / "report.html", title="Two")


def test_report_of_stored_studies_is_the_same(written: Report, tmp_path: Path) -> None:
    stored = []
    for study in (dense_study(), joined_study()):
        study.save(tmp_path / study.info.name)
        stored.append(load_study(tmp_path / study.info.name))
    again = write_report(stored, tmp_path / "report.html", title="Two")
    assert written.path.read_bytes() == again.path.read_bytes()
    assert [path.name for path in written.figures] == [path.name for path in again.figures]
    for first, second in zip(written.figures, again.figures, strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_figures_are_written_beside_the_page(written: Report) -> None:
    names = {path.name for path in written.figures}
    for kind in ("preimages-1", "decay-before", "decay-with", "sizes", "condition", "smallest", "tradeoff"):
        assert {f"network1-{kind}.png", f"network2-{kind}.png"} <= names
    assert {"network1-gallery.png", "network1-unique-1.png"} <= names
    assert "network2-unique-1.png" not in names
    for path in written.figures:
        assert path.parent == written.path.parent / "figures"
        with Image.open(path) as picture:
            assert picture.size[0] > 400
    assert read(written.path.read_text(encoding="utf-8")).all("h1")[0].text == "Two"


def test_pages_of_one_folder_keep_their_own_figures(tmp_path: Path) -> None:
    first = write_report([dense_study()], tmp_path / "first.html")
    kept = [path.read_bytes() for path in first.figures]
    second = write_report([joined_study()], tmp_path / "second.html")
    assert not {*first.figures} & {*second.figures}
    assert [path.read_bytes() for path in first.figures] == kept


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
