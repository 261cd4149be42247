"""Datasets and loaders: what their items are, and what is no sample."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
)

import unrelu as ur
from unrelu.errors import DataError, InputError, ShapeError, TooLarge
from unrelu.network.graph import Network

NET = Network.from_layers([(np.ones((3, 4)), np.zeros(3))])
X = np.random.default_rng(0).random((6, 4)).astype(np.float32)
Y = np.array([0, 2, 1, 1, 0, 2])


class Items(Dataset):
    """Whatever it is given; it has a length, and is asked by numbers."""

    def __init__(self, items: list[object], classes: tuple[str, ...] = ()) -> None:
        self.items, self.classes = items, classes

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, k: int) -> object:
        return self.items[k]


class Endless(IterableDataset):
    """Samples that never end."""

    def __iter__(self) -> Iterator[tuple[np.ndarray, int]]:
        while True:
            yield X[0], 1


def _transposed(items: list[tuple[object, object]]) -> tuple[object, ...]:
    return tuple(zip(*items, strict=True))


def labels(found: ur.Inputs) -> list[int]:
    assert found.labels is not None
    return found.labels.tolist()


def test_parts_of_datasets_and_samples_without_labels():
    data = TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    part = ur.read_inputs(NET, Subset(data, [4, 1]))
    np.testing.assert_array_equal(part.values, X[[4, 1]])
    assert labels(part) == [0, 2]
    assert ur.read_inputs(NET, TensorDataset(torch.from_numpy(X))).labels is None
    assert ur.read_inputs(NET, Items(list(X))).labels is None
    assert ur.read_inputs(NET, Items([(x,) for x in X])).labels is None


def test_labels_that_are_rows_of_one_1():
    rows = torch.eye(3)[torch.from_numpy(Y)]
    for data in (TensorDataset(torch.from_numpy(X), rows), DataLoader(TensorDataset(torch.from_numpy(X), rows), 4)):
        found = ur.read_inputs(NET, data)
        assert labels(found) == Y.tolist()
        assert any("rows with a 1 in the place of the class" in note for note in found.notes)


def test_an_endless_dataset_is_read_as_far_as_it_is_wanted():
    found = ur.read_inputs(NET, DataLoader(Endless(), batch_size=4), limit=6)
    assert (len(found), labels(found)) == (6, [1] * 6)
    assert len(ur.read_inputs(NET, Endless(), limit=5)) == 5


def test_classes_of_a_dataset_are_named_as_it_names_them():
    pairs: list[object] = list(zip(X, Y, strict=True))
    assert ur.read_inputs(NET, Items(pairs, ("a", "b", "c"))).classes == ("a", "b", "c")
    assert ur.read_inputs(NET, DataLoader(Items(pairs, ("a", "b", "c")))).classes == ("a", "b", "c")
    assert ur.read_inputs(NET, Items(pairs, ("a", "b", "c")), classes="x,y,z").classes == ("x", "y", "z")
    with pytest.raises(
        InputError, match="the dataset has 2 classes, numbered in their own order, and the network has 3"
    ):
        ur.read_inputs(NET, Items(pairs[:1], ("a", "b")))


def test_what_is_random_is_said():
    class Noisy(Items):
        def __getitem__(self, k: int) -> object:
            return X[k] + np.random.default_rng().random(4).astype(np.float32)

    said = "the dataset gives another sample 0 when it is asked again, as with random transforms"
    assert [note.startswith(said) for note in ur.read_inputs(NET, Noisy(list(X))).notes] == [True]
    assert ur.read_inputs(NET, Items(list(X))).notes == ()
    shuffled = DataLoader(TensorDataset(torch.from_numpy(X)), shuffle=True)
    assert ur.read_inputs(NET, shuffled).notes == ("the loader shuffles, so it gives other inputs each time.",)


def test_items_of_more_parts_than_two_are_read_by_the_first_two():
    found = ur.read_inputs(NET, [(x, y, "name") for x, y in zip(X, Y, strict=True)])
    assert labels(found) == Y.tolist()
    assert found.notes == (
        "the list: of the 3 parts of an item the first was taken for the input and the second for its label.",
    )


def test_classes_by_name_are_numbered_as_they_are_named():
    names = ("a", "b", "c")
    pairs: list[object] = [(x, names[y]) for x, y in zip(X, Y, strict=True)]
    for data, options in (
        (Items(pairs, names), {}),
        (DataLoader(Items(pairs, names), batch_size=4), {}),
        (Items(pairs), {"classes": "a,b,c"}),
        (list(X), {"labels": [names[y] for y in Y], "classes": names}),
        (list(X), {"labels": np.array([names[y] for y in Y], dtype=object), "classes": names}),
    ):
        found = ur.read_inputs(NET, data, **options)  # pyright: ignore[reportArgumentType]
        assert labels(found) == Y.tolist()
        assert found.classes == names
    assert labels(ur.read_inputs(NET, Items(pairs, names), classes="c,b,a")) == (2 - Y).tolist()
    with pytest.raises(InputError, match="the list names the class 'c', and the classes are a, b, d; give each name"):
        ur.read_inputs(NET, pairs, classes="a,b,d")
    with pytest.raises(InputError, match="tells classes by name; name all of them in the order of the network's"):
        ur.read_inputs(NET, Items(list(X), ("a", "b")), labels=[names[y] for y in Y])


def test_what_a_loader_leaves_out_and_how_it_takes_them_is_said():
    data = TensorDataset(torch.from_numpy(X))
    left = ("the loader leaves out the last 2 samples, which fill no batch (drop_last).",)
    assert ur.read_inputs(NET, DataLoader(data, batch_size=4, drop_last=True)).notes == left
    assert ur.read_inputs(NET, DataLoader(data, batch_size=3, drop_last=True)).notes == ()
    assert ur.read_inputs(NET, DataLoader(data, batch_size=4, drop_last=True), limit=4).notes == ()
    for sampler in (WeightedRandomSampler([1.0] * 6, 3), SubsetRandomSampler([0, 1])):
        notes = ur.read_inputs(NET, DataLoader(data, sampler=sampler)).notes
        assert notes == ("the loader shuffles, so it gives other inputs each time.",)


def test_mappings_are_read_by_the_names_of_their_parts():
    items = [{"Pixel_Values": x, "label": y, "id": 7} for x, y in zip(X, Y, strict=True)]
    assert labels(ur.read_inputs(NET, items)) == Y.tolist()
    with pytest.raises(InputError, match="the list gives items with picture, label; call the input one of x, images"):
        ur.read_inputs(NET, [{"picture": X[0], "label": 1}])


def test_pictures_of_pillow_are_read_as_those_from_files():
    pictures = [Image.fromarray((np.arange(25).reshape(5, 5) * k).astype(np.uint8)) for k in (1, 2)]
    net = Network.from_layers([(np.ones((3, 25)), np.zeros(3))])
    found = ur.read_inputs(net, pictures)
    np.testing.assert_array_equal(found.values[1], np.arange(0, 50, 2).astype(np.float32) / np.float32(255))
    assert found.picture_shape == (5, 5)
    with pytest.raises(
        DataError, match=r"sample 2 of the list is 7 x 5 but sample 0 of the list is 5 x 5, height x width"
    ):
        ur.read_inputs(net, [*pictures, Image.new("L", (5, 7))])
    assert len(ur.read_inputs(net, [*pictures, Image.new("L", (5, 7))], resize=(5, 5))) == 3
    assert ur.read_inputs(net, pictures, scale=1).values.max() == 48
    loader = DataLoader(Items([(picture, 0) for picture in pictures]), 2, collate_fn=_transposed)
    assert labels(ur.read_inputs(net, loader)) == [0, 0]


def test_more_than_there_is_room_for_is_refused_at_the_first():
    class Large(Items):
        def __len__(self) -> int:
            return 10**12

        def __getitem__(self, k: int) -> object:
            assert k == 0
            return X[0]

    said = r"the dataset has 1,000,000,000,000 inputs to read, which take .* GiB: more than a quarter of the free"
    with pytest.raises(TooLarge, match=said):
        ur.read_inputs(NET, Large([]))


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (
            {"train": X, "labels": Y},
            InputError,
            "the data are a mapping with train, labels; give one of its parts, and",
        ),
        ((X, Y), InputError, "the data are a pair, of samples and their labels it seems; give the second part as"),
        ([X[0], X[1, :3]], ShapeError, r"sample 1 of the list has shape \(3,\), but the first has \(4,\)"),
        (Items([X[0, :3]]), ShapeError, r"the dataset holds samples of shape \(3,\) .*, but the network takes \(4,\)"),
        ([(X[0], 1), X[1]], InputError, "the list has a label for 1 of 2 samples; give one to all or to none"),
        ([(X[0], 1), (X[1], [0, 1])], InputError, "the list has labels of different shapes; give one class number"),
        ([(X[0], "cat")], InputError, "the list tells classes by name; name all of them in the order"),
        (Items([]), InputError, "the dataset holds no samples"),
        (Items(["a"]), InputError, "sample 0 of the dataset is a str; give arrays, or pictures of Pillow"),
        ([{1, 2}], InputError, "sample 0 of the list is a set"),
        ([np.array(["a"])], InputError, "the numbers of sample 0 of the list are text, not real numbers"),
        (DataLoader(Items([(X[0], 3)])), InputError, "the loader has the label 3 at sample 0, but the network has 3"),
    ],
)
def test_what_cannot_be_read_is_told(data: object, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        ur.read_inputs(NET, data)


def test_batches_that_are_none_are_told():
    for batch, message in [
        (7, "the loader gives items that are no batches of samples; collate arrays"),
        ((torch.zeros(2, 4), torch.zeros(3)), "the loader gives a batch of 2 samples with 3 labels"),
    ]:
        with pytest.raises(InputError, match=message):
            ur.read_inputs(NET, DataLoader(Items([0, 1]), 2, collate_fn=lambda _, batch=batch: batch))
