"""The preimage of given features, without a point that has them (the paper's (1))."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unrelu.errors import ShapeError
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import resolve
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificates import Cone, ConeCertificate
from unrelu.preimages.certificates.sign_system import SignCertificate, SignSystem
from unrelu.preimages.certificates.witness import Witness
from unrelu.preimages.cone_decision import decide_cone
from unrelu.preimages.facts import open_fact
from unrelu.preimages.kind import Kind, kind_of
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.pattern import LayerPattern
from unrelu.preimages.sign_decision import decide_signs


@dataclass(frozen=True, eq=False)
class FeatureCertificate:
    """Proofs about `P = { x in D : |ReLU(A x + b) - y| <= tolerance }` for given y.

    Attributes:
        system: the layer, the domain and the tolerance.
        features: (m,) y.
        existence: proof that P has a member, or that it has none; or None.
        bounded: proof about the recession cone; or None.
        singleton: proof about the equality rows alone: with full rank P is at most a point; or None.
        interior: proof that some member keeps all inequalities strictly, so that P is no more and no less than the
            equality rows near it; or None.
    """

    system: LayerSystem
    features: np.ndarray
    existence: SignCertificate | None
    bounded: ConeCertificate | None
    singleton: ConeCertificate | None
    interior: SignCertificate | None = None

    @property
    def kind(self) -> Kind:
        """The kind that the certificates claim to prove."""
        if self.existence is None:
            return Kind.UNDECIDED
        if not self.existence.admissible:
            return Kind.EMPTY
        bounded = None if self.bounded is None else self.bounded.trivial
        singleton = None if self.singleton is None else self.singleton.trivial
        return kind_of(bounded, singleton)

    def verify(self) -> bool:
        """True only if `kind` is proved for exactly the stored floats; calls no solver."""
        kind = self.kind
        if kind is Kind.UNDECIDED or self.existence is None:
            return False
        if kind is Kind.EMPTY:
            return self.existence.verify(feature_system(self.system, self.features))
        if kind is Kind.SINGLETON:
            return self._exists() and self.singleton is not None and self.singleton.verify(self._equalities)
        unbounded_or_bounded = self.bounded is not None and self.bounded.verify(self._recession)
        if kind is Kind.UNBOUNDED:
            return self._exists() and unbounded_or_bounded
        thick = self.singleton is not None and self.singleton.verify(self._equalities)
        room = self.interior is not None and self.interior.admissible
        return unbounded_or_bounded and thick and room and self._has_interior()

    def _exists(self) -> bool:
        return self.existence is not None and self.existence.verify(feature_system(self.system, self.features))

    def _has_interior(self) -> bool:
        strict = interior_system(self.system, self.features)
        return self.interior is not None and strict is not None and self.interior.verify(strict)

    @property
    def _recession(self) -> Cone:
        return self.system.recession_cone(feature_pattern(self.system, self.features))

    @property
    def _equalities(self) -> Cone:
        return self.system.tangent_cone(feature_pattern(self.system, self.features))


@dataclass(frozen=True, eq=False)
class FeaturePreimage:
    """What the set of all inputs with given features is.

    Features computed in floating point are seldom those of any input exactly: with at least as many positive features
    as inputs, EMPTY is then the true answer for tolerance 0, and a small tolerance is what one means.

    Attributes:
        certificate: the proofs.
        point: (d,) an input within rounding of the set, or None.
        reason: where the kind is open, what left it open.
    """

    certificate: FeatureCertificate
    point: np.ndarray | None
    reason: str = ""

    @property
    def layer(self) -> ReLULayer:
        """The layer."""
        return self.certificate.system.layer

    @property
    def kind(self) -> Kind:
        """What the set is."""
        return self.certificate.kind

    @property
    def bounded(self) -> bool | None:
        """Whether the set is bounded; an empty one is."""
        if self.kind is Kind.EMPTY:
            return True
        return None if self.certificate.bounded is None else self.certificate.bounded.trivial

    @property
    def singleton(self) -> bool | None:
        """Whether the set is one point; None where it is open."""
        if self.kind is Kind.EMPTY:
            return False
        return None if self.certificate.singleton is None else self.certificate.singleton.trivial

    @property
    def n_active(self) -> int:
        """The number of features above the tolerance."""
        return int((self.certificate.features > self.certificate.system.tolerance).sum())

    @cached_property
    def polyhedron(self) -> Polyhedron:
        """The set in H-representation; right-hand sides are rounded."""
        system, y = self.certificate.system, self.certificate.features
        A, b, eps = system.layer.dense_weight, system.layer.bias, system.tolerance
        D = resolve(system.domain, A.shape[1])
        above = y > eps
        equal = above if eps == 0 else np.zeros_like(above)
        limit = y + eps - b
        shift = D.origin
        return Polyhedron(
            A_ub=np.vstack([A[~equal], -A[above & ~equal], D.A_ub]),
            b_ub=np.concatenate([(limit - A @ shift)[~equal], (b + A @ shift + eps - y)[above & ~equal], D.b_ub]),
            A_eq=np.vstack([A[equal], D.A_eq]),
            b_eq=np.concatenate([(y - b - A @ shift)[equal], D.b_eq]),
            lower=D.lower,
            upper=D.upper,
            origin=shift,
        )


def feature_preimage(system: LayerSystem, features: np.ndarray) -> FeaturePreimage:
    """Find a member or prove that there is none, and decide the kind.

    Args:
        system: the layer, the domain and the tolerance.
        features: (m,) y.

    Raises:
        ShapeError: if there are not m features.
    """
    m = system.layer.n_outputs
    if features.shape != (m,):
        raise ShapeError(f"the layer has {m} features, but {features.size} are given.")
    existence = decide_signs(feature_system(system, features))
    if existence.admissible is not True:
        certificate = FeatureCertificate(system, features, existence.certificate, None, None)
        return FeaturePreimage(certificate, None, existence.reason)
    pattern = feature_pattern(system, features)
    bounded = decide_cone(system.recession_cone(pattern))
    singleton = decide_cone(system.tangent_cone(pattern))
    reason = bounded.reason or singleton.reason
    interior = None
    if singleton.value is False and bounded.value is not False:
        # Constraints that are tight at every member could make it a single point after all.
        strict = interior_system(system, features)
        decision = None if strict is None else decide_signs(strict)
        if decision is not None and decision.admissible:
            interior = decision.certificate
        else:
            singleton = open_fact("no member has room in all inequalities, so uniqueness is open")
            reason = singleton.reason
    certificate = FeatureCertificate(
        system, features, existence.certificate, bounded.certificate, singleton.certificate, interior
    )
    witness = existence.certificate
    point = witness.point[: system.layer.n_inputs] if isinstance(witness, Witness) else None
    return FeaturePreimage(certificate, point, reason)


def feature_pattern(system: LayerSystem, features: np.ndarray) -> LayerPattern:
    """The rows that given features fix from below; no inequality counts as tight."""
    none = np.zeros(features.size, dtype=bool)
    return LayerPattern(features > system.tolerance, none, np.zeros(system.n_domain_inequalities, dtype=bool))


def feature_system(system: LayerSystem, features: np.ndarray) -> SignSystem:
    """The set as a sign system, exactly: biases, features and tolerance are the weights of coordinates fixed at 1.

    Args:
        system: the layer, the domain and the tolerance.
        features: (m,) y.
    """
    D = resolve(system.domain, system.layer.n_inputs)
    weight, equal = _feature_rows(system, features)
    domain = _lifted_domain(D, np.hstack([D.A_ub, np.zeros((len(D.A_ub), 3))]), D.b_ub, equal, D.lower, D.upper)
    return SignSystem(weight, np.zeros(len(weight)), np.ones(len(weight), dtype=bool), domain)


def interior_system(system: LayerSystem, features: np.ndarray) -> SignSystem | None:
    """The same with all inequalities strict, those of the domain too; None where that is not an exact sign system."""
    D = resolve(system.domain, system.layer.n_inputs)
    if len(D.A_ub) and D.origin.any():
        return None
    weight, equal = _feature_rows(system, features)
    unit = np.eye(D.n_coordinates)
    fixed = D.lower == D.upper
    low, high = np.isfinite(D.lower) & ~fixed, np.isfinite(D.upper) & ~fixed
    strict = [
        -weight,
        _with_constant(-D.A_ub, D.b_ub),
        _with_constant(unit[low], -D.lower[low]),
        _with_constant(-unit[high], D.upper[high]),
    ]
    rows = np.vstack(strict)
    lower, upper = np.where(fixed, D.lower, -np.inf), np.where(fixed, D.upper, np.inf)
    domain = _lifted_domain(D, np.zeros((0, D.n_coordinates + 3)), np.zeros(0), equal, lower, upper)
    return SignSystem(rows, np.zeros(len(rows)), np.zeros(len(rows), dtype=bool), domain)


def _feature_rows(system: LayerSystem, features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows that are at most 0 on the set, and rows that are 0, on (x, 1, 1, 1)."""
    A, b, eps = system.layer.dense_weight, system.layer.bias, system.tolerance
    m, d = A.shape
    upper = np.column_stack([A, b, -features, np.full(m, -eps)])
    lower = np.column_stack([-A, -b, features, np.full(m, -eps)])
    # ReLU(a.x + b) <= y + eps needs y + eps >= 0 besides: a row without x.
    negative = np.column_stack([np.zeros((m, d + 1)), -features, np.full(m, -eps)])[features < 0]
    above = features > eps
    equal = above if eps == 0 else np.zeros(m, dtype=bool)
    return np.vstack([upper[~equal], lower[above & ~equal], negative]), upper[equal]


def _with_constant(rows: np.ndarray, constants: np.ndarray) -> np.ndarray:
    return np.column_stack([rows, constants, np.zeros((len(rows), 2))])


def _lifted_domain(
    D: Polyhedron, A_ub: np.ndarray, b_ub: np.ndarray, equal: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> Polyhedron:
    return Polyhedron(
        A_ub=A_ub,
        b_ub=b_ub,
        A_eq=np.vstack([equal, np.hstack([D.A_eq, np.zeros((len(D.A_eq), 3))])]),
        b_eq=np.concatenate([np.zeros(len(equal)), D.b_eq]),
        lower=np.append(lower, np.ones(3)),
        upper=np.append(upper, np.ones(3)),
        origin=np.append(D.origin, np.zeros(3)),
    )
