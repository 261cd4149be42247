"""The question about one layer: its rows, a domain, and a tolerance."""

from __future__ import annotations

import hashlib
import weakref
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from unrelu.cones.proofs import Cone
from unrelu.errors import DomainError, InputError, ShapeError
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domain_at import DomainAt, domain_at
from unrelu.polyhedra.domain_rows import DomainRows
from unrelu.polyhedra.domains import Domain, resolve
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.pattern import LayerPattern
from unrelu.rigor.matrices import Matrix, SparseRows, stacked
from unrelu.rigor.rounding import UNIT, row_norms_above
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.rigor.signs import exact_signs_batch

_ROWS: weakref.WeakKeyDictionary[ReLULayer, dict[bytes, ScaledRows]] = weakref.WeakKeyDictionary()
_KEPT = 4  # domains a layer for which the rows are kept


@dataclass(frozen=True, eq=False)
class LayerSystem:
    """`P = { x in D : |ReLU(a_i.x + b_i) - y_i| <= eps_i for all i }`, for points x0 or features y still to be named.

    Attributes:
        layer: the layer (A, b).
        domain: the domain D; None for the whole space.
        tolerance: (m,) float64 eps, how much each feature may differ, at least 0.
        unit: unit roundoff of the dtype in which points are given; see `DomainAt`.
        exact: whether no row of the domain may be moved through a point, not even by its rounding.
    """

    layer: ReLULayer
    domain: Polyhedron | None
    tolerance: np.ndarray
    unit: float = UNIT
    exact: bool = False
    _domain_rows: DomainRows | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        if self.domain is not None:
            object.__setattr__(self, "_domain_rows", DomainRows.of(self.domain, as_sparse=self.layer.is_sparse))

    @classmethod
    def ask(
        cls,
        layer: ReLULayer,
        domain: Domain | None,
        tolerance: ArrayLike,
        *,
        unit: float = UNIT,
        exact: bool = False,
    ) -> LayerSystem:
        """The system of a layer with a domain that may not know its dimension yet.

        Args:
            layer: the layer.
            domain: where inputs may lie; None for the whole space.
            tolerance: one number, or one for each feature.
            unit: unit roundoff of the dtype in which points are given.
            exact: whether no row of the domain may be moved.

        Raises:
            DomainError: if the domain is empty or does not fit the layer.
            InputError: if a tolerance is negative or not finite.
        """
        eps = resolve_tolerance(tolerance, layer.n_outputs)
        return cls(layer, None if domain is None else resolve(domain, layer.n_inputs), eps, unit, exact)

    @property
    def title(self) -> str:
        """What it is about, in words."""
        return f"layer {self.layer.name}" if self.layer.name else "the layer"

    @cached_property
    def rows(self) -> ScaledRows:
        """The layer's rows, then the domain's equalities, then its inequalities, scaled by powers of two."""
        parts = [self.layer.weight]
        if self._domain_rows is not None:
            parts += [self._domain_rows.equalities, self._domain_rows.inequalities]
        kept = _ROWS.setdefault(self.layer, {})
        key = b"".join(_digest(part) for part in parts[1:])
        if key not in kept:
            if len(kept) >= _KEPT:
                kept.pop(next(iter(kept)))
            kept[key] = ScaledRows(stacked(parts) if len(parts) > 1 else parts[0])
        return kept[key]

    def patterns(self, points: np.ndarray) -> list[LayerPattern | DomainError]:
        """What is active and tight at many points, exactly; where a point is not in the domain, the error that says so.

        Args:
            points: (n, d) float64.
        """
        A, b, eps = self.layer.weight, self.layer.bias, self.tolerance
        signs = exact_signs_batch(A, b, points, row_norms_above(A))
        positive, above = signs > 0, signs > 0
        if eps.any():
            # a.x + b - eps, exactly: b counts as the weight of a coordinate that is 1.
            extended = np.column_stack([A, b]) if isinstance(A, np.ndarray) else _with_column(A, b)
            ones = np.ones((len(points), 1))
            above = exact_signs_batch(extended, -eps, np.hstack([points, ones])) > 0
        tight = (signs == 0) & (eps == 0)
        domains: list[DomainAt | DomainError | None] = [None] * len(points)
        if self._domain_rows is not None:
            domains[:] = domain_at(self._domain_rows, points, unit=self.unit, exact=self.exact)
        return [
            domain if isinstance(domain, DomainError) else LayerPattern(positive[k], above[k], tight[k], domain)
            for k, domain in enumerate(domains)
        ]

    def pattern(self, point: np.ndarray, what: str = "the point") -> LayerPattern:
        """What is active and tight at one point (d,).

        Raises:
            DomainError: if the point is not in the domain.
        """
        (found,) = self.patterns(point[None])
        if isinstance(found, DomainError):
            raise DomainError(f"{what}: {found}")
        return found

    @property
    def domain_rows(self) -> DomainRows | None:
        """The rows of the domain; None for the whole space."""
        return self._domain_rows

    @property
    def n_domain_inequalities(self) -> int:
        """How many inequality rows the domain has, bounds included."""
        return 0 if self._domain_rows is None else self._domain_rows.n_inequalities

    def recession_cone(self, active: np.ndarray) -> Cone:
        """The directions in which the preimage goes on for ever: `A_J z = 0, A_I z <= 0`, and those of the domain.

        Args:
            active: (m,) bool, J, the features that are fixed from below.
        """
        return self._cone(active, ~active, None if self._domain_rows is None else self._domain_rows.recession)

    def tangent_cone(self, pattern: LayerPattern) -> Cone:
        """The directions in which the preimage goes on at all: as above with the tight inequalities only.

        A feature with a positive tolerance is not tight, so that it says nothing here.
        """
        held = pattern.active & (self.tolerance == 0)
        return self._cone(held, pattern.tight, None if pattern.domain is None else pattern.domain.tangent)

    def _cone(
        self, equalities: np.ndarray, inequalities: np.ndarray, of_domain: tuple[np.ndarray, np.ndarray] | None
    ) -> Cone:
        if self._domain_rows is None or of_domain is None:
            return Cone(self.rows, equalities, inequalities)
        n_equalities = self._domain_rows.n_equalities
        yes, no = np.ones(n_equalities, dtype=bool), np.zeros(n_equalities, dtype=bool)
        held, tight = of_domain
        return Cone(self.rows, np.concatenate([equalities, yes, held]), np.concatenate([inequalities, no, tight]))


