"""Reading `.npy`, `.npz` and folders of pictures."""

from __future__ import annotations

import io
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unrelu.errors import DataError, MissingExtra
from unrelu.study.inputs.read import read_samples

_RNG = np.random.default_rng(0)
_X = _RNG.random((4, 2, 3)).astype(np.float32)


def _npy(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def _npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, allow_pickle=False, **arrays)
    return path


# -- arrays ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_npy_is_taken_as_it_is(tmp_path: Path, dtype: type) -> None:
    batch = read_samples(_npy(tmp_path / "x.npy", _X.astype(dtype)), (2, 3))
    np.testing.assert_array_equal(batch.values, _X)
    assert batch.values.dtype == np.float64
    assert batch.as_given.dtype == dtype
    assert batch.unit == np.finfo(dtype).eps / 2
    assert batch.labels is None
    assert batch.names == ("0", "1", "2", "3")
    assert batch.notes == ()
    assert len(batch) == 4


def test_fortran_order_and_half_precision_keep_their_numbers(tmp_path: Path) -> None:
    values = np.asfortranarray(_X.astype(np.float16))
    batch = read_samples(_npy(tmp_path / "x.npy", values), (2, 3))
    np.testing.assert_array_equal(batch.values, values)
    assert batch.values.dtype == np.float64
    assert batch.values.flags.c_contiguous


@pytest.mark.parametrize("name", ["x", "X", "images", "data", "inputs"])
@pytest.mark.parametrize("label_name", ["y", "labels", "targets"])
def test_npz_takes_the_array_of_that_name_and_labels(tmp_path: Path, name: str, label_name: str) -> None:
    y = np.array([3.0, 0.0, 1.0, 2.0])
    path = _npz(tmp_path / "d.npz", other=np.zeros(7), **{label_name: y, name: _X})
    batch = read_samples(path, (2, 3))
    np.testing.assert_array_equal(batch.values, _X)
    assert batch.labels is not None
    np.testing.assert_array_equal(batch.labels, y)
    assert batch.labels.dtype == np.int64


def test_npz_takes_its_only_array_whatever_the_name(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_samples(_npz(tmp_path / "a.npz", foo=_X), (2, 3)).values, _X)
    with_labels = read_samples(_npz(tmp_path / "b.npz", foo=_X, y=np.arange(4)), (2, 3))
    np.testing.assert_array_equal(with_labels.values, _X)
    np.savez_compressed(tmp_path / "c.npz", _X)
    np.testing.assert_array_equal(read_samples(tmp_path / "c.npz", (2, 3)).values, _X)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [((2, 3), (1, 2, 3)), ((1, 2, 3), (2, 3)), ((2, 3), (6,)), ((6,), (1, 2, 3)), ((2, 3, 1), (1, 2, 3))],
)
def test_samples_are_reshaped_where_it_is_unambiguous_and_it_is_said(
    tmp_path: Path, given: tuple[int, ...], wanted: tuple[int, ...]
) -> None:
    batch = read_samples(_npy(tmp_path / "x.npy", _X.reshape(4, *given)), wanted)
    np.testing.assert_array_equal(batch.values, _X.reshape(4, *wanted))
    assert batch.notes == (f"x.npy: samples of shape {given} were read as {wanted}, in C order.",)


def test_bytes_are_neither_scaled_nor_taken_before_somebody_says_so(tmp_path: Path) -> None:
    values = _RNG.integers(0, 256, (4, 2, 3), dtype=np.uint8)
    values[0, 0, 0] = 255
    path = _npy(tmp_path / "x.npy", values)
    with pytest.raises(DataError, match=r"x.npy holds whole numbers from 0 to 255, .*scale=255 \(--scale 255\) for"):
        read_samples(path, (2, 3))
    as_they_are = read_samples(path, (2, 3), scale=1)
    np.testing.assert_array_equal(as_they_are.values, values)
    assert as_they_are.notes == ()
    divided = read_samples(path, (2, 3), scale=255)
    np.testing.assert_array_equal(divided.values, values.astype(np.float32) / np.float32(255))
    assert divided.unit == 2.0**-24
    assert divided.notes == ("x.npy: all numbers were divided by 255.",)
    assert read_samples(_npy(tmp_path / "x.npy", values > 99), (2, 3)).notes == ()


