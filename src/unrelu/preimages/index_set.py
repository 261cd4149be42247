"""The question which proofs about admissible index sets answer (Definition 7)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificates.sign_system import SignSystem


@dataclass(frozen=True, eq=False)
class IndexSet:
    """Does some x in D have exactly these of the first k features of a layer inactive, whatever the others are?

    Attributes:
        layer: the layer (A, b), of m features.
        domain: D, where inputs may lie.
        inactive: (k,) bool with k <= m, which of the first k features are to be inactive.
    """

    layer: ReLULayer
    domain: Polyhedron
    inactive: np.ndarray

    @cached_property
    def system(self) -> SignSystem:
        """The inequalities that such an x solves.

        Raises:
            TooLarge: if the layer is sparse and does not fit in memory as a dense matrix.
        """
        k = self.inactive.size
        return SignSystem(self.layer.dense_weight[:k], self.layer.bias[:k], self.inactive, self.domain)


def make_up_all(prefixes: Sequence[np.ndarray], m: int) -> bool:
    """Whether every set of m features begins with exactly one of the prefixes.

    Among words in order one that begins another stands right before one that it begins; and words of which none
    begins another make up all if their shares `2^-k` add up to 1 (Kraft).

    Args:
        prefixes: (k,) bool each, with k <= m.
        m: number of features.

    >>> make_up_all([np.array([True]), np.array([False, True]), np.array([False, False])], 2)
    True
    """
    words = sorted(np.asarray(prefix, dtype=bool).tobytes() for prefix in prefixes)
    if any(len(word) > m for word in words):
        return False
    if any(later.startswith(word) for word, later in itertools.pairwise(words)):
        return False
    return sum(1 << (m - len(word)) for word in words) == 1 << m
