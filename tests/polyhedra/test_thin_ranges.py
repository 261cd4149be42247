"""Ends of ranges where a row that bounds the set looks constant to floats."""

from __future__ import annotations

import numpy as np
import pytest

from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box
from unrelu.preimages.questions import preimage
from unrelu.solvers.status import Status

TILT = 2.0**-51


def test_no_end_is_called_optimal_that_a_tilt_by_an_ulp_moves() -> None:
    # With a = 2 + TILT: a z - 2 x = a - 2 and 2 z - 2 x <= 0 leave z >= 1, which no float program sees.
    layer = ReLULayer(np.array([[-2.0, 0.0, 2.0 + TILT], [-2.0, 0.0, 2.0]]), np.zeros(2))
    pre = preimage(layer, at=np.array([1.0, 0.5, 1.0]), domain=Box(0, 3))
    found = pre.ranges()
    for ends, statuses, truth in (
        (found.lower, found.lower_status, [1.0, 0.0, 1.0]),
        (found.upper, found.upper_status, [3.0, 3.0, 3.0]),
    ):
        for end, status, right in zip(ends, statuses, truth, strict=True):
            assert status is not Status.OPTIMAL or end == pytest.approx(right, abs=1e-6)
    assert (found.proved_lower <= [1.0, 0.0, 1.0]).all()
    one = pre.range_of(np.array([0.0, 0.0, 1.0]))
    assert one.lower_status is not Status.OPTIMAL or one.lower == pytest.approx(1.0, abs=1e-6)


def test_a_row_that_is_constant_exactly_leaves_ends_optimal() -> None:
    layer = ReLULayer(np.array([[1.0, 2.0], [-3.0, -6.0]]), np.array([0.0, 3.0]))
    found = preimage(layer, at=np.array([1.0, 0.0]), domain=Box(0, 1)).ranges()
    assert found.lower_status.tolist() == found.upper_status.tolist() == [Status.OPTIMAL] * 2
