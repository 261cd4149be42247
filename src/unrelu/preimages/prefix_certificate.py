"""The proof of what the inputs with the same features of a prefix are."""

from __future__ import annotations

from dataclasses import dataclass

from unrelu.cones.proofs import ConeCertificate
from unrelu.preimages.kind import Kind, kind_of
from unrelu.preimages.lifted.block import Directions
from unrelu.preimages.prefix_statement import PrefixStatement
from unrelu.rigor.arithmetic import proof


@dataclass(frozen=True, eq=False)
class PieceProof:
    """Whether the cone of directions of a piece is {0}.

    At a cut from which no direction leads to the same features on the piece, every direction of the piece leaves the
    cut's numbers as they are, and conversely: the question is then that of the prefix up to the cut. This replaces
    features that depend on each other, as they do in depth, by as many independent ones as there are.

    Attributes:
        cuts: cuts, from the last to the first, and for each a proof that the cone from it to the cut before in this
            order (to the prefix's end) is {0}.
        certificate: the proof about the cone from the input to the last of these cuts, or to the prefix's end.
    """

    cuts: tuple[tuple[str, ConeCertificate], ...]
    certificate: ConeCertificate

    @property
    def trivial(self) -> bool:
        """Whether the cone is {0}."""
        return self.certificate.trivial

    def verify(self, statement: PrefixStatement, directions: Directions) -> bool:
        """True only if this proves `trivial` for the very floats of the statement; calls no solver."""
        if (self.trivial or self.cuts) and not statement.is_sure:
            return False
        ends = _reached(statement, self.cuts, directions)
        return ends is not None and self.certificate.verify(statement.cone(None, ends, directions))


