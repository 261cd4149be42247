"""A proof of what the whole preimage of a prefix is, by all of its pieces."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.frontier.subproblems import Subproblems
from unrelu.frontier.tree import Operation
from unrelu.preimages.kind import Kind, kind_of
from unrelu.preimages.search.completeness_certificate import CompletenessCertificate
from unrelu.preimages.search.exact_set import ExactSet, are_exact_sets
from unrelu.preimages.search.examined import examine, has_one_at_most, is_settled
from unrelu.preimages.search.listed import Listed
from unrelu.preimages.search.local_dimension import local_dimension
from unrelu.preimages.search.two_members import are_two_members
from unrelu.preimages.union.patterns import closed_branches
from unrelu.preimages.union.search_statement import search_statement
from unrelu.rigor.arithmetic import proof

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.frontier.tree import Tree
    from unrelu.preimages.prefix_certificate import PrefixCertificate
    from unrelu.preimages.prefix_statement import PrefixStatement
    from unrelu.preimages.search.completeness_certificate import LeafCheck
    from unrelu.preimages.search.examined import Examined
    from unrelu.preimages.search.statement import InverseStatement
    from unrelu.preimages.union.given_features import GivenFeatures


@dataclass(frozen=True, eq=False)
class UnionCertificate:
    """Proofs that the inputs of a box with the same features of a prefix are none, one, or more.

    The tree says where members can be: in listed boxes, of which some are proved to hold one, or in what is left open.
    With the proofs about the piece of the point that was asked about, it proves the kind. The set is bounded, as its
    domain is.

    Attributes:
        statement: the prefix, the domain, the tolerance, and the point or the features.
        tree: of the search.
        piece: proofs about the piece of the point, where one is given.
        member: (d,) float64, a point about which the set is of some dimension; see `local_dimension`.
        alone: whether all that is listed is one ball of which the tree proves that no two of its points are members.
        pair: (d,) float64 each, two members.
        in_piece: whether all that is listed lies on the piece of the point, which is the point alone.
        sets: of each listed leaf the members in it, exactly, where they are known: of few leaves of small networks.
    """

    statement: PrefixStatement | GivenFeatures
    tree: Tree
    piece: PrefixCertificate | None
    member: Tensor | None = None
    alone: bool = False
    pair: tuple[Tensor, Tensor] | None = None
    in_piece: bool = False
    sets: tuple[ExactSet | None, ...] = ()

    def __repr__(self) -> str:
        """A line with the kind and how much the proof rests on."""
        state = "complete" if self.complete else "incomplete"
        return f"UnionCertificate({self.kind.value}: a tree of {len(self.tree)} nodes, {state})"

    @cached_property
    def places(self) -> CompletenessCertificate:
        """The proof that all members lie in the listed boxes, or in what is left open; no kind rests on it alone."""
        return CompletenessCertificate(search_statement(self.statement), self.tree)

    @property
    def complete(self) -> bool:
        """Whether all members are claimed to lie in the listed boxes."""
        return self.places.complete

    @property
    def claims_bounded(self) -> bool:
        """True, as the domain is a box with finite ends."""
        return True

    @property
    def exact(self) -> tuple[ExactSet | None, ...]:
        """Of each listed leaf the members in it, exactly; None where they are not known."""
        return self.sets or (None,) * len(self.leaves)

    @cached_property
    def _sets_are_proved(self) -> bool:
        """Whether the exact sets are those of the leaves."""
        return not self.sets or are_exact_sets(self.places.statement, self.tree, self.leaves, self.sets)

    @cached_property
    def leaves(self) -> np.ndarray:
        """Numbers of the leaves in which members can be, but for what is left open."""
        return np.flatnonzero(np.isin(self.tree.operation, (Operation.BALL, Operation.FLAT)))

    @cached_property
    def claims_empty(self) -> bool:
        """Whether the set is claimed to have no member."""
        return self.complete and all(each is not None and each.dimension < 0 for each in self.exact)

    @cached_property
    def claims_singleton(self) -> bool | None:
        """Whether the set is claimed to be a single point; None where nothing is."""
        if self.claims_empty or self._piece_is_no_point or self._has_several:
            return False
        if int(self._listed.holds.sum()) > 1:
            return False
        return True if self._is_one_point else None

    @cached_property
    def least_dimension(self) -> int:
        """At least the dimension of the set, proved about `member` or exactly on a leaf; -1 where nothing is."""
        known = max((each.dimension for each in self.exact if each is not None), default=-1)
        return max(known, self._dimension_about_member)

    @property
    def _dimension_about_member(self) -> int:
        statement = self.places.statement
        if self.member is None or not _is_point(statement, self.member):
            return -1
        return local_dimension(statement, self.member)

    @property
    def kind(self) -> Kind:
        """The kind that the certificates claim to prove."""
        return Kind.EMPTY if self.claims_empty else kind_of(True, self.claims_singleton)

    @proof
    def verify(self) -> bool:
        """True only if `kind` is proved for exactly the stored floats; calls no solver."""
        if not self.statement.is_about_a_set or len(self.exact) != len(self.leaves):
            return False
        if self.kind is Kind.UNDECIDED:
            return False
        if self.kind is Kind.BOUNDED:
            if self.piece is not None and self._piece_is_no_point:
                return self.piece.verify_singleton()
            known = self._dimension_about_member > 0 or self._has_pair
            return self._verify_places() if self.sets or not known else True
        if self.kind is Kind.EMPTY:
            return self._verify_places()
        if self.in_piece:
            piece, region = self.piece, self._region
            within = lambda found, place: is_within(found, place, region)  # noqa: E731
            return piece is not None and piece.verify_region_singleton() and self._verify_places(within)
        return self._verify_places(has_one_at_most if self.alone else None)

    def _verify_places(self, each: LeafCheck | None = None) -> bool:
        """Whether the tree is proved, and the exact sets are those of its leaves."""
        return self.places.verify(each=each) and self._sets_are_proved

    @proof
    def verify_complete(self) -> bool:
        """Whether it is proved that no member lies outside the listed boxes."""
        return self.statement.is_about_a_set and self.complete and self.places.verify()

    @cached_property
    def _has_several(self) -> bool:
        """Whether there is more than one member, whatever the tree proves of other places."""
        points = {each.where for each in self.exact if each is not None and each.where is not None}
        return self.least_dimension > 0 or len(points) > 1 or self._has_pair

    @cached_property
    def _has_pair(self) -> bool:
        """Whether two members are given, and are members."""
        statement = self.places.statement
        if self.pair is None or not all(_is_point(statement, each) for each in self.pair):
            return False
        return are_two_members(statement, self.pair)

    @property
    def _piece_is_no_point(self) -> bool:
        """Whether it is claimed that the piece of the point is more than the point."""
        return (
            self.piece is not None and self.piece.statement is self.statement and self.piece.claims_singleton is False
        )

    @property
    def _piece_is_point(self) -> bool:
        """Whether it is claimed that the piece of the point is the point alone."""
        piece = self.piece
        if piece is None or piece.statement is not self.statement or piece.singleton is None:
            return False
        return piece.singleton.trivial

    @cached_property
    def _region(self) -> tuple[Tensor, Tensor] | None:
        """What units are fed on the closed region of the point's piece."""
        if self.piece is None:
            return None
        return closed_branches(self.places.statement, self.piece.statement.pattern)

    @cached_property
    def _listed(self) -> Listed:
        return Listed.of(self.places)

    @cached_property
    def _is_one_point(self) -> bool:
        """Whether all that is listed is one ball with a member, or a place no two points of which have one feature."""
        statement, listed = self.places.statement, self._listed
        if not self.complete:
            return False
        if self.in_piece:
            return self._piece_is_point and self._region is not None
        if None not in self.exact:  # of which there are not several
            return True
        if len(listed) != 1 or (statement.at is None and not bool(listed.holds[0])):
            return False
        if bool((listed.lower == listed.upper).all()):
            return True
        if not bool((statement.resolution[statement.held] == 0).all()):
            return False
        if self.alone:
            return self.tree.operation[self.leaves].tolist() == [Operation.BALL]
        lower, upper = (torch.from_numpy(each[0].copy()) for each in (listed.lower, listed.upper))
        box = Subproblems.root(lower, upper, statement.bounded.n_units)
        return float(examine(statement, box).apart.max()) < 1


def is_within(found: Examined, place: int, region: tuple[Tensor, Tensor] | None) -> bool:
    """Whether all that units are fed on a sub-problem lies between some numbers.

    Args:
        found: sub-problems.
        place: number of one of them.
        region: (U,) and (U,).
    """
    if region is None or not is_settled(found, place):
        return False
    units = found.units
    return bool(((region[0] <= units.low[place]) & (units.high[place] <= region[1])).all())


def _is_point(statement: InverseStatement, given: Tensor) -> bool:
    """Whether a point is one of the domain, in float64, in which outputs are computed."""
    if given.dtype != torch.float64 or given.shape != statement.lower.shape:
        return False
    return bool(((statement.lower <= given) & (given <= statement.upper)).all())
