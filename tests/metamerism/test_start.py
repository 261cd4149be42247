"""Searches that go on from a start: no worse than it, and only from inputs with the features."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from deep_networks import deep, two
from unrelu.errors import InputError
from unrelu.metamerism.metamer import metamer
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box
from unrelu.progress import resolve_progress
from unrelu.study.metamers_by_depth import MetamersAsked, layers_by_depth, metamers_by_depth

NORMS = (1, 2, math.inf)


def hidden(net: Network, name: str, x: np.ndarray) -> np.ndarray:
    """Features, by the network itself."""
    return np.asarray(net.upto(name)(x[None])).reshape(-1)


@pytest.mark.parametrize("search", ["walk", "exact"])
@pytest.mark.parametrize("objective", ["nearest", "farthest"])
@pytest.mark.parametrize("norm", NORMS)
def test_what_is_found_is_no_worse_than_its_start_and_has_the_features(
    norm: float, objective: str, search: str
) -> None:
    """Its start is a metamer of the layer before, and so is one of this layer."""
    for seed in range(4):
        net, (at, target) = deep(seed, depth=3), two(seed)
        first = metamer(net.upto("relu1"), at=at, target=target, objective=objective, norm=norm)
        found = metamer(
            net.upto("relu2"),
            at=at,
            target=target,
            objective=objective,
            norm=norm,
            search=search,
            start=first.x,
            time_limit=math.inf if search == "walk" else 5,
        )
        assert np.abs(hidden(net, "relu2", found.x) - hidden(net, "relu2", at)).max() <= 1e-12 * found.largest_feature
        room = 1e-9 * max(1.0, first.distance)
        if objective == "nearest":
            assert found.distance <= first.distance + room
            assert found.bound <= found.distance
        else:
            assert found.distance >= first.distance - room
            assert found.bound >= found.distance


@pytest.mark.parametrize("name", ["relu1", "relu2"])
def test_no_time_leaves_the_start(name: str) -> None:
    net, (at, target) = deep(1, depth=3), two(1)
    first = metamer(net.upto("relu1"), at=at, target=target, norm=2)
    assert first.distance < np.linalg.norm(at - target)
    found = metamer(net.upto(name), at=at, target=target, norm=2, start=first.x, time_limit=0)
    assert found.distance == pytest.approx(first.distance, rel=1e-9)
    assert found.bound <= found.distance
    assert not found.optimal


def test_a_start_a_little_off_is_put_back() -> None:
    """Off by what float32 leaves of a picture, which is more than a metamer may be."""
    tried = 0
    for seed in range(8):
        net, (at, target) = deep(seed, depth=3), two(seed)
        first = metamer(net.upto("relu2"), at=at, target=target, norm=2)
        rounded = np.clip(np.asarray(first.x, dtype=np.float32).astype(np.float64), 0, 1)
        off = np.abs(hidden(net, "relu2", rounded) - hidden(net, "relu2", at)).max()
        if off <= 1e-12 * first.largest_feature or first.distance > 0.99 * np.linalg.norm(at - target):
            continue
        tried += 1
        found = metamer(net.upto("relu2"), at=at, target=target, norm=2, start=rounded, time_limit=0)
        assert found.feature_error <= 1e-12 * found.largest_feature
        assert found.distance == pytest.approx(first.distance, rel=1e-5)
    assert tried >= 3


def test_a_start_worse_than_the_original_changes_nothing() -> None:
    net, (at, target) = deep(3, depth=3), two(3)
    away = metamer(net.upto("relu2"), at=at, target=target, objective="farthest", norm=2)
    assert away.distance > np.linalg.norm(at - target)
    plain = metamer(net.upto("relu2"), at=at, target=target, norm=2)
    found = metamer(net.upto("relu2"), at=at, target=target, norm=2, start=away.x)
    assert np.array_equal(found.x, plain.x)


def test_a_start_that_is_none_is_told() -> None:
    net, (at, target) = deep(0, depth=3), two(0)
    prefix = net.upto("relu2")
    with pytest.raises(InputError, match=r"other features than `at`: the worst is off by .* of the largest"):
        metamer(prefix, at=at, target=target, start=target)
    found = metamer(prefix, at=at, target=target, norm=2)
    with pytest.raises(InputError, match="outside the domain, or differs from `at` where the mask forbids it"):
        metamer(prefix, at=at, target=target, start=found.x, domain=Box(0, 1), mask=np.zeros(12, dtype=bool))
    with pytest.raises(InputError, match="region needs no start="):
        metamer(prefix, at=at, target=target, start=found.x, search="region")


@pytest.mark.parametrize("norm", NORMS)
def test_no_layer_by_depth_is_worse_than_the_one_before(norm: float) -> None:
    """In a chain each layer's preimage holds the one before's, and so it is found."""
    for seed in range(4):
        net, (at, target) = deep(seed, depth=4), two(seed)
        asked = MetamersAsked(net, at, target, "nearest", norm, Box(0, 1), 0.0, None, None, 10.0)
        found = list(metamers_by_depth(asked, layers_by_depth(net), progress=resolve_progress(False)))
        distances = [each.found.distance for each in found if each.found is not None]
        assert len(distances) == 4
        assert all(b <= a * (1 + 1e-9) for a, b in itertools.pairwise(distances))


@pytest.mark.parametrize("norm", [1, 2])
def test_one_layer_s_farthest_is_no_nearer_than_its_start(norm: float) -> None:
    """The farthest in L1 and L2 is the best that is found, so a vertex that is known may be farther."""
    rng = np.random.default_rng(0)
    layer = ReLULayer(rng.normal(size=(3, 12)), rng.normal(size=3))
    at, target = two(0)
    asked = {"at": at, "target": target, "objective": "farthest", "norm": norm}
    better = metamer(layer, **asked)
    late = metamer(layer, **asked, start=better.x, time_limit=0)
    assert late.distance >= better.distance * (1 - 1e-9)
    assert late.bound >= late.distance