@pytest.mark.parametrize(
    ("given", "wanted", "message"),
    [
        ((4, 2, 3), (5,), r"holds samples of shape \(2, 3\) .*but the network takes \(5,\); bring them to that shape"),
        ((4, 2, 3), (3, 2), r"holds samples of shape \(2, 3\) .*but the network takes \(3, 2\)"),
        ((4, 8, 8, 5), (5, 8, 8), r"takes \(5, 8, 8\); move the channels first, numpy.moveaxis\(x, -1, 1\)"),
        ((2, 3), (2, 3), r"holds one sample without a batch axis; give it the shape \(1, 2, 3\)"),
        ((0, 2, 3), (2, 3), r"is empty: its shape is \(0, 2, 3\)"),
        ((6,), (6,), r"holds one sample without a batch axis; give it the shape \(1, 6\)"),
    ],
)
def test_shapes_that_do_not_fit_are_told(
    tmp_path: Path, given: tuple[int, ...], wanted: tuple[int, ...], message: str
) -> None:
    for path in (_npy(tmp_path / "d.npy", np.zeros(given)), _npz(tmp_path / "d.npz", a=np.zeros(given))):
        with pytest.raises(DataError, match=message) as caught:
            read_samples(path, wanted)
        assert str(path) in str(caught.value)


def test_a_scalar_is_no_batch(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"d.npy holds a single number"):
        read_samples(_npy(tmp_path / "d.npy", np.array(1.0)), ())


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_values_that_are_not_finite_are_told(tmp_path: Path, bad: float) -> None:
    values = _X.copy()
    values[2, 1, 1] = values[3, 0, 0] = bad
    with pytest.raises(DataError, match=r"x.npy holds NaN or infinite values in 2 samples, first in number 2"):
        read_samples(_npy(tmp_path / "x.npy", values), (2, 3))


def test_labels_must_be_one_whole_number_a_sample(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"d.npz, array y, holds labels of shape \(3,\) for 4 samples"):
        read_samples(_npz(tmp_path / "d.npz", x=_X, y=np.arange(3)), (2, 3))
    for wrong in (0.5, np.nan):
        with pytest.raises(DataError, match=r"d.npz has labels that are not whole numbers"):
            read_samples(_npz(tmp_path / "d.npz", x=_X, y=np.array([0, 1, 2, wrong])), (2, 3))


def test_a_choice_that_cannot_be_made_names_what_is_there(tmp_path: Path) -> None:
    message = "must have one array, or one of them named x, images, data or inputs; it has "
    for path, found in [
        (_npz(tmp_path / "a.npz", foo=_X, bar=_X), r"foo, bar: name the one with the inputs \(--array foo\)"),
        (_npz(tmp_path / "b.npz", x=_X, images=_X), r"x, images: name the one with the inputs \(--array x\)"),
    ]:
        with pytest.raises(DataError, match=f"{path.name} {message}{found}"):
            read_samples(path, (2, 3))
    message = "must have one array with inputs, such as one named x, images, data or inputs; it has "
    for path, found in [
        (_npz(tmp_path / "c.npz"), "no array at all"),
        (_npz(tmp_path / "d.npz", y=np.arange(4)), "y"),
    ]:
        with pytest.raises(DataError, match=f"{path.name} {message}{found}"):
            read_samples(path, (2, 3))


def test_files_that_are_not_there_or_of_another_kind_are_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no file or folder .*none.npy"):
        read_samples(tmp_path / "none.npy", (2, 3))
    (tmp_path / "table.csv").write_text("1,2,3")
    with pytest.raises(DataError, match=r"table.csv is a table; save the columns that the network takes as an array"):
        read_samples(tmp_path / "table.csv", (2, 3))


