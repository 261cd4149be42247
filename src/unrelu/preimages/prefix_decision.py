"""What the inputs with the same features of a prefix are: its piece at a point, and what follows for the whole set."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from unrelu.cones.decide import by_structure, decide_cone
from unrelu.cones.decision import ConeDecision, Decision, decided, still_open
from unrelu.cones.proofs import Cone, ConeCertificate, Counting, Enclosed
from unrelu.preimages.lifted.block import Directions
from unrelu.preimages.prefix_certificate import PieceProof
from unrelu.preimages.prefix_preimage import PrefixPreimage
from unrelu.preimages.prefix_statement import PrefixStatement

MOST_PRODUCTS = 2**24
"""Products in the normal matrix of a cone's sparse rows up to which it is factored; beyond, rows are only counted.

Twice as many took a minute on one core, where a convolution's 8,351 rows on 3,072 pixels, with 6e6, took 0.3 s.
"""

PieceDecision: TypeAlias = Decision[PieceProof]
"""Whether the cone of directions of a piece is {0}."""


def decide_prefix(statement: PrefixStatement) -> PrefixPreimage:
    """Decide the piece of a point, and prove of the whole set what can be proved by one piece.

    Raises:
        DomainError: if the point is not in the domain.
        TooLarge: if the stored rows would take more memory than allowed.
    """
    _ = statement.domain_at
    _ = statement.located
    cone = statement.domain_cone
    domain = None if cone is None else decide_cone(cone)
    enclosed = domain.certificate if domain is not None and domain.holds else None
    singleton = decide_piece(statement, Directions.AT_POINT)
    if enclosed is not None or singleton.holds is True:
        bounded = Decision[PieceProof](True)  # by the domain, or as a point is: it needs no proof of its own
    else:
        bounded = decide_piece(statement, Directions.FOR_EVER)
    return PrefixPreimage(statement, bounded, singleton, _determined(statement), enclosed)


def decide_piece(statement: PrefixStatement, directions: Directions) -> PieceDecision:
    """Whether the cone of directions of the piece is {0}: structure first, then cut by cut from the end."""
    outputs = statement.prefix.outputs
    whole = statement.cone(None, outputs, directions)
    found = _by_structure(whole)
    if found is not None:
        return _of(statement, (), found)
    if not statement.is_sure:
        return _of(statement, (), _decide(whole))
    ends, passed = outputs, []
    for cut in reversed(statement.cuts):
        if not statement.may_determine(cut, ends, directions):
            continue
        cone = statement.cone(cut, ends, directions)
        if _is_large(cone):  # as those from earlier cuts would be
            break
        block = _decide(cone)
        if block.holds and block.certificate is not None:
            passed.append((cut, block.certificate))
            ends = (cut,)
            found = _by_structure(statement.cone(None, ends, directions))
            if found is not None:
                return _of(statement, tuple(passed), found)
    decision = _of(statement, tuple(passed), _decide(statement.cone(None, ends, directions)))
    if decision.holds is None and passed:
        direct = _of(statement, (), _decide(whole))
        return decision if direct.holds is None else direct
    return decision


def _is_large(cone: Cone) -> bool:
    if isinstance(cone.rows.matrix, np.ndarray):
        return False
    return float((np.diff(cone.rows.matrix.indptr).astype(np.float64) ** 2).sum()) > MOST_PRODUCTS


def _by_structure(cone: Cone) -> ConeDecision | None:
    """What counting and the rank of equality rows decide; of large cones what counting does."""
    if not _is_large(cone):
        return by_structure(cone)
    if Counting().verify(cone):
        return decided(Counting())
    return decided(Enclosed()) if Enclosed().verify(cone) else None


def _decide(cone: Cone) -> ConeDecision:
    """Decide a cone, unless it is so large that it would take minutes."""
    if not _is_large(cone):
        return decide_cone(cone)
    found = _by_structure(cone)
    if found is not None:
        return found
    m, d = cone.rows.shape
    return still_open(f"its {m} rows on {d} variables, which counting leaves open, take too long to factor")


def _of(
    statement: PrefixStatement, cuts: tuple[tuple[str, ConeCertificate], ...], found: ConeDecision
) -> PieceDecision:
    if found.certificate is None:
        return still_open(found.reason)
    if found.holds and not statement.is_sure:
        return still_open("the exact signs of some units at this point would take too long")
    return Decision(found.holds, PieceProof(cuts, found.certificate), found.margin)


def _determined(statement: PrefixStatement) -> tuple[tuple[str, ConeCertificate], ...]:
    """Proofs that the piece is the whole set, cut by cut from the end; none where one of them is missing."""
    if not statement.is_sure or bool(statement.system.tolerance.any()):
        return ()
    ends, found = statement.prefix.outputs, []
    while statement.branching(None, ends):
        cut = next((name for name in reversed(statement.cuts) if not _is_behind(statement, name, ends)), None)
        if cut is None or statement.branching(cut, ends):
            return ()
        decision = _decide(statement.cone(cut, ends, Directions.OF_LAYER))
        if not decision.holds or decision.certificate is None:
            return ()
        found.append((cut, decision.certificate))
        ends = (cut,)
    return tuple(found)


def _is_behind(statement: PrefixStatement, cut: str, ends: tuple[str, ...]) -> bool:
    """Whether a cut is one of the ends or comes after them."""
    return len(ends) == 1 and ends[0] in statement.cuts and statement.cuts.index(cut) >= statement.cuts.index(ends[0])
