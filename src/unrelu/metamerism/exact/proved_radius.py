"""How near an exact metamer is to a point that has the features to rounding."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from unrelu.bounding.unit_bounds import bound_units
from unrelu.errors import DomainError, TooLarge, UnsupportedOperator
from unrelu.frontier.subproblems import Subproblems
from unrelu.metamerism.exact.aims import NearestInSum
from unrelu.metamerism.exact.exact_search import ExactSearch
from unrelu.metamerism.exact.part import Part
from unrelu.metamerism.exact.part_program import PartProgram
from unrelu.metamerism.exact.question import Question
from unrelu.metamerism.exact.unit_rows import UnitRows

if TYPE_CHECKING:
    from unrelu.metamerism.feature_map import FeatureMap
    from unrelu.polyhedra.polyhedron import Polyhedron


def proved_radius(
    features: FeatureMap, original: np.ndarray, x: np.ndarray, *, domain: Polyhedron, eps: np.ndarray
) -> float:
    """An input with the features of the original is proved to lie within this of a point (L2); inf where it is not.

    That takes rows of the whole network, in its inputs and in what all units are fed, which have full rank on the
    point's piece: features that depend on each other there prove nothing, nor do networks whose rows would not fit.

    Args:
        features: the map.
        original: (d,) x0.
        x: (d,) a point in the domain with the features to rounding.
        domain: a box; of others nothing is proved.
        eps: (m,) by how much each feature may differ.
    """
    if np.array_equal(x, original):
        return 0.0
    try:
        question = Question.of(features, original, domain, eps)
        asked = question.asked
        rows = UnitRows.of(asked, x)
        root = Subproblems.root(asked.lower, asked.upper, asked.bounded.n_units)
        units = bound_units(asked.bounded, root.lower, root.upper)
        part = Part(0.0, replace(root, low=units.low, high=units.high))
        return ExactSearch(question, PartProgram(rows, NearestInSum(x, 1), part), part, x, 0.0).radius
    except (DomainError, TooLarge, UnsupportedOperator):
        return math.inf
