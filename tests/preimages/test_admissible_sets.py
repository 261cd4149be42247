"""All admissible sets of small layers, against the number of regions of an arrangement and exact elimination."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strict_oracle import is_admissible
from unrelu.errors import TooLarge
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box, Domain, Nonnegative, resolve
from unrelu.preimages.admissible_sets import admissible_sets, region_bound


@pytest.mark.parametrize(("m", "d"), [(1, 1), (4, 1), (3, 2), (7, 2), (6, 3), (5, 4), (3, 5)])
def test_in_general_position_there_are_as_many_as_regions(m: int, d: int) -> None:
    rng = np.random.default_rng(10 * m + d)
    found = admissible_sets(ReLULayer(rng.standard_normal((m, d)), rng.standard_normal(m)))
    assert found.complete
    assert len(found) == region_bound(m, d)
    assert found.verify()


def test_the_number_of_regions() -> None:
    # Lines in the plane: 1, 2, 4, 7, 11; planes in space: 1, 2, 4, 8, 15, 26 (Steiner 1826).
    assert [region_bound(m, 2) for m in range(5)] == [1, 2, 4, 7, 11]
    assert [region_bound(m, 3) for m in range(6)] == [1, 2, 4, 8, 15, 26]
    assert region_bound(3, 7) == 8


def test_five_central_lines_have_eleven_sets_and_ten_regions() -> None:
    # Their normals surround the origin, so that all five are inactive there and nowhere else.
    normals = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0], [1.0, -1.0], [-2.0, 1.0]])
    layer = ReLULayer(normals, np.zeros(5))
    found = admissible_sets(layer)
    assert len(found) == 11
    assert found.verify()
    rng = np.random.default_rng(0)
    regions = np.unique(rng.standard_normal((2000, 2)) @ normals.T <= 0, axis=0)
    assert len(regions) == 10
    only_at_the_origin = {tuple(row) for row in found.inactive.tolist()} - {tuple(row) for row in regions.tolist()}
    assert only_at_the_origin == {(True,) * 5}


def test_each_set_found_is_an_answer_with_a_witness() -> None:
    rng = np.random.default_rng(0)
    layer = ReLULayer(rng.standard_normal((5, 3)), rng.standard_normal(5))
    found = admissible_sets(layer)
    for one in found.found:
        assert one.admissible
        assert one.verify()
        assert one.witness is not None
        np.testing.assert_array_equal(layer.weight @ one.witness + layer.bias <= 0, one.inactive)
    assert all(not one.certificate.admissible for one in found.excluded)


def test_in_a_box_only_what_meets_it() -> None:
    # x > 0 and y > 0 everywhere in the box [1, 2]^2, x + y > 3 in half of it.
    layer = ReLULayer(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([0.0, 0.0, -3.0]))
    found = admissible_sets(layer, Box(1, 2))
    assert found.inactive.tolist() == [[False, False, False], [False, False, True]]
    assert found.verify()
    assert admissible_sets(layer, Box(2, 3)).inactive.tolist() == [[False] * 3]


def test_a_single_neuron_and_a_dead_one() -> None:
    assert admissible_sets(ReLULayer(np.ones((1, 1)), np.zeros(1))).inactive.tolist() == [[False], [True]]
    assert admissible_sets(ReLULayer(np.zeros((1, 1)), np.zeros(1))).inactive.tolist() == [[True]]
    assert admissible_sets(ReLULayer(np.zeros((1, 1)), np.ones(1))).inactive.tolist() == [[False]]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 3).flatmap(
        lambda d: st.lists(st.lists(st.integers(-2, 2), min_size=d + 1, max_size=d + 1), min_size=1, max_size=4)
    ),
    st.sampled_from([None, Box(0, 1), Nonnegative()]),
)
def test_integer_layers_against_exact_elimination(rows: list[list[int]], domain: Domain | None) -> None:
    numbers = np.array(rows, dtype=float)
    A, b = numbers[:, :-1], numbers[:, -1]
    found = admissible_sets(ReLULayer(A, b), domain)
    D = resolve(domain, A.shape[1])
    truth = [chosen for chosen in itertools.product([False, True], repeat=len(A)) if is_admissible(A, b, chosen, D)]
    assert [tuple(row) for row in found.inactive.tolist()] == truth
    assert found.complete
    assert found.verify()


def test_a_list_that_lacks_a_set_or_holds_one_twice_is_not_proved() -> None:
    layer = ReLULayer(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([0.5, 0.0, -3.0]))
    found = admissible_sets(layer)
    assert found.verify()
    assert not replace(found, found=found.found[1:]).verify()
    assert not replace(found, found=(*found.found, found.found[0])).verify()
    assert not replace(found, excluded=found.excluded[1:]).verify()
    assert not replace(found, excluded=(*found.excluded, found.excluded[0])).verify()
    assert not replace(found, excluded=(*found.excluded, found.found[0]), found=found.found[1:]).verify()
    assert not replace(found, found=found.found[1:], undecided=found.found[:1]).verify()
    assert not replace(found, layer=ReLULayer(-layer.weight, layer.bias)).verify()
    assert "7 of 3 features on 2 inputs" in repr(found)


def test_more_than_the_limit() -> None:
    rng = np.random.default_rng(0)
    layer = ReLULayer(rng.standard_normal((6, 2)), rng.standard_normal(6))
    assert len(admissible_sets(layer, limit=22)) == 22
    with pytest.raises(TooLarge, match="more than 21 admissible sets; allow more with `limit`"):
        admissible_sets(layer, limit=21)
