"""The inputs of a prefix of a network with the same features as a point."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from unrelu.cones.decision import Decision
from unrelu.cones.proofs import ConeCertificate
from unrelu.errors import InputError, ShapeError
from unrelu.network.arrays import Array, as_numpy
from unrelu.network.graph import Network
from unrelu.polyhedra.dimension_interval import DimensionInterval
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.kind import Kind
from unrelu.preimages.lifted.block import Directions
from unrelu.preimages.lifted.region_rows import region_rows
from unrelu.preimages.prefix_certificate import PieceProof, PrefixCertificate
from unrelu.preimages.prefix_statement import PrefixStatement
from unrelu.preimages.prefix_system import PrefixSystem
from unrelu.preimages.preimage import Preimage
from unrelu.preimages.preimage_dimension import dimension_of_cone
from unrelu.stability.pattern import ActivationPattern


@dataclass(frozen=True, eq=False, repr=False)
class PrefixPreimage(Preimage):
    """`P = { x in D : |F(x) - F(x0)| <= eps }`, the inputs of a network's prefix with the same features as x0.

    P is a union of polyhedra, one for each activation pattern; what is known here is the piece that x0 lies in. It
    proves that P is unbounded, or no single point; what is said of *all* of P is proved only where D is bounded, or
    where the piece is all of P (`complete`). Everything is about the stored floats, in exact arithmetic: the rows of
    the proofs are those of the network's own maps, one after the other, in the input and in what layers are fed.

    Attributes:
        statement: the prefix, the domain, the tolerance and the point x0.
        region_bounded_decision: whether the piece is bounded, with certificate and margin; without where the domain is
            bounded or the piece is one point.
        region_singleton_decision: whether x0 is the only point of the piece, with certificate.
        determined: proof that the piece is all of P; see `PrefixCertificate`.
        domain_bounded: proof that the domain is bounded; or None.
        others: why other pieces were not searched for; "" where they were not asked for.
    """

    statement: PrefixStatement
    region_bounded_decision: Decision[PieceProof]
    region_singleton_decision: Decision[PieceProof]
    determined: tuple[tuple[str, ConeCertificate], ...]
    domain_bounded: ConeCertificate | None
    others: str = ""

    def without_others(self, reason: str) -> PrefixPreimage:
        """The same, with why other pieces were not searched for."""
        return replace(self, others=reason)

    @property
    def system(self) -> PrefixSystem:
        """The prefix, the domain and the tolerance."""
        return self.statement.system

    @property
    def prefix(self) -> Network:
        """The network."""
        return self.statement.prefix

    @property
    def pattern(self) -> ActivationPattern:
        """The branches of all units at x0, in exact arithmetic."""
        return self.statement.pattern

    @property
    def certificate(self) -> PrefixCertificate:
        """The proof of `kind`; `certificate.verify()` checks it without a solver."""
        return self._certificate

    @cached_property
    def _certificate(self) -> PrefixCertificate:
        return PrefixCertificate(
            self.statement,
            self.region_bounded_decision.certificate,
            self.region_singleton_decision.certificate,
            self.determined,
            self.domain_bounded,
        )

    @property
    def complete(self) -> bool:
        """Whether the piece of x0 is proved to be all of P."""
        return self.certificate.complete

    @property
    def bounded(self) -> bool | None:
        """Whether P is bounded; None where it is open."""
        return self.certificate.claims_bounded

    @property
    def singleton(self) -> bool | None:
        """Whether P is a single point; None where it is open."""
        return self.certificate.claims_singleton

    @property
    def kind(self) -> Kind:
        """What P is."""
        return self.certificate.kind

    @property
    def region_bounded(self) -> bool | None:
        """Whether the piece of x0 is bounded; None where it is open."""
        return self.region_bounded_decision.holds

    @property
    def region_singleton(self) -> bool | None:
        """Whether x0 is the only point of its piece; None where it is open."""
        return False if self.region_bounded_decision.holds is False else self.region_singleton_decision.holds

    @property
    def reason(self) -> str:
        """Where the kind is open, what left it open; "" where it is not."""
        if self.kind is not Kind.UNDECIDED:
            return ""
        others = "other pieces were not looked for" + (f": {self.others}" if self.others else "")
        if self.region_singleton:
            return f"the piece of x is one point; {others}"
        if self.region_singleton is None:
            return f"whether the piece of x is one point is open: {self.region_singleton_decision.reason}"
        if self.region_bounded:
            return f"the piece of x is bounded, and more than one point; {others}"
        return f"whether the piece of x is bounded is open: {self.region_bounded_decision.reason}"

    @property
    def margin(self) -> float:
        """How clearly the boundedness of the piece was decided, from 0 to 1; NaN where counting or rank decided it."""
        return self.region_bounded_decision.margin

    @property
    def dimension(self) -> DimensionInterval:
        """A proved interval for the dimension of P: of the largest of its pieces."""
        if self.complete:
            return self.region_dimension
        return DimensionInterval(self.region_dimension.lower, self.prefix.input_size)

    @property
    def region_dimension(self) -> DimensionInterval:
        """A proved interval for the dimension of the piece of x0."""
        return self._region_dimension

    @cached_property
    def _region_dimension(self) -> DimensionInterval:
        d, alone = self.prefix.input_size, self.region_singleton
        if alone:
            return DimensionInterval(0, 0)
        least = int(alone is False)
        if not self.statement.is_sure:
            return DimensionInterval(least, d)
        proved = self.region_singleton_decision.certificate
        ends = (proved.cuts[-1][0],) if proved is not None and proved.cuts else self.prefix.outputs
        found = dimension_of_cone(self.statement.cone(None, ends, Directions.AT_POINT), is_point=alone)
        return DimensionInterval(max(least, found.lower), min(d, found.upper))

    @property
    def pieces(self) -> tuple[Polyhedron, ...]:
        """The polyhedra of P that are known: that of x0."""
        return (self.region,)

    @property
    def polyhedron(self) -> Polyhedron:
        """P, where the piece of x0 is proved to be all of it.

        Raises:
            InputError: if it is not.
        """
        if not self.complete:
            raise InputError("the preimage may have several pieces; those that are known are pre.pieces.")
        return self.region

    @property
    def region(self) -> Polyhedron:
        """The piece of x0 in the input's coordinates, for its geometry (`ranges`, `nearest`, `volume`, `sample`, ...).

        Its rows are the network's maps composed in float64, up to rounding that is not bounded: they are for measuring,
        and no proof of this preimage speaks of them. Rows are dense.

        Raises:
            TooLarge: if they would take more memory than allowed.
        """
        return self._region

    @cached_property
    def _region(self) -> Polyhedron:
        return region_rows(
            self.prefix,
            self.at,
            self.pattern,
            {name: above for name, (above, _) in self.statement.above.items()},
            domain=self.statement.domain_at,
            tolerance=self.system.tolerance,
        )

    def contains(self, x: Array) -> bool | None:
        """Whether a point is a member of P, on whatever piece, in exact arithmetic; None where that takes too long.

        Args:
            x: d numbers.

        Raises:
            ShapeError: if x has another size.
        """
        point = as_numpy(x, "the point x")
        if point.size != self.prefix.input_size:
            raise ShapeError(f"the point x has {point.size} numbers, but the network takes {self.prefix.input_size}.")
        return self.statement.contains(point.reshape(-1))
