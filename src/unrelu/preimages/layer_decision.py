"""What the preimages of inputs of one layer are: many decided at once, with the products that all share."""

from __future__ import annotations

import numpy as np
import torch

from unrelu.cones.decide import by_structure, decide_cone, decide_cones, is_crowded
from unrelu.cones.decision import ConeDecision, Decision, decided, still_open
from unrelu.cones.proofs import Cone
from unrelu.devices import resolve_device
from unrelu.errors import DomainError
from unrelu.parallel import in_threads, share_workers
from unrelu.preimages.certificates.other_pieces import OtherPieces
from unrelu.preimages.classification import Classification
from unrelu.preimages.layer_preimage import LayerPreimage
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.pattern import LayerPattern
from unrelu.preimages.same_features import SameFeatures
from unrelu.progress import Progress, resolve_progress
from unrelu.solvers.gram_rows import GramRows

BLOCK = 64
"""Inputs that share their products with all rows, at most; products with fewer at a time are slower for each."""

PATTERN_BLOCK = 1024
"""Inputs whose pre-activations are held in memory at a time: 29 MB an array for 3,500 features."""

OTHER_PIECES = "some units have the same features on several pieces, and only that of the input was looked at"
"""Why questions about a union stay open."""


def classify_points(
    system: LayerSystem,
    points: np.ndarray,
    skipped: dict[int, str],
    *,
    skip: bool = False,
    progress: Progress | bool | None = None,
    workers: int | None = None,
    device: torch.device | str | None = None,
) -> Classification[LayerPreimage]:
    """Classify points (n, d) of a system; those in `skipped` are left out, and with `skip` those outside the domain."""
    skipped = dict(skipped)
    shared = GramRows(system.rows, resolve_device(device))
    patterns: list[LayerPattern] = []
    kept: list[int] = []
    for start in range(0, len(points), PATTERN_BLOCK):
        indices = [i for i in range(start, min(start + PATTERN_BLOCK, len(points))) if i not in skipped]
        for index, pattern in zip(indices, system.patterns(points[indices]), strict=True):
            if not isinstance(pattern, DomainError):
                patterns.append(pattern)
                kept.append(index)
            elif skip:
                skipped[index] = str(pattern)
            else:
                raise DomainError(f"input {index}: {pattern}")
    cones = [system.recession_cone(pattern.enclosing or pattern.interval) for pattern in patterns]
    hard = [cone.equalities for cone in cones if cone.uses_all_rows and not is_crowded(cone)]
    if len(hard) > 1:
        shared.prepare(np.stack(hard))

    def block(indices: list[int]) -> list[LayerPreimage]:
        chosen = [kept[index] for index in indices]
        return _classify_block(system, shared, points[chosen], [patterns[index] for index in indices])

    n = len(kept)
    size = max(1, min(BLOCK, -(-n // share_workers(workers, max(n, 1)).tasks)))
    blocks = [list(range(n))[start : start + size] for start in range(0, n, size)]
    preimages: list[LayerPreimage] = []
    with resolve_progress(progress).stage(f"preimages of {system.title}", n) as advance:
        for part in in_threads(block, blocks, workers=workers):
            preimages.extend(part)
            advance(len(part))
    return Classification(system, tuple(preimages), np.array(kept, dtype=np.int64), dict(sorted(skipped.items())))


def decide_point(system: LayerSystem, point: np.ndarray) -> LayerPreimage:
    """The preimage of one point (d,).

    Raises:
        DomainError: if the point is not in the domain.
    """
    pattern = system.pattern(point, "the point `at` lies outside the domain")
    with share_workers(1, 1).limited():
        (found,) = _classify_block(system, GramRows(system.rows, resolve_device(None)), point.reshape(1, -1), [pattern])
    return found


def _classify_block(
    system: LayerSystem, shared: GramRows, points: np.ndarray, patterns: list[LayerPattern]
) -> list[LayerPreimage]:
    # Of a union: of a polyhedron that encloses all of it.
    tangent = [system.enclosing_tangent_cone(pattern) for pattern in patterns]
    recession = [system.recession_cone(pattern.enclosing or pattern.interval) for pattern in patterns]
    singleton = [decide_cone(cone) for cone in tangent]
    bounded: dict[int, ConeDecision] = {}
    for index, (cone, at_point, unique) in enumerate(zip(recession, tangent, singleton, strict=True)):
        if unique.holds is True or _is_same(cone, at_point):
            # A single point is bounded; and where every inequality is tight, both questions are about one cone.
            bounded[index] = unique
            continue
        structural = by_structure(cone)
        if structural is not None:
            bounded[index] = structural
        elif not cone.uses_all_rows:
            bounded[index] = decide_cone(cone)
    hard = [index for index in range(len(patterns)) if index not in bounded]
    bounded.update(zip(hard, decide_cones(shared, [recession[index] for index in hard]), strict=True))
    for index, pattern in enumerate(patterns):
        if pattern.enclosing is not None:
            own = system.recession_cone(pattern.interval), system.tangent_cone(pattern)
            bounded[index] = _by_a_piece(bounded[index], own[0], recession[index])
            singleton[index] = _by_a_piece(singleton[index], own[1], tangent[index])
            if singleton[index].holds is None and system.has_independent_rows:
                singleton[index] = decided(OtherPieces())
    return [
        LayerPreimage(
            statement=SameFeatures.of(system, point, pattern),
            bounded_decision=bounded[index],
            singleton_decision=_refuted(singleton[index], bounded[index]),
            existence=Decision(True),
            interior=None,
            point=point,
        )
        for index, (point, pattern) in enumerate(zip(points, patterns, strict=True))
    ]


def _by_a_piece(of_all: ConeDecision, own: Cone, enclosing: Cone) -> ConeDecision:
    """The answer about a union.

    A trivial cone of what encloses it proves it, one of the piece of x0 that is not so refutes it, and otherwise other
    pieces decide.
    """
    if of_all.holds is True:
        return of_all
    piece = of_all if _is_same(own, enclosing) else decide_cone(own)
    return piece if piece.holds is not True else still_open(OTHER_PIECES)


def _is_same(first: Cone, second: Cone) -> bool:
    return np.array_equal(first.equalities, second.equalities) and np.array_equal(
        first.inequalities, second.inequalities
    )


def _refuted(singleton: ConeDecision, bounded: ConeDecision) -> ConeDecision:
    """An open question of uniqueness is answered where the preimage is unbounded."""
    if singleton.holds is None and bounded.holds is False and bounded.certificate is not None:
        return decided(bounded.certificate)
    return singleton
