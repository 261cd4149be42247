"""Every kind of small question held against the exact oracle.

    cd tests && python -m against_oracle [--cases 20000] [--start 0] [--out FILE.json]

Wrong verdicts, verdicts whose own certificate does not verify, and exceptions are told with their seeds, and counted
with what is left UNDECIDED.
"""

from __future__ import annotations

import argparse
import collections
import json
import sys
import time
import traceback
from pathlib import Path

import numpy as np

from oracle_cases import OracleCase, oracle_case
from unrelu.errors import DomainError
from unrelu.preimages.kind import Kind
from unrelu.preimages.questions import classify, preimage


def faults(case: OracleCase) -> tuple[list[str], str]:
    """What is wrong with the answers to one case, and the kind that was found ("outside" for a refusal)."""
    system = case.system
    settings = {"domain": system.domain, "tolerance": system.tolerance}
    if not case.by_point:
        found = preimage(case.layer, features=system.features, **settings)
    else:
        try:
            found = preimage(case.layer, at=system.point, exact=case.exact, **settings)
        except DomainError:
            return ([] if case.truth is None else ["refused, though the point lies in the domain"]), "outside"
    if case.truth is None:
        return ["no refusal, though the point lies outside the domain"], found.kind.value
    wrong: list[str] = []
    if found.kind is Kind.UNDECIDED:
        if not found.reason:
            wrong.append("undecided without a reason")
        if found.bounded not in {None, case.truth.bounded} or found.singleton not in {None, case.truth.singleton}:
            wrong.append(f"bounded {found.bounded}, singleton {found.singleton}, where it is {case.truth.kind}")
    else:
        if found.kind.value != case.truth.kind:
            wrong.append(f"{found.kind.value}, where it is {case.truth.kind}")
        if not found.certificate.verify():
            wrong.append("unproved")
    if case.truth.dimension not in found.dimension:
        wrong.append(f"dimension {found.dimension}, where it is {case.truth.dimension}")
    if case.by_point:
        points = np.stack([system.point, system.point])
        batch = classify(case.layer, points, exact=case.exact, progress=False, workers=1, **settings)
        if [kind.value for kind in batch.kind] != [found.kind.value] * 2:
            wrong.append(f"classify says {[kind.value for kind in batch.kind]}, preimage {found.kind.value}")
    return wrong, found.kind.value


def run(seeds: range) -> dict[str, object]:
    """Count the answers to the cases of some seeds.

    Args:
        seeds: of the cases.
    """
    kinds: collections.Counter[str] = collections.Counter()
    ways: collections.Counter[str] = collections.Counter()
    told: dict[int, list[str]] = {}
    undecided: list[int] = []
    start = time.perf_counter()
    for seed in seeds:
        case = oracle_case(seed)
        ways.update(case.what)
        try:
            wrong, kind = faults(case)
        except Exception:  # any exception at all is a fault to be told
            wrong, kind = ["crash: " + traceback.format_exc(limit=-1).splitlines()[-1]], "crash"
        kinds[kind] += 1
        if kind == Kind.UNDECIDED.value:
            undecided.append(seed)
        if wrong:
            told[seed] = wrong
    return {
        "cases": len(seeds),
        "first seed": seeds.start,
        "seconds": round(time.perf_counter() - start, 1),
        "kinds": dict(kinds),
        "ways": dict(ways),
        "faults": {str(seed): wrong for seed, wrong in told.items()},
        "undecided": undecided,
    }


def main() -> None:
    """Run cases and print what came out."""
    parser = argparse.ArgumentParser(description="Hold small questions against the exact oracle.")
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found = run(range(given.start, given.start + given.cases))
    text = json.dumps(found, indent=1)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n")
    sys.exit(1 if found["faults"] else 0)


if __name__ == "__main__":
    main()
