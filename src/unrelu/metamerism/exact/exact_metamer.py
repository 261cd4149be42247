"""The metamer that is proved to be the nearest or farthest, or how far from it the best one can be."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from unrelu.bounding.unit_bounds import bound_units
from unrelu.frontier.subproblems import Subproblems
from unrelu.inverse.running import telling
from unrelu.metamerism.exact.aims import Aim, Farthest, NearestByNorm, NearestInSum
from unrelu.metamerism.exact.exact_search import TOLERANCE, ExactSearch
from unrelu.metamerism.exact.part import Part
from unrelu.metamerism.exact.part_program import PartProgram
from unrelu.metamerism.exact.question import Question
from unrelu.metamerism.exact.radius_program import RadiusProgram
from unrelu.metamerism.exact.square_program import SquareProgram
from unrelu.metamerism.exact.unit_rows import UnitRows
from unrelu.metamerism.found import Found
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.solvers.status import Status

if TYPE_CHECKING:
    from unrelu.metamerism.feature_map import FeatureMap
    from unrelu.polyhedra.domains import Domain
    from unrelu.progress import Progress


def exact_metamer(
    features: FeatureMap,
    original: np.ndarray,
    wanted: np.ndarray,
    *,
    objective: str,
    norm: float,
    domain: Domain,
    eps: np.ndarray,
    start: np.ndarray,
    time_limit: float = math.inf,
    progress: Progress | bool | None = None,
) -> Found:
    """The metamer nearest to a target, or farthest from it, with a proved bound: best first over the units' branches.

    A part of the domain is bounded by a linear program in which units may be fed anything on both sides of their kinks
    at once; it is told apart by the unit whose two sides raise the bound most. Bounds are proved: multipliers count for
    what they prove with all rounding against them, whoever found them. They hold for every input of the domain whose
    exact features are those of the original within eps, and at any time: when the time is over or on Ctrl-C, what is
    known by then is returned.

    Args:
        features: the map.
        original: (d,) x0, in the domain.
        wanted: (d,) the target.
        objective: "nearest" or "farthest".
        norm: of the distance: 1, 2 or `math.inf`.
        domain: a box with finite ends.
        eps: (m,) by how much each feature may differ.
        start: (d,) a member that is known.
        time_limit: seconds.
        progress: where to show how near bound and distance are.

    Raises:
        DomainError: if the domain is no box with finite ends, or the original lies outside.
        TooLarge: if the network is too large.
        UnsupportedOperator: if it has a smooth node, or units that are fed the same number and bend in two places.
    """
    deadline = time.monotonic() + time_limit
    aim, program = _aim(objective, norm, wanted)
    question = Question.of(features, original, domain.in_space(original.size), np.asarray(eps, dtype=np.float64))
    asked = question.asked
    problem = Subproblems.root(asked.lower, asked.upper, asked.bounded.n_units)
    lower, upper = asked.lower.numpy(), asked.upper.numpy()
    none = np.zeros(0)
    least = aim.proved(Polyhedron(lower=lower, upper=upper, origin=wanted), none, none, -1)
    rows = UnitRows.of(asked, wanted)
    if time.monotonic() >= deadline:
        distance = aim.distance(start)
        return Found(start.copy(), distance, abs(least), _radius(start, original, None), Status.TIME_LIMIT)
    units = bound_units(asked.bounded, problem.lower, problem.upper)
    root = Part(least, replace(problem, low=units.low, high=units.high))
    search = ExactSearch(question, program(rows, aim, root), root, start.copy(), aim.distance(start))
    with telling(progress, "of the distance proved, ‰") as tell:
        stopped = search.run((start, original), deadline=deadline, tell=lambda now: tell(now.share))
    reached = abs(search.value - search.bound) <= TOLERANCE * search.size + 2.0**-900  # which is 0 but for underflow
    status = Status.OPTIMAL if reached else Status(stopped) if stopped else Status.INACCURATE
    return Found(search.best, search.distance, abs(search.bound), _radius(search.best, original, search), status)


def _aim(objective: str, norm: float, wanted: np.ndarray) -> tuple[Aim, type[PartProgram]]:
    """What is made small, and the program that does it on a part."""
    if objective == "farthest":
        return Farthest(wanted, norm), PartProgram
    if norm == 1:
        return NearestInSum(wanted, norm), PartProgram
    return NearestByNorm(wanted, norm), SquareProgram if norm == 2 else RadiusProgram


def _radius(point: np.ndarray, original: np.ndarray, search: ExactSearch | None) -> float:
    if np.array_equal(point, original):
        return 0.0
    return math.inf if search is None else search.radius
