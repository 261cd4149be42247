"""What is asked of all inputs with the same features, whatever has the features and however they were found."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from unrelu.errors import InputError

if TYPE_CHECKING:
    from unrelu.network.arrays import Array
    from unrelu.polyhedra.dimension_interval import DimensionInterval
    from unrelu.polyhedra.polyhedron import Polyhedron
    from unrelu.preimages.among_values import AmongValues
    from unrelu.preimages.kind import Kind
    from unrelu.preimages.layer_system import LayerSystem
    from unrelu.preimages.prefix_certificate import PrefixCertificate
    from unrelu.preimages.prefix_statement import PrefixStatement
    from unrelu.preimages.prefix_system import PrefixSystem
    from unrelu.preimages.preimage_certificate import PreimageCertificate
    from unrelu.preimages.same_features import SameFeatures
    from unrelu.preimages.union.given_features import GivenFeatures
    from unrelu.preimages.union.union_certificate import UnionCertificate


@dataclass(frozen=True, eq=False)
class Preimage(ABC):
    """`P = { x in D : |F(x) - y| <= eps }`, all inputs of a layer or of a prefix of a network with the same features.

    P is a union of polyhedra. Those that are known are its `pieces`, of which `complete` says whether they are all; the
    one that x0 lies in is `region`. `bounded`, `singleton`, `kind` and `dimension` are about all of P, and None,
    UNDECIDED or wide where what is known does not prove them. Subclasses differ in how pieces are found and proved.

    Attributes:
        statement: what P is: F, the domain, the tolerance, and the point x0 or the features y.
    """

    statement: SameFeatures | PrefixStatement | GivenFeatures

    @property
    def system(self) -> LayerSystem | PrefixSystem:
        """The layer or the prefix, the domain and the tolerance."""
        return self.statement.system

    @property
    def at(self) -> np.ndarray:
        """(d,) the point x0.

        Raises:
            InputError: if features were given instead.
        """
        if self.statement.at is None:
            raise InputError("the preimage is that of given features, not of a point; `pre.point` is a member, if any.")
        return self.statement.at

    @property
    @abstractmethod
    def pieces(self) -> tuple[Polyhedron, ...]:
        """The polyhedra of P that are known."""

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether `pieces` are proved to be all of P."""

    @property
    @abstractmethod
    def region(self) -> Polyhedron:
        """The piece that x0 lies in."""

    @property
    @abstractmethod
    def polyhedron(self) -> Polyhedron:
        """P, where it is one polyhedron."""

    @property
    @abstractmethod
    def bounded(self) -> bool | None:
        """Whether P is bounded; None where it is open."""

    @property
    @abstractmethod
    def singleton(self) -> bool | None:
        """Whether P is a single point; None where it is open."""

    @property
    @abstractmethod
    def kind(self) -> Kind:
        """What P is."""

    @property
    @abstractmethod
    def reason(self) -> str:
        """Where the kind is open, what left it open; "" where it is not."""

    @property
    @abstractmethod
    def margin(self) -> float:
        """How clearly boundedness was decided, from 0 to 1; NaN where counting or rank decided it."""

    @property
    @abstractmethod
    def dimension(self) -> DimensionInterval:
        """A proved interval for the dimension of P, that of its largest piece; -1 is that of the empty set."""

    @property
    @abstractmethod
    def certificate(self) -> PreimageCertificate | PrefixCertificate | UnionCertificate:
        """The proof of `kind`; `certificate.verify()` checks it without a solver."""

    @abstractmethod
    def contains(self, x: Array) -> bool | None:
        """Whether a point is a member of P, in exact arithmetic; None where that takes too long."""

    def among(self, values: ArrayLike, *, time_limit: float = math.inf) -> AmongValues:
        """Whether x0 is the only member whose coordinates have certain values, as those of 8-bit pictures.

        >>> import unrelu as ur
        >>> levels = np.arange(256) / 255
        >>> layer = ur.ReLULayer(np.array([[1.0, 0.003]]), np.zeros(1))
        >>> pre = ur.preimage(layer, at=levels[[100, 200]], domain=ur.Box(0, 1))
        >>> pre.singleton, pre.among(levels).unique
        (False, True)

        Args:
            values: any number of floats, exactly those that a coordinate may have, x0's among them.
            time_limit: seconds, after which no further range of a coordinate is asked for.

        Raises:
            InputError: if features were given instead of x0, or a coordinate of x0 has another value.
        """
        from unrelu.preimages.among_values import among_values

        return among_values(self, values, time_limit=time_limit)

    @property
    def n_active(self) -> int:
        """How many features P fixes from both sides: of ReLUs those above their tolerance."""
        return int(self.statement.active.sum())

    @property
    def rows_moved(self) -> int:
        """How many rows of the domain do not go through x0 and were moved there, since x0 keeps them up to rounding."""
        domain = self.statement.domain_at
        return 0 if domain is None else domain.n_moved

    @property
    def largest_shift(self) -> float:
        """At least how far (L2) any row of the domain was moved; the verdict is about the domain with moved rows."""
        domain = self.statement.domain_at
        return 0.0 if domain is None else domain.shift

    def __repr__(self) -> str:
        """A line that says what P is and why."""
        m, d = self.system.n_features, self.system.n_inputs
        why = f"; {self.reason}" if self.reason else ""
        rows = "1 row" if self.rows_moved == 1 else f"{self.rows_moved} rows"
        moved = f", {rows} of the domain moved by rounding" if self.rows_moved else ""
        name = type(self).__name__
        return f"{name}({self.kind.value}: {self.n_active} of {m} features active on {d} inputs{moved}{why})"