def test_objects_and_text_are_not_read(tmp_path: Path) -> None:
    # A pickled object would run code when read.
    np.save(tmp_path / "o.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"o.npy holds object, not real numbers"):
        read_samples(tmp_path / "o.npy", (1,))
    with pytest.raises(DataError, match=r"d.npz, array x, holds complex128, not real numbers"):
        read_samples(_npz(tmp_path / "d.npz", x=_X.astype(complex)), (2, 3))


def test_damaged_files_are_told(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, _X)
    whole = stream.getvalue()
    for content, message in [
        (b"", "is not an array in numpy's format"),
        (b"PK\x03\x04 no", "is not an array in numpy's format"),
        (whole[:-4], r"declares the shape \(4, 2, 3\) but ends before"),
    ]:
        (tmp_path / "x.npy").write_bytes(content)
        with pytest.raises(DataError, match=f"x.npy {message}"):
            read_samples(tmp_path / "x.npy", (2, 3))
    for content in (b"", b"not a zip"):
        (tmp_path / "d.npz").write_bytes(content)
        with pytest.raises(DataError, match=r"d.npz is not a whole .npz file"):
            read_samples(tmp_path / "d.npz", (2, 3))
    np.savez(tmp_path / "plain.npz", x=_X)
    np.savez_compressed(tmp_path / "packed.npz", x=_X)
    for name in ("plain", "packed"):
        content = bytearray((tmp_path / f"{name}.npz").read_bytes())
        content[170:180] = b"\xff" * 10
        (tmp_path / f"{name}.npz").write_bytes(content)
        with pytest.raises(DataError, match=f"{name}.npz is not a whole .npz file"):
            read_samples(tmp_path / f"{name}.npz", (2, 3))
    content = bytearray(_npz(tmp_path / "locked.npz", x=_X).read_bytes())
    for start in (content.index(b"PK\x03\x04") + 6, content.index(b"PK\x01\x02") + 8):
        content[start] |= 1  # the flag of encrypted members
    (tmp_path / "locked.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"locked.npz is not a whole .npz file .*encrypted"):
        read_samples(tmp_path / "locked.npz", (2, 3))


def test_declared_sizes_are_checked_before_memory_is_taken(tmp_path: Path) -> None:
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000, 2, 3)}"
    bomb = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header + b"\n"
    (tmp_path / "x.npy").write_bytes(bomb)
    with pytest.raises(DataError, match=r"x.npy declares the shape \(1000000000000, 2, 3\) but ends before"):
        read_samples(tmp_path / "x.npy", (2, 3))
    with zipfile.ZipFile(tmp_path / "d.npz", "w") as archive:
        archive.writestr("x.npy", bomb)
    with pytest.raises(DataError, match=r"d.npz, array x, declares the shape"):
        read_samples(tmp_path / "d.npz", (2, 3))


# -- pictures --------------------------------------------------------------------------------------

_GREY = _RNG.integers(0, 256, (3, 4, 6), dtype=np.uint8)  # three pictures, 6 wide and 4 high
_RGB = _RNG.integers(0, 256, (2, 4, 6, 3), dtype=np.uint8)


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    folder = tmp_path / "grey"
    folder.mkdir()
    for name, picture in zip(("b.png", "a.bmp", "c.PNG"), _GREY, strict=True):
        Image.fromarray(picture).save(folder / name)
    return folder


@pytest.fixture
def coloured(tmp_path: Path) -> Path:
    folder = tmp_path / "coloured"
    folder.mkdir()
    for k, picture in enumerate(_RGB):
        Image.fromarray(picture).save(folder / f"{k}.png")
    return folder


