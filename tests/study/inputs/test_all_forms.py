"""The same real pictures in every form that people have them are the same inputs, to the last bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

import unrelu as ur
from unrelu.datasets import mnist_sample
from unrelu.network.fingerprints import array_sha256
from unrelu.network.graph import Network

N = 12


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Real digits of all classes, (12, 28, 28) uint8, and their classes."""
    sample = mnist_sample()
    chosen = np.linspace(0, len(sample) - 1, N).astype(int)
    return np.round(sample.images[chosen] * 255).astype(np.uint8), sample.labels[chosen]


BYTES, LABELS = digits()
VALUES = BYTES.astype(np.float32) / np.float32(255)


def network(shape: tuple[int, ...]) -> Network:
    """Ten classes, of pictures in a shape."""
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 4), torch.nn.ReLU(), torch.nn.Linear(4, 10))
    return Network.from_torch(module.eval(), torch.zeros(1, *shape))


class Pairs(Dataset):
    """Pictures and classes, that counts how often it is asked."""

    def __init__(self, as_pictures: bool = False, names: tuple[str, ...] = ()) -> None:
        self.asked: list[int] = []
        self.as_pictures = as_pictures
        if names:
            self.classes = list(names)

    def __len__(self) -> int:
        return N

    def __getitem__(self, k: int) -> tuple[object, int]:
        self.asked.append(k)
        picture = Image.fromarray(BYTES[k]) if self.as_pictures else torch.from_numpy(VALUES[k][None])
        return picture, int(LABELS[k])


class Walk(IterableDataset):
    """The same without a length."""

    def __iter__(self) -> Iterator[tuple[torch.Tensor, int]]:
        return (Pairs()[k] for k in range(N))  # pyright: ignore[reportReturnType]


def folder_of(path: Path) -> Path:
    path.mkdir()
    for k, picture in enumerate(BYTES):
        Image.fromarray(picture).save(path / f"{k:02}.png")
    return path


def class_folders(path: Path) -> Path:
    """A folder for each digit; within it, and from one to the next, the pictures are in order."""
    for k, (picture, label) in enumerate(zip(BYTES, LABELS, strict=True)):
        (path / str(label)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path / str(label) / f"{k:02}.png")
    return path


def forms(folder: Path) -> dict[str, tuple[object, dict[str, object]]]:
    """Every form, and what has to be said with it; those with labels have the same."""
    np.savez(folder / "many.npz", train=np.zeros(3), test=VALUES, classes=LABELS, y=np.zeros(3))
    np.savez_compressed(folder / "usual.npz", x=BYTES, y=LABELS)
    np.save(folder / "x.npy", VALUES[..., None])
    np.save(folder / "y.npy", LABELS)
    x, y = torch.from_numpy(VALUES[:, None]), torch.from_numpy(LABELS)
    return {
        "array": (VALUES[:, None], {"labels": LABELS}),
        "array without channels": (VALUES, {"labels": LABELS.tolist()}),
        "flat array": (VALUES.reshape(N, 784), {"labels": LABELS.astype(float)}),
        "channels last": (VALUES[..., None], {"labels": np.eye(10)[LABELS]}),
        "bytes": (BYTES, {"labels": np.eye(10, dtype=bool)[LABELS], "scale": 255}),
        "tensor": (x, {"labels": y}),
        "archive": (folder / "many.npz", {"array": "test", "labels": "classes"}),
        "compressed archive": (str(folder / "usual.npz"), {"scale": 255}),
        "file and labels": (folder / "x.npy", {"labels": str(folder / "y.npy")}),
        "folder": (folder_of(folder / "flat"), {"labels": LABELS}),
        "class folders": (class_folders(folder / "classes"), {}),
        "dataset": (Pairs(), {}),
        "dataset of pictures": (Pairs(as_pictures=True), {}),
        "tensor dataset": (TensorDataset(x, y), {}),
        "iterable dataset": (Walk(), {}),
        "loader": (DataLoader(Pairs(), batch_size=5), {}),
        "loader of one by one": (DataLoader(Pairs(), batch_size=None), {}),
        "list of pairs": ([(VALUES[k], LABELS[k]) for k in range(N)], {}),
        "list of arrays": (list(VALUES), {"labels": LABELS}),
        "mappings": ([{"image": Image.fromarray(BYTES[k]), "label": LABELS[k]} for k in range(N)], {}),
        "generator": (((VALUES[k], LABELS[k]) for k in range(N)), {}),
        "inputs": (ur.read_inputs(network((28, 28)), VALUES, labels=LABELS), {}),
    }


@pytest.mark.parametrize("shape", [(1, 28, 28), (28, 28), (784,), (28, 28, 1)])
def test_all_forms_are_the_same_inputs(shape: tuple[int, ...], tmp_path: Path):
    net = network(shape)
    expected = array_sha256(VALUES.reshape(N, *shape))
    for name, (data, options) in forms(tmp_path).items():
        if name == "inputs":
            data = ur.read_inputs(net, VALUES, labels=LABELS)
        found = ur.read_inputs(net, data, **options)  # pyright: ignore[reportArgumentType]
        assert found.sha256 == expected, name
        assert found.labels is not None, name
        assert np.array_equal(found.labels, LABELS), name
        assert found.labels.dtype == np.int64
        assert (found.values.dtype, found.values.shape) == (np.float64, (N, *shape))
        assert found.values.flags.c_contiguous
        assert (found.unit, found.as_given.dtype) == (2.0**-24, np.float32), name
        known_as_pictures = len(shape) > 1 or found.picture_shape is not None
        assert sum("if it was trained on normalised ones" in note for note in found.notes) == known_as_pictures, name
        if name == "class folders":
            assert found.classes == tuple("0123456789")
            assert found.names[0] == "0/00.png"


def test_no_more_is_read_than_is_wanted(tmp_path: Path):
    net = network((1, 28, 28))
    given = forms(tmp_path)
    given["inputs"] = (ur.read_inputs(net, VALUES, labels=LABELS), {})
    for name, (data, options) in given.items():
        found = ur.read_inputs(net, data, **options, limit=4)  # pyright: ignore[reportArgumentType]
        assert found.sha256 == array_sha256(VALUES[:4, None]), name
        assert found.labels is not None, name
        assert found.labels.tolist() == LABELS[:4].tolist(), name
    counted = Pairs()
    ur.read_inputs(net, counted, limit=3)
    assert counted.asked == [0, 1, 2, 0]  # the last to see whether it is random
    counted = Pairs()
    ur.read_inputs(net, DataLoader(counted, batch_size=4), limit=3)
    assert counted.asked == [0, 1, 2, 3]


def test_what_the_caller_has_stays_as_it_is():
    given = VALUES.astype(np.float64)[:, None]
    found = ur.read_inputs(network((1, 28, 28)), given)
    assert not np.shares_memory(found.values, given)
    tensor = torch.from_numpy(given).requires_grad_()
    assert not np.shares_memory(ur.read_inputs(network((1, 28, 28)), tensor).values, given)


def test_a_line_says_what_they_are():
    net = network((1, 28, 28))
    assert repr(ur.read_inputs(net, VALUES)) == "Inputs(12 of shape (1, 28, 28), without labels)"
    assert repr(ur.read_inputs(net, VALUES, LABELS)) == "Inputs(12 of shape (1, 28, 28), with labels)"
    few = ur.read_inputs(net, VALUES, LABELS).take([3, 0])
    assert few.names == ("3", "0")
    assert few.labels is not None
    assert few.labels.tolist() == [LABELS[3], LABELS[0]]
    assert few.sha256 == array_sha256(VALUES[[3, 0], None])
