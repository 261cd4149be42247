"""Sparse cones: no evidence counts that is not proved, and what is left open says why."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import sparse

from unrelu.cones import decide_sparse
from unrelu.cones.cone import Cone
from unrelu.cones.decide_sparse import decide_sparse_cone
from unrelu.cones.proofs import Direction, LocalCounting, Multipliers
from unrelu.errors import TooLarge
from unrelu.rigor.matrices import as_array
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.solvers.potential_cone import PotentialProjection

NONE = np.zeros(0, dtype=int)


def cone(rows: list[list[float]], equal: list[int], unequal: list[int]) -> Cone:
    chosen = np.zeros((2, len(rows)), dtype=bool)
    chosen[0, equal], chosen[1, unequal] = True, True
    return Cone(ScaledRows(sparse.csr_array(np.array(rows, dtype=float))), chosen[0], chosen[1])


SQUARE = cone([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [], [0, 1, 2, 3])
WEDGE = cone([[-1.0, 0.5], [0.5, -1.0], [-1.5, 1.0]], [], [0, 1, 2])  # no unit vector is in it


def stand_in(monkeypatch: pytest.MonkeyPatch, multipliers: list[float] | None, direction: list[float] | None) -> None:
    found = PotentialProjection(
        None if multipliers is None else np.array(multipliers),
        None if direction is None else np.array(direction),
        NONE,
        3,
        0.25,
    )
    monkeypatch.setattr(decide_sparse, "project_by_potential", lambda *_: found)


def test_multipliers_and_directions_count_where_they_are_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, [1.0, 1.0, 4.0, 4.0], None)
    answer = decide_sparse_cone(SQUARE)
    assert answer.holds is True
    assert isinstance(answer.certificate, Multipliers)
    assert answer.margin == 0.25
    stand_in(monkeypatch, None, [2.0, 1.5])
    answer = decide_sparse_cone(WEDGE)
    assert answer.holds is False
    assert isinstance(answer.certificate, Direction)
    total = as_array(WEDGE.rows.matrix).sum(axis=0)
    cosine = -float(total @ [2.0, 1.5]) / float(np.linalg.norm(total) * math.hypot(2.0, 1.5))
    assert answer.margin == pytest.approx(cosine)


@pytest.mark.parametrize(
    ("about", "multipliers", "direction", "reason"),
    [
        (SQUARE, [1.0, 9.0, 1.0, 1.0], None, "positive multipliers"),
        (SQUARE, None, [-1.0, 0.5], "a direction"),
        (SQUARE, None, None, "after 3 steps"),
        (WEDGE, [1.0, 1.0, 1.0], None, "positive multipliers"),
        (WEDGE, None, [1.0, -0.5], "a direction"),
    ],
)
def test_evidence_that_is_not_proved_leaves_a_cone_open(
    monkeypatch: pytest.MonkeyPatch,
    about: Cone,
    multipliers: list[float] | None,
    direction: list[float] | None,
    reason: str,
) -> None:
    stand_in(monkeypatch, multipliers, direction)
    answer = decide_sparse_cone(about)
    assert answer.holds is None
    assert answer.certificate is None
    assert reason in str(answer.reason)


def test_what_is_too_large_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> PotentialProjection:
        raise TooLarge("the band does not fit.")

    monkeypatch.setattr(decide_sparse, "project_by_potential", refuse)
    answer = decide_sparse_cone(SQUARE)
    assert answer.holds is None
    assert "does not fit" in str(answer.reason)


def test_coordinates_short_of_rows_decide_by_counting() -> None:
    # Coordinates 0 and 1 are used by one equality and one inequality, 2 by rows in plenty.
    rows = [[1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, -1.0], [0.0, 0.0, 2.0]]
    about = cone(rows, [0], [1, 2, 3, 4])
    answer = decide_sparse_cone(about)
    assert answer.holds is False
    assert isinstance(answer.certificate, LocalCounting)
    assert answer.certificate.verify(about)
    # Rows that are left out do not count.
    left_out = cone([*rows, [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], [0], [1, 2, 3, 4])
    answer = decide_sparse_cone(left_out)
    assert isinstance(answer.certificate, LocalCounting)


def test_equalities_count_among_the_rows_of_coordinates() -> None:
    rows = [[1.0, 1.0, 0.0], [1.0, -1.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]
    answer = decide_sparse_cone(cone(rows, [0, 1], [2, 3, 4]))
    assert answer.holds is True
    answer = decide_sparse_cone(cone(rows, [0, 1, 2], [4]))
    assert not isinstance(answer.certificate, LocalCounting)


def test_a_line_has_no_margin(monkeypatch: pytest.MonkeyPatch) -> None:
    line = cone([[1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [1.0, -1.0, 0.0], [1.0, -1.0, 0.0]], [0, 1, 2, 3], [])
    stand_in(monkeypatch, None, [1.0, 1.0, -2.0])
    monkeypatch.setattr(decide_sparse, "_by_local_counting", lambda _: None)
    answer = decide_sparse_cone(line)
    assert answer.holds is False
    assert answer.margin is None or math.isnan(answer.margin)
