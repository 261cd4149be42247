"""The proof of what the preimage of one layer is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from unrelu.cones.proofs import Cone, ConeCertificate
from unrelu.errors import DomainError
from unrelu.preimages.certificates.other_pieces import OtherPieces
from unrelu.preimages.certificates.sign_system import SignCertificate
from unrelu.preimages.certificates.witness import ExactWitness, Witness
from unrelu.preimages.kind import Kind, kind_of
from unrelu.preimages.same_features import SameFeatures
from unrelu.rigor.arithmetic import proof


@dataclass(frozen=True, eq=False)
class PreimageCertificate:
    """Proofs that the set of all inputs with the same features is empty or not, bounded or not, a single point or not.

    Everything is built anew from the statement when it is verified: the exact activation pattern, which rows of the
    domain go through the point, and the cones; no solver is called.

    Attributes:
        statement: the layer, the domain, the tolerance, and the point or the features.
        bounded: proof about the recession cone, which is {0} iff a set that is not empty is bounded; or None.
        singleton: proof about the cone of directions at a member, which is {0} iff the set is a single point; or None.
            Where the set is a union, proofs that a cone is {0} are about a polyhedron that encloses all of it, and
            proofs that it is not are about the piece of x0.
        existence: where features are given, proof that the set has a member, or none; otherwise x0 is one.
        interior: where features are given, proof that some member keeps all inequalities strictly; then the cone of
            directions is that of the equalities. Without it that at the member in `existence`, if it is exact.
    """

    statement: SameFeatures
    bounded: ConeCertificate | None
    singleton: ConeCertificate | None
    existence: SignCertificate | None = None
    interior: SignCertificate | None = None

    def __repr__(self) -> str:
        """A line with the kind and the proofs."""
        proofs = (self.existence, self.interior, self.bounded, self.singleton)
        names = [type(proof).__name__ for proof in proofs if proof is not None]
        return f"PreimageCertificate({self.kind.value}: {', '.join(names) or 'no proofs'})"

    @property
    def kind(self) -> Kind:
        """The kind that the certificates claim to prove."""
        if self.statement.features is not None:
            if self.existence is None:
                return Kind.UNDECIDED
            if not self.existence.admissible:
                return Kind.EMPTY
        bounded = None if self.bounded is None else self.bounded.trivial
        singleton = None if self.singleton is None else self.singleton.trivial
        return kind_of(bounded, singleton)

    @property
    def claims(self) -> bool:
        """Whether there is a proof of anything."""
        return any(proof is not None for proof in (self.bounded, self.singleton, self.existence))

    @proof
    def verify(self) -> bool:
        """True only if `kind` is proved for exactly the stored floats.

        An unbounded preimage is not a single point and a single point is bounded, so one proof is enough for these
        kinds; BOUNDED needs both.
        """
        kind = self.kind
        if kind is Kind.EMPTY:
            return self._verify_existence(admissible=False)
        if kind is Kind.SINGLETON:
            return self.verify_singleton()
        if kind is Kind.UNBOUNDED:
            return self.verify_bounded()
        if kind is Kind.BOUNDED:
            return self.verify_bounded() and self.verify_singleton()
        return False

    @proof
    def verify_existence(self) -> bool:
        """Whether what is claimed is proved, that the set has a member or none; x0 is a member where it is given."""
        if self.statement.features is None or self.existence is None:
            return self._is_about_a_set()
        return self._verify_existence(admissible=self.existence.admissible)

    @proof
    def verify_bounded(self) -> bool:
        """Whether the claim about boundedness is proved; a proof of a single point is one."""
        if self.bounded is None or not self._is_about_a_set():
            return False
        if self._verify_recession():
            return True
        return self.bounded.trivial and self.singleton is not None and self.singleton.trivial and self._verify_cone()

    @proof
    def verify_singleton(self) -> bool:
        """Whether the claim about uniqueness is proved; a proof that the preimage is unbounded refutes it."""
        if self.singleton is None or not self._is_about_a_set():
            return False
        if isinstance(self.singleton, OtherPieces):
            return self.statement.has_other_pieces
        if self._verify_cone():
            return True
        return (
            not self.singleton.trivial
            and self.bounded is not None
            and not self.bounded.trivial
            and self._verify_recession()
        )

    @proof
    def verify_proofs(self) -> bool:
        """Whether there are proofs, and each of them proves what it claims: of a kind that is open, what is known."""
        return (
            self.claims
            and (self.existence is None or self.verify_existence())
            and (self.bounded is None or self.verify_bounded())
            and (self.singleton is None or self.verify_singleton())
        )

    def _verify_recession(self) -> bool:
        assert self.bounded is not None
        of_all = self.bounded.trivial
        cone = self.statement.enclosing_recession_cone if of_all else self.statement.recession_cone
        return self.bounded.verify(cone)

    def _is_about_a_set(self) -> bool:
        """Whether there is a member."""
        if self.statement.features is None:
            try:
                return self.statement.pattern is not None
            except DomainError:
                return False
        return self._verify_existence(admissible=True)

    @cached_property
    def _existence_proofs(self) -> dict[bool, bool]:
        return {}

    def _verify_existence(self, *, admissible: bool) -> bool:
        if self.existence is None or self.existence.admissible is not admissible:
            return False
        if admissible and not self.statement.is_whole:
            return False  # what is proved to have a member encloses the set
        known = self._existence_proofs
        if admissible not in known:
            known[admissible] = self.existence.verify(self.statement.sign_system)
        return known[admissible]

    def _verify_cone(self) -> bool:
        cone = self.cone
        return cone is not None and self.singleton is not None and self.singleton.verify(cone)

    @property
    def cone(self) -> Cone | None:
        """The directions in which the set goes on at the member of the proofs; None where none is proved.

        Of a union those of the piece of x0, or, for a proof that x0 is alone, those of a polyhedron that encloses it.
        """
        if self.statement.features is None:
            unique = self.singleton is not None and self.singleton.trivial
            return self.statement.enclosing_tangent_cone if unique else self.statement.tangent_cone
        if self.interior is not None:
            proved = self.interior.admissible and self.interior.verify(self.statement.interior_system)
            return self.statement.cone_at(None) if proved else None
        member = self.existence
        if isinstance(member, Witness) and not member.is_exact(self.statement.sign_system):
            # Equalities alone that leave no direction leave none anywhere.
            return self.statement.cone_at(None) if self.singleton is not None and self.singleton.trivial else None
        return self.statement.cone_at(member) if isinstance(member, Witness | ExactWitness) else None
