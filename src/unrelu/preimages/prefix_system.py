"""The question about a prefix of a network: its rows, a domain, and a tolerance."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from unrelu.network.graph import Network
from unrelu.polyhedra.domain_rows import DomainRows
from unrelu.polyhedra.domains import Domain, resolve
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.layer_system import resolve_tolerance
from unrelu.rigor.rounding import UNIT
from unrelu.rigor.singular import DENSE_SIZE


@dataclass(frozen=True, eq=False)
class PrefixSystem:
    """`P = { x in D : |F_i(x) - y_i| <= eps_i for all i }`, for points x0 still to be named.

    Attributes:
        prefix: the network F.
        domain: the domain D; None for the whole space.
        tolerance: (m,) float64 eps, how much each feature may differ, at least 0.
        unit: unit roundoff of the dtype in which points are given; see `DomainAt`.
        exact: whether no row of the domain may be moved through a point, not even by its rounding.
    """

    prefix: Network
    domain: Polyhedron | None
    tolerance: np.ndarray
    unit: float = UNIT
    exact: bool = False
    domain_rows: DomainRows | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        if self.domain is not None:
            large = self.domain.n_coordinates**2 > DENSE_SIZE
            object.__setattr__(self, "domain_rows", DomainRows.of(self.domain, as_sparse=large))

    @classmethod
    def ask(
        cls,
        prefix: Network,
        domain: Domain | None,
        tolerance: ArrayLike,
        *,
        unit: float = UNIT,
        exact: bool = False,
    ) -> PrefixSystem:
        """The system of a prefix with a domain that may not know its dimension yet.

        Args:
            prefix: the network.
            domain: where inputs may lie; None for the whole space.
            tolerance: one number, or one for each feature.
            unit: unit roundoff of the dtype in which points are given.
            exact: whether no row of the domain may be moved.

        Raises:
            DomainError: if the domain is empty or does not fit the input.
            InputError: if a tolerance is negative or not finite.
        """
        eps = resolve_tolerance(tolerance, prefix.output_size)
        return cls(prefix, None if domain is None else resolve(domain, prefix.input_size), eps, unit, exact)

    @property
    def n_inputs(self) -> int:
        """Number of inputs, d."""
        return self.prefix.input_size

    @property
    def n_features(self) -> int:
        """Number of features, m."""
        return self.prefix.output_size

    @property
    def title(self) -> str:
        """What it is about, in words."""
        return f"the network up to {', '.join(self.prefix.outputs)}"
