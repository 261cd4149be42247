"""Ranges of unknowns behind noisy measurements of learned forward models: how long they take to a stated precision.

    python -m benchmarks.noise --emulchem DIR|WHEEL [--parts 3-lines ...] [--targets 20] [--noise 0.01] [--within 0.05]
        [--verify 5] [--out benchmarks/results/noise.json]

Of each problem (`benchmarks.inversion`) uniformly random targets, each measured number being uncertain by a share of
its magnitude: the seconds (of a clock, and of the processor) of `ConsistentSet.ranges` until all outer and inner ends
are within a share of the range's width, the largest gap, how many boxes were bounded, how wide the ranges are in units
of the domain, whether the input that made the target lies in the outer ranges (it has to) and whether all inner ends
are at members by exact outputs (they have to be). Of the first targets: the seconds to check the certificate, how many
parts there are at least after `refine(0.05)`, and the seconds and the gap of the least misfit of the same numbers with
Gaussian errors added. A part of the results that was asked for replaces the same part of an older file.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import unrelu as ur
from benchmarks.emulators import Emulchem, Problem
from benchmarks.environment import environment
from benchmarks.inversion import targets

PARTS = ("3-lines", "5-lines", "chemistry-4")

LIMIT = 300.0
"""Seconds after which the search for ranges is stopped."""

SHORT = 60.0
"""Seconds after which the other questions are."""


def measured(problem: Problem, seed: int, *, noise: float, within: float, more: bool) -> dict[str, Any]:
    """One target."""
    x, y = problem.target(seed)
    domain, off = ur.Box(problem.lower, problem.upper), noise * np.abs(y)
    start, before = time.perf_counter(), time.process_time()
    found = ur.invert(problem.network, y, domain=domain, noise=off)
    told = found.ranges(within=within, time_limit=LIMIT, progress=False)
    seconds, busy = time.perf_counter() - start, time.process_time() - before
    free = problem.lower < problem.upper
    width = (told.outer[:, 1] - told.outer[:, 0])[free] / (problem.upper - problem.lower)[free]
    row: dict[str, Any] = {
        "problem": problem.name,
        "seed": seed,
        "seconds": seconds,
        "processor_seconds": busy,
        "reached": bool(told.reached.all()),
        "gap": told.gap.tolist(),
        "outer": told.outer.tolist(),
        "inner": told.inner.tolist(),
        "share_of_the_domain": width.tolist(),
        "boxes": found._search.covering.n_examined,
        "target_inside": bool(((told.outer[:, 0] <= x) & (x <= told.outer[:, 1])).all()),
        "inner_ends_are_members": all(found.contains(each) for pair in told.members for each in pair),
    }
    if more:
        start = time.perf_counter()
        row["verified"] = bool(found.certificate.verify())
        row["seconds_to_verify"] = time.perf_counter() - start
        row["certified"] = bool(np.array_equal(found.certificate.outer_ranges, found.outer_ranges))
        start = time.perf_counter()
        row["refined"] = found.refine(0.05, time_limit=SHORT, progress=False)
        row["seconds_to_refine"] = time.perf_counter() - start
        row["parts"] = found.parts
        noisy = y + off * np.random.default_rng(seed).standard_normal(len(y))
        fit = ur.invert(problem.network, noisy, domain=domain, noise=off).best_fit(
            off, time_limit=LIMIT, progress=False
        )
        row["fit"] = {"seconds": fit.seconds, "misfit": fit.misfit, "least": fit.least, "reached": fit.reached}
    return row


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Medians and counts over targets."""
    seconds = np.array([row["seconds"] for row in rows])
    told: dict[str, Any] = {
        "targets": len(rows),
        "reached": sum(row["reached"] for row in rows),
        "median_seconds": float(np.median(seconds)),
        "median_processor_seconds": float(np.median([row["processor_seconds"] for row in rows])),
        "largest_processor_seconds": float(max(row["processor_seconds"] for row in rows)),
        "largest_seconds": float(seconds.max()),
        "largest_gap": float(max(np.nanmax(row["gap"]) for row in rows)),
        "median_boxes": float(np.median([row["boxes"] for row in rows])),
        "targets_inside": sum(row["target_inside"] for row in rows),
        "inner_ends_are_members": sum(row["inner_ends_are_members"] for row in rows),
    }
    more = [row for row in rows if "verified" in row]
    if more:
        told["verified"] = sum(row["verified"] and row["certified"] for row in more)
        told["median_seconds_to_verify"] = float(np.median([row["seconds_to_verify"] for row in more]))
        told["parts"] = [min(row["parts"] for row in more), max(row["parts"] for row in more)]
        told["median_seconds_to_refine"] = float(np.median([row["seconds_to_refine"] for row in more]))
        told["fits_reached"] = sum(row["fit"]["reached"] for row in more)
        told["median_seconds_of_a_fit"] = float(np.median([row["fit"]["seconds"] for row in more]))
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description="Ranges of unknowns behind noisy measurements.")
    parser.add_argument("--emulchem", type=Path, required=True)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--targets", type=int, default=20)
    parser.add_argument("--noise", type=float, default=0.01, help="share of each measured number")
    parser.add_argument("--within", type=float, default=0.05, help="share of each range's width that may be open")
    parser.add_argument("--verify", type=int, default=5, help="how many targets are asked more about")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/noise.json"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    result: dict[str, Any] = json.loads(options.out.read_text()) if options.out.exists() else {"parts": {}}
    result["environment"] = {**environment(), "torch_threads": torch.get_num_threads()}
    for part in options.parts:
        rows: list[dict[str, Any]] = []
        for problem, seed in targets(Emulchem(options.emulchem), part, options.targets):
            more = seed < options.verify
            rows.append(measured(problem, seed, noise=options.noise, within=options.within, more=more))
            print(part, {k: v for k, v in rows[-1].items() if k not in ("outer", "inner", "problem")}, flush=True)
        asked = {"noise": options.noise, "within": options.within}
        result["parts"][part] = {**asked, "summary": summary(rows), "targets": rows}
        print(part, json.dumps(result["parts"][part]["summary"], indent=1))
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
