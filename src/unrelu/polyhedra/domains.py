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
            DomainError: if it does not exist in that dimension.
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


@dataclass(frozen=True, init=False, eq=False)
class Intersection:
    """The points that lie in all of several domains.

    Attributes:
        parts: the domains.

    >>> simplex = Polyhedron(A_eq=np.ones((1, 3)), b_eq=np.ones(1))
    >>> Intersection(Nonnegative(), simplex).in_space(3).lower
    array([0., 0., 0.])
    """

    parts: tuple[Domain, ...]

    def __init__(self, *parts: Domain) -> None:
        """Join domains; of none, the whole space."""
        object.__setattr__(self, "parts", parts)

    def in_space(self, n_coordinates: int) -> Polyhedron:
        """The intersection in that many coordinates.

        Raises:
            DomainError: if one does not exist in that many coordinates, bounds leave nothing, or two have rows about
                different origins.
        """
        sets = [resolve(part, n_coordinates) for part in self.parts]
        with_rows = [P.origin for P in sets if len(P.A_ub) or len(P.A_eq)]
        origin = with_rows[0] if with_rows else np.zeros(n_coordinates)
        if any(not np.array_equal(origin, other) for other in with_rows):
            raise DomainError(
                "domains with rows about different origins cannot be joined without rounding; give all rows about one."
            )
        bounds = [(P.lower, P.upper) for P in sets] or [
            (np.full(n_coordinates, -np.inf), np.full(n_coordinates, np.inf))
        ]
        none = np.zeros((0, n_coordinates))
        return Polyhedron(
            A_ub=np.vstack([none, *(P.A_ub for P in sets)]),
            b_ub=np.concatenate([np.zeros(0), *(P.b_ub for P in sets)]),
            A_eq=np.vstack([none, *(P.A_eq for P in sets)]),
            b_eq=np.concatenate([np.zeros(0), *(P.b_eq for P in sets)]),
            lower=np.max([low for low, _ in bounds], axis=0),
            upper=np.min([high for _, high in bounds], axis=0),
            origin=origin,
        )


def resolve(domain: Domain | None, n_coordinates: int) -> Polyhedron:
    """The polyhedron of a domain; None is the whole space.

    Raises:
        DomainError: if it is no domain, or does not exist in that dimension.
    """
    if domain is None:
        return Polyhedron(origin=np.zeros(n_coordinates))
    if not hasattr(domain, "in_space"):
        raise DomainError(
            f"a domain is needed, not {type(domain).__name__}; give Box(lower, upper), Nonnegative() or a Polyhedron."
        )
    return domain.in_space(n_coordinates)
