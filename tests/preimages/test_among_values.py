"""Members with certain values only: against all of them, one by one in exact arithmetic, and by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import unrelu as ur
from stability.reference_networks import Graph
from unrelu.operators import Absolute
from unrelu.preimages import among_values
from unrelu.preimages.preimage import Preimage

EIGHTHS = np.arange(9) / 8
LEVELS = {kind: (np.arange(256, dtype=kind) / kind(255)) for kind in (np.float32, np.float64)}


def others(pre: Preimage, values: np.ndarray) -> list[tuple[float, ...]]:
    x = tuple(pre.at.ravel().tolist())
    return [
        point
        for point in itertools.product(values.tolist(), repeat=len(x))
        if point != x and pre.contains(np.array(point))
    ]


@pytest.mark.parametrize("tolerance", [0.0, 0.25])
def test_small_grids_are_told_as_one_by_one(tolerance: float) -> None:
    seen = {True: 0, False: 0}
    for seed in range(30):
        rng = np.random.default_rng(seed)
        d, m = int(rng.integers(1, 4)), int(rng.integers(1, 4))
        W, b = rng.integers(-4, 5, (m, d)) * 1.0, rng.integers(-4, 5, m) / 2
        values = EIGHTHS[:: int(rng.choice([2, 4]))]
        layer, at = ur.ReLULayer(W, b), rng.choice(values, d)
        pre = ur.preimage(layer, at=at, domain=ur.Box(0, 1), tolerance=tolerance)
        truth = others(pre, values)
        found = pre.among(values)
        assert found.unique is (not truth)
        assert found.reason == ""
        seen[not truth] += 1
        if truth:
            assert found.other is not None
            assert tuple(found.other.tolist()) in truth
            for j in range(d):
                assert len({point[j] for point in truth} | {at[j]}) <= found.left[j]
        else:
            assert found.other is None
            assert (found.left == 1).all()
    assert min(seen.values()) > 5


def test_networks_of_several_pieces_are_tried_exactly() -> None:
    """`||x1| - |x2||` on quarters from -1 to 1: all with the same difference, on every piece."""
    first = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    last = np.array([[1.0, 1, -1, -1], [-1, -1, 1, 1]])
    net = ur.Network.from_layers([(first, np.zeros(4)), (last, np.zeros(2)), (np.ones((1, 2)), np.zeros(1))])
    quarters = np.arange(-4, 5) / 4
    for at, unique in (([0.25, 1.0], False), ([0.0, 1.0], False), ([1.0, 1.0], False)):
        pre = ur.preimage(net, at=np.array(at), domain=ur.Box(-1, 1))
        assert bool(others(pre, quarters)) == (not unique)
        found = pre.among(quarters)
        assert found.unique is unique
        assert found.other is not None
        assert pre.contains(found.other)
    alone = ur.preimage(net, at=np.array([0.25, 1.0]), domain=ur.Box(np.array([0.25, 0.5]), 1))
    assert alone.among([0.25, 1.0]).unique is True  # (1, 1/4) is out


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_pictures_of_bytes_are_the_floats_that_they_are(kind: type[np.floating]) -> None:
    """x1 + 0.3 x2: 10 steps of x2 make up for 3 of x1, but for the rounding of 0.3 and of the steps."""
    levels = LEVELS[kind]
    layer = ur.ReLULayer(np.array([[1.0, 0.3]]), np.zeros(1))
    x = levels[[100, 50]]
    pre = ur.preimage(layer, at=x, domain=ur.Box(0, 1))
    assert pre.singleton is False
    assert pre.among(levels).unique is True
    rough = ur.preimage(layer, at=x, domain=ur.Box(0, 1), tolerance=1e-6).among(levels)
    assert rough.unique is False
    assert rough.other is not None
    steps = np.round(255 * rough.other).astype(int) - [100, 50]
    assert steps[0] * 10 == -3 * steps[1] != 0
    assert np.array_equal(levels[np.round(255 * rough.other).astype(int)], rough.other)


def test_a_pixel_that_nothing_looks_at_makes_another_picture() -> None:
    rng = np.random.default_rng(0)
    d, levels = 40, LEVELS[np.float32]
    W = rng.standard_normal((60, d))
    W[:, 7] = 0.0
    x = levels[rng.integers(1, 255, d)]
    found = ur.preimage(ur.ReLULayer(W, np.zeros(60)), at=x, domain=ur.Box(0, 1)).among(levels)
    assert found.unique is False
    assert found.other is not None
    assert np.flatnonzero(found.other != x).tolist() == [7]


def test_a_preimage_thinner_than_a_step_holds_one_picture() -> None:
    """A segment along (1, ..., 1) that a tight row and a near one leave 1/1000 of: real inputs, but one picture."""
    d, levels = 12, LEVELS[np.float64]
    x = levels[np.random.default_rng(1).integers(20, 200, d)]
    differences = np.eye(d)[:-1] - np.eye(d)[1:]
    W = np.vstack([differences, -differences, np.eye(d)[:1], -np.eye(d)[:1]])
    b = np.concatenate([100 * np.ones(2 * d - 2), [-x[0] - 0.001, x[0] - 0.001]])
    pre = ur.preimage(ur.ReLULayer(W, b), at=x, domain=ur.Box(0, 1))
    assert pre.singleton is False
    assert pre.among(levels).unique is True


def test_what_is_too_much_to_try_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(among_values, "LISTED", 1)
    layer = ur.ReLULayer(np.array([[1.0, 1.0]]), np.zeros(1))
    pre = ur.preimage(layer, at=EIGHTHS[[3, 4]], domain=ur.Box(0, 1))
    found = pre.among(EIGHTHS)
    assert found.unique is None
    assert found.other is None
    assert "64 inputs with these values are left" in found.reason
    monkeypatch.setattr(among_values, "LISTED", 100)
    assert pre.among(EIGHTHS).unique is False
    monkeypatch.setattr(among_values, "EXACT", 0)
    assert pre.among(EIGHTHS).unique is None
    deep = ur.Network.from_layers([(np.eye(9), np.zeros(9)), (np.ones((1, 9)), np.zeros(1)), (np.eye(1), np.zeros(1))])
    many = ur.preimage(deep.upto("relu2"), at=np.full(9, 0.5), domain=ur.Box(0, 1)).among(EIGHTHS)
    assert many.unique is None
    assert "pieces that are not known" in many.reason


def test_a_point_has_some_of_the_values() -> None:
    layer = ur.ReLULayer(np.eye(2), np.zeros(2))
    pre = ur.preimage(layer, at=LEVELS[np.float32][[3, 4]], domain=ur.Box(0, 1))
    assert pre.among(LEVELS[np.float32]).unique is True
    for values in (LEVELS[np.float64], [0.5], []):
        with pytest.raises(ur.errors.InputError, match=r"coordinate 0 of x is 0.011764\d+, none of the values"):
            pre.among(values)
    with pytest.raises(ur.errors.InputError, match="given features"):
        ur.preimage(layer, features=np.ones(2)).among([1.0])


def test_rounding_excludes_no_member() -> None:
    """`x1 + u x2 + u x3 = (1 + 2 u) x4` with u = 2^-53: true of ones, and false of what floats make of it."""
    row = np.array([[1.0, 2.0**-53, 2.0**-53, -1 - 2.0**-52]])
    pre = ur.preimage(ur.ReLULayer(row, np.ones(1)), at=np.zeros(4), domain=ur.Box(0, 1))
    assert others(pre, np.array([0.0, 1.0])) == [(1.0, 1.0, 1.0, 1.0)]
    assert pre.among([0.0, 1.0]).unique is False


def test_all_that_is_left_is_tried_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(among_values, "BLOCK", 8)
    levels = np.arange(257) / 256
    pre = ur.preimage(
        ur.ReLULayer(np.array([[64.0, 1.0]]), np.ones(1)), at=levels[[2, 256]], domain=ur.Box(levels[2], 1)
    )
    found = pre.among(levels)
    assert found.unique is False
    assert found.other is not None
    assert np.round(256 * found.other).tolist() == [3, 192]


def test_one_that_is_open_leaves_the_answer_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Members cannot be told in time: of two inputs that are left one is none, and nobody knows of the other."""
    pre = ur.preimage(ur.ReLULayer(np.array([[1.0, 1.0]]), np.ones(1)), at=np.array([0.0, 0.5]), domain=ur.Box(0, 1))
    answers = {(0.25, 0.25): None, (0.5, 0.0): False}
    monkeypatch.setattr(type(pre), "contains", lambda _, x: answers[tuple(x.tolist())])
    assert pre.among([0.0, 0.25, 0.5]).unique is None
    answers[0.25, 0.25] = False
    assert pre.among([0.0, 0.25, 0.5]).unique is True


def test_other_pieces_of_a_layer_count() -> None:
    layer = Graph(1).add("abs", Absolute()).network().layer("abs")
    pre = ur.preimage(layer, at=np.array([0.5]), domain=ur.Box(-1, 1))
    assert not pre.complete
    assert pre.among([-0.5, 0.0, 0.5]).unique is False
    assert pre.among([0.0, 0.5]).unique is True


def test_out_of_time_nothing_is_narrowed() -> None:
    pre = ur.preimage(ur.ReLULayer(np.eye(2), -np.ones(2)), at=np.ones(2) / 2, domain=ur.Box(0, 1))
    assert pre.among(EIGHTHS, time_limit=0.0).left.tolist() == [9, 9]