@pytest.mark.parametrize("shape", [(4, 6), (1, 4, 6), (24,)])
def test_grey_pictures_are_sorted_by_name_and_scaled(grey: Path, shape: tuple[int, ...]) -> None:
    batch = read_samples(grey, shape)
    assert batch.names == ("a.bmp", "b.png", "c.PNG")
    assert (batch.values.dtype, batch.as_given.dtype, batch.unit) == (np.float64, np.float32, 2.0**-24)
    assert batch.notes == ()
    assert batch.picture_shape == ((4, 6) if shape == (24,) else None)
    expected = _GREY[[1, 0, 2]].reshape(3, *shape) / np.float32(255)
    np.testing.assert_array_equal(batch.values, expected)


@pytest.mark.parametrize("shape", [(3, 4, 6), (72,)])
def test_colours_come_first(coloured: Path, shape: tuple[int, ...]) -> None:
    batch = read_samples(coloured, shape)
    assert batch.notes == ()
    np.testing.assert_array_equal(batch.values.reshape(2, 3, 4, 6), np.moveaxis(_RGB, -1, 1) / np.float32(255))


def test_pictures_are_converted_to_what_the_network_takes_and_it_is_said(grey: Path, coloured: Path) -> None:
    as_grey = read_samples(coloured, (4, 6))
    luma = _RGB @ np.array([0.299, 0.587, 0.114])  # ITU-R 601
    np.testing.assert_allclose(as_grey.values * 255, luma, atol=1)
    assert as_grey.notes == ("coloured: pictures of mode RGB were converted to grey.",)
    as_rgb = read_samples(grey, (3, 4, 6))
    np.testing.assert_array_equal(as_rgb.values, np.stack([_GREY[[1, 0, 2]] / np.float32(255)] * 3, axis=1))
    assert as_rgb.notes == ("grey: pictures of mode L were converted to RGB.",)


@pytest.mark.parametrize("shape", [(4, 6), (3, 4, 6)])
def test_sixteen_bits_keep_their_precision(tmp_path: Path, shape: tuple[int, ...]) -> None:
    values = _RNG.integers(0, 65536, (4, 6), dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "deep.png")
    batch = read_samples(tmp_path, shape)
    np.testing.assert_array_equal(batch.values[0], np.broadcast_to(values / np.float32(65535), shape))


def test_other_files_are_left_aside_and_it_is_said(grey: Path) -> None:
    for k in range(5):
        (grey / f"{k}.csv").write_text("hello")
    (grey / ".hidden.png").write_text("hello")
    (grey / "folder.png").mkdir()
    batch = read_samples(grey, (4, 6))
    assert len(batch) == 3
    assert batch.notes == ("grey: left aside, not pictures: 0.csv, 1.csv, 2.csv and 3 more.",)


def test_folders_that_cannot_be_read_are_told(grey: Path, tmp_path: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"a.bmp is 4 x 6 \(height x width\), which does not fit the network's input \(6, 4\); give --resize 6x4",
    ):
        read_samples(grey, (6, 4))
    Image.fromarray(_GREY[0].T.copy()).save(grey / "d.png")
    with pytest.raises(
        DataError, match=r"d.png is 6 x 4 but .*a.bmp is 4 x 6, .*with --resize 4x6 \(resize=\(4, 6\)\)"
    ):
        read_samples(grey, (24,))
    content = (grey / "b.png").read_bytes()
    for broken in (b"not a picture", content[:60]):
        (grey / "d.png").write_bytes(broken)
        with pytest.raises(DataError, match=r"d.png cannot be read as a picture; repair it or take it away"):
            read_samples(grey, (4, 6))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty has no pictures \(.png"):
        read_samples(tmp_path / "empty", (4, 6))
    (tmp_path / "floats").mkdir()
    Image.fromarray(np.zeros((4, 6), np.float32)).save(tmp_path / "floats" / "x.tif")
    with pytest.raises(DataError, match=r"x.tif has pixels of unknown range \(mode F\)"):
        read_samples(tmp_path / "floats", (4, 6))


def test_pictures_without_pillow_name_the_extra(grey: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingExtra, match=r'pip install "unrelu\[report\]"'):
        read_samples(grey, (4, 6))
