"""What is said to hold for ever does, and dead neurons are told from tiny ones."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from extreme_numbers import NUMBERS, TAME, matrices, vectors
from flushing import flushing
from unrelu.across.look_alike_pair import look_alike_pair
from unrelu.errors import ModelError
from unrelu.network.graph import Network
from unrelu.stability.following.follow import follow
from unrelu.stability.following.threads import all_threads_are_ieee


def network_of(*layers: tuple[np.ndarray, np.ndarray]) -> Network:
    end = np.eye(len(layers[-1][1]))
    return Network.from_layers([*layers, (end, np.zeros(len(end)))]).upto(f"relu{len(layers)}")


def test_a_neuron_that_changes_far_away_leaves_the_last_piece_unproved():
    rows = np.array([[1.0, -1.0, -1e-16], [0.0, 0.0, 1.0]])  # the first is 0 at t = 1.7e16
    path = follow(network_of((rows, np.ones(2))), at=np.zeros(3), direction=np.ones(3), n_regions=5)
    assert not path.confirmed[-1] or path.end < 2e16
    assert "no end" not in path.stopped


@pytest.mark.parametrize("slope", [1.0, 1e-12, 0.0])
def test_a_piece_that_has_no_end_is_proved(slope):
    """One neuron rises or stays, one falls; the next layer sees what is left, and a dead neuron adds nothing."""
    first = np.array([[slope, 1.0], [-1.0, 0.0], [0.0, 0.0]]), np.array([1.0, -1.0, 0.0])
    second = np.array([[2.0, 1.0, 5.0], [-2.0, 3.0, 0.0], [0.0, 7.0, -3.0]]), np.array([1.0, -0.5, 0.0])
    path = follow(network_of(first, second), at=np.array([0.5, 0.0]), direction=np.array([1.0, 0.0]))
    assert path.end == math.inf
    assert path.confirmed.all()
    assert path.stopped == "the last region has no end in this direction"


def test_tiny_numbers_are_not_dead():
    """The first neuron is 2e-310, and what follows makes it 0.02."""
    first = np.array([[-1e-310], [1.0]]), np.array([3e-310, 1.0])
    second = np.array([[1e308, 0.0], [0.0, 1.0]]), np.zeros(2)
    path = follow(network_of(first, second), at=np.array([1.0]), direction=np.array([1.0]), n_regions=3)
    assert not path.confirmed[0]


def exact_signs(layers, point):
    """Which neurons are active, layer by layer, at an exact point."""
    h, found = point, []
    for W, b in layers:
        rows = zip(W.tolist(), b.tolist(), strict=True)
        z = [Fraction(c) + sum((Fraction(w) * x for w, x in zip(row, h, strict=True)), Fraction(0)) for row, c in rows]
        h = [max(value, Fraction(0)) for value in z]
        found.append([value > 0 for value in z])
    return found


MIXED = st.one_of(TAME, NUMBERS.filter(lambda x: abs(x) < 1e3))


@settings(max_examples=100)
@given(matrices(3, 2, MIXED), vectors(3, MIXED), matrices(2, 3, MIXED), vectors(2, MIXED), vectors(2, TAME))
def test_what_is_confirmed_holds_at_exact_points(W, b, V, c, x):
    layers = [(W, b), (V, c)]
    try:
        path = follow(network_of(*layers), x, np.array([1.0, 0.0]), n_regions=4)
    except ModelError:  # a breakpoint so far away that values overflow there
        reject()
    for k in np.flatnonzero(path.confirmed):
        start, endless = Fraction(float(path.starts[k])), k == len(path.breakpoints)
        length = 1 + start if endless else Fraction(path.breakpoints[k].t) - start
        shares = (1.0, 1e10, 1e100, 1e300) if endless else (0.01, 0.5, 0.99)
        points = [[Fraction(float(x[0])) + start + Fraction(share) * length, Fraction(float(x[1]))] for share in shares]
        signs = [exact_signs(layers, point) for point in points]
        assert all(each == signs[0] for each in signs)


def test_a_thread_that_flushes_confirms_nothing():
    network = network_of((np.array([[1.0, 0.0], [0.0, -1.0]]), np.ones(2)))
    x, v = np.array([0.5, 0.0]), np.array([0.0, 1.0])
    expected = follow(network, x, v)
    assert expected.confirmed.all()
    with flushing():
        path = follow(network, x, v)
        witness = look_alike_pair(network, x, x + v)
    assert not path.confirmed.any()
    assert [each.t for each in path.breakpoints] == [each.t for each in expected.breakpoints]
    assert witness.ratio_bound == witness.feature_error == math.inf
    assert witness.ratio == look_alike_pair(network, x, x + v).ratio


def test_threads_are_asked_whatever_their_number():
    before = torch.get_num_threads()
    try:
        for n in (1, 2):
            torch.set_num_threads(n)
            assert all_threads_are_ieee()
            with flushing():
                assert not all_threads_are_ieee()
    finally:
        torch.set_num_threads(before)


def test_neurons_that_underflow_are_not_dead():
    """Active in exact arithmetic, 2e-310 and 1e-400; in floats they are 0 or look it."""
    x = np.array([1.0])
    assert not follow(network_of((np.array([[-1e-310]]), np.array([3e-310]))), x, x, n_regions=1).confirmed[0]
    tiny = np.array([[1e-200]]), np.zeros(1)
    assert not follow(network_of(tiny, tiny), x, x, n_regions=1).confirmed[0]
