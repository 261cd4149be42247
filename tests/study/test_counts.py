"""What several questions need is computed once: layers composed, inputs passed through the network, programs solved."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.study_counts import FIRST, KINDS, Counting, counted
from small_studies import N, branched_network, dense_network, joined_network, pictures
from unrelu.polyhedra.domains import Box
from unrelu.questions import Metamers, Ranges, RowRemoval, Spectra, Uniqueness, Verdicts
from unrelu.study import context

ALL = (Verdicts(), Uniqueness(Box(0, 1)), Ranges(3), Spectra(6), RowRemoval(2), Metamers(3))


def total(counting: Counting) -> Counter[str]:
    return sum(counting.counts.values(), Counter())


@pytest.mark.parametrize("block", [256, 5])
def test_each_layer_is_composed_once_and_each_block_passed_once(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "BLOCK", block)
    x, y = pictures()
    for net, asked in ((dense_network(), ALL), (joined_network(), ALL[:-1])):
        study, counting = counted(net, x, asked, labels=y)
        assert study.complete
        found = total(counting)
        assert found["folds"] == len(net.layers) == 2  # that one cannot be composed is found out once, too
        assert found["passes"] == math.ceil(N / block)


def test_programs_are_those_of_ranges_and_metamers() -> None:
    """Two ends a coordinate at most, fewer by what others have shown; a program a metamer of a layer of a chain."""
    x, y = pictures()
    study, counting = counted(dense_network(), x, ALL, labels=y)
    counts = counting.counts
    assert counts["ranges"]["linear programs"] == sum(study["ranges"]["n_programs"].to_pylist()) > 0
    assert counts["ranges"]["linear programs"] < 3 * 2 * 16
    assert counts["metamers"] == {"linear programs": 3 * 2, "quadratic programs": 3}
    for name in (FIRST, "inputs", "verdicts", "uniqueness", "spectra", "row_removal"):
        assert counts[name]["linear programs"] == counts[name]["quadratic programs"] == 0


def test_nothing_is_computed_that_was_not_asked_for() -> None:
    x, _ = pictures()
    for net in (dense_network(), joined_network(), branched_network()):
        assert total(counted(net, x, ())[1]) == {"passes": 1}  # the predictions
        assert total(counted(net, x, (Spectra(2),))[1]) == {"passes": 1}
        first = net.layers[:1]
        assert total(counted(net, x, (Verdicts(layers=first),))[1]) == {"passes": 1, "folds": 1}
        assert total(counted(net, x, (Verdicts(layers=first), RowRemoval(1, first)))[1]) == {"passes": 1, "folds": 1}


def test_what_is_kept_is_not_computed_again(tmp_path: Path) -> None:
    x, y = pictures()
    one, first = counted(dense_network(), x, ALL, labels=y, store=tmp_path)
    two, again = counted(dense_network(), x, ALL, labels=y, store=tmp_path)
    assert total(first)["linear programs"] > 0
    assert two["metamers"].equals(one["metamers"])
    # What is refused or left out is known from layers and features, before anything is asked of the store.
    assert total(again) == {"folds": 2, "passes": 1}


def test_all_that_is_counted_is_told() -> None:
    x, y = pictures()
    assert set(total(counted(dense_network(), x, ALL, labels=y)[1])) == set(KINDS)
