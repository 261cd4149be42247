"""Solutions and ranges of a learned forward model beside what is used for them: fits, samplers, boxes.

    pip install dynesty emcee
    python -m benchmarks.noise_peers --emulchem DIR|WHEEL [--targets 3] [--noise 0.01]
        [--out benchmarks/results/noise_peers.json]

Three lines of RADEX (`benchmarks.emulators`), uniformly random inputs, each measured number uncertain by a share of its
magnitude. On each target, one after another on one thread:

* `unrelu.invert`: all exact solutions, here called modes; and, with `noise=`, `ranges(within=0.05)`: outer ends
  (nothing consistent lies outside) and inner ends (at proved members).
* least squares from 100 and from 1,000 starts (SciPy, in the box), dynesty (500 live points, random walks), and emcee
  (64 walkers, 10,000 steps of which the first 2,000 are dropped): with a uniform prior on the box and Gaussian errors
  whose central 99 % is the interval of each measured number.
* boxes halved with plain interval arithmetic (`benchmarks.interval_peer`), for five times the seconds of our ranges.

The peers' forward model is plain NumPy on as many inputs at once as they ask for; ours is the network of the package.
A mode is *found* by a method if one of its fits or samples lies within 2 % of the domain's width of it in each input.
How far an interval *falls short* of a range: the share of the inner range (whose ends are consistent inputs) that lies
outside of it. Of samplers that is said of the central 99 % of each unknown, and of the least and greatest samples that
are consistent (*points*). How far those 99 % go *beyond*: how much of them lies outside of the outer range, in units of
its width; with errors that are Gaussian some has to, and of a chain that is stuck much does. They answer another
question than ours, which inputs are probable, and need not hold everything that is consistent. A sampler that is not
installed is left out.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

import unrelu as ur
from benchmarks.emulators import THREE_LINES, Emulchem, Problem, radex_problem
from benchmarks.environment import environment
from benchmarks.interval_peer import interval_ranges
from benchmarks.sampler_peers import Misfit, Sampled, ensemble, many_fits, nested
from benchmarks.stacked_emulators import StackedEmulators

NEAR = 0.02
"""A mode is found by a point this near to it, in units of the domain, in each input."""

WITHIN = 0.05
"""Share of each range's width that may be open."""

LIMIT = 120.0
"""Seconds after which the search for ranges is stopped."""

LONGER = 5.0
"""The boxes' seconds, in those of our ranges."""

PEERS: dict[str, Callable[[Misfit, int], Sampled]] = {
    "100 fits": lambda misfit, seed: many_fits(misfit, starts=100, seed=seed),
    "1000 fits": lambda misfit, seed: many_fits(misfit, starts=1000, seed=seed),
    "dynesty": lambda misfit, seed: nested(misfit, live=500, seed=seed),
    "emcee": lambda misfit, seed: ensemble(misfit, walkers=64, steps=10000, dropped=2000, seed=seed),
}


class Clock:
    """Seconds of the clock and of the processor since it was made."""

    def __init__(self) -> None:
        self._start, self._before = time.perf_counter(), time.process_time()

    def read(self) -> dict[str, float]:
        """Both, as they are kept in a result."""
        return {
            "seconds": time.perf_counter() - self._start,
            "processor_seconds": time.process_time() - self._before,
        }


def short(interval: np.ndarray, inner: np.ndarray) -> list[float]:
    """The share of each range (d, 2) that lies outside of an interval (d, 2); 1 where there is no interval."""
    common = np.minimum(interval[:, 1], inner[:, 1]) - np.maximum(interval[:, 0], inner[:, 0])
    share = 1 - np.maximum(common, 0.0) / (inner[:, 1] - inner[:, 0])
    return np.where(np.isnan(share), 1.0, share).tolist()


def beyond(interval: np.ndarray, outer: np.ndarray) -> list[float]:
    """How much of an interval (d, 2) lies outside of a range (d, 2), in units of its width; 0 of no interval."""
    off = np.maximum(outer[:, 0] - interval[:, 0], 0.0) + np.maximum(interval[:, 1] - outer[:, 1], 0.0)
    return np.nan_to_num(off / (outer[:, 1] - outer[:, 0])).tolist()


def compared(
    misfit: Misfit, ask: Callable[[Misfit, int], Sampled], seed: int, modes: np.ndarray, ranges: dict[str, Any]
) -> dict[str, Any]:
    """One of the peers on one target, beside modes (k, d) and our ranges, in the unit box."""
    inner, outer = np.array(ranges["inner"]), np.array(ranges["outer"])
    before, jacobians, clock = misfit.forward.evaluations, misfit.forward.jacobians, Clock()
    told = ask(misfit, seed)
    row: dict[str, Any] = {**clock.read(), **told.more}
    row["evaluations"] = misfit.forward.evaluations - before
    row["jacobians"] = misfit.forward.jacobians - jacobians
    row["points"] = len(told.points)
    off = [np.abs(told.points - mode).max(axis=1).min(initial=np.inf) for mode in modes]
    row["modes_found"] = sum(bool(each <= NEAR) for each in off)
    row["interval"] = told.interval.tolist()
    row["short"], row["beyond"] = short(told.interval, inner), beyond(told.interval, outer)
    members = told.points[misfit.consistent(told.points)]
    row["consistent"] = len(members)
    hull = np.full_like(inner, np.nan)
    if len(members):
        hull = np.stack([members.min(axis=0), members.max(axis=0)], axis=1)
    row["short_of_points"] = short(hull, inner)
    return row


