"""The cone question by projections in changing units: what is tried when all else has left a cone open."""

from __future__ import annotations

from unrelu.cones.cone import Cone
from unrelu.cones.decision import ConeDecision, decided, still_open
from unrelu.cones.margin import margin_of
from unrelu.cones.proofs import Direction, Multipliers
from unrelu.solvers.projection_in_units import ProjectionInUnits, project_in_units


def decide_by_projection(cone: Cone) -> ConeDecision:
    """Decide a cone that other tests left open; only what its certificate proves counts."""
    last, count = None, 0
    for found in project_in_units(cone.rows, cone.equalities, cone.inequalities):
        last, count = found, count + 1
        for certificate in _certificates(found):
            if certificate.verify(cone):
                return decided(certificate, margin_of(cone, certificate))
    return still_open(_reason(last, count))


def _certificates(found: ProjectionInUnits) -> list[Multipliers | Direction]:
    candidates: list[Multipliers | Direction] = []
    if found.multipliers is not None:
        candidates.append(Multipliers(found.multipliers))
    if found.direction is not None:
        candidates.append(Direction(found.direction, found.held))
    return candidates


def _reason(last: ProjectionInUnits | None, count: int) -> str:
    if last is None:
        return "no projection onto the cone was begun"
    seen = "nothing that is clear"
    if last.multipliers is not None:
        seen = "positive multipliers, which rounding or the rank of all rows keeps from being proved"
    elif last.direction is not None:
        seen = "a direction inside the cone, which dependent rows or rounding keep from being proved"
    return f"the last of {count} projections, each in other units of the coordinates, found {seen} ({last.status})"
