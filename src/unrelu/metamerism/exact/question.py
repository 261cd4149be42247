"""What is asked: which inputs have the same features, and what a program's point becomes of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from unrelu.metamerism.walk.restoring import KEPT
from unrelu.network.as_network import as_network
from unrelu.network.in_turn import in_turn
from unrelu.polyhedra.polishing import polished
from unrelu.polyhedra.restoring import is_kept, restored
from unrelu.preimages.lifted.region_rows import region_rows
from unrelu.preimages.prefix_statement import PrefixStatement
from unrelu.preimages.prefix_system import PrefixSystem
from unrelu.preimages.union.search_statement import search_statement
from unrelu.stability.pattern import activation_pattern

if TYPE_CHECKING:
    from unrelu.metamerism.feature_map import FeatureMap
    from unrelu.polyhedra.polyhedron import Polyhedron
    from unrelu.preimages.search.statement import InverseStatement


@dataclass(frozen=True, eq=False)
class Question:
    """The inputs in a box with the features of a point.

    Attributes:
        features: the map.
        statement: about the point's exact features.
        asked: the same, about what last ReLUs are fed.
    """

    features: FeatureMap
    statement: PrefixStatement
    asked: InverseStatement

    @classmethod
    def of(cls, features: FeatureMap, original: np.ndarray, domain: Polyhedron, eps: np.ndarray) -> Question:
        """The question about one point.

        Args:
            features: the map.
            original: (d,) x0.
            domain: a box.
            eps: (m,) by how much features may differ.

        Raises:
            DomainError: if the domain is no box with finite ends, or the original lies outside.
            TooLarge: if the network is too large to be searched.
            UnsupportedOperator: if the network has a smooth node.
        """
        prefix = features.prefix
        if prefix is None:
            assert features.layer is not None
            prefix = as_network(features.layer)
        statement = PrefixStatement(PrefixSystem(in_turn(prefix), domain, eps), original)
        _ = statement.domain_at
        return cls(features, statement, search_statement(statement))

    def member(self, point: np.ndarray) -> np.ndarray | None:
        """An input with the features of the original to rounding near a point that a program found; None if not found.

        In the linear region of the point, it is moved onto the rows that it should keep.

        Args:
            point: (d,) in the domain.
        """
        statement = self.statement
        prefix = statement.prefix
        region = region_rows(
            prefix,
            statement.at,
            activation_pattern(prefix, point.reshape(prefix.input_shape)),
            {name: above for name, (above, _) in statement.above.items()},
            domain=statement.domain_at,
            tolerance=statement.system.tolerance,
            wanted=self._wanted,
        ).unit_rows
        moved = polished(region, point)
        if not is_kept(region, moved):
            moved = restored(region, moved)
        return moved if self.is_member(moved) else None

    def is_member(self, point: np.ndarray) -> bool:
        """Whether a point in the domain has the features, to rounding in float64: what walks keep, so no less."""
        off = np.abs(self._of(point) - self._wanted) - self.statement.system.tolerance
        return float(off.max(initial=0.0)) <= KEPT * (float(np.abs(self._wanted).max(initial=0.0)) or 1.0)

    @cached_property
    def _wanted(self) -> np.ndarray:
        return self._of(self.statement.at)

    def _of(self, point: np.ndarray) -> np.ndarray:
        return self.features(point.reshape(1, *self.features.input_shape))[0]
