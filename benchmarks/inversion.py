"""All solutions of learned forward models: how long they take, and whether another method finds one more.

    python -m benchmarks.inversion --emulchem DIR|WHEEL [--parts 3-lines ...] [--targets 100] [--verify]
        [--starts 4000] [--milp 3] [--out benchmarks/results/inversion.json]

Of each problem (`benchmarks.emulators`) uniformly random targets are inverted by `unrelu.invert`. Of each: the seconds
(of the clock, and of those the ones with a processor), how many solutions there are, whether the list is proved
complete, how wide its widest ball is (in units of the domain), what is said of exact roots, and with `--verify` the
seconds that checking the certificate takes. Beside it, on the same targets: Levenberg-Marquardt from thousands of
starts, with the number of its solutions, of those farther than 1e-6 of the domain from every listed ball (0 if a
complete list is right), of those that are solutions to the stated resolution in exact arithmetic and lie in no ball
(the same), and of listed solutions it did not find; and for the first targets a mixed-integer program by HiGHS, one
solution after another, for ten minutes at most. A part of the results that was asked for replaces the same part of an
older file.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

import unrelu as ur
from benchmarks.emulators import (
    FIVE_LINES,
    FIXED,
    THREE_LINES,
    Emulchem,
    Problem,
    chemistry_set,
    radex_problem,
)
from benchmarks.environment import environment
from benchmarks.milp_peer import milp_solutions
from benchmarks.newton_peer import newton_solutions
from benchmarks.peer_solutions import APART, PeerSolutions

PARTS = ("3-lines", "5-lines", "chemistry-4", "chemistry-6")

LIMITS = {"3-lines": 60.0, "5-lines": 60.0, "chemistry-4": 120.0, "chemistry-6": 600.0}
"""Seconds after which a search is stopped."""


def targets(emulchem: Emulchem, part: str, n: int) -> Iterator[tuple[Problem, int]]:
    """Problems and seeds of a part; each target of the chemistry has a set of molecules of its own."""
    if part.endswith("lines"):
        problem = radex_problem(emulchem, THREE_LINES if part == "3-lines" else FIVE_LINES)
        for seed in range(n):
            yield problem, seed
        return
    for seed in range(n):
        yield chemistry_set(emulchem, *((6, FIXED) if part == "chemistry-4" else (8, {})), seed), seed


def measured(problem: Problem, seed: int, *, limit: float, starts: int, milp: bool, verify: bool) -> dict[str, Any]:
    """One target by all methods."""
    x, y = problem.target(seed)
    domain = ur.Box(problem.lower, problem.upper)
    start, busy = time.perf_counter(), time.process_time()
    found = ur.invert(problem.network, y, domain=domain, time_limit=limit, progress=False)
    solutions = found.solutions
    row: dict[str, Any] = {
        "problem": problem.name,
        "parts": list(problem.parts),
        "seed": seed,
        "seconds": time.perf_counter() - start,
        "seconds_of_processor": time.process_time() - busy,
        "seconds_of_search": found.seconds,
        "complete": bool(found.complete),
        "unique": found.unique,
        "solutions": len(solutions),
        "flats": sum(each.is_flat for each in solutions),
        "settled": found.settled,
        "left": len(found.left[0]),
        "nodes": len(found.tree),
        "widest": max((float((each.radius / _width(problem)).max()) for each in solutions), default=0.0),
        "condition": [each.condition for each in solutions],
        "exact": {str(said): sum(each.exact is said for each in solutions) for said in (True, False, None)},
        "target_listed": bool(_distances(problem, x[None], solutions)[0] == 0),
    }
    if verify and found.complete:
        start = time.perf_counter()
        row["verified"] = bool(found.certificate.verify())
        row["seconds_to_verify"] = time.perf_counter() - start
    if starts:
        peer = newton_solutions(problem.network, y, problem.lower, problem.upper, starts=starts)
        row["newton"] = _beside(problem, found, peer)
    if milp:
        peer = milp_solutions(problem.network, y, problem.lower, problem.upper)
        row["milp"] = {**_beside(problem, found, peer), "finished": peer.finished, "programs": peer.runs}
    return row


def _beside(problem: Problem, found: ur.Inversion, peer: PeerSolutions) -> dict[str, Any]:
    """What another method found, held against the list."""
    far = _distances(problem, peer.points, found.solutions)
    members = [found.contains(x) for x in peer.points]
    missed = 0
    for each in found.solutions:
        gap = np.maximum(each.lower - peer.points, peer.points - each.upper) / _width(problem)
        missed += not bool((gap.max(axis=1, initial=-np.inf) <= APART).any())
    return {
        "seconds": peer.seconds,
        "solutions": len(peer.points),
        "outside": int((far > APART).sum()),
        "members_outside": sum(member and gap > 0 for member, gap in zip(members, far.tolist(), strict=True)),
        "not_found": missed,
        "seconds_to_each": list(peer.seconds_to_each),
    }


def _width(problem: Problem) -> np.ndarray:
    return np.where(problem.upper > problem.lower, problem.upper - problem.lower, 1.0)


def _distances(problem: Problem, points: np.ndarray, solutions: tuple[ur.Solution, ...]) -> np.ndarray:
    """How far points (n, d) are from the nearest listed box, in units of the domain; inf if there is none."""
    far = np.full(len(points), np.inf)
    for each in solutions:
        gap = np.maximum(np.maximum(each.lower - points, points - each.upper), 0.0)
        far = np.minimum(far, (gap / _width(problem)).max(axis=1))
    return far


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians and counts over targets."""
    seconds = np.array([row["seconds"] for row in rows])
    told: dict[str, Any] = {
        "targets": len(rows),
        "complete": sum(row["complete"] for row in rows),
        "unique": sum(row["unique"] is True for row in rows),
        "targets_listed": sum(row["target_listed"] for row in rows),
        "median_seconds": float(np.median(seconds)),
        "largest_seconds": float(seconds.max()),
        "solutions": [min(row["solutions"] for row in rows), max(row["solutions"] for row in rows)],
        "with_several": sum(row["solutions"] > 1 for row in rows),
        "widest": max(row["widest"] for row in rows),
    }
    checked = [row for row in rows if "verified" in row]
    if checked:
        told["verified"] = sum(row["verified"] for row in checked)
        told["median_seconds_to_verify"] = float(np.median([row["seconds_to_verify"] for row in checked]))
    for peer in ("newton", "milp"):
        beside = [row for row in rows if peer in row]
        if not beside:
            continue
        complete = [row for row in beside if row["complete"]]
        told[peer] = {
            "targets": len(beside),
            "median_seconds": float(np.median([row[peer]["seconds"] for row in beside])),
            "solutions": sum(row[peer]["solutions"] for row in beside),
            "listed_solutions": sum(row["solutions"] for row in beside),
            "outside_a_complete_list": sum(row[peer]["outside"] for row in complete),
            "members_outside_a_complete_list": sum(row[peer]["members_outside"] for row in complete),
            "targets_with_solutions_not_found": sum(row[peer]["not_found"] > 0 for row in beside),
        }
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description="Invert learned forward models, beside other methods.")
    parser.add_argument("--emulchem", type=Path, required=True)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS[:3]))
    parser.add_argument("--targets", type=int, default=100)
    parser.add_argument("--starts", type=int, default=4000)
    parser.add_argument("--milp", type=int, default=0, help="how many targets of each part HiGHS is asked about")
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/inversion.json"))
    options = parser.parse_args()
    emulchem = Emulchem(options.emulchem)
    result: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {"parts": {}}
    result["environment"] = {**environment(), "torch_threads": torch.get_num_threads()}
    for part in options.parts:
        rows: list[dict[str, Any]] = []
        for problem, seed in targets(emulchem, part, options.targets):
            row = measured(
                problem,
                seed,
                limit=LIMITS[part],
                starts=options.starts,
                milp=seed < options.milp,
                verify=options.verify,
            )
            rows.append(row)
            peer = row.get("newton", {})
            print(
                f"{part} {seed}: {row['solutions']} solutions in {row['seconds']:.2f} s, "
                f"{'complete' if row['complete'] else 'incomplete'}; outside {peer.get('outside', '-')}",
                flush=True,
            )
        result["parts"][part] = {"summary": summary(rows), "targets": rows}
        print(part, json.dumps(result["parts"][part]["summary"], indent=1))
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
