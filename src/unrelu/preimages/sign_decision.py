"""Whether a system of strict and weak inequalities has a solution: linear programs first, then integers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unrelu.cones.decision import Decision
from unrelu.errors import SolverFailure
from unrelu.exact.nonnegative import nonnegative_solution
from unrelu.preimages.certificates.motzkin import ExactMotzkin, Motzkin
from unrelu.preimages.certificates.sign_system import OrientedRows, SignCertificate, SignSystem
from unrelu.preimages.certificates.witness import ExactWitness, Witness
from unrelu.solvers.linear_program import LinearProgram, LinearSolution
from unrelu.solvers.row_system import RowSystem
from unrelu.solvers.status import Status

EXACT_DIMENSION = 40
"""Coordinates up to which what floats leave open is decided by integers."""

EXACT_ROWS = 200
"""Rows, bounds included, up to which that is done."""


def decide_signs(system: SignSystem) -> Decision[SignCertificate]:
    """Whether a sign system has a solution; what is decided is proved. The margin is that of `Admissibility`."""
    rows = system.oriented
    margin, reason = float("nan"), ""
    if rows.equal.any():
        torn = _inconsistency(rows)
        if torn.verify(system):
            return Decision(torn.admissible, torn, margin)
    # With room on all rows the point is a witness in floats; where there is none, the weak rows may hold with equality.
    for roomy in (~rows.equal, rows.strict):
        try:
            found = _widest(system, roomy)
            if found.status is Status.INFEASIBLE:
                found = _least_broken(system)
        except SolverFailure as failure:
            reason = str(failure)
            break
        if roomy is not rows.strict and found.point is not None:
            margin = -found.objective
        for certificate in _candidates(system, found):
            if certificate.verify(system):
                return Decision(certificate.admissible, certificate, margin)
        reason = f"the solver says {found.status.value} with a margin of {-found.objective:.2g}"
    if is_small(system):
        exact = decide_signs_exactly(system)
        if exact is not None:
            return Decision(exact.admissible, exact, margin)
        return Decision(None, None, margin, "exact arithmetic took too many steps")
    return Decision(None, None, margin, f"{reason}, which rounding keeps from being proved")


def _widest(system: SignSystem, roomy: np.ndarray) -> LinearSolution:
    """Maximise `t <= 1` over x in the bounds with `r_i.x + c_i >= t` on the roomy rows and `>= 0` on the others."""
    rows, D = system.oriented, system.domain
    program = LinearProgram(
        RowSystem(
            np.column_stack([rows.matrix, np.where(roomy, -1.0, 0.0)]),
            row_lower=-rows.constants,
            row_upper=np.where(rows.equal, -rows.constants, np.inf),
            lower=np.append(D.lower, -np.inf),
            upper=np.append(D.upper, 1.0),
        )
    )
    return program.minimise(np.append(np.zeros(system.dimension), -1.0))


def _least_broken(system: SignSystem) -> LinearSolution:
    """Maximise `t <= 0` over x in the bounds with `r_i.x + c_i >= t` on all rows, and `<= -t` on equal ones.

    Its multipliers are given as those of `_widest`: one a row of the system, of either sign on equal ones.
    """
    rows, D = system.oriented, system.domain
    equal = np.flatnonzero(rows.equal)
    matrix = np.vstack([rows.matrix, -rows.matrix[equal]])
    constants = np.concatenate([rows.constants, -rows.constants[equal]])
    program = LinearProgram(
        RowSystem(
            np.column_stack([matrix, np.full(len(matrix), -1.0)]),
            row_lower=-constants,
            lower=np.append(D.lower, -np.inf),
            upper=np.append(D.upper, 0.0),
        )
    )
    found = program.minimise(np.append(np.zeros(system.dimension), -1.0))
    duals = np.maximum(found.row_duals, 0.0)
    together = duals[: len(rows.equal)]
    together[equal] -= duals[len(rows.equal) :]
    return replace(found, row_duals=together)


def _inconsistency(rows: OrientedRows) -> Motzkin:
    """The residual of the equal rows' least squares, with the sign that makes it a proof that they have no solution."""
    M, c = rows.matrix[rows.equal], rows.constants[rows.equal]
    residual = c
    for _ in range(2):  # the second time removes what rounding left in the range of M
        residual = residual - M @ np.linalg.lstsq(M, residual)[0]
    values = np.zeros(len(rows.equal))
    values[rows.equal] = -residual
    return Motzkin(values)


def _candidates(system: SignSystem, found: LinearSolution) -> list[Witness | Motzkin]:
    """What the solution may be a proof of, the likelier first."""
    rows, D = system.oriented, system.domain
    # In Motzkin's sum the rows of the layer and of the domain count; what the bounds have to add follows from them.
    duals = np.where(rows.equal, found.row_duals, np.maximum(found.row_duals, 0.0))
    multipliers = Motzkin(duals)
    if found.point is None:
        return [multipliers]
    witness = Witness(np.clip(found.point[:-1], D.lower, D.upper))
    return [witness, multipliers] if found.objective < 0 else [multipliers, witness]


def is_small(system: SignSystem) -> bool:
    """Whether the system is decided by integers where floats leave it open."""
    return system.dimension <= EXACT_DIMENSION and len(system.exact_rows) <= EXACT_ROWS


def decide_signs_exactly(system: SignSystem) -> ExactWitness | ExactMotzkin | None:
    """Motzkin's alternative in integers; None where it takes too long.

    For the rows `(r_i, c_i)` and the row `(0, 1)`, which all count as constraints on `z = (x, 1)`: either some v, not
    negative but on equal rows, with `sum of v on strict rows = 1` has `sum v_i (r_i, c_i) = 0`, the strict row `(0, 1)`
    included, or there are z and t > 0 with `(r_i, c_i).z >= t` on strict rows, `>= 0` on weak and `= 0` on equal rows.
    """
    n, d = len(system.exact_rows), system.dimension
    last = [0] * d + [1]
    columns = [[*row, int(strict)] for row, strict in zip(system.exact_rows, system.exact_strict.tolist(), strict=True)]
    columns.append([*last, 1])
    equal = np.flatnonzero(system.exact_equal).tolist()
    columns += [[-number for number in columns[i]] for i in equal]
    found = nonnegative_solution([list(row) for row in zip(*columns, strict=True)], [0] * (d + 1) + [1])
    if found is None:
        return None
    if found.farkas is not None:
        *numerators, denominator = (-number for number in found.farkas[:-1])
        return ExactWitness(tuple(numerators), denominator)
    assert found.solution is not None
    values = list(found.solution[:n])
    for i, value in zip(equal, found.solution[n + 1 :], strict=True):
        values[i] -= value
    return ExactMotzkin(tuple(values))
