"""Metamers of small networks held against the exact oracle.

    cd tests && python -m metamers_against_oracle [--cases 500] [--start 0] [--norm 1] [--objective nearest]

Bounds that are wrong, points that are no members or not the best, and exceptions are told with their seeds.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import json
import math
import sys
import time
import traceback
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

import unrelu as ur
from exact_cones import ExactCone, integers
from exact_inversion import ExactSolutions, exact_solutions
from exact_oracle import determinant
from exact_sets import set_of_cone
from inverse_cases import inverse_case
from unrelu.errors import UnsupportedOperator
from unrelu.metamerism.exact.exact_metamer import exact_metamer
from unrelu.metamerism.feature_map import FeatureMap
from unrelu.metamerism.found import Found
from unrelu.network.graph import Network
from unrelu.solvers.status import Status
from whole_sets import values_at

SECONDS = 10.0
"""After which a search is stopped."""


@dataclass(frozen=True)
class MetamerCase:
    """Inputs with the features of a point, near to another or far from it.

    Attributes:
        network: the features.
        at: (d,) the original.
        target: (d,).
        lower: (d,) of the box.
        upper: (d,) of it.
        eps: by how much features may differ.
    """

    network: Network
    at: np.ndarray
    target: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    eps: float


def metamer_case(seed: int) -> MetamerCase:
    """A random network with numbers that are exact, an original that often lies on kinks, and a mask now and then."""
    case = inverse_case(seed, most_units=8)
    rng = np.random.default_rng([seed, 1])
    d = case.lower.size
    lower, upper = case.lower.copy(), case.upper.copy()
    steps = rng.choice([1, 2, 8, 64])
    at = lower + (upper - lower) * rng.integers(0, steps + 1, d) / steps
    target = lower + (upper - lower) * rng.integers(-2, 11, d) / 8
    if d > 1 and rng.random() < 0.2:
        fixed = int(rng.integers(d))
        lower[fixed] = upper[fixed] = at[fixed]
    return MetamerCase(case.network, at, target, lower, upper, float(rng.choice([0.0, 0.0, 0.0, 0.25])))


def solutions(case: MetamerCase) -> ExactSolutions:
    """All inputs with the features."""
    y = values_at(case.network, [Fraction(v) for v in case.at.tolist()])
    return exact_solutions(case.network, y, case.lower, case.upper, noise=case.eps)


def best_power(truth: ExactSolutions, target: np.ndarray, objective: str, norm: float) -> Fraction:
    """The least or the largest distance of a solution, exactly; of L2 its square."""
    t = [Fraction(v) for v in target.tolist()]
    corners = [list(point) for point in truth.points]
    corners += [list(corner) for flat in truth.flats for corner in flat.points.corners]
    if objective == "farthest":  # a convex function is largest at a corner
        return max(_size(corner, t, norm) for corner in corners)
    found = [_size(corner, t, norm) for corner in corners]
    found += [_least(flat.cone, [list(corner) for corner in flat.points.corners], t, norm) for flat in truth.flats]
    return min(found)


def _size(x: list[Fraction], t: list[Fraction], norm: float) -> Fraction:
    off = [abs(a - b) for a, b in zip(x, t, strict=True)]
    if norm == 2:
        return sum((v * v for v in off), Fraction(0))
    return max(off) if norm == math.inf else sum(off, Fraction(0))


def _least(cone: ExactCone, corners: list[list[Fraction]], t: list[Fraction], norm: float) -> Fraction:
    d = len(t)
    if norm == 2:
        return _least_square(corners, t)
    if norm == 1:  # linear wherever no coordinate changes its side of the target
        best = None
        for signs in itertools.product((1, -1), repeat=d):
            part = cone
            for j, sign in enumerate(signs):
                part = part.cut(integers([*(Fraction(sign * (i == j)) for i in range(d)), -sign * t[j]]))
            for corner in set_of_cone(part).corners:
                size = _size(list(corner), t, 1)
                best = size if best is None else min(best, size)
        assert best is not None
        return best
    lifted = ExactCone.whole_space(d + 1)  # (x, s), s at least each |x_j - t_j|
    for (*a, c), equal in cone.rows:
        lifted = lifted.cut((*a, 0, c), equal)
    for j, sign in itertools.product(range(d), (1, -1)):
        lifted = lifted.cut(integers([*(Fraction(-sign * (i == j)) for i in range(d)), Fraction(1), sign * t[j]]))
    return min(corner[-1] for corner in set_of_cone(lifted).corners)


def _least_square(corners: list[list[Fraction]], t: list[Fraction]) -> Fraction:
    """By Caratheodory: the nearest point is the projection onto the affine hull of at most d + 1 corners about it."""
    best = min(_size(corner, t, 2) for corner in corners)
    for count in range(2, len(t) + 2):
        for chosen in itertools.combinations(corners, count):
            first, edges = chosen[0], [[a - b for a, b in zip(c, chosen[0], strict=True)] for c in chosen[1:]]
            gram = [[_dot(a, b) for b in edges] for a in edges]
            right = [_dot(e, [a - b for a, b in zip(t, first, strict=True)]) for e in edges]
            whole = determinant(gram)
            if whole == 0:
                continue
            # Cramer's rule.
            columns = [
                [[right[i] if k == j else v for k, v in enumerate(row)] for i, row in enumerate(gram)]
                for j in range(len(gram))
            ]
            weights = [determinant(each) / whole for each in columns]
            if min(weights) < 0 or sum(weights) > 1:
                continue
            point = [a + sum(w * e[j] for w, e in zip(weights, edges, strict=True)) for j, a in enumerate(first)]
            best = min(best, _size(point, t, 2))
    return best


def _dot(a: list[Fraction], b: list[Fraction]) -> Fraction:
    return sum((x * y for x, y in zip(a, b, strict=True)), Fraction(0))


def search(case: MetamerCase, objective: str, norm: float, *, time_limit: float = SECONDS) -> Found:
    """The answer to a case, from the original itself."""
    return exact_metamer(
        FeatureMap(None, case.network),
        case.at,
        case.target,
        objective=objective,
        norm=norm,
        domain=ur.Box(case.lower, case.upper),
        eps=np.full(case.network.output_size, case.eps),
        start=case.at,
        time_limit=time_limit,
        progress=False,
    )


def faults(
    case: MetamerCase, objective: str, norm: float, *, time_limit: float = SECONDS, truth: ExactSolutions | None = None
) -> tuple[list[str], Found]:
    """What is wrong with the answer to one case, and the answer."""
    found = search(case, objective, norm, time_limit=time_limit)
    best = best_power(solutions(case) if truth is None else truth, case.target, objective, norm)
    bound = Fraction(found.bound) ** (2 if norm == 2 else 1)
    wrong = []
    near = objective == "nearest"
    optimum = math.sqrt(best) if norm == 2 else float(best)
    if bound > best if near else bound < best:
        wrong.append(f"the bound is {found.bound!r}, the optimum {optimum!r}")
    if not ((case.lower <= found.point) & (found.point <= case.upper)).all():
        wrong.append("the point lies outside the box")
    y = np.array([float(v) for v in values_at(case.network, [Fraction(v) for v in case.at.tolist()])])
    off = np.array([float(v) for v in values_at(case.network, [Fraction(v) for v in found.point.tolist()])]) - y
    if (np.abs(off) > case.eps + 2e-12 * max(1.0, np.abs(y).max(initial=0.0))).any():
        wrong.append(f"features are off by {np.abs(off).max()}")
    distance = float(np.linalg.norm(found.point - case.target, ord=norm))
    if abs(distance - found.distance) > 1e-12 * max(1.0, distance):
        wrong.append(f"the distance is {distance!r}, not {found.distance!r}")
    gap = (distance - optimum) if near else (optimum - distance)
    room = 2e-6 * max(1.0, distance)
    if gap < -1e-9 * max(1.0, distance):
        wrong.append(f"a distance of {distance!r} beats the optimum {optimum!r}")
    if found.status is Status.OPTIMAL and (gap > room or abs(found.bound - distance) > room):
        wrong.append(f"optimal, at {distance!r} with the bound {found.bound!r}, where the optimum is {optimum!r}")
    if found.radius == 0.0 and not np.array_equal(found.point, case.at) and off.any() and not case.eps:
        wrong.append("said to be an exact member, which it is not")
    return wrong, found


def run(seeds: range, objective: str, norm: float, time_limit: float) -> dict[str, object]:
    """Count the answers to some cases."""
    told: dict[str, list[str]] = {}
    counts: collections.Counter[str] = collections.Counter()
    start = time.perf_counter()
    for seed in seeds:
        try:
            case = metamer_case(seed)
            wrong, found = faults(case, objective, norm, time_limit=time_limit)
        except UnsupportedOperator:
            counts["refused"] += 1
            continue
        except Exception:  # any exception at all is a fault to be told
            told[str(seed)] = ["crash: " + traceback.format_exc(limit=-2)]
            continue
        counts[str(found.status)] += 1
        counts["radius proved"] += math.isfinite(found.radius)
        if wrong:
            told[str(seed)] = wrong
    seconds = round(time.perf_counter() - start, 1)
    return {
        "cases": len(seeds),
        "objective": objective,
        "norm": str(norm),
        "seconds": seconds,
        "counts": dict(sorted(counts.items())),
        "faults": told,
    }


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--norm", type=float, default=1)
    parser.add_argument("--objective", default="nearest")
    parser.add_argument("--seconds", type=float, default=SECONDS)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    result = run(range(args.start, args.start + args.cases), args.objective, args.norm, args.seconds)
    text = json.dumps(result, indent=1)
    if args.out:
        args.out.write_text(text + "\n")
    print(text)
    return 1 if result["faults"] else 0


if __name__ == "__main__":
    sys.exit(main())
