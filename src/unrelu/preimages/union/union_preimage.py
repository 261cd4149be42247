"""The whole preimage of a prefix in a box: all of its pieces."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from unrelu.errors import InputError, ShapeError
from unrelu.frontier.tree import Operation
from unrelu.network.arrays import Array, as_numpy
from unrelu.polyhedra.dimension_interval import DimensionInterval
from unrelu.polyhedra.domain_at import DomainAt, domain_at
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.kind import Kind
from unrelu.preimages.lifted.region_rows import region_rows
from unrelu.preimages.preimage import Preimage
from unrelu.preimages.search.exact_sets import exact_sets
from unrelu.preimages.search.local_dimension import widest_member
from unrelu.preimages.search.two_members import two_members
from unrelu.preimages.search.watched import MEMORY, watched
from unrelu.preimages.union.patterns import closed_branches, leaf_patterns
from unrelu.preimages.union.union_certificate import UnionCertificate

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.preimages.prefix_preimage import PrefixPreimage
    from unrelu.preimages.prefix_statement import PrefixStatement
    from unrelu.preimages.prefix_system import PrefixSystem
    from unrelu.preimages.search.search import Search
    from unrelu.preimages.union.given_features import GivenFeatures
    from unrelu.preimages.union.patterns import LeafPattern
    from unrelu.progress import Progress
    from unrelu.stability.pattern import ActivationPattern

ROUNDING = 2.0**-40
"""How far rows of a piece may be beside its point, relative to their size, and count as rounded."""


@dataclass(frozen=True, eq=False, repr=False)
class UnionPreimage(Preimage):
    """`P = { x in D : |F(x) - y| <= eps }` of a prefix F and a box D, y being given or the exact features of a point.

    A search settles D part by part: what holds no member is cut off, with a proof; on what is left, units keep their
    branches. Where nothing is left open, the pieces are all of P, proved, and so is its kind. Everything is about the
    stored floats in exact arithmetic.

    Attributes:
        statement: the prefix, the domain, the tolerance, and the point x0 or the features y.
        piece: what is known of the piece of x0 by itself; None where features are given.
        stopped: why the search stopped before its end: "time limit", "memory limit", "interrupted", or "".
    """

    statement: PrefixStatement | GivenFeatures
    piece: PrefixPreimage | None
    stopped: str
    _search: Search

    @property
    def system(self) -> PrefixSystem:
        """The prefix, the domain and the tolerance."""
        return self.statement.system

    @property
    def prefix(self) -> Network:
        """The network."""
        return self.statement.prefix

    @cached_property
    def _certificate(self) -> UnionCertificate:
        proofs = None if self.piece is None else self.piece.certificate
        tree = self._search.tree.frozen()
        leaves = list(self._search.leaves.values())
        alone = len(leaves) == 1 and leaves[0].alone
        asked = self._search.statement
        pair, member = two_members(asked, tree), widest_member(asked, tree)
        places = np.flatnonzero(np.isin(tree.operation, (Operation.BALL, Operation.FLAT)))
        sets = tuple(exact_sets(asked, tree, places))
        return UnionCertificate(self.statement, tree, proofs, member, alone, pair, self._is_in_piece, sets)

    @property
    def certificate(self) -> UnionCertificate:
        """The proof of `kind`, and of `complete`; `certificate.verify()` checks it without a solver."""
        return self._certificate

    @property
    def _is_in_piece(self) -> bool:
        """Whether the piece of x0 is x0 alone, and all leaves of the search lie on it."""
        if self.piece is None or self.piece.region_singleton is not True:
            return False
        region = closed_branches(self._search.statement, self.piece.pattern)
        if region is None:
            return False
        every = self._search.leaves.values()
        return all(bool(((region[0] <= leaf.low) & (leaf.high <= region[1])).all()) for leaf in every)

    @property
    def settled(self) -> float:
        """The share of the domain that is settled, from 0 to 1."""
        return self._search.settled

    @property
    def complete(self) -> bool:
        """Whether `pieces` are proved to be all of P."""
        return self.certificate.complete and self._patterns[1]

    @property
    def bounded(self) -> bool:
        """True, as D is a box with finite ends."""
        return True

    @property
    def singleton(self) -> bool | None:
        """Whether P is a single point; None where it is open."""
        return self.certificate.claims_singleton

    @property
    def kind(self) -> Kind:
        """What P is."""
        return self.certificate.kind

    @property
    def reason(self) -> str:
        """Where the kind is open, what left it open; "" where it is not."""
        if self.kind is not Kind.UNDECIDED:
            return ""
        if not self.certificate.complete:
            why = f" ({self.stopped})" if self.stopped else ""
            return f"{100 * self.settled:.4g} % of the domain were searched for other pieces{why}; go on with `go_on`"
        if not any(each.holds for each in self._patterns[0]):
            return "rounding hides whether the places where members can be hold one"
        return "that all members are one point is not proved"

    @property
    def margin(self) -> float:
        """NaN: a tree decides it."""
        return math.nan

    @cached_property
    def _patterns(self) -> tuple[tuple[LeafPattern, ...], bool]:
        certificate = self.certificate
        pairs = zip(certificate.leaves.tolist(), certificate.exact, strict=True)
        exact = {number: each for number, each in pairs if each is not None}
        return leaf_patterns(self._search.statement, certificate.tree, self._search.leaves, exact)

    @property
    def patterns(self) -> tuple[ActivationPattern, ...]:
        """The activation pattern of each piece; the units of a ReLU that the prefix ends in have none."""
        return tuple(each.pattern for each in self._patterns[0])

    @property
    def proved(self) -> np.ndarray:
        """(n,) bool, of which pieces it is proved that a member lies on them; the others may be empty."""
        return np.array([each.holds for each in self._patterns[0]], dtype=bool)

    @property
    def pieces(self) -> tuple[Polyhedron, ...]:
        """The polyhedra of P that were found, one for each activation pattern, for their geometry.

        Rows are the network's maps composed in float64, up to rounding that is not bounded. A point on a kink lies on
        several; rows that the point of its leaf breaks by rounding are moved through it.

        Raises:
            TooLarge: if they would take more memory than allowed.
        """
        return self._pieces

    @cached_property
    def _pieces(self) -> tuple[Polyhedron, ...]:
        return tuple(self._polyhedron(each) for each in self._patterns[0])

    def _polyhedron(self, leaf: LeafPattern) -> Polyhedron:
        rows = self.system.domain_rows
        assert rows is not None  # a box
        (there,) = domain_at(rows, leaf.point[None])
        assert isinstance(there, DomainAt)  # as the point is in it
        wanted = [float(y) for y in self._search.statement.wanted]
        above = {name: each for name, (each, _) in self.statement.above.items()}
        found = region_rows(
            self.prefix,
            leaf.point,
            leaf.pattern,
            above,
            domain=there,
            tolerance=self.system.tolerance,
            wanted=np.array(wanted),
        )
        return _through_origin(found)

    @property
    def region(self) -> Polyhedron:
        """The piece that x0 lies in.

        Raises:
            InputError: if features were given instead.
        """
        if self.piece is None:
            raise InputError("no point was given whose piece this could be; the pieces are pre.pieces.")
        return self.piece.region

    @property
    def polyhedron(self) -> Polyhedron:
        """P, where it is one polyhedron.

        Raises:
            InputError: if it is not, or may not be.
        """
        if not self.complete or len(self.pieces) != 1:
            raise InputError(
                "the preimage has several pieces, or none, or may have; those that are known are pre.pieces."
            )
        return self.pieces[0]

    @property
    def dimension(self) -> DimensionInterval:
        """A proved interval for the dimension of P, that of its largest piece; -1 is that of the empty set."""
        return self._dimension

    @cached_property
    def _dimension(self) -> DimensionInterval:
        statement, certificate = self._search.statement, self.certificate
        free = int((statement.upper > statement.lower).sum())
        if self.kind is Kind.EMPTY:
            return DimensionInterval(-1, -1)
        if self.kind is Kind.SINGLETON:
            return DimensionInterval(0, 0)
        known = 0 if self.piece is not None or bool(self.proved.any()) else -1
        least = max(known, certificate.least_dimension, -1 if self.piece is None else self.piece.region_dimension.lower)
        if not certificate.complete:
            return DimensionInterval(least, free)
        exactly = bool((statement.resolution[statement.held] == 0).all())
        most = -1
        for number, exact in zip(certificate.leaves.tolist(), certificate.exact, strict=True):
            is_ball = certificate.tree.operation[number] == Operation.BALL
            leaf = self._search.leaves[number]
            here = (0 if leaf.alone and exactly else free) if is_ball else free - leaf.rank
            most = max(most, here if exact is None else exact.dimension)
        return DimensionInterval(least, most)

    @property
    def outer_ranges(self) -> np.ndarray:
        """(d, 2) float64: between these every member of P lies, whatever was settled; NaN where P is proved empty."""
        return self.certificate.places.outer_ranges

    def contains(self, x: Array) -> bool | None:
        """Whether a point is a member of P, in exact arithmetic; None where that takes too long.

        Args:
            x: d numbers.

        Raises:
            ShapeError: if x has another size.
        """
        point = as_numpy(x, "the point x").reshape(-1)
        if point.size != self.prefix.input_size:
            raise ShapeError(f"the point x has {point.size} numbers, but the network takes {self.prefix.input_size}.")
        statement = self._search.statement
        given = statement.lower.new_tensor(point)
        if statement.is_member(given):
            return True
        inside = bool(((statement.lower <= given) & (given <= statement.upper)).all())
        return None if inside and statement.exact_outputs(given) is None else False

    def go_on(
        self, *, time_limit: float = math.inf, memory_limit: float = MEMORY, progress: Progress | bool | None = None
    ) -> UnionPreimage:
        """Search on where the search stopped; this result keeps what it says.

        Args:
            time_limit: seconds from now.
            memory_limit: bytes that the search may take, 4 GiB if left out.
            progress: where to show the share that is settled.
        """
        search = self._search.copy()
        stopped = watched(search, time_limit=time_limit, memory_limit=memory_limit, progress=progress)
        return UnionPreimage(self.statement, self.piece, stopped, search)


def _through_origin(rows: Polyhedron) -> Polyhedron:
    """The same, rows that its origin breaks by no more than rounding moved through it."""
    size = 1 + np.abs(rows.origin)
    room, equal = (ROUNDING * (np.abs(A) @ size + 1) for A in (rows.A_ub, rows.A_eq))
    b_ub = np.where((rows.b_ub < 0) & (rows.b_ub >= -room), 0.0, rows.b_ub)
    b_eq = np.where(np.abs(rows.b_eq) <= equal, 0.0, rows.b_eq)
    return Polyhedron(
        A_ub=rows.A_ub,
        b_ub=b_ub,
        A_eq=rows.A_eq,
        b_eq=b_eq,
        lower=rows.lower,
        upper=rows.upper,
        origin=rows.origin,
        ub_error=rows.ub_error,
        eq_error=rows.eq_error,
    )
