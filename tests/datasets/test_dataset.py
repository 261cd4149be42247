"""Splitting data sets."""

from __future__ import annotations

import numpy as np
import pytest

from unrelu.datasets import Dataset
from unrelu.errors import DataError


def _data(n: int) -> Dataset:
    return Dataset(np.arange(n, dtype=np.float32)[:, None], np.arange(n), "numbers")


def test_split_parts_are_disjoint_complete_and_keep_labels_with_pictures() -> None:
    parts = _data(50).split(12, seed=3)
    assert len(parts.held_out) == 12
    assert sorted([*parts.train.labels, *parts.held_out.labels]) == list(range(50))
    for part in (parts.train, parts.held_out):
        np.testing.assert_array_equal(part.images[:, 0], part.labels)


def test_split_is_fixed_by_its_seed() -> None:
    first, again, other = (_data(50).split(12, seed=seed).held_out.labels for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("n_held_out", [0, 5, 6])
def test_split_leaves_something_on_both_sides(n_held_out: int) -> None:
    with pytest.raises(DataError, match="numbers has 5 pictures; hold out between 1 and 4"):
        _data(5).split(n_held_out)


def test_pictures_and_labels_must_be_as_many() -> None:
    with pytest.raises(DataError, match="numbers has 2 pictures but 3 labels"):
        Dataset(np.zeros((2, 4), np.float32), np.arange(3), "numbers")
