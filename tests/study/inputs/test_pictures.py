"""Folders of pictures: mixed sizes, a folder for each class, and networks of every layout."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

import unrelu as ur
from unrelu.errors import DataError
from unrelu.network.graph import Network
from unrelu.study.inputs.read import read_samples

RNG = np.random.default_rng(0)
LINEAR = Network.from_layers([(np.ones((3, 48)), np.zeros(3))])  # three classes of flat pictures 4 x 4 x 3, or 6 x 8


def save(path: Path, *sides: int, mode: str | None = None) -> np.ndarray:
    """A random picture, (h, w) or (h, w, 3)."""
    values = RNG.integers(0, 256, sides, dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(values)
    (picture if mode is None else picture.convert(mode)).save(path)
    return values


# -- sizes -----------------------------------------------------------------------------------------


def test_sizes_that_differ_are_refused_with_the_first_two_of_them(tmp_path: Path):
    for name, sides in (("a", (6, 8)), ("b", (6, 8)), ("c", (12, 16)), ("d", (3, 3))):
        save(tmp_path / f"{name}.png", *sides)
    message = (
        r"c.png is 12 x 16 but .*a.png is 6 x 8, height x width; bring all to one size, with --resize 6x8 \(resize"
    )
    with pytest.raises(DataError, match=message):
        read_samples(tmp_path, (6, 8))
    with pytest.raises(DataError, match=r"a.png is 6 x 8 \(height x width\), which does not fit .*; give --resize 9x9"):
        read_samples(tmp_path, (3, 9, 9))
    with pytest.raises(DataError, match=r"a.png is 6 x 8 .*; give --resize 5x5 \(resize=\(5, 5\)\)"):
        read_samples(tmp_path, (75,))
    with pytest.raises(DataError, match=r"its inputs are no grey or RGB pictures, so give an array"):
        read_samples(tmp_path, (7,))
    with pytest.raises(
        DataError, match=r"resize asks for 5 x 5, which does not fit the network's input \(6, 8\); give --resize 6x8"
    ):
        read_samples(tmp_path, (6, 8), resize=(5, 5))


def test_resizing_keeps_proportions_and_takes_the_middle_and_says_so(tmp_path: Path):
    # a picture of columns, twice as wide as high: its middle half, of 4 columns, is what a square takes
    columns = np.repeat(np.array([[10, 20, 30, 40, 50, 60, 70, 80]], np.uint8), 4, axis=0)
    Image.fromarray(columns).save(tmp_path / "a.png")
    Image.fromarray(np.full((9, 9), 200, np.uint8)).save(tmp_path / "b.png")
    found = read_samples(tmp_path, (4, 4), resize=(4, 4))
    np.testing.assert_array_equal(found.values[0], columns[:, 2:6] / np.float32(255))
    np.testing.assert_array_equal(found.values[1], np.full((4, 4), np.float32(200) / np.float32(255)))
    assert found.notes == (
        f"{tmp_path.name}: pictures of 2 sizes, from 4 x 8 to 9 x 9, were brought to 4 x 4: the largest part in the "
        "middle with these proportions, resampled by Pillow (bilinear).",
    )
    halved = read_samples(tmp_path, (2, 2), resize=(2, 2))  # each pixel is a weighted mean of its surroundings
    assert 30 / 255 < halved.values[0, 0, 0] < 40 / 255 < 50 / 255 < halved.values[0, 0, 1] < 60 / 255


def test_height_comes_before_width(tmp_path: Path):
    rows = np.repeat(np.arange(0, 60, 10, dtype=np.uint8)[:, None], 9, axis=1)  # 6 x 9
    Image.fromarray(rows).save(tmp_path / "a.png")
    for shape in ((3, 9), (27,)):
        found = read_samples(tmp_path, shape, resize=(3, 9))
        assert (np.diff(found.values.reshape(3, 9), axis=1) == 0).all()
        assert found.values.reshape(3, 9)[0, 0] < found.values.reshape(3, 9)[2, 0]
    assert read_samples(tmp_path, (3, 6, 2), resize=(6, 2)).values.shape == (1, 3, 6, 2)


def test_pictures_of_the_size_asked_for_stay_as_they_are(tmp_path: Path):
    values = save(tmp_path / "a.png", 4, 5, 3)
    found = read_samples(tmp_path, (3, 4, 5), resize=(4, 5))
    np.testing.assert_array_equal(found.values[0], np.moveaxis(values, -1, 0) / np.float32(255))
    assert found.notes == ()


def test_sixteen_bits_are_resized_in_their_precision(tmp_path: Path):
    deep = np.full((8, 8), 12345, dtype=np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    found = read_samples(tmp_path, (3, 4, 4), resize=(4, 4))
    np.testing.assert_allclose(found.values, 12345 / 65535, rtol=1e-6)


def test_flat_inputs_are_pictures_of_the_size_asked_for(tmp_path: Path):
    save(tmp_path / "a.png", 9, 7, 3)
    save(tmp_path / "b.png", 5, 5, 3)
    colours = ur.read_inputs(LINEAR, tmp_path, resize=(4, 4))
    assert (colours.values.shape, colours.picture_shape) == ((2, 48), (3, 4, 4))
    grey = ur.read_inputs(LINEAR, tmp_path, resize=(6, 8))
    assert grey.picture_shape == (6, 8)
    assert any("mode RGB were converted to grey" in note for note in grey.notes)


def test_real_photographs_of_a_set(tmp_path: Path):
    spec = find_spec("foolbox")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("no photographs are at hand (pip install --no-deps foolbox==3.3.4)")
    files = sorted((Path(spec.submodule_search_locations[0]) / "data").glob("imagenet_*"))
    for k, file in enumerate(files[:4]):
        picture = Image.open(file)
        picture.resize((200 + 30 * k, 180)).save(tmp_path / f"{file.stem}.png")
    found = read_samples(tmp_path, (3, 64, 64), resize=(64, 64))
    assert found.values.shape == (4, 3, 64, 64)
    assert 0 <= found.values.min() < 0.2 < 0.8 < found.values.max() <= 1
    for k in range(4):  # the middle of the picture, as Pillow's own reduction of it
        whole = Image.open(tmp_path / f"{files[k].stem}.png").convert("RGB")
        left = (whole.width - 180) // 2
        own = np.asarray(whole.crop((left, 0, left + 180, 180)).resize((64, 64), Image.Resampling.BILINEAR)) / 255
        assert np.abs(np.moveaxis(found.values[k], 0, -1) - own).mean() < 0.01


# -- layouts and scales ----------------------------------------------------------------------------


def test_channels_come_where_the_network_has_them(tmp_path: Path):
    values = save(tmp_path / "a.png", 4, 5, 3) / np.float32(255)
    np.testing.assert_array_equal(read_samples(tmp_path, (4, 5, 3)).values[0], values)
    np.testing.assert_array_equal(read_samples(tmp_path, (3, 4, 5)).values[0], np.moveaxis(values, -1, 0))
    assert read_samples(tmp_path, (4, 5, 1)).values.shape == (1, 4, 5, 1)


def test_the_scale_of_pictures_can_be_named(tmp_path: Path):
    values = save(tmp_path / "a.png", 4, 5)
    whole = read_samples(tmp_path, (4, 5), scale=1)
    np.testing.assert_array_equal(whole.values[0], values)
    assert whole.notes == (f"{tmp_path.name}: pixels of 8 bits were divided by 1.",)
    np.testing.assert_array_equal(
        read_samples(tmp_path, (4, 5), scale=255).values, read_samples(tmp_path, (4, 5)).values
    )
    Image.fromarray(np.full((4, 5), 65535, dtype=np.uint16)).save(tmp_path / "a.png")
    assert (read_samples(tmp_path, (4, 5), scale=1).values == 255).all()


# -- a folder for each class -----------------------------------------------------------------------


def test_folders_are_classes_in_the_order_of_their_names(tmp_path: Path):
    pictures = {name: save(tmp_path / name / f"{k}.png", 6, 8) for k, name in enumerate(("fox", "cat", "owl"))}
    second = save(tmp_path / "fox" / "9.png", 6, 8)
    (tmp_path / "readme.txt").write_text("hello")
    (tmp_path / "owl" / "more").mkdir()
    (tmp_path / ".cache").mkdir()
    found = ur.read_inputs(LINEAR, tmp_path)
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1, 1, 2]
    assert found.classes == ("cat", "fox", "owl")
    assert found.names == ("cat/1.png", "fox/0.png", "fox/9.png", "owl/2.png")
    expected = np.stack([pictures["cat"], pictures["fox"], second, pictures["owl"]]).reshape(4, 48)
    np.testing.assert_array_equal(found.values, expected / np.float32(255))
    assert f"{tmp_path.name}: left aside, not pictures: readme.txt, more." in found.notes


def test_classes_of_folders_are_numbered_as_the_names_say(tmp_path: Path):
    save(tmp_path / "data" / "cat" / "0.png", 6, 8)
    save(tmp_path / "data" / "owl" / "0.png", 6, 8)
    (tmp_path / "data" / "fox").mkdir()
    with pytest.raises(
        DataError, match="fox holds no pictures, though folders beside it do, and each counts as a class"
    ):
        ur.read_inputs(LINEAR, tmp_path / "data")
    found = ur.read_inputs(LINEAR, tmp_path / "data", classes="owl,fox,cat")
    assert found.labels is not None
    assert found.labels.tolist() == [2, 0]
    assert found.classes == ("owl", "fox", "cat")
    with pytest.raises(
        DataError, match=r"owl is the folder of no class: dog, fox, cat are named; call it as one of them"
    ):
        ur.read_inputs(LINEAR, tmp_path / "data", classes="dog,fox,cat")


def test_fewer_folders_than_outputs_are_not_numbered(tmp_path: Path):
    save(tmp_path / "cat" / "0.png", 6, 8)
    save(tmp_path / "owl" / "0.png", 6, 8)
    message = (
        r"has 2 classes, numbered in their own order, and the network has 3 outputs; name all classes in the order"
    )
    with pytest.raises(DataError, match=message):
        ur.read_inputs(LINEAR, tmp_path)
    without = ur.read_inputs(LINEAR, tmp_path, "none")
    assert (without.labels, without.classes) == (None, ())
    given = ur.read_inputs(LINEAR, tmp_path, [2, 0])
    assert given.labels is not None
    assert (given.labels.tolist(), given.classes) == ([2, 0], ())


def test_the_first_pictures_of_some_classes_are_not_those_of_all(tmp_path: Path):
    for name in ("cat", "fox", "owl"):
        for k in range(3):
            save(tmp_path / name / f"{k}.png", 6, 8)
    found = ur.read_inputs(LINEAR, tmp_path, limit=4)
    assert found.labels is not None
    assert found.labels.tolist() == [0, 0, 0, 1]
    assert f"{tmp_path.name}: of 3 classes, 2 are among the first 4 of 9 pictures." in found.notes
    assert found.classes == ("cat", "fox", "owl")


def test_pictures_beside_folders_are_those_that_are_meant(tmp_path: Path):
    save(tmp_path / "a.png", 6, 8)
    save(tmp_path / "old" / "b.png", 6, 8)
    found = ur.read_inputs(LINEAR, tmp_path)
    assert (len(found), found.labels) == (1, None)
    assert f"{tmp_path.name}: left aside, not pictures: old." in found.notes


def test_folders_without_pictures_are_told(tmp_path: Path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "a.txt").write_text("hello")
    with pytest.raises(DataError, match=r"has no pictures \(.png, .*\), nor has a folder in it"):
        ur.read_inputs(LINEAR, tmp_path)


# -- how the camera was held -------------------------------------------------------------------------


def held(path: Path, orientation: object, values: np.ndarray) -> Path:
    """A picture that says how the camera was held when it was made."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, exif=exif)
    return path


