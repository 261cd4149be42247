"""The question about one layer: its rows, a domain, and a tolerance."""

from __future__ import annotations

import hashlib
import weakref
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from unrelu.cones.proofs import Cone
from unrelu.errors import DomainError, InputError, ShapeError
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domain_at import DomainAt, domain_at
from unrelu.polyhedra.domain_rows import DomainRows
from unrelu.polyhedra.domains import Domain, resolve
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.feature_intervals import FeatureIntervals, enclosing_intervals, intervals_around
from unrelu.preimages.pattern import LayerPattern
from unrelu.preimages.unit_states import states_at
from unrelu.rigor.matrices import Matrix, stacked
from unrelu.rigor.rounding import UNIT
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.rigor.singular import proves_full_rank

_ROWS: weakref.WeakKeyDictionary[ReLULayer, dict[bytes, ScaledRows]] = weakref.WeakKeyDictionary()
_KEPT = 4  # domains a layer for which the rows are kept


@dataclass(frozen=True, eq=False)
class LayerSystem:
    """`P = { x in D : |f_i(a_i.x + b_i) - y_i| <= eps_i for all i }`, for points x0 or features y still to be named.

    f_i is the ReLU, or the layer's other activation.

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
    def n_inputs(self) -> int:
        """Number of inputs, d."""
        return self.layer.n_inputs

    @property
    def n_features(self) -> int:
        """Number of features, m."""
        return self.layer.n_outputs

    @property
    def title(self) -> str:
        """What it is about, in words."""
        return f"layer {self.layer.name}" if self.layer.name else "the layer"

    @cached_property
    def rows(self) -> ScaledRows:
        """All rows that may hold an input, scaled by powers of two.

        The layer's, those that are `turned` once more with the other sign, the domain's equalities, its inequalities.
        """
        parts = [self.layer.weight]
        if self.turned.any():
            parts.append(-self.layer.weight[self.turned])
        if self._domain_rows is not None:
            parts += [self._domain_rows.equalities, self._domain_rows.inequalities]
        kept = _ROWS.setdefault(self.layer, {})
        key = b"".join(_digest(part) for part in parts[1 + bool(self.turned.any()) :])
        if key not in kept:
            if len(kept) >= _KEPT:
                kept.pop(next(iter(kept)))
            kept[key] = ScaledRows(stacked(parts) if len(parts) > 1 else parts[0])
        return kept[key]

    @cached_property
    def has_independent_rows(self) -> bool:
        """Whether all rows of the layer are proved to be independent, and inputs may lie anywhere.

        Then each vector of pre-activations is that of some input.
        """
        A = self.layer.weight
        return self.domain is None and A.shape[0] <= A.shape[1] and proves_full_rank(A)

    @property
    def turned(self) -> np.ndarray:
        """(m,) bool, the units that may hold an input from below only, as a ReLU6 does at 6."""
        return self.layer.units.open_above

    def patterns(self, points: np.ndarray) -> list[LayerPattern | DomainError]:
        """What has the features of many points, and what is tight there, exactly; the error where one is not in D.

        Args:
            points: (n, d) float64.
        """
        units, eps = self.layer.units, self.tolerance
        found = states_at(self.layer, points, eps)
        interval = intervals_around(units, found.states, found.piece, eps)
        tight_below, tight_above = np.zeros(found.piece.shape, dtype=bool), np.zeros(found.piece.shape, dtype=bool)
        for k, sides in enumerate(found.sides):
            tight_below |= (sides == 0) & interval.lower_kink & (interval.lower_piece == k)
            tight_above |= (sides == 0) & interval.upper_kink & (interval.upper_piece == k + 1)
        tight_below &= ~interval.single
        tight_above &= ~interval.single
        several: np.ndarray = np.zeros(len(points), dtype=bool)
        enclosing = None
        if units.falls.any():
            enclosing, parts = enclosing_intervals(units, found.states, eps)
            several = np.asarray((parts > 1).any(axis=1))
        domains: list[DomainAt | DomainError | None] = [None] * len(points)
        if self._domain_rows is not None:
            domains[:] = domain_at(self._domain_rows, points, unit=self.unit, exact=self.exact)
        return [
            domain
            if isinstance(domain, DomainError)
            else LayerPattern(
                piece=found.piece[k],
                interval=interval.at(k),
                enclosing=enclosing.at(k) if enclosing is not None and several[k] else None,
                tight_below=tight_below[k],
                tight_above=tight_above[k],
                domain=domain,
            )
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

    def recession_cone(self, intervals: FeatureIntervals) -> Cone:
        """The directions in which a set of intervals goes on for ever, `a_i z = 0` where both ends are there.

        Where only the upper one is, `a_i z <= 0`, and `-a_i z <= 0` where only the lower one is; and what the domain
        says.

        Args:
            intervals: of the pre-activations.
        """
        of_domain = None if self._domain_rows is None else self._domain_rows.recession
        below, above = intervals.below, intervals.above
        return self._cone(below & above, below & ~above, above & ~below, of_domain)

    def tangent_cone(self, pattern: LayerPattern) -> Cone:
        """The directions in which the preimage goes on at all: as above with the tight ends only.

        A feature with a positive tolerance is not tight, so that it says nothing here.
        """
        of_domain = None if pattern.domain is None else pattern.domain.tangent
        return self._cone(pattern.interval.single, pattern.tight_below, pattern.tight_above, of_domain)

    def enclosing_tangent_cone(self, pattern: LayerPattern) -> Cone:
        """The same of the least intervals that hold all pre-activations with the features."""
        if pattern.enclosing is None:
            return self.tangent_cone(pattern)
        own, all_ = pattern.interval, pattern.enclosing
        at_lower = (own.lower_piece == all_.lower_piece) & (own.lower_kink == all_.lower_kink) & all_.below
        at_upper = (own.upper_piece == all_.upper_piece) & (own.upper_kink == all_.upper_kink) & all_.above
        below = ~all_.single & at_lower & (own.single | pattern.tight_below)
        above = ~all_.single & at_upper & (own.single | pattern.tight_above)
        of_domain = None if pattern.domain is None else pattern.domain.tangent
        return self._cone(all_.single, below, above, of_domain)

    def directions_of_pieces(self, pattern: LayerPattern) -> Cone:
        """A subspace that holds the differences of members of each piece of the preimage.

        On it the rows vanish of all units that have the feature at single numbers only: those that do not fall, and
        have only one, and those without a constant piece.
        """
        units, nothing = self.layer.units, np.zeros(self.layer.n_outputs, dtype=bool)
        single = pattern.interval.single & (~units.falls | (units.slopes != 0).all(axis=0))
        of_domain = None
        if self._domain_rows is not None:
            none = np.zeros(self._domain_rows.n_inequalities, dtype=bool)
            of_domain = none, none
        return self._cone(single, nothing, nothing, of_domain)

    def _cone(
        self,
        single: np.ndarray,
        below: np.ndarray,
        above: np.ndarray,
        of_domain: tuple[np.ndarray, np.ndarray] | None,
    ) -> Cone:
        """`a_i z = 0` for single, `-a_i z <= 0` for those below, `a_i z <= 0` for those above, and what D says."""
        turned = self.turned
        if turned.any():
            single, above = (
                np.append(single, np.zeros(int(np.count_nonzero(turned)), dtype=bool)),
                np.append(above, below[turned]),
            )
        if self._domain_rows is None or of_domain is None:
            return Cone(self.rows, single, above)
        n_equalities = self._domain_rows.n_equalities
        yes, no = np.ones(n_equalities, dtype=bool), np.zeros(n_equalities, dtype=bool)
        held, tight = of_domain
        return Cone(self.rows, np.concatenate([single, yes, held]), np.concatenate([above, no, tight]))


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


def _digest(rows: Matrix) -> bytes:
    parts = [rows] if isinstance(rows, np.ndarray) else [rows.data, rows.indices, rows.indptr]
    return b"".join(hashlib.sha256(np.ascontiguousarray(part).tobytes()).digest() for part in parts)
