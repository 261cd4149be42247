"""Arrays that are read-only stay so when an object is pickled or copied."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import nn

import unrelu as ur


def network() -> ur.Network:
    torch.manual_seed(0)
    layers = (nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 5), nn.ReLU())
    return ur.Network.from_torch(nn.Sequential(*layers).eval(), torch.zeros(1, 1, 6, 6))


NET = network()
X = np.random.default_rng(0).random((3, 1, 6, 6))
LAYER = NET.layer(NET.layers[0])
DOMAIN = ur.Box(0, 1)
SPARSE = ur.ReLULayer(sparse.csr_array(np.eye(3)), np.zeros(3))

MADE: dict[str, Callable[[], Any]] = {
    "layer": lambda: LAYER,
    "sparse layer": lambda: SPARSE,
    "polyhedron": lambda: DOMAIN.in_space(3),
    "preimage": lambda: ur.preimage(LAYER, at=X[0], domain=DOMAIN),
    "classification": lambda: ur.classify(LAYER, X, progress=False),
    "metamer": lambda: ur.metamer(NET.upto(NET.layers[0]), at=X[0], target=X[1]),
    "spectrum": lambda: ur.spectrum(NET.upto(NET.layers[1]), at=X[0]),
    "linearization": lambda: ur.linearize(NET.upto(NET.layers[1]), at=X[0]),
    "path": lambda: ur.follow(NET.upto(NET.layers[1]), X[0], X[1]),
    "convolution": lambda: ur.convolution_spectrum(np.ones((1, 1, 3, 3)), (6, 6)),
    "ranges": lambda: ur.preimage(LAYER, at=X[0], domain=DOMAIN).ranges([0, 1]),
    "admissibility": lambda: ur.admissibility(ur.ReLULayer(np.eye(3), np.zeros(3)), [0]),
}


def arrays(value: Any, where: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """All arrays that fields hold, with where they are."""
    if isinstance(value, np.ndarray):
        yield where, value
    elif isinstance(value, sparse.csr_array):
        for part in ("data", "indices", "indptr"):
            yield f"{where}.{part}", getattr(value, part)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from arrays(getattr(value, field.name), f"{where}.{field.name}")
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from arrays(each, f"{where}[{key!r}]")
    elif isinstance(value, tuple | list):
        for k, each in enumerate(value):
            yield from arrays(each, f"{where}[{k}]")


@pytest.mark.parametrize("name", MADE)
def test_what_is_read_only_stays_so(name: str) -> None:
    value = MADE[name]()
    kept = {where: array.flags.writeable for where, array in arrays(value)}
    for other in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value)):
        again = dict(arrays(other))
        assert again.keys() == kept.keys()
        for where, array in arrays(value):
            assert np.array_equal(array, again[where], equal_nan=array.dtype.kind == "f"), where
            assert again[where].flags.writeable <= kept[where], where


def test_some_are_read_only() -> None:
    for name in ("layer", "sparse layer", "polyhedron", "spectrum", "linearization", "path"):
        assert not any(array.flags.writeable for _, array in arrays(MADE[name]())), name
    with pytest.raises(ValueError, match="read-only"):
        LAYER.bias[0] = 1.0
