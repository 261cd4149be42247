"""What the set of all inputs with given features is (the paper's (1))."""

from __future__ import annotations

import numpy as np

from unrelu.cones.decide import decide_cone
from unrelu.cones.decision import ConeDecision, Decision, still_open
from unrelu.preimages.certificates.sign_system import SignCertificate
from unrelu.preimages.certificates.witness import ExactWitness, Witness
from unrelu.preimages.layer_preimage import LayerPreimage
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.preimage_certificate import PreimageCertificate
from unrelu.preimages.same_features import SameFeatures
from unrelu.preimages.sign_decision import decide_signs, decide_signs_exactly, is_small

OTHER_PIECES = "some units have these features on several pieces, which were not searched"
"""Why a union is left open."""


def preimage_of_features(system: LayerSystem, features: np.ndarray) -> LayerPreimage:
    """Find a member or prove that there is none, and decide the kind.

    Whether the set is a point is asked at a member that keeps all inequalities strictly, where there is one: there only
    the equalities count. Otherwise at an exact member, where the constraints that are tight are known.

    Where units have their feature on several pieces, the set is a union: it is proved to be empty where a polyhedron
    that encloses it is, and else left open.

    Args:
        system: the layer, the domain and the tolerance.
        features: (m,) y.

    Raises:
        ShapeError: if there are not m features.
    """
    statement = SameFeatures(system, features=features)
    existence = decide_signs(statement.sign_system)
    if existence.holds is not True:
        why = still_open(existence.reason)
        return LayerPreimage(statement, why, why, existence, None, None)
    if not statement.is_whole:
        why = still_open(f"{OTHER_PIECES}; give an input with these features as `at`")
        return LayerPreimage(statement, why, why, why, None, None)
    bounded = decide_cone(statement.recession_cone)
    singleton = decide_cone(statement.cone_at(None))
    interior = None
    if singleton.holds is not True:
        existence, interior, singleton = _at_a_member(statement, existence)
    if singleton.holds is None and bounded.holds is False and bounded.certificate is not None:
        singleton = Decision(False, bounded.certificate, bounded.margin)
    return LayerPreimage(statement, bounded, singleton, existence, interior, _point(existence.certificate))


def _at_a_member(
    statement: SameFeatures, existence: Decision[SignCertificate]
) -> tuple[Decision[SignCertificate], SignCertificate | None, ConeDecision]:
    """Uniqueness where the equalities leave a direction, or nothing is known of their rank."""
    inside = decide_signs(statement.interior_system)
    if inside.holds:
        return existence, inside.certificate, decide_cone(statement.cone_at(None))
    member = existence.certificate
    if isinstance(member, Witness) and not member.is_exact(statement.sign_system):
        exact = decide_signs_exactly(statement.sign_system) if is_small(statement.sign_system) else None
        if not isinstance(exact, ExactWitness):
            return existence, None, still_open("no member is known exactly, nor one with room in all inequalities")
        existence = Decision(True, exact, existence.margin)
    certificate = PreimageCertificate(statement, None, None, existence.certificate)
    cone = certificate.cone
    assert cone is not None
    return existence, None, decide_cone(cone)


def _point(certificate: SignCertificate | None) -> np.ndarray | None:
    if not isinstance(certificate, Witness | ExactWitness):
        return None
    point = certificate.point
    return point if bool(np.isfinite(point).all()) else None
