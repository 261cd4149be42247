"""How far inputs can be from a unique one when their features differ a little."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from unrelu.errors import InputError
from unrelu.preimages.certificates import Cone, Enclosed, FullRank, Multipliers
from unrelu.preimages.certificates.multipliers import residual_bound
from unrelu.preimages.cone_decision import decide_cone
from unrelu.preimages.layer_system import LayerSystem
from unrelu.rigor.arithmetic import is_ieee
from unrelu.rigor.rounding import UNDERFLOW, norm_above, sum_above

_UP = 1 + 2.0**-45  # more than the few roundings of the closing formula


@dataclass(frozen=True)
class StabilityRadius:
    """A proved radius: every x in the domain with features within `eps` (max norm) of those of x0 is that near x0.

    Attributes:
        eps: the noise in the features.
        radius: in the 2-norm of the input; inf where none is proved.
        n_features: how many features take part in the proof: those greater than `eps` or exactly at the kink.
    """

    eps: float
    radius: float
    n_features: int

    @property
    def constant(self) -> float:
        """`radius / eps`, the modulus of continuity of the inverse at x0."""
        return self.radius / self.eps if self.eps > 0 else math.inf


def stability_radius(system: LayerSystem, point: np.ndarray, eps: float) -> StabilityRadius:
    """Bound `||x - x0||` over all x in the domain with features within eps of those of x0.

    Let B be the rows with `y_i > eps` and G the constraints of the domain that are tight at x0 and the rows whose
    pre-activation is exactly 0, with `G' lam + B' mu = 0`, `lam >= 1`, and `s <= sigma_d([B; G])`. With
    `delta = x - x0`, `|B delta| <= eps` elementwise, and `G delta <= 0`, or `<= eps` for the feature rows in G. So
    `sum lam_i |G delta|_i <= eps (||mu||_1 + 2 sum of lam over feature rows)`, and

        || delta || <= eps sqrt(k + (||mu||_1 + 2 sum lam_feature)^2) / s .

    Multipliers that are off by rounding are corrected as in `Multipliers`; rows are scaled, which scales eps for them.
    For `eps = 0` it is 0 where x0 is proved to be the only one, whatever the proof.

    Args:
        system: the layer and the domain.
        point: (d,) x0.
        eps: at least 0.

    Raises:
        InputError: if eps is negative or not finite.
    """
    if not (math.isfinite(eps) and eps >= 0):
        raise InputError(f"eps must be a finite number of at least 0, not {eps}.")
    if not is_ieee():
        return StabilityRadius(eps, math.inf, 0)
    exact = replace(system, tolerance=0.0).patterns(point[None])[0]
    above = replace(system, tolerance=eps).patterns(point[None])[0].active
    cone = replace(system, tolerance=0.0).tangent_cone(replace(exact, active=above))
    features = int((above | exact.tight).sum())
    fact = decide_cone(cone)
    # The proof is found from x0's exact pattern; rows with 0 < y_i <= eps are left out, which only widens the set.
    if fact.value is not True or fact.certificate is None:
        return StabilityRadius(eps, math.inf, features)
    if eps == 0:
        return StabilityRadius(eps, 0.0 if fact.certificate.verify(cone) else math.inf, features)
    constant = _constant(cone, fact.certificate, system.layer.n_outputs)
    return StabilityRadius(eps, eps * constant * _UP + UNDERFLOW if constant > 0 else 0.0, features)


def _constant(cone: Cone, certificate: object, m: int) -> float:
    """The bound for eps = 1, from multipliers or from the rank of the equality rows alone."""
    scales = np.where(np.arange(len(cone.equalities)) < m, cone.rows.scales, 0.0)
    of_equalities = norm_above(scales[cone.equalities])
    if isinstance(certificate, FullRank):
        s = cone.rows.column_bound_of(cone.equalities)
        return of_equalities / s * _UP + UNDERFLOW if s > 0 else math.inf
    if isinstance(certificate, Enclosed):
        return _enclosed_constant(cone, scales)
    if not isinstance(certificate, Multipliers):
        return math.inf
    used = cone.equalities | cone.inequalities
    s = cone.rows.column_bound_of(used)
    if s == 0.0:
        return math.inf
    off = residual_bound(cone, np.where(used, certificate.values, 0.0)) / s * _UP + UNDERFLOW
    lam = np.where(cone.inequalities, certificate.values, 0.0)
    least = float(lam[cone.inequalities].min()) - off
    if least <= 0:
        return math.inf
    mu = sum_above((np.abs(certificate.values[cone.equalities]) + off) * scales[cone.equalities])
    kinks = sum_above((lam + off) * scales * cone.inequalities)
    pushed = (mu + 2 * kinks) / least * _UP + UNDERFLOW
    return math.hypot(of_equalities, pushed) / s * _UP + UNDERFLOW


def _enclosed_constant(cone: Cone, scales: np.ndarray) -> float:
    """The bound where rows with a single number bound every coordinate from both sides."""
    above, below = np.full(cone.dimension, math.inf), np.full(cone.dimension, math.inf)
    for row in np.flatnonzero((cone.equalities | cone.inequalities) & (cone.rows.bounded_column >= 0)):
        column = cone.rows.bounded_column[row]
        scale = float(scales[row])
        reach = scale / abs(float(cone.rows.matrix[row, column])) * _UP + UNDERFLOW if scale > 0 else 0.0
        if cone.equalities[row] or cone.rows.bound_sign[row] > 0:
            above[column] = min(above[column], reach)
        if cone.equalities[row] or cone.rows.bound_sign[row] < 0:
            below[column] = min(below[column], reach)
    return norm_above(np.maximum(above, below))
