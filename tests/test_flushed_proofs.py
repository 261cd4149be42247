"""Where a thread flushes subnormal numbers, no public question has a proof; afterwards everything is as before.

Every proof hangs on one of the functions that `unrelu.rigor.arithmetic.is_ieee` lists; here the public ones are asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

import unrelu as ur
from flushing import flushing
from unrelu.errors import UnprovableArithmetic

UNIT = np.eye(2)
SYSTEMS = {
    "bounded": (np.vstack([UNIT, -UNIT]), np.array([-1.0, -1.0, -1.0, -1.0]), None),
    "single": (UNIT, np.ones(2), None),
    "unbounded": (-UNIT, -np.ones(2), None),
    "under a prior": (np.array([[1.0, 2.0]]), np.ones(1), ur.Box(0, 1)),
    "of tiny rows": (np.array([[1e-310, 0.0], [0.0, 1e-310]]), np.zeros(2), ur.Box(0, 2)),
}


def preimages() -> dict[str, ur.LayerPreimage]:
    """Asked in a thread that keeps subnormal numbers."""
    at = {"of tiny rows": np.ones(2)}
    return {
        name: ur.preimage(ur.ReLULayer(A, b), at=at.get(name, np.zeros(2)), domain=domain)
        for name, (A, b, domain) in SYSTEMS.items()
    }


def test_a_row_of_subnormal_numbers_is_no_row_of_zeros() -> None:
    """With flushing, counting "proved" that `ReLU(1e-310 x)` tells nothing about x."""
    layer = ur.ReLULayer(np.array([[1e-310]]), np.zeros(1))
    with flushing(), pytest.raises(UnprovableArithmetic, match="nothing can be proved"):
        ur.preimage(layer, at=np.ones(1))
    found = ur.preimage(layer, at=np.ones(1))
    assert found.kind is ur.Kind.SINGLETON
    assert found.certificate.verify()


@pytest.mark.parametrize("name", SYSTEMS)
def test_certificates_found_before_are_not_verified(name: str) -> None:
    found = preimages()[name]
    with flushing():
        assert not found.certificate.verify()
        assert not found.certificate.verify_bounded()
        assert not found.certificate.verify_singleton()
        for decision in (found.bounded_decision, found.singleton_decision):
            assert decision.certificate is not None
            assert not decision.certificate.verify(found.statement.recession_cone)
    assert found.certificate.verify()


QUESTIONS: dict[str, Callable[[], object]] = {
    "preimage": lambda: ur.preimage(ur.ReLULayer(UNIT, np.ones(2)), at=np.zeros(2)),
    "classify": lambda: ur.classify(ur.ReLULayer(UNIT, np.ones(2)), np.zeros((3, 2))),
    "features": lambda: ur.preimage(ur.ReLULayer(UNIT, np.ones(2)), features=np.ones(2)),
    "omnidirectional": lambda: ur.omnidirectional(np.vstack([UNIT, -UNIT])),
    "admissibility": lambda: ur.admissibility(ur.ReLULayer(UNIT, np.ones(2)), [0]),
    "admissible sets": lambda: ur.admissible_sets(ur.ReLULayer(UNIT, np.ones(2))),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_questions_that_are_all_proof_are_refused(name: str) -> None:
    with flushing(), pytest.raises(UnprovableArithmetic):
        QUESTIONS[name]()
    QUESTIONS[name]()


def test_answers_found_before_are_not_verified() -> None:
    layer = ur.ReLULayer(UNIT, np.ones(2))
    answers = [
        ur.omnidirectional(np.vstack([UNIT, -UNIT])),
        ur.admissibility(layer, [0]),
        ur.admissible_sets(layer, ur.Box(-2, 2)),
    ]
    assert all(answer.verify() for answer in answers)
    many = ur.classify(layer, np.zeros((3, 2)))
    with flushing():
        assert not any(answer.verify() for answer in answers)
        assert not many.verify(workers=1).any()
        assert not many.verify(workers=2).any()  # threads of our own inherit it


def test_geometry_is_computed_and_not_proved() -> None:
    found = preimages()["bounded"]
    target = np.array([5.0, 5.0])
    before = found.nearest(target)
    assert before.bound > 5.0
    assert before.radius < 1e-9
    with flushing():
        near = found.nearest(target)
        assert (near.bound, near.radius) == (0.0, math.inf)
        assert near.point is not None
        assert before.point is not None
        np.testing.assert_allclose(near.point, before.point)
        ends = found.ranges()
        assert np.isinf(ends.proved_lower).all()
        assert np.isinf(ends.proved_upper).all()
        end = found.range_of(np.ones(2))
        assert (end.proved_lower, end.proved_upper) == (-math.inf, math.inf)
        far = found.farthest(target)
        assert (far.bound, far.radius) == (math.inf, math.inf)
    assert found.nearest(target).bound == before.bound


def test_uniqueness_under_noise_has_no_radius() -> None:
    found = preimages()["single"]
    assert found.stability_radius(0.1).radius < math.inf
    assert found.stability_radius(0.0).radius == 0.0
    with flushing():
        assert found.stability_radius(0.1).radius == math.inf
        assert found.stability_radius(0.0).radius == math.inf


def test_constants_of_the_inverse_are_not_bounded() -> None:
    layer = ur.ReLULayer(np.vstack([UNIT, -UNIT]), np.zeros(4))
    with flushing():
        found = ur.inverse_lipschitz(layer, ur.Box(-1, 1), n_starts=1, steps=5)
        assert (found.lower, found.upper) == (0.0, math.inf)
        assert "subnormal" in found.reason
    assert ur.inverse_lipschitz(layer, ur.Box(-1, 1), n_starts=1, steps=5).lower > 0.49
