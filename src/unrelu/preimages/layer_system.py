"""The question about one layer: its rows, a domain, and a tolerance."""

from __future__ import annotations

import hashlib
import math
import weakref
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from scipy import sparse

from unrelu.errors import InputError
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Domain, resolve
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificates import Cone
from unrelu.preimages.domain_rows import DomainRows
from unrelu.preimages.pattern import LayerPattern
from unrelu.rigor.matrices import Matrix, SparseRows, stacked
from unrelu.rigor.rounding import row_norms_above
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.rigor.signs import exact_signs_batch

_ROWS: weakref.WeakKeyDictionary[ReLULayer, dict[bytes, ScaledRows]] = weakref.WeakKeyDictionary()
_KEPT = 4  # domains a layer for which the rows are kept


@dataclass(frozen=True, eq=False)
class LayerSystem:
    """`P = { x in D : |ReLU(a_i.x + b_i) - y_i| <= tolerance for all i }`, for points x0 still to be named.

    Attributes:
        layer: the layer (A, b).
        domain: the domain D; None for the whole space.
        tolerance: how much each feature may differ, at least 0.
    """

    layer: ReLULayer
    domain: Polyhedron | None = None
    tolerance: float = 0.0
    _domain_rows: DomainRows | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.tolerance) and self.tolerance >= 0):
            raise InputError(f"the tolerance must be a finite number of at least 0, not {self.tolerance}.")
        if self.domain is not None:
            object.__setattr__(self, "_domain_rows", DomainRows.of(self.domain, as_sparse=self.layer.is_sparse))

    @classmethod
    def ask(cls, layer: ReLULayer, domain: Domain | None, tolerance: float) -> LayerSystem:
        """The system of a layer with a domain that may not know its dimension yet.

        Raises:
            DomainError: if the domain is empty or does not fit the layer.
            InputError: if the tolerance is negative or not finite.
        """
        return cls(layer, None if domain is None else resolve(domain, layer.n_inputs), float(tolerance))

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

    def patterns(self, points: np.ndarray) -> list[LayerPattern]:
        """What is active and tight at many points, exactly.

        Args:
            points: (n, d) float64.

        Raises:
            DomainError: if a point lies outside the domain.
        """
        A, b = self.layer.weight, self.layer.bias
        if self.tolerance == 0:
            signs = exact_signs_batch(A, b, points, row_norms_above(A))
            tight = signs == 0
        else:
            # a.x + b - tolerance, exactly: b counts as the weight of a coordinate that is 1.
            extended = np.column_stack([A, b]) if isinstance(A, np.ndarray) else _with_column(A, b)
            ones = np.ones((len(points), 1))
            signs = exact_signs_batch(extended, np.full(b.size, -self.tolerance), np.hstack([points, ones]))
            tight = np.zeros(signs.shape, dtype=bool)
        return [
            LayerPattern(sign > 0, at_zero, self._tight_domain_rows(point))
            for sign, at_zero, point in zip(signs, tight, points, strict=True)
        ]

    @property
    def n_domain_inequalities(self) -> int:
        """How many inequality rows the domain has, bounds included."""
        return 0 if self._domain_rows is None else self._domain_rows.inequalities.shape[0]

    def _tight_domain_rows(self, point: np.ndarray) -> np.ndarray:
        return np.zeros(0, dtype=bool) if self._domain_rows is None else self._domain_rows.tight(point)

    def recession_cone(self, pattern: LayerPattern) -> Cone:
        """The directions in which the preimage goes on for ever: `A_J z = 0, A_I z <= 0`, and those of the domain."""
        every = np.ones(pattern.domain_tight.size, dtype=bool)
        return self._cone(pattern.active, pattern.inactive, every)

    def tangent_cone(self, pattern: LayerPattern) -> Cone:
        """The directions in which the preimage goes on at all: as above with the tight inequalities only.

        With a positive tolerance no feature row is tight, so that only the domain's constraints are left.
        """
        held = pattern.active if self.tolerance == 0 else np.zeros_like(pattern.active)
        return self._cone(held, pattern.tight, pattern.domain_tight)

    def _cone(self, equalities: np.ndarray, inequalities: np.ndarray, of_domain: np.ndarray) -> Cone:
        if self._domain_rows is None:
            return Cone(self.rows, equalities, inequalities)
        n_equalities = self._domain_rows.equalities.shape[0]
        yes, no = np.ones(n_equalities, dtype=bool), np.zeros(n_equalities, dtype=bool)
        return Cone(
            self.rows,
            np.concatenate([equalities, yes, np.zeros_like(of_domain)]),
            np.concatenate([inequalities, no, of_domain]),
        )


def _with_column(A: SparseRows, b: np.ndarray) -> SparseRows:
    return sparse.csr_array(sparse.hstack([A, sparse.csr_array(b[:, None])], format="csr"))


def _digest(rows: Matrix) -> bytes:
    parts = [rows] if isinstance(rows, np.ndarray) else [rows.data, rows.indices, rows.indptr]
    return b"".join(hashlib.sha256(np.ascontiguousarray(part).tobytes()).digest() for part in parts)