def measured(
    problem: Problem, forward: StackedEmulators, seed: int, *, noise: float, peers: list[str]
) -> dict[str, Any]:
    """One target by all methods."""
    x, y = problem.target(seed)
    width = problem.upper - problem.lower
    domain, off = ur.Box(problem.lower, problem.upper), noise * np.abs(y)
    clock = Clock()
    found = ur.invert(problem.network, y, domain=domain, progress=False)
    modes = (np.stack([each.center for each in found.solutions]) - problem.lower) / width
    row: dict[str, Any] = {"seed": seed, "input": x.tolist(), "measured": y.tolist()}
    row["modes"] = {**clock.read(), "found": len(modes), "complete": bool(found.complete), "at": modes.tolist()}
    assert np.abs(forward.values(modes) - y).max() <= 1e-6 * np.abs(y).max()
    clock = Clock()
    told = ur.invert(problem.network, y, domain=domain, noise=off).ranges(
        within=WITHIN, time_limit=LIMIT, progress=False
    )
    outer, inner = (((each.T - problem.lower) / width).T for each in (told.outer, told.inner))
    row["ranges"] = {
        **clock.read(),
        "reached": bool(told.reached.all()),
        "gap": told.gap.tolist(),
        "outer": outer.tolist(),
        "inner": inner.tolist(),
    }
    misfit = Misfit(forward, y, off, problem.lower.size)
    for name in peers:
        row[name] = compared(misfit, PEERS[name], seed, modes, row["ranges"])
    clock, before = Clock(), forward.boxes
    boxes = interval_ranges(forward, y - off, y + off, problem.lower.size, time_limit=LONGER * row["ranges"]["seconds"])
    row["boxes"] = {
        **clock.read(),
        "bounded": forward.boxes - before,
        "finished": boxes.finished,
        "outer": boxes.outer.tolist(),
        "times_wider": ((boxes.outer[:, 1] - boxes.outer[:, 0]) / (outer[:, 1] - outer[:, 0])).tolist(),
    }
    return row


def summary(rows: list[dict[str, Any]], peers: list[str]) -> dict[str, Any]:
    """Counts, medians, and the worst case over targets."""
    modes = sum(row["modes"]["found"] for row in rows)
    told: dict[str, Any] = {
        "targets": len(rows),
        "modes": {
            "proved_complete": sum(row["modes"]["complete"] for row in rows),
            "found": modes,
            "median_seconds": float(np.median([row["modes"]["seconds"] for row in rows])),
        },
        "ranges": {
            "reached": sum(row["ranges"]["reached"] for row in rows),
            "median_seconds": float(np.median([row["ranges"]["seconds"] for row in rows])),
        },
    }
    for name in peers:
        each = [row[name] for row in rows]
        told[name] = {
            "modes_found": sum(one["modes_found"] for one in each),
            "of_modes": modes,
            "median_seconds": float(np.median([one["seconds"] for one in each])),
            "median_processor_seconds": float(np.median([one["processor_seconds"] for one in each])),
            "median_evaluations": float(np.median([one["evaluations"] for one in each])),
            "median_short": float(np.median([one["short"] for one in each])),
            "largest_short": float(np.max([one["short"] for one in each])),
            "median_beyond": float(np.median([one["beyond"] for one in each])),
            "largest_beyond": float(np.max([one["beyond"] for one in each])),
            "median_short_of_points": float(np.median([one["short_of_points"] for one in each])),
            "largest_short_of_points": float(np.max([one["short_of_points"] for one in each])),
        }
    wider = np.array([row["boxes"]["times_wider"] for row in rows])
    told["boxes"] = {
        "median_seconds": float(np.median([row["boxes"]["seconds"] for row in rows])),
        "median_bounded": float(np.median([row["boxes"]["bounded"] for row in rows])),
        "median_times_wider": float(np.median(wider)),
        "times_wider": [float(wider.min()), float(wider.max())],
    }
    return told


def main() -> None:
    parser = argparse.ArgumentParser(description="Solutions and ranges beside fits, samplers and boxes.")
    parser.add_argument("--emulchem", type=Path, required=True)
    parser.add_argument("--targets", type=int, default=3)
    parser.add_argument("--noise", type=float, default=0.01, help="share of each measured number")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/noise_peers.json"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    emulchem = Emulchem(options.emulchem)
    problem = radex_problem(emulchem, THREE_LINES)
    forward = StackedEmulators([emulchem.radex(line) for line in THREE_LINES], problem.lower, problem.upper)
    missing = [name for name in ("dynesty", "emcee") if find_spec(name) is None]
    for name in missing:
        print(f"{name} is not installed and is left out; pip install {name}.")
    peers = [name for name in PEERS if name not in missing]
    packages = ("numpy", "scipy", "highspy", "torch", *(name for name in ("dynesty", "emcee") if name not in missing))
    result: dict[str, Any] = {
        "environment": {**environment(packages), "torch_threads": torch.get_num_threads()},
        "problem": problem.name,
        "noise": options.noise,
        "within": WITHIN,
        "near": NEAR,
    }
    rows: list[dict[str, Any]] = []
    for seed in range(options.targets):
        rows.append(measured(problem, forward, seed, noise=options.noise, peers=peers))
        for name in ("modes", "ranges", *peers, "boxes"):
            print(
                seed, name, {k: v for k, v in rows[-1][name].items() if k not in ("at", "outer", "inner")}, flush=True
            )
        result |= {"summary": summary(rows, peers), "targets": rows}
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["summary"], indent=1))


if __name__ == "__main__":
    main()
