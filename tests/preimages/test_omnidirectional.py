"""Definition 1 on matrices where it is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from unrelu.errors import InputError, ShapeError
from unrelu.preimages.omnidirectional import omnidirectional

GOLDEN = (1 + 5**0.5) / 2
TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=float)
ICOSAHEDRON = np.array(
    [np.roll([0.0, a, b * GOLDEN], shift) for a, b in itertools.product((-1, 1), repeat=2) for shift in range(3)]
)


@pytest.mark.parametrize("rows", [TETRAHEDRON, ICOSAHEDRON, np.vstack([np.eye(4), -np.eye(4)])])
def test_vertices_around_the_origin_point_everywhere(rows: np.ndarray) -> None:
    found = omnidirectional(rows)
    assert found.omnidirectional is True
    assert bool(found)
    assert found.witness is None
    assert found.verify()


def test_a_tetrahedron_needs_all_its_vertices() -> None:
    for left_out in range(4):
        found = omnidirectional(np.delete(TETRAHEDRON, left_out, axis=0))
        assert found.omnidirectional is False
        assert not found
        assert found.verify()
        assert found.witness is not None
        assert np.all(np.delete(TETRAHEDRON, left_out, axis=0) @ found.witness <= 1e-12)


def test_an_icosahedron_can_spare_vertices_but_no_half_space() -> None:
    assert omnidirectional(ICOSAHEDRON[1:])
    half = ICOSAHEDRON[ICOSAHEDRON @ np.array([0.3, 0.5, 0.7]) > 0]
    found = omnidirectional(half)
    assert found.omnidirectional is False
    assert found.witness is not None
    assert np.all(half @ found.witness <= 1e-12)


def test_flat_hulls_point_along_nothing_across_them() -> None:
    found = omnidirectional(np.hstack([TETRAHEDRON, TETRAHEDRON[:, :1]]))
    assert found.omnidirectional is False
    assert found.verify()


def test_what_is_not_a_matrix_is_refused() -> None:
    with pytest.raises(ShapeError, match="needs a matrix"):
        omnidirectional(np.ones(3))
    with pytest.raises(InputError, match="NaN"):
        omnidirectional(np.full((2, 2), np.nan))