@pytest.mark.parametrize("suffix", ["png", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_upright_and_it_is_said(orientation: int, suffix: str, tmp_path: Path):
    """Against pillow's own; a quarter of a turn exchanges height and width."""
    values = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    path = held(tmp_path / "data" / f"a.{suffix}", orientation, values)
    with Image.open(path) as picture:
        if suffix == "webp":
            values = np.asarray(picture.convert("RGB"))
        upright = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    assert upright.shape == ((6, 8, 3) if orientation < 5 else (8, 6, 3))
    said = "data: pictures that say that the camera was turned were turned upright (EXIF orientation): 1."
    with Image.open(path) as picture:
        for data in (tmp_path / "data", [picture]):
            found = read_samples(data, upright.shape)
            np.testing.assert_array_equal(found.values[0], upright.astype(np.float32) / np.float32(255))
            named = said.replace("data: ", "the list: " if isinstance(data, list) else "data: ")
            turned = orientation > 1 and suffix != "tif"  # which pillow turns by itself
            assert [note for note in found.notes if "EXIF" in note] == ([named] if turned else [])
    halved = read_samples(tmp_path / "data", (3, 4, 3), resize=(3, 4))
    assert halved.values.shape == (1, 3, 4, 3)


def test_a_size_that_fits_only_turned_is_refused_where_the_camera_was_not(tmp_path: Path):
    held(tmp_path / "a.png", 1, RNG.integers(0, 256, (6, 8), dtype=np.uint8))
    with pytest.raises(DataError, match=r"a.png is 6 x 8 \(height x width\), which does not fit the network's input"):
        read_samples(tmp_path, (8, 6))
    held(tmp_path / "b.png", 6, RNG.integers(0, 256, (6, 8), dtype=np.uint8))
    with pytest.raises(DataError, match=r"b.png is 8 x 6 but .*a.png is 6 x 8"):
        read_samples(tmp_path, (6, 8))


@pytest.mark.parametrize("orientation", [0, 9, -1, "up", 6.5])
def test_what_is_no_orientation_turns_nothing(orientation: object, tmp_path: Path):
    values = RNG.integers(0, 256, (6, 8), dtype=np.uint8)
    held(tmp_path / "a.png", 1, values)
    found = read_samples(held(tmp_path / "a.png", 1, values).parent, (6, 8))
    with Image.open(tmp_path / "a.png") as picture:
        picture.load()
        picture.getexif()[0x0112] = orientation
        again = read_samples([picture], (6, 8))
        picture.info["exif"] = b"Exif\x00\x00II*\x00\xff\xff\xff\xff"
        picture._exif = None
        damaged = read_samples([picture], (6, 8))
    assert found.sha256 == again.sha256 == damaged.sha256
    assert found.notes == again.notes == damaged.notes == ()
