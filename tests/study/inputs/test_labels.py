"""The class of each input: numbers, rows of one 1, and what no output stands for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import unrelu as ur
from unrelu.errors import DataError, InputError
from unrelu.network.graph import Network
from unrelu.study.inputs.class_names import class_names

NET = Network.from_layers([(np.ones((3, 4)), np.zeros(3))])
X = np.random.default_rng(0).standard_normal((4, 4))
Y = [2, 0, 1, 2]


@pytest.mark.parametrize(
    "labels",
    [Y, np.array(Y, dtype=np.uint8), np.array(Y, dtype=float), torch.tensor(Y), np.array(Y)[:, None], tuple(Y)],
)
def test_whole_numbers_of_any_kind(labels: object):
    found = ur.read_inputs(NET, X, labels)  # pyright: ignore[reportArgumentType]
    assert found.labels is not None
    assert (found.labels.tolist(), found.labels.dtype, found.notes) == (Y, np.int64, ())


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32])
def test_rows_with_a_1_in_the_place_of_the_class_are_known_and_it_is_said(kind: type):
    for labels in (np.eye(3, dtype=kind)[Y], torch.from_numpy(np.eye(3, dtype=kind)[Y])):
        found = ur.read_inputs(NET, X, labels)
        assert found.labels is not None
        assert found.labels.tolist() == Y
        assert found.notes == (
            "the array of labels: labels of shape (4, 3) are rows with a 1 in the place of the class; it was taken.",
        )


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2], r"the array of labels holds labels of shape \(3,\) for 4 samples; they must have shape \(4,\)"),
        (np.zeros((3, 3)), r"holds labels of shape \(3, 3\) for 4 samples"),
        (np.zeros((4, 3, 1)), r"holds labels of shape \(4, 3, 1\) for 4 samples"),
        (1, r"holds labels of shape \(\) for 4 samples"),
        ([0, 1, 2, 0.5], "has labels that are not whole numbers"),
        ([0, 1, 2, np.nan], "has labels that are not whole numbers"),
        ([0, 1, -1, 2], "has the label -1 at sample 2; classes are counted from 0"),
        ([0, 1, 7, 9], r"has the label 7 at sample 2, but the network has 3 outputs, numbered from 0 to 2; leave the"),
        ([1, 2, 3, 1], "has the label 3 at sample 2, .*; they seem to begin at 1, so subtract 1, or give"),
        (np.eye(5)[[0, 1, 4, 0]], "has the label 4 at sample 2, but the network has 3 outputs"),
        (np.eye(3)[Y] * 2, r"whose row 0 is not one 1 among zeros"),
        (np.eye(3)[Y] + np.eye(3)[[2, 1, 1, 2]], r"has labels of shape \(4, 3\), whose row 0 is not one 1 among zeros"),
        (np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0]]), "whose row 2 is not one 1 among zeros"),
        (np.array([[1, 0, 0], [0, 1, 1], [0, 0, 1], [1, 0, 0]]), "whose row 1 is not one 1 among zeros"),
        (["cat", "dog", "dog", "cat"], "the array of labels tells classes by name; name all of them in the order"),
    ],
)
def test_labels_that_do_not_fit_are_told(labels: object, message: str):
    with pytest.raises(InputError, match=message):
        ur.read_inputs(NET, X, labels)  # pyright: ignore[reportArgumentType]


def test_outputs_that_are_no_classes_set_no_limit():
    net = Network.from_layers([(np.ones((3, 4)), np.zeros(3)), (np.ones((20, 3)), np.zeros(20))])
    assert ur.read_inputs(net.upto("relu1"), X, [0, 1, 2, 19]).labels is not None
    with pytest.raises(InputError, match="the network has 20 outputs"):
        ur.read_inputs(net, X, [0, 1, 2, 20])
    one = Network.from_layers([(np.ones((1, 4)), np.zeros(1))])
    assert ur.read_inputs(one, X, [0, 1, 1, 0]).labels is not None
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Softmax(dim=-1)).eval()
    with pytest.warns(ur.errors.HeadWarning):
        headless = Network.from_torch(module, torch.zeros(1, 4))
    with pytest.raises(InputError, match="the network has 3 outputs"):
        ur.read_inputs(headless, X, [0, 1, 2, 3])


def test_labels_are_cut_with_the_data():
    found = ur.read_inputs(NET, X, Y, limit=2)
    assert found.labels is not None
    assert found.labels.tolist() == Y[:2]
    walked = ur.read_inputs(NET, (row for row in X), Y, limit=3)
    assert walked.labels is not None
    assert walked.labels.tolist() == Y[:3]
    with pytest.raises(InputError, match=r"holds labels of shape \(4,\) for 3 samples"):
        ur.read_inputs(NET, (row for row in X[:3]), Y)


def test_labels_beside_the_data_in_a_file(tmp_path: Path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", np.eye(3)[Y])
    found = ur.read_inputs(NET, tmp_path / "x.npy", str(tmp_path / "y.npy"), limit=3)
    assert found.labels is not None
    assert found.labels.tolist() == Y[:3]
    np.save(tmp_path / "short.npy", Y[:2])
    with pytest.raises(DataError, match=r"short.npy holds labels of shape \(2,\) for 4 samples"):
        ur.read_inputs(NET, tmp_path / "x.npy", str(tmp_path / "short.npy"))
    with pytest.raises(DataError, match=r"gone.npy cannot be read"):
        ur.read_inputs(NET, tmp_path / "x.npy", str(tmp_path / "gone.npy"))


def test_names_in_an_archive(tmp_path: Path):
    np.savez(tmp_path / "d.npz", train=X[:1], test=X, kinds=Y, y=[0, 0, 0, 9])
    path = tmp_path / "d.npz"
    found = ur.read_inputs(NET, path, "kinds", array="test")
    assert found.labels is not None
    assert (found.labels.tolist(), len(found)) == (Y, 4)
    assert ur.read_inputs(NET, path, "none", array="test").labels is None
    np.savez(tmp_path / "odd.npz", y=X)  # which is what it calls its inputs
    assert ur.read_inputs(NET, tmp_path / "odd.npz", array="y").labels is None
    with pytest.raises(DataError, match=r"d.npz has the label 9 at sample 3"):
        ur.read_inputs(NET, path, array="test")
    for options, message in [
        ({"array": "valid"}, "has no array 'valid'; it has train, test, kinds, y"),
        ({"array": "test", "labels": "kind"}, "has no array 'kind'; it has train, test, kinds, y"),
        ({}, r"one of them named x, .*; it has train, test, kinds, y: name the one with the inputs \(--array train\)"),
    ]:
        with pytest.raises(DataError, match=message):
            ur.read_inputs(NET, path, **options)  # pyright: ignore[reportArgumentType]


# -- names of classes ------------------------------------------------------------------------------


def test_names_are_a_list_a_text_or_a_file(tmp_path: Path):
    (tmp_path / "names.txt").write_text("\ufeffcat\ndog, wild\n\n  Eule \n", encoding="utf-8")
    for given, names in [
        (["a", "b", "c"], ("a", "b", "c")),
        ("a, b,c", ("a", "b", "c")),
        (str(tmp_path / "names.txt"), ("cat", "dog, wild", "Eule")),
        (tmp_path / "names.txt", ("cat", "dog, wild", "Eule")),
    ]:
        assert ur.read_inputs(NET, X, Y, given).classes == names
    assert ur.read_inputs(NET, X, Y).classes == ()


def test_names_that_do_not_fit_are_told(tmp_path: Path):
    with pytest.raises(InputError, match="2 classes are named, but the network has 3 outputs"):
        ur.read_inputs(NET, X, Y, "cat,dog")
    prefix = Network.from_layers([(np.ones((9, 4)), np.zeros(9)), (np.ones((9, 9)), np.zeros(9))]).upto("relu1")
    with pytest.raises(InputError, match="has the label 2 at sample 0, but 2 classes are named, numbered from 0 to 1"):
        ur.read_inputs(prefix, X, Y, "cat,dog")
    with pytest.raises(InputError, match="two classes are called 'cat'"):
        class_names(["cat", "dog", "cat"])
    (tmp_path / "empty.txt").write_text("\n\n")
    (tmp_path / "odd.txt").write_bytes(b"\xff\xfe\x00")
    for given, message in [
        ("cat", "no classes can be read from cat .No such file.*; name a text file with one a line, or write"),
        (tmp_path / "empty.txt", "names no classes; write one a line"),
        (tmp_path / "odd.txt", "no classes can be read from .*odd.txt"),
        (tmp_path, "no classes can be read from"),
    ]:
        with pytest.raises(DataError, match=message):
            class_names(given)
