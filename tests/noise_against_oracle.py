"""Small inverse problems with noise held against the exact oracle.

    cd tests && python -m noise_against_oracle [--cases 300] [--start 0] [--out FILE.json]

Ranges whose outer ends cut off a consistent input, inner ends that are at none, wrong words about emptiness or the
number of parts, certificates that do not verify and exceptions are told with their seeds.
"""

from __future__ import annotations

import argparse
import collections
import json
import sys
import time
import traceback
from fractions import Fraction
from pathlib import Path

import numpy as np

import unrelu as ur
from exact_inversion import ExactSolutions, exact_solutions, missed
from inverse_cases import InverseCase, inverse_case
from known_preimages import Known
from unrelu.preimages.search.covered import covered

SECONDS = 10.0
"""After which a question is stopped."""

WITHIN = 0.05


def noise_of(seed: int, m: int) -> float | np.ndarray:
    """Noise that is none, small, large, different for each output, or an interval on one side."""
    rng = np.random.default_rng([seed, 7])
    way = int(rng.integers(6))
    if way == 0:
        return 0.0
    if way == 1:
        return float(rng.choice([2.0**-10, 0.125, 0.5, 2.0]))
    if way == 2:
        return rng.choice([0.0, 0.25, 1.0], m)
    if way == 3:
        return rng.choice([0.0, 0.25, 1.0], (m, 2))
    if way == 4:
        return np.stack([np.full(m, np.inf), rng.choice([0.25, 1.0], m)], axis=1)
    return 1e4


def truth_of(case: InverseCase | Known, found: ur.ConsistentSet) -> ExactSolutions:
    """All inputs that are consistent, by rational arithmetic."""
    asked = found.statement
    y = [Fraction(v) for v in asked.features.tolist()]
    return exact_solutions(case.network, y, case.lower, case.upper, noise=asked.resolution.numpy())


def faults(
    case: InverseCase | Known, noise: float | np.ndarray, seed: int, *, time_limit: float = SECONDS
) -> tuple[list[str], ur.ConsistentSet, ur.ConsistentRanges]:
    """What is wrong with the answers to one problem, and two of the answers.

    Args:
        case: the problem.
        noise: as for `ur.invert`.
        seed: of the functionals that are asked about.
        time_limit: of each question.
    """
    d = case.lower.size
    domain = ur.Box(case.lower, case.upper)
    found = ur.invert(case.network, case.measured, domain=domain, noise=noise, time_limit=time_limit, progress=False)
    truth = truth_of(case, found)
    corners = truth.samples()
    rows = np.random.default_rng([seed, 8]).integers(-3, 4, (2, d)).astype(float)
    wrong: list[str] = []
    asked = [found.ranges(within=WITHIN, progress=False), found.ranges(rows, within=WITHIN, progress=False)]
    asked.append(found.ranges(within=WITHIN / 8, progress=False))
    for told in asked:
        wrong += _faults_of(told, truth, corners)
    if found.empty is not (truth.dimension < 0) and not (found.empty is None and asked[0].stopped):
        wrong.append(f"empty is {found.empty}, where the dimension is {truth.dimension}")
    if lost := missed(truth, *found.boxes):
        wrong.append(f"{len(lost)} consistent inputs lie in no box, as {[float(v) for v in lost[0]]}")
    if found.parts > truth.n_parts:
        wrong.append(f"at least {found.parts} parts, where there are {truth.n_parts}")
    proof = found.certificate
    if not proof.verify():
        wrong.append("the certificate does not verify")
    boxes, proved = ({row.tobytes() for row in np.hstack(each)} for each in (found.boxes, covered(proof)))
    if boxes != proved:
        wrong.append(f"the certificate leaves other boxes: {len(proved - boxes)} more, {len(boxes - proved)} fewer")
    if not np.array_equal(proof.outer_ranges, found.outer_ranges, equal_nan=True):
        wrong.append(f"the certificate is about {proof.outer_ranges}, not {found.outer_ranges}")
    if not np.array_equal(asked[2].outer, found.outer_ranges, equal_nan=True):
        wrong.append("the last outer ranges are none of the boxes")
    for x in found.members:
        if not truth.contains([Fraction(v) for v in x.tolist()]):
            wrong.append(f"{x} is said to be a member")
    return wrong, found, asked[0]


