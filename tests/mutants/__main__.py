"""Run mutations of the modules that prove something against the tests nearest to them.

cd tests; python -m mutants --modules rigor/rounding cones/proofs --sample 40 --json figures.json
"""

from __future__ import annotations

import argparse
import importlib
import json
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from mutants.mutation import Mutation
from mutants.mutations import mutations
from mutants.plan import nearest
from mutants.trial import PACKAGE, ROOT, trial
from mutants.warm import warm_trials

HEAVY = (
    "torch",
    "numpy",
    "scipy.sparse.csgraph",
    "scipy.linalg",
    "scipy.optimize",
    "scipy.stats",
    "highspy",
    "clarabel",
    "pyarrow.parquet",
    "hypothesis.extra.numpy",
    "mpmath",
)
"""What children inherit, loaded once."""


@dataclass
class Figures:
    """What became of the mutations of one module.

    Attributes:
        module: below the package.
        mutants: how many there are.
        tried: how many were run against the tests.
        killed: seen by a test, or by its running past the time limit.
        timeouts: the latter.
        equivalent: of those drawn, the ones argued to prove the same, not tried.
        survivors: line and name of those that no test saw.
    """

    module: str
    mutants: int
    tried: int = 0
    killed: int = 0
    timeouts: int = 0
    equivalent: int = 0
    survivors: list[tuple[int, str]] = field(default_factory=list)


def main() -> None:
    """Read the arguments, run, print and keep the figures."""
    options = _arguments()
    for name in HEAVY:
        importlib.import_module(name)
    known: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("equivalent.json").read_text())
    found: list[Figures] = []
    limits: dict[tuple[str, ...], float] = {}
    before = {f["module"]: Figures(**f) for f in json.loads(options.again.read_text())} if options.again else None
    for module in _modules(options.modules):
        if before is not None and module not in before:
            continue
        figures = _run(module, known.get(module, {}), limits, options, None if before is None else before[module])
        found.append(figures)
        if options.json:
            options.json.write_text(json.dumps([asdict(f) for f in found], indent=1) + "\n")
    _print(found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("--modules", nargs="+", default=[""], help="beginnings of paths below the package")
    parser.add_argument("--sample", type=int, help="mutations drawn of each module; all by default")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--only", default="", help="a part of the names of the mutations to run")
    parser.add_argument("--equivalent", action="store_true", help="run those argued equivalent, and no others")
    parser.add_argument("--again", type=Path, help="figures of an earlier run, of which only what survived is run")
    parser.add_argument(
        "--cold", action="store_true", help="load the package anew for each mutation, run all its tests"
    )
    parser.add_argument("--halved", action="store_true", help="halve numbers and bounds of errors, and change no more")
    parser.add_argument("--list", action="store_true", help="print the mutations and run none")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    parser.add_argument("--output", type=Path, help="a file for what the last test run printed")
    return parser.parse_args()


def _modules(beginnings: list[str]) -> list[str]:
    files = (path.relative_to(PACKAGE).as_posix() for path in sorted(PACKAGE.rglob("*.py")))
    return [name for name in files if nearest(name) and any(name.startswith(begin) for begin in beginnings)]


def _run(
    module: str,
    known: dict[str, str],
    limits: dict[tuple[str, ...], float],
    options: argparse.Namespace,
    before: Figures | None,
) -> Figures:
    every = mutations(PACKAGE / module, PACKAGE, halved=options.halved)
    figures = Figures(module, len(every))
    stale = {name for name in known if (" -> 0.5 * " in name) == options.halved and " -> " in name}
    stale -= {mutation.name for mutation in every}
    for name in sorted(stale):
        print(f"{module}: no longer there, though argued equivalent: {name}", flush=True)
    chosen = [mutation for mutation in every if options.only in mutation.name]
    if before is not None:
        left = {name for _, name in before.survivors}
        chosen = [mutation for mutation in chosen if mutation.name in left]
        figures = replace(before, mutants=len(every), tried=before.tried - len(before.survivors), survivors=[])
    elif options.sample is not None and options.sample < len(chosen):
        drawn = random.Random(f"{options.seed} {module}").sample(range(len(chosen)), options.sample)
        chosen = [chosen[index] for index in sorted(drawn)]
    if options.list:
        for mutation in chosen:
            print(f"{module}:{mutation.line} {mutation.name}")
        return figures
    tests = tuple(name for name in nearest(module) if (ROOT / "tests" / name).exists())
    left = []
    for mutation in chosen:
        argued = mutation.name in known or mutation.function in known
        if argued == options.equivalent:
            left.append(mutation)
        else:
            figures.equivalent += argued
    for mutation, outcome in _judged(left, tests, limits, options):
        figures.tried += 1
        if outcome in {"survived", "unreached"}:
            figures.survivors.append((mutation.line, mutation.name))
            print(f"{mutation.module}:{mutation.line} {outcome}: {mutation.name}", flush=True)
        else:
            figures.killed += 1
            figures.timeouts += outcome == "timeout"
    return figures


def _judged(
    left: list[Mutation], tests: tuple[str, ...], limits: dict[tuple[str, ...], float], options: argparse.Namespace
) -> Iterator[tuple[Mutation, str]]:
    """Mutations and what became of them: by warm trials, and then cold ones for those that need them."""
    cold = [] if left and not options.cold else left
    for index, found in warm_trials(left, tests, options.output) if left and not options.cold else ():
        if found.outcome == "cold":
            cold.append(left[index])
        else:
            yield left[index], found.outcome
    for mutation in cold:
        if tests not in limits:
            limits[tests] = _limit(tests, options)
        yield mutation, trial(mutation, tests, limits[tests], output=options.output).outcome


def _limit(tests: tuple[str, ...], options: argparse.Namespace) -> float:
    """Seconds that a mutation may take: several times what the package as it is does."""
    usual = trial(None, tests, 300.0, output=options.output)
    if usual.outcome != "survived":
        raise SystemExit(f"without any mutation, the tests {' '.join(tests)} ended as {usual.outcome}")
    return 3 * usual.seconds + 10


def _print(found: list[Figures]) -> None:
    total = Figures("all", 0)
    print(f"{'module':42} mutants  tried killed timeouts equivalent survived")
    for figures in [*found, total]:
        print(
            f"{figures.module:42} {figures.mutants:7} {figures.tried:6} {figures.killed:6} {figures.timeouts:8}"
            f" {figures.equivalent:10} {len(figures.survivors):8}"
        )
        if figures is not total:
            total.mutants += figures.mutants
            total.tried += figures.tried
            total.killed += figures.killed
            total.timeouts += figures.timeouts
            total.equivalent += figures.equivalent
            total.survivors += figures.survivors
    drawn = total.tried + total.equivalent
    if drawn:
        print(f"{100 * (total.killed + total.equivalent) / drawn:.1f} % of {drawn} killed or argued equivalent")


if __name__ == "__main__":
    started = time.monotonic()
    main()
    print(f"{time.monotonic() - started:.0f} s")
