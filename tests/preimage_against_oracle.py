"""Whole preimages of small prefixes held against the exact oracle.

    cd tests && python -m preimage_against_oracle [--cases 1000] [--start 0] [--units]

What is wrong is told with its seed; what is left open is counted.
"""

from __future__ import annotations

import argparse
import collections
import json
import sys
import traceback
from fractions import Fraction
from unittest import mock

import numpy as np

import unrelu as ur
from exact_inversion import exact_solutions
from inverse_cases import inverse_case
from unrelu.network.graph import Network
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.prefix_preimage import PrefixPreimage
from unrelu.preimages.search import statement
from unrelu.preimages.union.union_preimage import UnionPreimage
from whole_sets import values_at

CLOSE = 1e-9
"""How far members may be from pieces, whose rows are rounded, in numbers of the size of 1."""


def faults(seed: int, *, time_limit: float = 10.0) -> tuple[list[str], ur.Preimage]:
    """What is wrong with one answer, and the answer.

    Args:
        seed: of the problem: a prefix, a point or features, a box, and a tolerance.
        time_limit: of the search.
    """
    case, rng = inverse_case(seed), np.random.default_rng([seed, 1])
    nodes = [node.name for node in case.network.nodes[1:]]
    prefix = case.network if rng.random() < 0.5 else case.network.upto(nodes[int(rng.integers(len(nodes)))])
    eps = rng.choice([0.0, 0.0, 0.5, 1.0], prefix.output_size) if rng.random() < 0.3 else np.zeros(prefix.output_size)
    domain = ur.Box(case.lower, case.upper)
    if case.point is not None and rng.random() < 0.7:
        found = ur.preimage(prefix, at=case.point, domain=domain, tolerance=eps, time_limit=time_limit)
        y = values_at(prefix, [Fraction(v) for v in case.point.tolist()])
    else:
        x = case.lower if case.point is None else case.point
        y = values_at(prefix, [Fraction(v) for v in x.tolist()])
        y = [v + int(rng.integers(-1, 2)) * (rng.random() < 0.3) for v in y]
        features = np.array([float(v) for v in y])
        found = ur.preimage(prefix, features=features, domain=domain, tolerance=eps, time_limit=time_limit)
    return check(found, prefix, y, eps, (case.lower, case.upper)), found


def check(
    found: ur.Preimage, prefix: Network, wanted: list[Fraction], eps: np.ndarray, box: tuple[np.ndarray, np.ndarray]
) -> list[str]:
    """What is wrong with an answer.

    Args:
        found: the answer.
        prefix: the network.
        wanted: (m,) the features, exactly.
        eps: (m,) the tolerance.
        box: the domain.
    """
    truth, y = exact_solutions(prefix, wanted, *box, noise=eps), np.array([float(v) for v in wanted])
    wrong = []
    kind = ur.Kind.EMPTY if truth.dimension < 0 else ur.Kind.BOUNDED
    if truth.dimension == 0 and len(truth.points) == 1:
        kind = ur.Kind.SINGLETON
    if found.kind not in (kind, ur.Kind.UNDECIDED):
        wrong.append(f"{found.kind}, where it is {kind}")
    if truth.dimension not in found.dimension:
        wrong.append(f"of {found.dimension}, where it is {truth.dimension}")
    if found.certificate.verify() is not (found.kind is not ur.Kind.UNDECIDED):
        wrong.append(f"{found.kind}, and the certificate verifies: {found.certificate.verify()}")
    if isinstance(found, PrefixPreimage | ur.LayerPreimage):
        return wrong
    assert isinstance(found, UnionPreimage)
    if found.certificate.complete and not found.certificate.verify_complete():
        wrong.append("complete, and the tree does not verify")
    outer = found.outer_ranges
    samples = truth.samples()
    if any(not (a <= v <= b) for x in samples for v, (a, b) in zip(x, outer.tolist(), strict=True)):
        wrong.append("members lie outside the outer ranges")
    if found.complete:
        lost = [x for x in samples if not any(_is_in(piece, x) for piece in found.pieces)]
        if lost:
            wrong.append(f"{len(lost)} of {len(samples)} members lie in no piece, as {[float(v) for v in lost[0]]}")
    for piece, proved, pattern in zip(found.pieces, found.proved, found.patterns, strict=True):
        corners = piece.vertices().points if proved else piece.origin[None]
        off = np.abs(prefix(corners.reshape(-1, *prefix.input_shape)).reshape(len(corners), -1) - y) - eps
        if proved and not (len(corners) and (off <= 1e-6).all()):
            wrong.append(f"a piece has no points, or points with other features: {corners.tolist()} of {pattern}")
    return wrong


def _is_in(piece: Polyhedron, x: tuple[Fraction, ...]) -> bool:
    z = np.array([float(v) for v in x]) - piece.origin
    room = CLOSE * (1 + np.abs(piece.A_ub).sum(axis=1))
    equal = CLOSE * (1 + np.abs(piece.A_eq).sum(axis=1))
    return bool((piece.A_ub @ z <= piece.b_ub + room).all() and (np.abs(piece.A_eq @ z - piece.b_eq) <= equal).all())


def main() -> None:
    parser = argparse.ArgumentParser(description="Hold whole preimages of small prefixes against the exact oracle.")
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10.0, help="for each search")
    parser.add_argument("--units", action="store_true", help="split units alone, as with many inputs")
    given = parser.parse_args()
    counts: collections.Counter[str] = collections.Counter()
    wrong: dict[int, list[str]] = {}
    open_seeds = []
    with mock.patch.object(statement, "MOST_SPLIT", 0 if given.units else statement.MOST_SPLIT):
        for seed in range(given.start, given.start + given.cases):
            try:
                told, found = faults(seed, time_limit=given.seconds)
            except Exception:
                wrong[seed] = [traceback.format_exc()]
                print(seed, wrong[seed][0], flush=True)
                continue
            counts[f"{type(found).__name__} {found.kind.value}"] += 1
            counts["complete" if found.complete else "incomplete"] += 1
            if found.kind is ur.Kind.UNDECIDED:
                open_seeds.append(seed)
            if told:
                wrong[seed] = told
                print(seed, told, flush=True)
    print(json.dumps({"counts": counts, "wrong": sorted(wrong), "open": open_seeds[:40]}, indent=1))
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
