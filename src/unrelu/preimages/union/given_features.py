"""The statement about the inputs of a prefix that have given features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from unrelu.errors import InputError, ShapeError
from unrelu.preimages.lifted.block import interior, last_rectifiers

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.polyhedra.domain_at import DomainAt
    from unrelu.preimages.prefix_system import PrefixSystem


@dataclass(frozen=True, eq=False)
class GivenFeatures:
    """`P = { x in D : |F(x) - y| <= eps }`, y being given; it may be empty.

    Attributes:
        system: the prefix F, the domain D and the tolerance eps.
        features: (m,) float64 y.
    """

    system: PrefixSystem
    features: np.ndarray

    def __post_init__(self) -> None:
        m = self.system.n_features
        if self.features.shape != (m,):
            raise ShapeError(f"{self.features.size} features were given, but {self.system.title} has {m}.")
        if not bool(np.isfinite(self.features).all()):
            raise InputError("the features hold NaN or infinite values; no input has such features.")

    @property
    def prefix(self) -> Network:
        """The network."""
        return self.system.prefix

    @property
    def at(self) -> None:
        """There is no point."""
        return

    @property
    def is_about_a_set(self) -> bool:
        """True: no point has to lie in the domain."""
        return True

    @property
    def domain_at(self) -> DomainAt | None:
        """No row of the domain is moved, as there is no point to move it through."""
        return None

    @cached_property
    def above(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """By last ReLU: (m,) bool, the features above their tolerance, and of which of them that is open (of none)."""
        found = {}
        last = last_rectifiers(interior(self.prefix, None, self.prefix.outputs), self.prefix.outputs)
        start = 0
        for name in self.prefix.outputs:
            size = math.prod(self.prefix.node(name).shape)
            part = slice(start, start + size)
            if name in last:
                found[name] = self.features[part] > self.system.tolerance[part], np.zeros(size, dtype=bool)
            start += size
        return found

    @cached_property
    def active(self) -> np.ndarray:
        """(m,) bool, the features that the set fixes from below: of a last ReLU those above their tolerance."""
        parts = []
        for name in self.prefix.outputs:
            size = math.prod(self.prefix.node(name).shape)
            parts.append(self.above[name][0] if name in self.above else np.ones(size, dtype=bool))
        return np.concatenate(parts)
