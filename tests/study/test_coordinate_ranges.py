"""How far each coordinate may move, against scipy's linear programs, and which inputs are chosen."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from small_studies import SIDE, dense_network, dense_study, large_network, pictures
from unrelu.errors import InputError, TooLarge
from unrelu.network.graph import Network
from unrelu.polyhedra.domains import Box
from unrelu.study.analyze import analyze
from unrelu.study.questions import Ranges, Uniqueness

D = SIDE * SIDE


def test_each_end_is_scipys() -> None:
    x, _ = pictures()
    layer = dense_network().layer("relu1")
    rows = dense_study()["ranges"].to_pylist()
    assert len(rows) == 3
    for row in rows:
        point = x[row["input"]]
        active = layer.weight @ point + layer.bias > 0
        assert row["n_active"] == active.sum()
        for j in range(D):
            low, high = (
                sign
                * linprog(
                    sign * np.eye(D)[j],
                    A_ub=layer.weight[~active],
                    b_ub=-layer.bias[~active],
                    A_eq=layer.weight[active],
                    b_eq=layer.weight[active] @ point,
                    bounds=(0, 1),
                ).fun
                for sign in (1, -1)
            )
            assert row["lower"][j] == pytest.approx(low, abs=1e-7)
            assert row["upper"][j] == pytest.approx(high, abs=1e-7)
            assert row["proved_lower"][j] <= row["lower"][j] + 1e-9
            assert row["proved_upper"][j] >= row["upper"][j] - 1e-9
        width = np.subtract(row["upper"], row["lower"])
        assert row["n_fixed"] == (width < 1e-6).sum()
        assert row["n_free"] == (width > 1 - 1e-6).sum()
        assert row["width_median"] == np.median(width)
        assert row["width_largest"] == width.max() > 0
        assert row["original_values"] == point.tolist()
        assert row["shape"] == [D]
        assert row["n_programs"] <= 2 * 2 * D


def test_the_fewest_and_the_most_positive_features_are_chosen_among_those_that_are_not_unique() -> None:
    study = dense_study()
    open_to_move = [row["n_active"] for row in study["uniqueness"].to_pylist() if not row["unique"]]
    chosen = study["ranges"]["n_active"].to_pylist()
    assert chosen[0] == min(open_to_move)
    assert chosen[-1] == max(open_to_move)
    assert chosen == sorted(chosen)
    assert len(set(study["ranges"]["input"].to_pylist())) == 3


def test_more_than_there_are_is_all_of_them_and_of_unique_inputs_there_are_none() -> None:
    net = Network.from_layers([(np.eye(3), np.ones(3)), (np.ones((1, 3)), np.zeros(1))])
    x = np.random.default_rng(0).uniform(0, 1, (4, 3))
    none = analyze(net, x, questions=[Uniqueness(Box(0, 1)), Ranges(9)], progress=False)
    assert none["ranges"].num_rows == 0
    free = Network.from_layers([(np.eye(3)[:1], np.ones(1)), (np.ones((1, 1)), np.zeros(1))])
    every = analyze(free, x, questions=[Uniqueness(Box(0, 2)), Ranges(9)], progress=False)
    assert sorted(every["ranges"]["input"].to_pylist()) == [0, 1, 2, 3]
    assert set(every["ranges"]["n_free"].to_pylist()) == {2}
    assert set(every["ranges"]["n_fixed"].to_pylist()) == {1}


def test_misuse_is_told() -> None:
    x, _ = pictures()
    with pytest.raises(InputError, match="Ranges are about inputs that are not the only valid ones"):
        analyze(dense_network(), x, questions=[Ranges(1)])
    with pytest.raises(InputError, match="Ranges must be 0 or more"):
        analyze(dense_network(), x, questions=[Uniqueness(), Ranges(-1)])
    with pytest.raises(InputError, match="Ranges and Uniqueness have different domains"):
        analyze(dense_network(), x, questions=[Uniqueness(Box(0, 1)), Ranges(1, domain=Box(0, 2))])
    zeros = np.zeros((1, *large_network().input_shape))
    with pytest.raises(TooLarge, match="GiB"):
        analyze(large_network(), zeros, questions=[Uniqueness(Box(0, 1)), Ranges(1)])


def test_the_domain_of_uniqueness_is_that_of_ranges_and_may_be_said_again() -> None:
    x, _ = pictures()
    for domain in (None, Box(0, 1), Box(np.zeros(D), np.ones(D)).in_space(D)):
        study = analyze(dense_network(), x, questions=[Uniqueness(Box(0, 1)), Ranges(3, domain)], progress=False)
        assert study["ranges"].equals(dense_study()["ranges"])
