"""Whether cones `{ z : B z = 0, G z <= 0 }` are {0}: structure first, then one shared projection, then dense."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from unrelu.cones.blocks import is_split
from unrelu.cones.by_blocks import decide_by_blocks
from unrelu.cones.by_program import certificate_by_program
from unrelu.cones.by_projection import decide_by_projection
from unrelu.cones.decide_sparse import decide_sparse_cone
from unrelu.cones.decision import ConeDecision, Decision, decided, still_open
from unrelu.cones.proofs import (
    Cone,
    ConeCertificate,
    Counting,
    Direction,
    Enclosed,
    ExactDirection,
    ExactMultipliers,
    FullRank,
    Multipliers,
)
from unrelu.cones.proofs.multipliers import residual_bound
from unrelu.exact.cone import project_exactly
from unrelu.exact.integers import integer_rows
from unrelu.rigor.matrices import as_array
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.rigor.singular import DENSE_SIZE, smallest_singular_value_bound
from unrelu.solvers.cone_projection import ConeProjection, Outcome, ProjectedDirection, project
from unrelu.solvers.dense_cone import DenseOutcome, project_dense
from unrelu.solvers.gram_rows import GramRows
from unrelu.solvers.signed_cone import project_signed
from unrelu.solvers.splitting import positive_multipliers

FEW_NUMBERS = 0.1
"""Part of the numbers other than zero up to which what the dense tests leave open is looked at as sparse."""

SMALL = 2**14
"""Numbers in a cone's rows up to which the dense test is at once the fastest and the most thorough."""

CROWDED = 8
"""Inequality rows for each free direction from which on a cone is first taken to be {0}.

On trained 3500 x 784 layers nearly all cones with more than 10 were, and none with fewer; only speed depends on it.
"""

WORTHWHILE = 4
"""Crowded cones that are worth trying products with shared matrices alone, which are slow for few at a time."""

EXACT_DIMENSION = 128
"""Coordinates up to which what floats leave open is decided in exact rational arithmetic."""

EXACT_ROWS = 1000
"""Inequality rows up to which that is done. It takes a second or so at the largest sizes, with numbers of 53 bits a few
times that; `unrelu.exact.nonnegative.WORK` ends what takes longer."""


def by_structure(cone: Cone) -> ConeDecision | None:
    """What counting, zero columns and the rank of the equality rows decide; None where they do not."""
    if Counting().verify(cone):
        return decided(Counting())
    if Enclosed().verify(cone):
        return decided(Enclosed())
    # The rank of blocks is cheaper to prove, and more often proved, block by block.
    enough = int(np.count_nonzero(cone.equalities)) >= cone.dimension and cone.rows.components.count == 1
    if enough and cone.rows.proves_full_column_rank(cone.equalities):
        return decided(FullRank())
    unused = cone.unused_columns
    if unused.size:
        unit = np.zeros(cone.dimension)
        unit[unused[0]] = 1.0
        return decided(Direction(unit, np.zeros(0, dtype=np.intp)))
    return None


def is_crowded(cone: Cone) -> bool:
    """Whether so many inequality rows meet in so few free directions that the cone is likely to be {0}."""
    free = cone.dimension - int(np.count_nonzero(cone.equalities))
    return int(np.count_nonzero(cone.inequalities)) >= CROWDED * free


def decide_cones(shared: GramRows, cones: list[Cone]) -> list[ConeDecision]:
    """Decide cones that use all the shared rows and that structure left open."""
    if not cones:
        return []
    if is_split(cones[0]):
        return [decide_by_blocks(cone, by_structure, decide_cone) for cone in cones]
    if cones[0].rows.is_sparse:
        return [_sparse(cone) for cone in cones]
    if cones[0].rows.matrix.size <= SMALL:
        return [_dense(cone) for cone in cones]
    decisions = _by_splitting(shared, cones)
    left = [k for k in range(len(cones)) if k not in decisions]
    if left:
        projections = project(
            shared,
            np.stack([cones[k].equalities for k in left]),
            np.stack([cones[k].inequalities for k in left]),
        )
        decisions.update((k, _judge(cones[k], projection)) for k, projection in zip(left, projections, strict=True))
    return [decisions[k] for k in range(len(cones))]


def _by_splitting(shared: GramRows, cones: list[Cone]) -> dict[int, ConeDecision]:
    """Those of the cones that look trivial and are found so by products with shared matrices alone."""
    likely = [k for k, cone in enumerate(cones) if is_crowded(cone)]
    if len(likely) < WORTHWHILE or shared.normal_factor is None:
        return {}
    found = positive_multipliers(shared, np.stack([cones[k].inequalities for k in likely]))
    return {
        k: decided(Multipliers(values), 1.0 / float(values[cones[k].inequalities].max()))
        for k, values in zip(likely, found, strict=True)
        if values is not None
    }


