"""Domains: where inputs are allowed to lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from unrelu.errors import DomainError
from unrelu.polyhedra.polyhedron import Polyhedron


class Domain(Protocol):
    """Anything that names a polyhedron once the number of coordinates is known."""

    def in_space(self, n_coordinates: int) -> Polyhedron:
        """The polyhedron in that many coordinates.

        Raises:
            DomainError: if it does not exist there.
        """
        ...


@dataclass(frozen=True, eq=False)
class Box:
    """`{ x : lower <= x <= upper }`.

    Attributes:
        lower: one number, or one a coordinate (any shape, C order); None or -inf for no bound.
        upper: the same, with inf.

    >>> Box(0, 1).in_space(3).upper
    array([1., 1., 1.])
    """

    lower: ArrayLike | None = None
    upper: ArrayLike | None = None

    def in_space(self, n_coordinates: int) -> Polyhedron:
        """The box in that many coordinates."""
        return Polyhedron(lower=self.lower, upper=self.upper, origin=np.zeros(n_coordinates))


@dataclass(frozen=True)
class Nonnegative:
    """`{ x : x >= 0 }`, where the outputs of a ReLU lie."""

    def in_space(self, n_coordinates: int) -> Polyhedron:
        """The orthant in that many coordinates."""
        return Polyhedron(lower=0.0, origin=np.zeros(n_coordinates))


def resolve(domain: Domain | None, dimension: int) -> Polyhedron:
    """The polyhedron of a domain; None is the whole space.

    Raises:
        DomainError: if it is no domain, or does not exist in that dimension.
    """
    if domain is None:
        return Polyhedron(origin=np.zeros(dimension))
    if not hasattr(domain, "in_space"):
        raise DomainError(
            f"a domain is needed, not {type(domain).__name__}; give Box(lower, upper), Nonnegative() or a Polyhedron."
        )
    return domain.in_space(dimension)
