"""Newton's method for the analytic centre of `{ u : M u <= h }`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from unrelu.polyhedra.hull_rows import HullRows
from unrelu.solvers.status import Status

_RECESSION = 1e-12
"""A product of a row and a direction counts as zero below this, relative to their norms."""

_LEAST_START = 0.1
"""Slacks below this fraction of the median slack are raised to it before the first step, the rows being of size 1."""

_OFF = 0.01
"""Where a point is off the subspace of the equalities by more than this fraction of a slack, that is but rounding."""

_PATIENCE = 8
"""Steps of less than a hundredth in a row after which the search for an interior point is given up."""


@dataclass(frozen=True, eq=False)
class NewtonCentre:
    """Where Newton's method ended.

    Attributes:
        status: how: OPTIMAL, UNBOUNDED where a direction was met in which no slack shrinks, INACCURATE where rounding
            ended it inside, ITERATION_LIMIT, or FAILED where no point strictly inside was reached.
        point: (d,) the last point; strictly inside all rows unless the status is FAILED.
        slack: (m,) at the point.
        cholesky: lower factor of the Hessian `M' diag(slack)^-2 M` at the point, (n, n).
        decrement: Newton decrement there.
        steps: Newton steps taken.
        direction: (d,) of the recession cone (UNBOUNDED), else None.
    """

    status: Status
    point: np.ndarray
    slack: np.ndarray
    cholesky: np.ndarray
    decrement: float
    steps: int
    direction: np.ndarray | None = None


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what leaves the range of floats ends as FAILED
def newton_centre(
    rows: HullRows, start: np.ndarray | None = None, *, tolerance: float = 1e-9, max_steps: int = 120
) -> NewtonCentre:
    """Minimise `-sum_i log s_i` over `M u + s = h`.

    The start need not keep the rows: Newton's method is applied to u and s together, s positive and `M u + s = h`
    approached linearly and kept from the first full step on (Boyd and Vandenberghe, Convex Optimization, sections 10.3
    and 10.2). Once inside, steps are found by an exact line search; the barrier is self-concordant, so the decrement
    then falls quadratically.

    Args:
        rows: the inequalities, m >= 1 of them, in n >= 1 coordinates.
        start: (d,) anywhere, projected onto the subspace; the frame's point if None.
        tolerance: decrement at which to stop; smaller ones are reached when rounding allows.
        max_steps: steps allowed.
    """
    frame = rows.frame
    x = frame.point if start is None else frame.lifted(frame.projected(start))
    norms = rows.norms
    slack = rows.slack(x)
    s = _raised(slack, norms)
    inside = bool((slack > 0).all())
    decrement, shortest, least = np.inf, 0, np.inf
    L = np.zeros((0, 0))
    steps = 0
    for steps in range(1, max_steps + 1):
        factor = _factor(rows, s)
        if factor is None:
            return _ended(Status.INACCURATE if inside else Status.FAILED, x, slack, L, decrement, steps)
        L = factor
        gap = slack - s  # what s misses of the true slack
        weights = 1.0 / s
        g = rows.adjoint(weights - gap * weights**2)
        du = -scipy.linalg.cho_solve((L, True), g, check_finite=False)
        products = rows.products(du)
        ds = gap - products
        decrement = float(np.sqrt(max(0.0, -(g @ du))))
        never_shrinks = bool((products <= _RECESSION * norms * float(np.linalg.norm(du))).all())
        if inside and never_shrinks and decrement > tolerance:
            return _ended(Status.UNBOUNDED, x, slack, L, decrement, steps, frame.basis @ du)
        if inside and (decrement <= tolerance or (decrement < 1e-4 and decrement >= least)):
            break
        least = decrement if inside else np.inf
        step = _line_search(s, ds, exact=inside)
        x = x + frame.basis @ (step * du)
        slack = rows.slack(x)
        if inside and not bool((slack > 0).all()):
            # The body is as thin as rounding.
            return _ended(Status.FAILED, x, slack, L, decrement, steps)
        if inside or (step == 1.0 and bool((slack > 0).all())):
            inside, s = True, slack
        else:
            s = s + step * ds
        shortest = shortest + 1 if step < 0.01 else 0
        if not inside and shortest >= _PATIENCE:
            return _ended(Status.FAILED, x, slack, L, decrement, steps)
    else:
        return _ended(Status.ITERATION_LIMIT if inside else Status.FAILED, x, slack, L, decrement, steps)
    off = float(np.linalg.norm(x - frame.lifted(frame.projected(x))))
    if off > _OFF * float((slack / norms).min()):
        return _ended(Status.FAILED, x, slack, L, decrement, steps)
    line = _line(rows, L)
    if line is not None:
        return _ended(Status.UNBOUNDED, x, slack, L, decrement, steps, frame.basis @ line)
    return _ended(Status.OPTIMAL, x, slack, L, decrement, steps)


def _ended(
    status: Status,
    x: np.ndarray,
    slack: np.ndarray,
    L: np.ndarray,
    decrement: float,
    steps: int,
    direction: np.ndarray | None = None,
) -> NewtonCentre:
    return NewtonCentre(status, x, slack, L, decrement, steps, direction)


def _raised(slack: np.ndarray, norms: np.ndarray) -> np.ndarray:
    """Positive slacks to start from: the true ones where they are large enough."""
    distances = slack / norms
    typical = float(np.median(np.abs(distances)))
    floor = _LEAST_START * (typical if typical > 0 else float(np.abs(distances).max(initial=0.0)) or 1.0)
    if bool((distances > 0).all()):
        return slack.copy()
    return np.maximum(distances, floor) * norms


def _factor(rows: HullRows, s: np.ndarray) -> np.ndarray | None:
    """The lower Cholesky factor of the Hessian, with the least shift that makes it exist; None if none does."""
    H = rows.gram(s**-2.0)
    diagonal = np.einsum("ii->i", H)
    size = float(diagonal.max(initial=0.0))
    for shift in (0.0, 1e-15, 1e-13):
        diagonal += shift * size
        try:
            return scipy.linalg.cholesky(H, lower=True, check_finite=True)
        except (np.linalg.LinAlgError, ValueError):
            continue
    return None


def _line_search(s: np.ndarray, ds: np.ndarray, *, exact: bool) -> float:
    """A step for `s + step ds > 0`: the minimiser of `-sum log` when exact, else the longest up to 1."""
    ratio = ds / s
    least = float(ratio.min())
    longest = np.inf if least >= 0 else -1.0 / least
    if not exact:
        return 1.0 if longest > 1.0 else 0.9 * longest
    step = min(1.0, 0.5 * longest)
    low, high = 0.0, longest
    for _ in range(30):
        quotient = ratio / (1.0 + step * ratio)
        slope, curvature = -float(quotient.sum()), float(quotient @ quotient)
        low, high = (step, high) if slope < 0 else (low, step)
        if curvature == 0.0 or abs(slope) <= 1e-3 * np.sqrt(curvature):
            break
        moved = step - slope / curvature
        if not low < moved < high:
            moved = 0.5 * (low + high) if np.isfinite(high) else 2.0 * step
        step = moved
    return min(step, 0.99 * longest)


def _line(rows: HullRows, L: np.ndarray) -> np.ndarray | None:
    """A direction on which all rows vanish, by inverse iteration with the Hessian's factor; None if there is none."""
    v = np.random.default_rng(0).standard_normal(len(L))
    for _ in range(3):
        v = scipy.linalg.cho_solve((L, True), v, check_finite=False)
        size = float(np.abs(v).max())
        if not 0 < size < np.inf:
            return None
        v /= size
    v /= np.linalg.norm(v)
    return v if bool((np.abs(rows.products(v)) <= _RECESSION * rows.norms).all()) else None