def decide_cone(cone: Cone) -> ConeDecision:
    """Decide one cone, which may leave rows out."""
    found = by_structure(cone)
    if found is not None:
        return found
    if is_split(cone):
        return decide_by_blocks(cone, by_structure, decide_cone)
    if cone.rows.is_sparse:
        return _sparse(cone)
    used = np.flatnonzero(cone.equalities | cone.inequalities)
    if cone.rows.matrix[used].size <= SMALL or not cone.inequalities.any():
        return _dense(cone)  # without inequalities, all that is left to ask is the rank
    if bool((cone.rows.bounded_column[cone.inequalities] >= 0).all()):
        found = _by_signs(cone)
        if found is not None:
            return found
    part = Cone(ScaledRows(cone.rows.matrix[used]), cone.equalities[used], cone.inequalities[used])
    found = decide_cones(GramRows(part.rows), [part])[0]
    return Decision(found.holds, _lifted(found, used, len(cone.equalities)), found.margin, found.reason)


def _sparse(cone: Cone) -> ConeDecision:
    """The tests for sparse rows, and for small cones that they leave open those for dense ones."""
    found = decide_sparse_cone(cone)
    m, d = cone.rows.shape
    if found.holds is not None:
        return found
    if m * d > DENSE_SIZE:
        return _by_projection(cone, found.reason)
    return decide_cone(Cone(ScaledRows(as_array(cone.rows.matrix)), cone.equalities, cone.inequalities))


def _by_signs(cone: Cone) -> ConeDecision | None:
    """The test for cones whose inequalities are signs of coordinates; None where it settles nothing."""
    rows = np.flatnonzero(cone.inequalities)
    columns, sign = cone.rows.bounded_column[rows], cone.rows.bound_sign[rows]
    if len(np.unique(columns)) < len(columns):
        return None
    signs = np.zeros(cone.dimension)
    signs[columns] = sign
    equalities = np.flatnonzero(cone.equalities)
    B = as_array(cone.rows.matrix[equalities])
    found = project_signed(B, signs)
    if found is None:
        return None
    if found.is_trivial:
        without = B[:, signs == 0]
        # Multipliers prove nothing where rows leave the coordinates without a sign a line.
        s = smallest_singular_value_bound(without) if len(without) >= without.shape[1] else 0.0
        if s == 0:
            return None
        values = np.zeros(len(cone.equalities))
        values[equalities] = found.equality_multipliers
        by_column = np.zeros(cone.dimension)
        by_column[signs != 0] = found.sign_multipliers
        values[rows] = by_column[columns] / np.abs(cone.rows.matrix[rows, columns])
        certificate = Multipliers(values)
        margin = float(found.sign_multipliers.min() / found.sign_multipliers.max())
        # A change of mu by at most rho / s makes the sum 0 on the coordinates without a sign, and that of the others
        # changes by at most ||B|| rho / s + rho, which their multipliers must exceed.
        rho = residual_bound(cone, values)
        change = rho * (1 + float(np.linalg.norm(B)) / s)
        clear = 2 * change < float(found.sign_multipliers.min())
        return decided(certificate, margin) if clear or certificate.verify(cone) else None
    certificate = Direction(found.residual, rows[found.residual[columns] == 0])
    if not certificate.verify(cone):
        return None
    return decided(certificate, float(np.linalg.norm(found.residual)) / len(rows) ** 0.5)


def _lifted(found: ConeDecision, used: np.ndarray, m: int) -> ConeCertificate | None:
    """The certificate of a part of the rows as one of all rows."""
    certificate = found.certificate
    if isinstance(certificate, Multipliers):
        values = np.zeros(m)
        values[used] = certificate.values
        return Multipliers(values)
    if isinstance(certificate, Direction):
        return Direction(certificate.direction, used[certificate.held])
    if isinstance(certificate, ExactMultipliers):
        whole = [0] * m
        for index, value in zip(used, certificate.values, strict=True):
            whole[index] = value
        return ExactMultipliers(tuple(whole))
    return certificate


def _judge(cone: Cone, projection: ConeProjection) -> ConeDecision:
    """Whether the evidence of a projection is clear; the dense test where it is not."""
    if projection.outcome is Outcome.MULTIPLIERS:
        assert projection.multipliers is not None
        lam = projection.multipliers[cone.inequalities]
        return decided(Multipliers(projection.multipliers), float(lam.min() / lam.max()))
    if projection.outcome is Outcome.DIRECTION:
        assert projection.direction is not None
        found = projection.direction
        if _is_clear(cone, found):
            return decided(Direction(found.vector, found.held), found.relative_size)
    return _dense(cone)