@dataclass(frozen=True, eq=False)
class PrefixCertificate:
    """Proofs that the set of all inputs with the same features of a prefix is bounded or not, a single point or not.

    Everything is built anew from the statement when it is verified: the exact activation pattern, which rows of the
    domain go through the point, the lifted rows and the cones; no solver is called.

    Attributes:
        statement: the prefix, the domain, the tolerance and the point.
        bounded: proof about the directions in which the piece of the point goes on for ever; or None.
        singleton: proof about the directions in which it goes on at the point; or None.
        determined: proof that the piece is the whole set: cuts, from the last to the first, and for each a proof that
            the layer from it to the next one determines it among *all* values that it can have, on any branch.
        domain: proof that the domain is bounded; or None.
    """

    statement: PrefixStatement
    bounded: PieceProof | None
    singleton: PieceProof | None
    determined: tuple[tuple[str, ConeCertificate], ...] = ()
    domain: ConeCertificate | None = None

    def __repr__(self) -> str:
        """A line with the kind and the proofs."""
        proofs = [each.certificate for each in (self.bounded, self.singleton) if each is not None]
        names = [type(each).__name__ for each in (*proofs, *(each for _, each in self.determined), self.domain) if each]
        return f"PrefixCertificate({self.kind.value}: {', '.join(names) or 'no proofs'})"

    @property
    def claims(self) -> bool:
        """Whether there is a proof of anything."""
        return bool(self.determined) or any(each is not None for each in (self.bounded, self.singleton, self.domain))

    @property
    def complete(self) -> bool:
        """Whether the piece is claimed to be the whole set."""
        ends = (self.determined[-1][0],) if self.determined else self.statement.prefix.outputs
        return not self.statement.branching(None, ends)

    @property
    def claims_bounded(self) -> bool | None:
        """Whether the whole set is claimed to be bounded; None where nothing is."""
        if self.bounded is not None and not self.bounded.trivial:
            return False
        if self.domain is not None and self.domain.trivial:
            return True
        if not self.complete:
            return None
        alone = self.singleton is not None and self.singleton.trivial
        return True if alone or self.bounded is not None else None

    @property
    def claims_singleton(self) -> bool | None:
        """Whether the whole set is claimed to be a single point; None where nothing is."""
        if self.bounded is not None and not self.bounded.trivial:
            return False
        if self.singleton is None:
            return None
        return (True if self.complete else None) if self.singleton.trivial else False

    @property
    def kind(self) -> Kind:
        """The kind that the certificates claim to prove."""
        return kind_of(self.claims_bounded, self.claims_singleton)

    @proof
    def verify(self) -> bool:
        """True only if `kind` is proved for exactly the stored floats.

        One piece is enough to prove that the set is unbounded, or no single point; what is said of all of it needs a
        bounded domain, or that the piece is all of it.
        """
        if self.kind is Kind.SINGLETON:
            return self.verify_singleton()
        if self.kind is Kind.UNBOUNDED:
            return self.verify_bounded()
        return self.kind is Kind.BOUNDED and self.verify_bounded() and self.verify_singleton()

    @proof
    def verify_bounded(self) -> bool:
        """Whether the claim about boundedness is proved."""
        if not self.statement.is_about_a_set or self.claims_bounded is None:
            return False
        if self.claims_bounded is False:
            return self.verify_region_bounded()
        if self._verify_domain():
            return True
        alone = self.singleton is not None and self.singleton.trivial and self.verify_region_singleton()
        return self.verify_complete() and (alone or self.verify_region_bounded())

    @proof
    def verify_singleton(self) -> bool:
        """Whether the claim about uniqueness is proved."""
        if not self.statement.is_about_a_set or self.claims_singleton is None:
            return False
        if self.claims_singleton:
            return self.verify_complete() and self.verify_region_singleton()
        unbounded = self.bounded is not None and not self.bounded.trivial and self.verify_region_bounded()
        return unbounded or (
            self.singleton is not None and not self.singleton.trivial and self.verify_region_singleton()
        )

    @proof
    def verify_proofs(self) -> bool:
        """Whether there are proofs, and each of them proves what it claims: of a kind that is open, what is known."""
        return (
            self.claims
            and self.statement.is_about_a_set
            and (self.bounded is None or self.verify_region_bounded())
            and (self.singleton is None or self.verify_region_singleton())
            and (not self.determined or self.verify_complete())
            and (self.domain is None or self._verify_domain())
        )

    @proof
    def verify_region_bounded(self) -> bool:
        """Whether what is claimed of the boundedness of the piece alone is proved."""
        if not self.statement.is_about_a_set or self.bounded is None:
            return False
        return self.bounded.verify(self.statement, Directions.FOR_EVER)

    @proof
    def verify_region_singleton(self) -> bool:
        """Whether what is claimed of the uniqueness of x0 on its piece alone is proved."""
        if not self.statement.is_about_a_set or self.singleton is None:
            return False
        return self.singleton.verify(self.statement, Directions.AT_POINT)

    @proof
    def verify_complete(self) -> bool:
        """Whether it is proved that the piece is the whole set."""
        statement = self.statement
        if not self.complete:
            return False
        if not self.determined:
            return True
        if not statement.is_sure:
            return False
        return _reached(statement, self.determined, Directions.OF_LAYER) is not None

    def _verify_domain(self) -> bool:
        """Whether the domain is proved to be bounded."""
        cone = self.statement.domain_cone
        return self.domain is not None and self.domain.trivial and cone is not None and self.domain.verify(cone)


def _reached(
    statement: PrefixStatement, cuts: tuple[tuple[str, ConeCertificate], ...], directions: Directions
) -> tuple[str, ...] | None:
    """The last of some cuts, if each is proved to be determined by the one before, as the first by the end."""
    ends = statement.prefix.outputs
    allowed = list(statement.cuts)
    for cut, certificate in cuts:
        if cut not in allowed or not certificate.trivial:
            return None
        allowed = allowed[: allowed.index(cut)]
        if directions is Directions.OF_LAYER and statement.branching(cut, ends):
            return None
        if directions is not Directions.OF_LAYER and not statement.may_determine(cut, ends, directions):
            return None
        if not certificate.verify(statement.cone(cut, ends, directions)):
            return None
        ends = (cut,)
    return ends
