"""Pairs of originals and targets, and what the network says to their metamers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from unrelu.errors import InputError, ShapeError
from unrelu.metamerism.judge import Classes
from unrelu.metamerism.metamer import metamer
from unrelu.metamerism.pairs import choose_pairs
from unrelu.network.graph import Network


def test_originals_have_the_fewest_active_and_targets_another_class() -> None:
    rng = np.random.default_rng(0)
    n_active, classes = rng.permutation(40), rng.integers(0, 4, 40)
    pairs = choose_pairs(n_active, classes, count=10, seed=3)
    assert [pair.n_active for pair in pairs] == list(range(10))
    assert all(n_active[pair.original] == pair.n_active for pair in pairs)
    assert all(classes[pair.original] != classes[pair.target] for pair in pairs)
    assert pairs == choose_pairs(n_active, classes, count=10, seed=3)
    assert pairs != choose_pairs(n_active, classes, count=10, seed=4)


def test_without_classes_any_other_input_may_be_a_target() -> None:
    for classes in (None, np.zeros(3, dtype=int)):
        pairs = choose_pairs(np.array([2, 0, 1]), classes, count=9, seed=0)
        assert [pair.original for pair in pairs] == [1, 2, 0]
        assert all(pair.original != pair.target for pair in pairs)


def test_pairs_that_cannot_be_are_told() -> None:
    with pytest.raises(InputError, match="at least two inputs"):
        choose_pairs(np.ones(1), None, count=1, seed=0)
    with pytest.raises(ShapeError, match="need classes of shape"):
        choose_pairs(np.ones(3), np.ones(2), count=1, seed=0)


def test_metamers_keep_the_class_of_the_original_in_both_passes() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(30, 6), nn.ReLU(), nn.Linear(6, 5)).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.mul_(5)  # or it says the same to all of them
    net = Network.from_torch(module, torch.rand(2, 30))
    originals, targets = torch.rand(4, 30), torch.rand(4, 30)
    prefix = net.upto(net.layers[0])
    judged = [metamer(prefix, at=x, target=t, norm=2) for x, t in zip(originals, targets, strict=True)]
    with torch.no_grad():
        said, wanted = module(originals).argmax(1).tolist(), module(targets).argmax(1).tolist()
    assert said != wanted
    for found, original, target in zip(judged, said, wanted, strict=True):
        expected = Classes(original, target, original)
        assert found.classes == expected
        assert found.own_classes == expected


def test_without_a_model_or_classes_nothing_is_said() -> None:
    rng = np.random.default_rng(0)
    net = Network.from_layers([(rng.normal(size=(3, 5)), np.zeros(3)), (rng.normal(size=(1, 3)), np.zeros(1))])
    found = metamer(net.upto("relu1"), at=rng.uniform(size=5), target=rng.uniform(size=5))
    assert found.classes is None
    assert found.own_classes is None
