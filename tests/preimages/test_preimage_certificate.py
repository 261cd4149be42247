"""What a certificate of a preimage takes from its parts, each of which is a stand-in that holds or does not."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from flushing import flushing
from unrelu.cones.proofs import Cone, ConeCertificate, Counting, Direction, Enclosed, Multipliers
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificates.motzkin import Motzkin
from unrelu.preimages.certificates.sign_system import SignSystem
from unrelu.preimages.certificates.witness import ExactWitness, Witness
from unrelu.preimages.kind import Kind
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.preimage_certificate import PreimageCertificate
from unrelu.preimages.same_features import SameFeatures

NONE = np.zeros(0, dtype=int)


@dataclass(frozen=True)
class _OfCone:
    """Stands for a proof that K is {0}, or is not, which holds for cones with so many equalities."""

    trivial: bool
    holds_for: tuple[int, ...]

    def verify(self, cone: Cone) -> bool:
        return int(cone.equalities.sum()) in self.holds_for


@dataclass(frozen=True)
class _OfSystem:
    """Stands for a proof that a system has a solution, or none."""

    admissible: bool
    holds: bool

    def verify(self, system: SignSystem) -> bool:
        return self.holds


OfCone: Any = _OfCone
OfSystem: Any = _OfSystem


def about(
    weight: list[list[float]],
    bias: list[float],
    *,
    at: list[float] | None = None,
    features: list[float] | None = None,
    domain: Polyhedron | None = None,
    tolerance: float = 0.0,
) -> SameFeatures:
    system = LayerSystem(ReLULayer(np.array(weight), np.array(bias)), domain, np.full(len(bias), tolerance))
    return SameFeatures(system, None if at is None else np.array(at), None if features is None else np.array(features))


# One row is active, one tight, one below 0: the recession cone and the tangent cone have different rows.
AT = about([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [1.0, 0.0, -2.0], at=[0.0, 0.0])
RECESSION, TANGENT = int(AT.recession_cone.equalities.sum()), int(AT.tangent_cone.equalities.sum())

OPTIONS: list[tuple[bool, bool] | None] = [None, *itertools.product((True, False), (True, False))]
"""No proof; or what is claimed, and whether that is proved."""


def of_cone(option: tuple[bool, bool] | None) -> ConeCertificate | None:
    return None if option is None else OfCone(option[0], (RECESSION, TANGENT) if option[1] else ())


@pytest.mark.parametrize(("bounded", "singleton"), [*itertools.product(OPTIONS, OPTIONS)])
def test_a_kind_at_a_point_needs_the_proofs_that_it_is_made_of(
    bounded: tuple[bool, bool] | None, singleton: tuple[bool, bool] | None
) -> None:
    found = PreimageCertificate(AT, of_cone(bounded), of_cone(singleton))
    b_proved, s_proved = (None if option is None or not option[1] else option[0] for option in (bounded, singleton))
    b_claim, s_claim = (None if option is None else option[0] for option in (bounded, singleton))
    # A single point is bounded, and what is unbounded is not a single point; claims count for what they claim.
    of_bounded = b_claim is not None and (b_proved is not None or (b_claim and s_proved is True))
    of_singleton = s_claim is not None and (s_proved is not None or (not s_claim and b_proved is False))
    assert found.verify_bounded() == of_bounded
    assert found.verify_singleton() == of_singleton
    expected = {
        Kind.SINGLETON: of_singleton,
        Kind.UNBOUNDED: of_bounded,
        Kind.BOUNDED: of_bounded and of_singleton,
        Kind.UNDECIDED: False,
    }
    assert found.verify() == expected[found.kind]
    assert found.claims == (bounded is not None or singleton is not None)
    assert found.verify_existence()
    with flushing():
        assert not passes_any(found)


def passes_any(found: PreimageCertificate) -> bool:
    """Whether any of its checks is passed."""
    return any([found.verify(), found.verify_bounded(), found.verify_singleton(), found.verify_existence()])


def test_the_two_proofs_at_a_point_are_about_different_cones() -> None:
    tight = about([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [1.0, 0.0, 3.0], at=[0.0, 0.0], tolerance=0.5)
    assert (int(tight.recession_cone.equalities.sum()), int(tight.tangent_cone.equalities.sum())) == (2, 0)
    right = PreimageCertificate(tight, OfCone(True, (2,)), OfCone(False, (0,)))
    wrong = PreimageCertificate(tight, OfCone(True, (0,)), OfCone(False, (2,)))
    assert (right.verify_bounded(), right.verify_singleton()) == (True, True)
    assert (wrong.verify_bounded(), wrong.verify_singleton()) == (False, False)


def test_a_point_outside_of_the_domain_has_no_preimage() -> None:
    outside = about([[1.0]], [1.0], at=[2.0], domain=Box(0.0, 1.0).in_space(1))
    proofs = PreimageCertificate(outside, Enclosed(), Enclosed())
    assert not passes_any(proofs)
    inside = about([[1.0]], [1.0], at=[1.0], domain=Box(0.0, 1.0).in_space(1))
    proofs = PreimageCertificate(inside, Enclosed(), Enclosed())
    assert proofs.verify()
    assert proofs.verify_bounded()
    assert proofs.verify_singleton()
    assert proofs.verify_existence()


# x in [0, 1] with ReLU(x) = 1/2 up to 1/4: [1/4, 3/4].
FEATURES = about([[1.0]], [0.0], features=[0.5], domain=Box(0.0, 1.0).in_space(1), tolerance=0.25)


@pytest.mark.parametrize("existence", [None, (True, True), (True, False), (False, True), (False, False)])
def test_nothing_is_proved_of_features_without_a_member(existence: tuple[bool, bool] | None) -> None:
    exists = None if existence is None else OfSystem(*existence)
    # Without interior no cone is known; with it that of the equalities, of which there are none.
    for interior in (None, OfSystem(True, True), OfSystem(True, False), OfSystem(False, True)):
        found = PreimageCertificate(FEATURES, Enclosed(), Counting(), exists, interior)
        if existence is None:
            assert found.kind is Kind.UNDECIDED
            assert not found.verify_existence()
            assert not found.verify()
            continue
        admissible, holds = existence
        assert found.verify_existence() == holds
        if not admissible:
            assert found.kind is Kind.EMPTY
            assert found.verify() == holds
            assert not found.verify_bounded()
            assert not found.verify_singleton()
            continue
        assert found.kind is Kind.BOUNDED
        assert found.verify_bounded() == holds
        inside = interior is not None and interior.admissible and interior.holds
        assert found.verify_singleton() == (holds and inside)
        assert found.verify() == (holds and inside)
    alone = PreimageCertificate(FEATURES, None, None, exists)
    with flushing():
        assert not passes_any(alone)
    # At a point existence needs no proof, whatever else is given.
    assert PreimageCertificate(AT, None, None, exists).verify_existence()
    assert alone.claims == (existence is not None)
    assert alone.verify() == (existence == (False, True))


def test_features_are_bounded_and_not_single_only_with_a_member_inside_or_an_exact_one() -> None:
    exact = PreimageCertificate(FEATURES, Enclosed(), Counting(), Witness(np.array([0.5])))
    assert exact.verify()
    at_the_end = PreimageCertificate(FEATURES, Enclosed(), Direction(np.array([1.0]), NONE), Witness(np.array([0.25])))
    assert at_the_end.verify()
    wrong = PreimageCertificate(FEATURES, Enclosed(), Direction(np.array([-1.0]), NONE), Witness(np.array([0.25])))
    assert not wrong.verify()
    rational = PreimageCertificate(FEATURES, Enclosed(), Counting(), ExactWitness((1,), 3))
    assert rational.verify()
    inside = PreimageCertificate(FEATURES, Enclosed(), Counting(), ExactWitness((1,), 4), Witness(np.array([0.5])))
    assert inside.verify()
    not_inside = PreimageCertificate(FEATURES, Enclosed(), Counting(), ExactWitness((1,), 4), Witness(np.array([0.25])))
    assert not not_inside.verify()
    refuted = PreimageCertificate(FEATURES, Enclosed(), Counting(), Witness(np.array([0.5])), Motzkin(np.zeros(2)))
    assert not refuted.verify()
    for x in (0.24, 0.76, 1.5, -1.0):
        assert not PreimageCertificate(FEATURES, Enclosed(), Counting(), Witness(np.array([x]))).verify()


def test_a_member_that_is_only_nearby_gives_no_cone_but_that_of_the_equalities() -> None:
    # 3 x = 1 and x >= 1/3 - a little: the member is near 0.333, and no float.
    single = about([[3.0], [-1.0]], [0.0, 0.3], features=[1.0, 0.0])
    near = Witness(np.array([1 / 3]))
    assert near.verify(single.sign_system)
    assert not near.is_exact(single.sign_system)
    proofs = PreimageCertificate(single, None, OfCone(True, (1,)), near)
    assert proofs.kind is Kind.SINGLETON
    assert proofs.verify()
    # The cone at a member is not known, so nothing says that the set is no single point.
    flat = about([[3.0, 0.0], [0.0, 1.0]], [0.0, -1.0], features=[1.0, 0.0])
    near = Witness(np.array([1 / 3, 0.5]))
    open_ended = PreimageCertificate(flat, OfCone(True, (1,)), OfCone(False, (1,)), near)
    assert open_ended.verify_bounded()
    assert not open_ended.verify_singleton()
    assert open_ended.cone is None
    assert PreimageCertificate(flat, None, None, near).cone is None
    exactly = PreimageCertificate(flat, None, None, ExactWitness((2, 3), 6)).cone
    assert exactly is not None
    assert exactly.equalities.sum() == 1
    assert not exactly.inequalities.any()
    at_the_kink = PreimageCertificate(flat, None, None, ExactWitness((1, 3), 3)).cone
    assert at_the_kink is not None
    assert at_the_kink.inequalities.sum() == 1
    assert PreimageCertificate(flat, None, None, Motzkin(np.zeros(2))).cone is None
    inside = PreimageCertificate(flat, None, None, near, Witness(np.array([1 / 3, 0.5]))).cone
    assert inside is not None
    assert not inside.inequalities.any()


def test_the_answer_about_existence_is_kept_for_each_claim() -> None:
    calls: list[int] = []

    class Counted:
        admissible: ClassVar[bool] = True

        def verify(self, system: SignSystem) -> bool:
            calls.append(1)
            return True

    found = PreimageCertificate(FEATURES, Enclosed(), Multipliers(np.ones(1)), Counted())
    assert found.verify_existence()
    assert found.verify_bounded()
    assert not found.verify_singleton()
    assert len(calls) == 1
