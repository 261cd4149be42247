"""Arrays in memory: their shapes, their dtypes, and what is no array of numbers."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
import torch

import unrelu as ur
from unrelu.errors import InputError, ShapeError
from unrelu.network.graph import Network
from unrelu.study.inputs.read import read_samples

NET = Network.from_layers([(np.ones((3, 4)), np.zeros(3))])
X = np.random.default_rng(0).standard_normal((5, 4))


def noted(*arguments: object, **options: object) -> str:
    return " ".join(read_samples(*arguments, **options).notes)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("given", "wanted", "order"),
    [((8, 9, 3), (3, 8, 9), "last"), ((3, 8, 9), (8, 9, 3), "first"), ((8, 9, 4), (4, 8, 9), "last")],
)
def test_channels_are_moved_where_the_shape_fits_in_no_other_way(
    given: tuple[int, ...], wanted: tuple[int, ...], order: str
):
    x = np.random.default_rng(1).random((2, *given))
    found = read_samples(x, wanted)
    for n, i, j, k in itertools.product(range(2), range(wanted[0]), range(wanted[1]), range(wanted[2])):
        assert found.values[n, i, j, k] == (x[n, j, k, i] if order == "last" else x[n, k, i, j])
    assert found.notes == (
        f"the array of data: samples of shape {given} have their channels {order}; they were moved, to {wanted}.",
    )


def test_where_both_orders_fit_the_network_is_right():
    x = np.random.default_rng(1).random((2, 3, 3, 3))
    found = read_samples(x, (3, 3, 3))
    assert found.notes == ()
    np.testing.assert_array_equal(found.values, x)


def test_what_are_no_channels_is_not_moved():
    with pytest.raises(ShapeError, match=r"takes \(6, 8, 9\); move the channels first, numpy.moveaxis\(x, -1, 1\)"):
        read_samples(np.zeros((2, 8, 9, 6)), (6, 8, 9))
    with pytest.raises(ShapeError, match=r"takes \(9, 8, 3\); bring them to that shape"):
        read_samples(np.zeros((2, 8, 9, 3)), (9, 8, 3))  # turned by a quarter, perhaps


def test_pictures_for_a_network_of_flat_inputs_are_known_by_their_shape():
    x = np.random.default_rng(1).random((2, 1, 5, 6))
    assert ur.read_inputs(Network.from_layers([(np.ones((1, 30)), np.zeros(1))]), x).picture_shape == (1, 5, 6)
    assert read_samples(x.reshape(2, 30), (30,)).picture_shape is None
    assert read_samples(x, (5, 6)).picture_shape is None


@pytest.mark.parametrize(
    ("kind", "unit"),
    [(np.float16, 2.0**-11), (np.float32, 2.0**-24), (np.float64, 2.0**-53), (np.longdouble, 2.0**-53)],
)
def test_the_dtype_is_remembered(kind: type, unit: float):
    found = ur.read_inputs(NET, X.astype(kind))
    assert found.unit == unit
    np.testing.assert_array_equal(found.values, X.astype(kind))


def test_tensors_of_dtypes_that_numpy_does_not_know():
    given = torch.from_numpy(X).to(torch.bfloat16)
    found = ur.read_inputs(NET, given)
    assert found.unit == 2.0**-8
    assert torch.equal(torch.from_numpy(found.values), given.double())
    assert ur.read_inputs(NET, [row.bfloat16() for row in torch.from_numpy(X)]).unit == 2.0**-8


def test_whole_numbers_and_truth_values_are_numbers():
    assert ur.read_inputs(NET, X > 0).values.tolist() == (X > 0).astype(float).tolist()
    counts = np.array([[0, 3, 12, 7]])
    found = ur.read_inputs(NET, counts)
    assert (found.values.tolist(), found.unit) == (counts.tolist(), 2.0**-53)
    assert found.notes == ("the array of data: whole numbers up to 12 were taken as they are.",)
    assert ur.read_inputs(NET, [[0, 3.5, 12, 7], [1, 2, 3, 4]]).values.tolist() == [[0, 3.5, 12, 7], [1, 2, 3, 4]]


class Table:
    """What becomes an array when asked, as tables of pandas do."""

    def __array__(self, dtype: object = None, copy: object = None) -> np.ndarray:
        return X

    def __len__(self) -> int:
        return 4


def test_tables_are_arrays():
    np.testing.assert_array_equal(ur.read_inputs(NET, Table()).values, X)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            np.array([X[0], None], dtype=object),
            "the data are an array of objects, not of numbers; stack samples of one",
        ),
        (X.astype(complex), "the data are complex128, not real numbers"),
        (torch.zeros(1, 4, dtype=torch.complex64), r"the data are complex \(torch.complex64\); give real numbers"),
        (torch.zeros(1, 4, device="meta"), "the data are on the meta device, so they hold no numbers"),
        (np.array([["a", "b", "c", "d"]]), "the data are text, not real numbers"),
        (np.zeros((1, 4), dtype="M8[s]"), r"the data are datetime64\[s\], not real numbers"),
        (np.ma.masked_less(X, 0), "the data are a masked array with numbers that do not count"),
        ([[1.0, 2.0], [1.0]], r"the data are no array of numbers \(.*\); stack samples of one shape"),
        (np.zeros((0, 4)), r"the data are empty: their shape is \(0, 4\); give at least one input"),
        (np.zeros((2, 0, 4)), r"the data are empty: their shape is \(2, 0, 4\)"),
        (np.float64(3.0), r"the data are a single number; give an array of shape \(n, 4\)"),
        (X[0], r"the array of data holds one sample without a batch axis; give it the shape \(1, 4\)"),
        (np.zeros((5, 3)), r"the array of data holds samples of shape \(3,\) \(axis 0 is the batch\), but the network"),
        (3.0, r"the data are a single number; give an array of shape \(n, 4\)"),
        ([], "the list holds no samples; give at least one"),
        (None, r"a NoneType holds no inputs; give an array \(n, 4\), a dataset, or the path of a file or folder"),
    ],
)
def test_what_holds_no_inputs_is_told(data: object, message: str):
    with pytest.raises(InputError, match=message) as error:
        ur.read_inputs(NET, data)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_the_first_number_that_is_none_is_named(bad: float, kind: type):
    x = np.ones((4, 2, 3), dtype=kind)
    x[2, 1, 0] = x[2, 1, 2] = x[3, 0, 0] = bad
    message = r"the array of data holds NaN or infinite values in 2 samples, first in number 2 at \(1, 0\); clean or"
    with pytest.raises(InputError, match=message):
        read_samples(x, (2, 3))
    with pytest.raises(InputError, match="the list holds NaN or infinite values in 2 samples, first in number 2 at"):
        read_samples(list(x), (6,))
    assert len(read_samples(x, (2, 3), limit=2)) == 2


# -- numbers from 0 to 255 -------------------------------------------------------------------------


def test_pixels_of_8_bits_are_refused_until_somebody_says_what_the_network_takes():
    byte = np.array([[0, 7, 255, 3]])
    for data in (byte, byte.astype(np.uint8), byte.astype(np.float32), torch.from_numpy(byte), byte.tolist()):
        with pytest.raises(
            InputError, match=r"holds whole numbers from 0 to 255, .* say what the network takes: scale="
        ):
            ur.read_inputs(NET, data)
        np.testing.assert_array_equal(ur.read_inputs(NET, data, scale=1).values, byte)
    with pytest.raises(InputError, match="from 0 to 7, which look"):
        ur.read_inputs(NET, np.array([[0, 7, 2, 3]], dtype=np.uint8))
    with pytest.raises(InputError, match="from 0 to 16, which look"):
        read_samples(np.full((1, 8, 8), 16.0), (8, 8))  # by their shape these are pictures


def test_what_is_no_picture_of_8_bits_is_not_refused():
    assert noted(np.array([[0, 7, 255, 3.5]]), (4,)) == ""
    assert (
        noted(np.array([[0, 7, 255, -3]]), (4,)) == "the array of data: whole numbers up to 255 were taken as they are."
    )
    assert (
        noted(np.array([[0, 7, 256, 3]]), (4,)) == "the array of data: whole numbers up to 256 were taken as they are."
    )
    assert noted(np.array([[0.0, 7.0, 16.0, 3.0]]), (4,)) == ""
    assert noted(np.array([[0, 1, 1, 0]], dtype=np.uint8), (4,)) == ""


def test_division_rounds_once_in_the_dtype_of_pictures():
    byte = np.arange(256, dtype=np.uint8).reshape(64, 4)
    found = ur.read_inputs(NET, byte, scale=255)
    np.testing.assert_array_equal(found.values, (byte.astype(np.float32) / np.float32(255)).astype(float))
    assert (found.values.min(), found.values.max(), found.unit) == (0, 1, 2.0**-24)
    wide = ur.read_inputs(NET, byte.astype(np.int64), scale=255)
    np.testing.assert_array_equal(wide.values, byte / 255.0)
    assert wide.unit == 2.0**-53
    half = ur.read_inputs(NET, byte.astype(np.float16), scale=2)
    assert (half.unit, half.as_given.dtype) == (2.0**-11, np.float16)
    deep = ur.read_inputs(NET, np.array([[0, 1, 65535, 7]], dtype=np.uint16), scale=65535)
    assert (deep.values.max(), deep.unit) == (1, 2.0**-24)


@pytest.mark.parametrize("scale", [0, -1, np.inf, np.nan])
def test_numbers_are_divided_by_a_positive_one(scale: float):
    with pytest.raises(InputError, match="cannot be divided by"):
        ur.read_inputs(NET, X, scale=scale)


def test_options_that_say_nothing_about_the_data_are_refused():
    for options, message in [
        ({"array": "x"}, "only arrays in a .npz file have names; leave the name 'x' out"),
        ({"resize": (2, 2)}, "the data are arrays, and resize is for pictures"),
        ({"resize": (2,)}, "give two numbers of at least 1"),
        ({"limit": 0}, "give a limit of 1 or more, not 0"),
        ({"labels": "y"}, "only arrays in a .npz file have names; leave the name 'y' out"),
    ]:
        with pytest.raises(InputError, match=re.escape(message)):
            ur.read_inputs(NET, X, **options)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="the list gives arrays, and resize is for pictures"):
        ur.read_inputs(NET, list(X), resize=(2, 2))


# -- what has to be said of pictures ---------------------------------------------------------------


def test_pictures_for_a_network_that_may_have_been_trained_on_normalised_ones():
    net = Network.from_torch(
        torch.nn.Sequential(torch.nn.Conv2d(1, 1, 3), torch.nn.ReLU()).eval(), torch.zeros(1, 1, 6, 6)
    )
    pictures = np.random.default_rng(0).random((2, 1, 6, 6))
    said = (
        "pictures are given to the network in [0, 1]; if it was trained on normalised ones, give --mean and --std (in"
    )
    assert [note.startswith(said) for note in ur.read_inputs(net, pictures).notes] == [True]
    own = net.normalized(0.5, 0.25)
    assert ur.read_inputs(own, pictures).notes == ()
    assert ur.read_inputs(net, (pictures - 0.5) / 0.25).notes == ()
    assert [
        note.startswith("the network normalises its inputs itself, and these go from -")
        for note in ur.read_inputs(own, (pictures - 0.5) / 0.25).notes
    ] == [True]
    assert ur.read_inputs(NET, np.abs(np.sin(X))).notes == ()  # no pictures


def test_inputs_are_read_once():
    first = ur.read_inputs(NET, np.array([[0, 3, 12, 7]]), labels=[2])
    again = ur.read_inputs(NET, first)
    assert (again.sha256, again.notes, again.unit) == (first.sha256, first.notes, first.unit)
    assert again.labels is not None
    with pytest.raises(ShapeError, match=r"were read for a network that takes \(4,\), and this one takes \(5,\)"):
        read_samples(first, (5,))
