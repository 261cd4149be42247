"""Small inverse problems held against the exact oracle.

    cd tests && python -m inverse_against_oracle [--cases 2000] [--start 0] [--exact] [--out FILE.json]

Solutions that are missed, claims about them that are wrong, certificates that do not verify and exceptions are told
with their seeds, and counted with what is left incomplete.
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
from exact_inversion import exact_solutions, least_noise, missed
from inverse_cases import InverseCase, inverse_case
from known_preimages import Known, all_known
from unrelu.inverse.inversion import Inversion
from unrelu.inverse.solution import Solution
from whole_sets import values_at

SECONDS = 20.0
"""After which a search is stopped, and counts as incomplete if it proved nothing by then."""


def faults(
    case: InverseCase | Known, *, exact: bool = False, time_limit: float = SECONDS
) -> tuple[list[str], Inversion]:
    """What is wrong with the answer to one problem, and the answer.

    Args:
        case: the problem.
        exact: whether only exact solutions are asked for.
        time_limit: of the search.
    """
    domain = ur.Box(case.lower, case.upper)
    found = ur.invert(case.network, case.measured, domain=domain, exact=exact, time_limit=time_limit, progress=False)
    wrong: list[str] = []
    rho = found.resolution
    every = [exact_solutions(case.network, case.measured, case.lower, case.upper)]
    if rho.any():
        every.append(exact_solutions(case.network, case.measured, case.lower, case.upper, noise=rho))
    d = case.lower.size
    listed = [np.array([each.lower for each in found.solutions]).reshape(-1, d)]
    listed += [np.array([each.upper for each in found.solutions]).reshape(-1, d)]
    reached = listed if found.complete else [np.concatenate(each) for each in zip(listed, found.left, strict=True)]
    outer = found.outer_ranges
    for truth, what in zip(every, ("exact", "within the resolution"), strict=False):
        if lost := missed(truth, *reached):
            wrong.append(
                f"{len(lost)} of {len(truth.samples())} solutions ({what}) lie in no box, as {_floats(lost[0])}"
            )
        if any(not (a <= v <= b) for x in truth.samples() for v, (a, b) in zip(x, outer.tolist(), strict=True)):
            wrong.append(f"solutions ({what}) lie outside the outer ranges")
    whole = every[-1]
    if found.unique is True and whole.n_parts != 1:
        wrong.append(f"unique, where there are {whole.n_parts} parts")
    if found.unique is False and whole.n_parts == 1 and every[0].dimension <= 0:
        wrong.append("not unique, where there is one part, which is no flat")
    if found.complete and not found.certificate.verify():
        wrong.append("complete, and the certificate does not verify")
    for each in found.solutions:
        wrong += [f"{each!r}: {fault}" for fault in _faults_of(each, case, rho)]
    return wrong, found


def _faults_of(each: Solution, case: InverseCase | Known, rho: np.ndarray) -> list[str]:
    """What is wrong with what is said of one solution, all of it about the part of the set in its box."""
    wrong: list[str] = []
    truth = exact_solutions(case.network, case.measured, each.lower, each.upper)
    if each.exact is not None and each.exact != (truth.dimension >= 0):
        wrong.append(f"exact is {each.exact}, where the dimension is {truth.dimension}")
    if each.at_most_one and (truth.n_parts > 1 or truth.dimension > 0):
        wrong.append(f"at most one, where there are {truth.n_parts} parts of dimension {truth.dimension}")
    if truth.dimension >= 0 and truth.dimension not in each.dimension:
        wrong.append(f"dimension {each.dimension}, where it is {truth.dimension}")
    within = truth if not rho.any() else exact_solutions(case.network, case.measured, each.lower, each.upper, noise=rho)
    if each.holds and within.dimension < 0:
        wrong.append("holds a solution, where there is none in the box")
    center = [Fraction(v) for v in each.center.tolist()]
    outputs = values_at(case.network, center)
    off = [value - Fraction(y) for value, y in zip(outputs, case.measured.tolist(), strict=True)]
    if any(
        abs(Fraction(r) - v) > abs(v) * Fraction(2.0**-52) for r, v in zip(each.residual.tolist(), off, strict=True)
    ):
        wrong.append(f"the residual is {each.residual}, where it is {_floats(off)}")
    if each.holds and rho.any() and any(abs(v) > Fraction(r) for v, r in zip(off, rho.tolist(), strict=True)):
        wrong.append("the centre is no solution")
    inside = zip(each.lower.tolist(), center, each.upper.tolist(), strict=True)
    if any(not (a <= v <= b) for a, v, b in inside):
        wrong.append("the centre lies outside the box")
    least = least_noise(case.network, case.measured, each.lower, each.upper)
    if not each.noise[0] <= least <= each.noise[1]:
        wrong.append(f"the least noise is {float(least)}, said to lie in {each.noise}")
    return wrong


def _floats(values: object) -> list[float]:
    return [float(v) for v in values]  # pyright: ignore[reportGeneralTypeIssues]


def run(cases: dict[str, InverseCase | Known], *, exact: bool, time_limit: float) -> dict[str, object]:
    """Count the answers to some problems.

    Args:
        cases: by name.
        exact: see `faults`.
        time_limit: the same.
    """
    told: dict[str, list[str]] = {}
    incomplete: list[str] = []
    counts: collections.Counter[str] = collections.Counter()
    dimensions: collections.Counter[str] = collections.Counter()
    start, spent = time.perf_counter(), 0.0
    for name, case in cases.items():
        try:
            wrong, found = faults(case, exact=exact, time_limit=time_limit)
        except Exception:  # any exception at all is a fault to be told
            told[name] = ["crash: " + traceback.format_exc(limit=-1).splitlines()[-1]]
            continue
        spent += found.seconds
        if not found.complete:
            incomplete.append(name)
            truth = exact_solutions(case.network, case.measured, case.lower, case.upper)
            dimensions[f"dimension {truth.dimension}"] += 1
        if wrong:
            told[name] = wrong
        counts[f"{len(found.solutions)} solutions"] += 1
        counts["unique" if found.unique else "open" if found.unique is None else "not unique"] += 1
        counts.update(f"exact {each.exact}" for each in found.solutions)
    return {
        "cases": len(cases),
        "exact": exact,
        "seconds": round(time.perf_counter() - start, 1),
        "seconds of search": round(spent, 1),
        "counts": dict(sorted(counts.items())),
        "faults": told,
        "incomplete": incomplete,
        "incomplete by dimension": dict(sorted(dimensions.items())),
    }


def main() -> None:
    """Run cases and print what came out."""
    parser = argparse.ArgumentParser(description="Hold small inverse problems against the exact oracle.")
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each search")
    parser.add_argument("--exact", action="store_true")
    parser.add_argument("--known", action="store_true", help="the problems with answers in closed form instead")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    cases: dict[str, InverseCase | Known] = {}
    if given.known:
        cases.update((each.name, each) for each in all_known() if each.lower.size <= 3)
    else:
        cases.update((str(seed), inverse_case(seed)) for seed in range(given.start, given.start + given.cases))
    found = run(cases, exact=given.exact, time_limit=given.seconds)
    text = json.dumps(found, indent=1)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n")
    sys.exit(1 if found["faults"] else 0)


if __name__ == "__main__":
    main()
