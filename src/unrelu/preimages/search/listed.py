"""The solutions that a tree lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unrelu.frontier.tree import Operation
from unrelu.preimages.search.clusters import clusters

if TYPE_CHECKING:
    from unrelu.preimages.search.completeness_certificate import CompletenessCertificate


@dataclass(frozen=True, eq=False)
class Listed:
    """Boxes of a tree's balls and flats, those that touch as one: k solutions.

    Attributes:
        lower: (k, d) float64.
        upper: (k, d) float64.
        holds: (k,) bool, whether one is said to hold a solution.
        is_flat: (k,) bool, whether it may be more than a ball.
    """

    lower: np.ndarray
    upper: np.ndarray
    holds: np.ndarray
    is_flat: np.ndarray

    def __len__(self) -> int:
        """K."""
        return len(self.lower)

    @classmethod
    def of(cls, certificate: CompletenessCertificate) -> Listed:
        """What a certificate lists, as far as it lies in the domain, in the order of the first input."""
        tree, statement = certificate.tree, certificate.statement
        leaves = np.flatnonzero(np.isin(tree.operation, (Operation.BALL, Operation.FLAT)))
        lower = np.maximum(tree.lower[leaves], statement.lower.numpy())
        upper = np.minimum(tree.upper[leaves], statement.upper.numpy())
        groups = clusters(lower, upper)
        d, flat = lower.shape[1], tree.operation[leaves] == Operation.FLAT
        found = cls(
            np.array([lower[group].min(axis=0) for group in groups]).reshape(-1, d),
            np.array([upper[group].max(axis=0) for group in groups]).reshape(-1, d),
            np.array([tree.holds[leaves][group].any() for group in groups], dtype=bool),
            np.array([flat[group].any() for group in groups], dtype=bool),
        )
        order = np.lexsort(found.lower.T[::-1])
        return cls(*(each[order] for each in (found.lower, found.upper, found.holds, found.is_flat)))
