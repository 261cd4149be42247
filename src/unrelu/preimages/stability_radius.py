"""How far inputs can be from a unique one when their features differ a little."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from unrelu.cones.blocks import blocks_of
from unrelu.cones.decide import decide_cone
from unrelu.cones.proofs import BlockByBlock, Cone, ConeCertificate, Enclosed, FullRank, Multipliers
from unrelu.cones.proofs.multipliers import residual_bound
from unrelu.errors import InputError
from unrelu.preimages.interval_ends import IntervalEnds
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.pattern import LayerPattern
from unrelu.rigor.arithmetic import is_ieee
from unrelu.rigor.rounding import UNDERFLOW, norm_above, sum_above
from unrelu.rigor.signs import enclosed_values

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
    `delta = x - x0` each row has `|b.delta| <= n_b` on B and `g.delta <= n_g` on G, where n is eps for features and the
    shift of a row of the domain that was moved through x0, 0 where it was not. So `sum lam_i |G delta|_i <= N`,
    `N = sum |mu_i| n_i + 2 sum lam_i n_i`, and

        || delta || <= sqrt(sum of n_b^2 over B + N^2) / s .

    Multipliers that are off by rounding are corrected as in `Multipliers`; rows are scaled, which scales n for them.
    Where the proof is block by block, so is the bound, and the norm of all is that of the vector of the blocks' bounds.
    Without any noise it is 0 where x0 is proved to be the only one, whatever the proof.

    With another activation than the ReLU, B are the rows of units on a slope that stay within two ends, G those of
    units where a constant piece ends, and n is how far the ends for eps lie from `a.x0 + b`; none is proved where a
    unit has its feature elsewhere too.

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
    m = system.layer.n_outputs
    exact = replace(system, tolerance=np.zeros(m)).pattern(point)
    near = replace(system, tolerance=np.full(m, float(eps))).pattern(point)
    if near.enclosing is not None:
        return StabilityRadius(eps, math.inf, 0)
    # The proof is found from x0's exact pattern; units that the noise may free are left out, which only widens the set.
    used = replace(
        exact,
        interval=replace(exact.interval, single=exact.interval.single & near.active),
        enclosing=None,
        tight_below=exact.tight_below & near.interval.below,
        tight_above=exact.tight_above & near.interval.above,
    )
    cone = system.tangent_cone(used)
    features = int((used.interval.single | used.tight).sum())
    found = decide_cone(cone)
    if found.holds is not True or found.certificate is None:
        return StabilityRadius(eps, math.inf, features)
    noise = np.zeros(len(cone.equalities))
    of_rows = _noise(system, near, point, float(eps), used)
    noise[: len(of_rows)] = of_rows
    m = len(of_rows)
    if exact.domain is not None:
        shifts = exact.domain
        n_eq, n_ub = len(shifts.eq_shift), len(shifts.ub_shift)
        first = len(noise) - system.n_domain_inequalities
        noise[m : m + n_eq] = shifts.eq_shift
        noise[first : first + n_ub] = shifts.largest_on_line
    counted = cone.equalities | cone.inequalities
    if not noise[counted].any():
        return StabilityRadius(eps, 0.0 if found.certificate.verify(cone) else math.inf, features)
    return StabilityRadius(eps, _radius_of_noise(cone, found.certificate, noise), features)


def _noise(system: LayerSystem, near: LayerPattern, point: np.ndarray, eps: float, used: LayerPattern) -> np.ndarray:
    """By how much `a.x`, and then `-a.x` of the turned rows, may exceed that of x0 with features within eps of its own.

    Args:
        system: the layer and the domain.
        near: the pattern of x0 with this tolerance.
        point: (d,) x0.
        eps: the noise.
        used: which rows count.
    """
    units, tolerance = system.layer.units, np.full(system.layer.n_outputs, eps)
    up, down = np.zeros((2, system.layer.n_outputs))
    if eps > 0:
        A, b = system.layer.weight, system.layer.bias
        values, errors = (part[0] for part in enclosed_values(A, b, point[None]))
        upper = IntervalEnds.upper(units, near.interval, tolerance, piece=near.piece)
        lower = IntervalEnds.lower(units, near.interval, tolerance, piece=near.piece)
        for chosen, ends, sign, found in (
            (used.interval.single | used.tight_above, upper, 1.0, up),
            (used.interval.single | used.tight_below, lower, -1.0, down),
        ):
            slack, error = ends.taken(chosen).slacks(A[chosen], b[chosen], point, values[chosen], errors[chosen])
            found[chosen] = np.where(error == 0, sign * slack, (sign * slack + error) * _UP + UNDERFLOW)
    both = np.where(used.interval.single, np.maximum(up, down), up)
    return np.append(both, down[system.turned])


def _radius_of_noise(cone: Cone, certificate: ConeCertificate, noise: np.ndarray) -> float:
    """The bound for rows that may be off by so much each, (m,), in their own units."""
    said = (cone.equalities | cone.inequalities) & (noise > 0)
    scaled = np.zeros(len(noise))
    with np.errstate(over="ignore"):
        scaled[said] = noise[said] * cone.rows.scales[said] * _UP + UNDERFLOW
    return _radius(cone, certificate, scaled) if np.isfinite(scaled).all() else math.inf


def _radius(cone: Cone, certificate: ConeCertificate, scaled: np.ndarray) -> float:
    """The bound from multipliers, or from the rank of the equality rows alone.

    Args:
        cone: the tangent cone.
        certificate: why it is {0}.
        scaled: (m,) how far each scaled row may be off, all finite.
    """
    if isinstance(certificate, BlockByBlock):
        return _radius_of_blocks(cone, certificate, scaled)
    used = cone.equalities | cone.inequalities
    of_equalities = norm_above(scaled[cone.equalities])
    if isinstance(certificate, FullRank):
        s = cone.rows.column_bound_of(cone.equalities)
        return of_equalities / s * _UP + UNDERFLOW if s > 0 else math.inf
    if isinstance(certificate, Enclosed):
        return _enclosed_radius(cone, scaled)
    if not isinstance(certificate, Multipliers):
        return math.inf
    s = cone.rows.column_bound_of(used)
    if s == 0.0:
        return math.inf
    off = residual_bound(cone, np.where(used, certificate.values, 0.0)) / s * _UP + UNDERFLOW
    lam = np.where(cone.inequalities, certificate.values, 0.0)
    least = float(lam[cone.inequalities].min()) - off
    if not least > 0:
        return math.inf
    mu = sum_above((np.abs(certificate.values[cone.equalities]) + off) * scaled[cone.equalities])
    kinks = sum_above((lam + off) * scaled * cone.inequalities)
    pushed = (mu + 2 * kinks) / least * _UP + UNDERFLOW
    return math.hypot(of_equalities, pushed) / s * _UP + UNDERFLOW


def _radius_of_blocks(cone: Cone, certificate: BlockByBlock, scaled: np.ndarray) -> float:
    """The set lies in a product, one factor in the coordinates of each block."""
    blocks = blocks_of(cone)
    if sum(block.columns.size for block in blocks) < cone.dimension:
        return math.inf
    radii = np.zeros(len(blocks))
    for k, (block, part) in enumerate(zip(blocks, certificate.parts(blocks), strict=True)):
        noise = scaled[block.rows] * block.cone.rows.scales  # 1 where rows are scaled already
        if noise.any():
            radii[k] = _radius(block.cone, part, noise) if np.isfinite(noise).all() else math.inf
        elif not part.verify(block.cone):
            radii[k] = math.inf
    return norm_above(radii) if np.isfinite(radii).all() else math.inf


def _enclosed_radius(cone: Cone, noise: np.ndarray) -> float:
    """The bound where rows with a single number bound every coordinate from both sides."""
    above, below = np.full(cone.dimension, math.inf), np.full(cone.dimension, math.inf)
    for row in np.flatnonzero((cone.equalities | cone.inequalities) & (cone.rows.bounded_column >= 0)):
        column = cone.rows.bounded_column[row]
        scale = float(noise[row])
        reach = scale / abs(float(cone.rows.matrix[row, column])) * _UP + UNDERFLOW if scale > 0 else 0.0
        if cone.equalities[row] or cone.rows.bound_sign[row] > 0:
            above[column] = min(above[column], reach)
        if cone.equalities[row] or cone.rows.bound_sign[row] < 0:
            below[column] = min(below[column], reach)
    return norm_above(np.maximum(above, below))
