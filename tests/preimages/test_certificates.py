"""Certificates prove what is true and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from unrelu.cones.proofs import (
    Cone,
    Counting,
    Direction,
    ExactDirection,
    ExactMultipliers,
    FullRank,
    Multipliers,
)
from unrelu.network.layer import ReLULayer
from unrelu.preimages.kind import Kind
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.preimage_certificate import PreimageCertificate
from unrelu.preimages.questions import classify, preimage
from unrelu.preimages.same_features import SameFeatures
from unrelu.rigor.scaled_rows import ScaledRows


def cone(B: list[list[float]], G: list[list[float]]) -> Cone:
    """The cone of two lists of rows, as they are."""
    rows = np.array([*B, *G], dtype=float)
    equalities = np.arange(len(rows)) < len(B)
    return Cone(ScaledRows(rows), equalities, ~equalities)


TRIANGLE = [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]
HALF_PLANE = [[1.0, 0.0], [1.0, 1.0], [1.0, -1.0]]


def test_multipliers_prove_a_triangle_bounded() -> None:
    assert Multipliers(np.ones(3)).verify(cone([], TRIANGLE))


@pytest.mark.parametrize(
    "values",
    [
        [1.0, 1.0, 0.0],  # not positive
        [1.0, 1.0, -1.0],
        [1.0, 1.0, 3.0],  # does not sum to zero
        [1.0, 1.0, np.nan],
        [1.0, 1.0, np.inf],
        [1.0, 1.0],  # one too few
        [0.0, 0.0, 0.0],
    ],
)
def test_other_multipliers_do_not(values: list[float]) -> None:
    assert not Multipliers(np.array(values)).verify(cone([], TRIANGLE))


def test_multipliers_may_be_off_by_less_than_the_singular_value_allows() -> None:
    # sigma_2 of the triangle's rows is 1 and they need a correction of at most ||residual|| = 1e-3.
    assert Multipliers(np.array([1.0, 1.0, 1.001])).verify(cone([], TRIANGLE))


def test_multipliers_of_rows_without_full_column_rank_prove_nothing() -> None:
    assert not Multipliers(np.ones(2)).verify(cone([], [[1.0, 0.0], [-1.0, 0.0]]))


def test_huge_multipliers_of_rows_that_nearly_vanish_prove_nothing() -> None:
    # On the null space of (1, 1) the other rows are 1e-17 and -1e-17 times the same vector.
    rows = cone([[1.0, 1.0]], [[1.0, 1.0 + 2**-52], [-1.0, -1.0 - 2**-52]])
    assert not Multipliers(np.array([0.0, 1e17, 1e17])).verify(cone([[1.0, 1.0]], [[1.0, 1.0], [1.0, 1.0]]))
    # ... while these two do bound it, which floats cannot tell but integers can.
    assert not Multipliers(np.array([0.0, 1e17, 1e17])).verify(rows)
    assert ExactMultipliers((0, 1, 1)).verify(rows)


def test_direction_proves_a_half_plane_unbounded() -> None:
    empty = np.zeros(0, dtype=int)
    assert Direction(np.array([-3.0, 1.0]), empty).verify(cone([], HALF_PLANE))
    assert Direction(np.array([-1.0, 1.0]), np.array([1])).verify(cone([], HALF_PLANE))  # on the boundary
    assert Direction(np.array([-1.0, 0.0]), empty).verify(cone([], HALF_PLANE))  # exact products


@pytest.mark.parametrize(
    ("z", "held"),
    [
        ([1.0, 0.5], []),
        ([-1.0, 1.0], []),  # row 1 vanishes only up to an unknown error
        ([0.0, 0.0], []),
        ([np.nan, 1.0], []),
        ([np.inf, 1.0], []),
        ([-3.0, 1.0, 0.0], []),
        ([-3.0, 1.0], [7]),
        ([-3.0, 1.0], [-1]),
        ([-3.0, 1.0], [0, 1]),  # d rows held leave no direction
        ([0.0, 1.0], []),
    ],
)
def test_other_directions_do_not(z: list[float], held: list[int]) -> None:
    assert not Direction(np.array(z), np.array(held, dtype=int)).verify(cone([], HALF_PLANE))


def test_a_direction_must_keep_the_equalities() -> None:
    half_line = cone([[0.0, 1.0]], HALF_PLANE)
    assert Direction(np.array([-1.0, 0.0]), np.zeros(0, dtype=int)).verify(half_line)
    assert Direction(np.array([-3.0, 1.0]), np.zeros(0, dtype=int)).verify(half_line)  # near (-3, 0)
    assert not Direction(np.array([-1.0, 1.0]), np.zeros(0, dtype=int)).verify(half_line)
    assert ExactDirection((-1, 0)).verify(half_line)
    assert not ExactDirection((-3, 1)).verify(half_line)
    assert not ExactDirection((0, 0)).verify(half_line)
    assert not ExactDirection((1, 0)).verify(half_line)
    assert not ExactDirection((-1, 0, 0)).verify(half_line)


def test_no_certificate_proves_the_opposite() -> None:
    triangle, half_plane = cone([], TRIANGLE), cone([], HALF_PLANE)
    rng = np.random.default_rng(0)
    for _ in range(200):
        values = rng.exponential(size=3)
        assert not Multipliers(values).verify(half_plane)
        assert not Direction(rng.standard_normal(2), rng.choice(3, rng.integers(2), replace=False)).verify(triangle)
    assert not Counting().verify(triangle)
    assert not FullRank().verify(half_plane)
    assert not ExactMultipliers((1, 1, 1)).verify(half_plane)
    assert not ExactMultipliers((1, 1)).verify(triangle)
    assert not ExactMultipliers((1, 1, 0)).verify(triangle)
    assert ExactMultipliers((2, 2, 2)).verify(triangle)


def test_full_rank_needs_full_rank() -> None:
    assert FullRank().verify(cone([[1.0, 0.0], [1.0, 1e-6]], []))
    assert not FullRank().verify(cone([[1.0, 2.0], [2.0, 4.0]], []))
    assert not FullRank().verify(cone([[1.0, 2.0]], [[2.0, 1.0]]))


def test_counting_leaves_zero_rows_out() -> None:
    assert Counting().verify(cone([[0.0, 0.0], [0.0, 0.0], [1.0, 0.0]], [[0.0, 1.0]]))
    assert not Counting().verify(cone([[1.0, 0.0], [0.0, 1.0]], []))


def random_classification() -> tuple[ReLULayer, np.ndarray]:
    """A layer with all three kinds among its inputs."""
    rng = np.random.default_rng(5)
    A = rng.standard_normal((150, 40))
    # A common direction that most rows dislike makes inputs along it unbounded.
    A[:, 0] += 1.5
    x = rng.standard_normal((60, 40))
    x[:, 0] += np.linspace(-3, 4, 60)
    return ReLULayer(A, rng.standard_normal(150)), x


def test_a_certificate_for_other_numbers_never_verifies() -> None:
    layer, inputs = random_classification()
    found = classify(layer, inputs, progress=False)
    assert {Kind.SINGLETON, Kind.BOUNDED, Kind.UNBOUNDED} == set(found.kind)
    assert found.verify(progress=False).all()
    flipped = ReLULayer(-layer.weight, layer.bias)
    system = LayerSystem.ask(layer, None, 0.0)
    for preimage_ in found.preimages:
        certificate = preimage_.certificate
        if preimage_.kind is Kind.SINGLETON:
            continue
        moved = replace(certificate, statement=SameFeatures(system, at=-preimage_.at))
        truth = preimage(layer, at=-preimage_.at)
        assert not moved.verify() or truth.kind is moved.kind
        other = replace(certificate, statement=SameFeatures(replace(system, layer=flipped), at=preimage_.at))
        assert not other.verify() or preimage(flipped, at=preimage_.at).kind is other.kind


def test_swapped_certificates_do_not_verify() -> None:
    layer, inputs = random_classification()
    found = classify(layer, inputs, progress=False)
    bounded = next(p for p in found.preimages if p.kind is Kind.BOUNDED)
    unbounded = next(p for p in found.preimages if p.kind is Kind.UNBOUNDED)
    for mine, other in ((bounded, unbounded), (unbounded, bounded)):
        claim = PreimageCertificate(mine.statement, other.certificate.bounded, mine.certificate.singleton)
        assert not claim.verify()
    nothing = PreimageCertificate(bounded.statement, None, None)
    assert nothing.kind is Kind.UNDECIDED
    assert not nothing.verify()
    assert not nothing.verify_bounded()
    assert not nothing.verify_singleton()