def resolve_tolerance(tolerance: ArrayLike, m: int) -> np.ndarray:
    """One tolerance a feature, (m,) float64.

    Raises:
        InputError: if one is negative or not finite.
        ShapeError: if there are neither one nor m of them.
    """
    try:
        eps = np.asarray(tolerance, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"the tolerance must be a number, or one for each feature, not {tolerance!r}.") from None
    if eps.size not in {1, m}:
        raise ShapeError(f"the tolerance needs one number, or {m}, one for each feature, not {eps.size}.")
    if not bool((np.isfinite(eps) & (eps >= 0)).all()):
        worst = eps.reshape(-1)[~(np.isfinite(eps) & (eps >= 0)).reshape(-1)][0]
        raise InputError(f"the tolerance must be a finite number of at least 0, not {worst}.")
    return np.array(np.broadcast_to(eps.reshape(-1), (m,)))


def _with_column(A: SparseRows, b: np.ndarray) -> SparseRows:
    return sparse.csr_array(sparse.hstack([A, sparse.csr_array(b[:, None])], format="csr"))


def _digest(rows: Matrix) -> bytes:
    parts = [rows] if isinstance(rows, np.ndarray) else [rows.data, rows.indices, rows.indptr]
    return b"".join(hashlib.sha256(np.ascontiguousarray(part).tobytes()).digest() for part in parts)
