"""What is known of a layer's metamer, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from unrelu.inverse.words import DIGITS, lower_end, upper_end
from unrelu.solvers.status import Status

if TYPE_CHECKING:
    from unrelu.metamerism.judge import Classes
    from unrelu.metamerism.result import Metamer
    from unrelu.study.metamers_by_depth import LayerMetamer


def told_of_status(found: Metamer) -> str:
    """What is proved of the distance, or how the search stopped."""
    if found.unique:
        return "the only allowed input with these features, proved"
    nearer = "nearer" if found.objective == "nearest" else "farther"
    said = {
        Status.LOCAL: f"no step from there leads {nearer}, not proved elsewhere",
        Status.TIME_LIMIT: "stopped at the time limit",
        Status.ITERATION_LIMIT: "stopped at the iteration limit",
    }.get(found.status, "")
    if found.search == "walk" and found.status is not Status.OPTIMAL:
        return said
    return "; ".join(each for each in (said, _told_of_bound(found, nearer)) if each)


def _told_of_bound(found: Metamer, nearer: str) -> str:
    if not math.isfinite(found.bound):
        return ""
    end = lower_end(found.bound) if nearer == "nearer" else upper_end(found.bound)
    if found.regional:
        return f"none in the original's linear region is {nearer} than {end:.{DIGITS}g}"
    return f"none is {nearer} than {end:.{DIGITS}g}, proved"


def told_of_classes(said: Classes | None) -> str:
    """What a network says to the metamer, and to the original if that is something else."""
    if said is None:
        return "–"
    return f"{said.metamer}" if said.metamer == said.original else f"{said.metamer} (to the original {said.original})"


def share(part: float) -> str:
    """A part of a way in percent, rounded down, so that only all of it is 100 %.

    >>> share(0.12345), share(0.9999999), share(1.0)
    ('12.3 %', '99.9 %', '100 %')
    """
    return f"{math.floor(1000 * part) / 10:.4g} %"


def told_of_layer(each: LayerMetamer) -> str:
    """All of it in one sentence, without a full stop."""
    found = each.found
    if found is None:
        return f"no metamer: {each.refused.rstrip('.')}"
    way = "" if each.part_of_way is None else f", {share(each.part_of_way)} of the way"
    came = (
        f" from the target (the original: {each.before:.{DIGITS}g}{way})" if each.has_target else " from the original"
    )
    stays = "stays the original, " if each.stays else ""
    parts = [f"{stays}{found.distance:.{DIGITS}g}{came}"]
    error = f"features kept to {upper_end(found.relative_error, 2):.2g} of the largest"
    if each.own_error is not None:
        error += f", {upper_end(each.own_error, 2):.2g} in the model's own pass"
    if 0 < found.radius < math.inf:
        error += f"; an exact metamer within {upper_end(found.radius, 2):.2g}, proved"
    parts.append(error)
    if found.classes is not None:
        own = "" if found.own_classes is None else f", in its own pass {told_of_classes(found.own_classes)}"
        parts.append(f"says {told_of_classes(found.classes)}{own}")
    if found.seen_by:
        others = len(found.seen_by) - 1
        more = "" if not others else f" and {others} more node{'s' * (others > 1)}"
        parts.append(f"still seen by {found.seen_by[0].node}{more}")
    parts.append(told_of_status(found))
    return "; ".join(parts)