def _is_clear(cone: Cone, found: ProjectedDirection) -> bool:
    """The inequalities that `Direction.verify` proves, with an estimate of the singular value."""
    others = cone.inequalities.copy()
    others[found.held] = False
    equal = cone.equalities.copy()
    equal[found.held] = True
    size = float(np.linalg.norm(found.vector))
    # 1e-13 is what a row's product may be off by; twice what is needed leaves room for the estimate.
    distance = (float(np.linalg.norm(found.products[equal])) + 1e-13 * size) / found.least_singular_value
    slack = 2 * cone.rows.norms[others] * distance + 1e-13 * size
    return bool(size > 2 * distance and (found.products[others] + slack <= 0).all())


def _relative_size(cone: Cone, z: np.ndarray) -> float:
    total = float(np.linalg.norm(cone.rows.matrix[cone.inequalities].sum(axis=0)))
    return min(1.0, float(np.linalg.norm(z)) / total) if total > 0 else float("nan")


def _dense(cone: Cone) -> ConeDecision:
    """The dense test; only what its certificate proves counts."""
    rows = cone.rows.matrix
    inequalities = np.flatnonzero(cone.inequalities)
    found = project_dense(rows[cone.equalities], rows[inequalities])
    if found.outcome is DenseOutcome.FULL_RANK:
        certificates = [FullRank()]
    elif found.outcome is DenseOutcome.MULTIPLIERS:
        assert found.inequality_multipliers is not None
        values = np.zeros(len(rows))
        values[inequalities] = found.inequality_multipliers
        values[cone.equalities] = found.equality_multipliers
        certificates = [Multipliers(values)]
    else:
        certificates = [Direction(z, inequalities[held]) for z, held in zip(found.directions, found.held, strict=True)]
    for certificate in certificates:
        if certificate.verify(cone):
            return decided(certificate, _margin(cone, certificate))
    if cone.dimension <= EXACT_DIMENSION and len(inequalities) <= EXACT_ROWS:
        exact = _exact(cone)
        if exact.holds is not None:
            return exact
    local = _by_few_numbers(cone)
    if local is not None:
        return local
    last = certificate_by_program(cone)
    if last is not None:
        return decided(last, _margin(cone, last))
    if found.outcome is DenseOutcome.UNSETTLED:
        return _by_projection(cone, "the solver of the dense test did not end, a linear program led to no proof")
    return _by_projection(cone, f"the dense test found {found.outcome.value}, which rounding keeps from being proved")


def _by_projection(cone: Cone, before: str) -> ConeDecision:
    """The last resort, after what left the cone open before."""
    found = decide_by_projection(cone)
    return found if found.holds is not None else still_open(f"{before}; {found.reason}")


def _by_few_numbers(cone: Cone) -> ConeDecision | None:
    """The tests for sparse rows, where most numbers are 0 though they are stored: a direction may lie in a part."""
    rows = cone.rows.matrix
    if np.count_nonzero(rows) > FEW_NUMBERS * rows.size:
        return None
    found = decide_sparse_cone(Cone(ScaledRows(sparse.csr_array(rows)), cone.equalities, cone.inequalities))
    proved = found.certificate is not None and found.certificate.verify(cone)
    return found if proved else None


def _exact(cone: Cone) -> ConeDecision:
    """The exact test, which leaves nothing open but what takes too long."""
    rows = integer_rows(cone.rows.matrix)
    equalities, inequalities = np.flatnonzero(cone.equalities), np.flatnonzero(cone.inequalities)
    found = project_exactly([rows[i] for i in equalities], [rows[i] for i in inequalities], cone.dimension)
    if found is None:
        return still_open("rounding keeps it from being proved, and exact arithmetic took too many steps")
    if found.direction is not None:
        return decided(ExactDirection(found.direction))
    values = [0] * len(rows)
    for i, value in zip(inequalities, found.inequality_multipliers, strict=True):
        values[i] = value
    for i, value in zip(equalities, found.equality_multipliers, strict=True):
        values[i] = value
    return decided(ExactMultipliers(tuple(values)))


def _margin(cone: Cone, certificate: FullRank | Multipliers | Direction) -> float:
    if isinstance(certificate, Multipliers):
        lam = certificate.values[cone.inequalities]
        return float(lam.min() / lam.max())
    if isinstance(certificate, Direction) and cone.inequalities.any():
        return _relative_size(cone, certificate.direction)
    return float("nan")