def _faults_of(told: ur.ConsistentRanges, truth: ExactSolutions, corners: list[tuple[Fraction, ...]]) -> list[str]:
    wrong: list[str] = []
    for k, row in enumerate(told.functionals.tolist()):
        values = [sum((Fraction(a) * v for a, v in zip(row, x, strict=True)), Fraction(0)) for x in corners]
        (low, high), (a, b) = told.outer[k].tolist(), told.inner[k].tolist()
        if values and told.empty:
            wrong.append("said to be empty")
            continue
        if not values:
            continue
        if not (low <= min(values) and max(values) <= high):
            wrong.append(f"outer {low, high} of {row}, where values are {float(min(values)), float(max(values))}")
        if told.empty is None:
            continue
        if not (Fraction(a) >= min(values) or a == float(min(values))) or not (
            Fraction(b) <= max(values) or b == float(max(values))
        ):
            wrong.append(f"inner {a, b} of {row}, where values are {float(min(values)), float(max(values))}")
        for end, x in zip((a, b), told.members[k].tolist(), strict=True):
            point = [Fraction(v) for v in x]
            if not truth.contains(point):
                wrong.append(f"{x} at an inner end is no member")
            if float(sum((Fraction(c) * v for c, v in zip(row, point, strict=True)), Fraction(0))) != end:
                wrong.append(f"the inner end {end} is not the value at {x}")
        if not low <= a <= b <= high:
            wrong.append(f"outer {low, high} and inner {a, b} of {row}")
        if told.reached[k] and told.gap[k] > WITHIN * (1 + 1e-6) and high - low > 1e-6:
            wrong.append(f"reached with a gap of {told.gap[k]}")
    return wrong


def run(
    cases: dict[str, tuple[InverseCase | Known, float | np.ndarray, int]], *, time_limit: float
) -> dict[str, object]:
    """Count the answers to some problems.

    Args:
        cases: by name, with noise and seed.
        time_limit: of each question.
    """
    told: dict[str, list[str]] = {}
    open_: list[str] = []
    counts: collections.Counter[str] = collections.Counter()
    start = time.perf_counter()
    for name, (case, noise, seed) in cases.items():
        try:
            wrong, found, ranges = faults(case, noise, seed, time_limit=time_limit)
        except Exception:  # any exception at all is a fault to be told
            told[name] = ["crash: " + traceback.format_exc(limit=-2)]
            continue
        if wrong:
            told[name] = wrong
        if not ranges.reached.all():
            open_.append(f"{name}: {ranges.stopped}")
        counts[f"empty {found.empty}"] += 1
        counts[f"at least {found.parts} parts"] += 1
        counts["reached" if ranges.reached.all() else "not reached"] += 1
    return {
        "cases": len(cases),
        "seconds": round(time.perf_counter() - start, 1),
        "counts": dict(sorted(counts.items())),
        "faults": told,
        "not reached": open_,
    }


def main() -> None:
    """Run cases and print what came out."""
    parser = argparse.ArgumentParser(description="Hold small inverse problems with noise against the exact oracle.")
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each question")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    cases: dict[str, tuple[InverseCase | Known, float | np.ndarray, int]] = {}
    for seed in range(given.start, given.start + given.cases):
        case = inverse_case(seed, most_inputs=3, most_units=12)
        cases[str(seed)] = case, noise_of(seed, case.measured.size), seed
    found = run(cases, time_limit=given.seconds)
    text = json.dumps(found, indent=1)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n")
    sys.exit(1 if found["faults"] else 0)


if __name__ == "__main__":
    main()
