"""One saved verdict, and what came of verifying many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.errors import DomainError
from unrelu.polyhedra.domain_at import DomainAt
from unrelu.preimages.index_set import IndexSet
from unrelu.preimages.index_set_certificate import IndexSetCertificate
from unrelu.preimages.kind import Kind
from unrelu.preimages.prefix_certificate import PrefixCertificate
from unrelu.preimages.preimage_certificate import PreimageCertificate
from unrelu.preimages.search.completeness_certificate import CompletenessCertificate
from unrelu.preimages.search.statement import InverseStatement
from unrelu.rigor.arithmetic import proof


@dataclass(frozen=True, eq=False)
class SavedVerdict:
    """What is claimed about one input, one vector of features or one set of them.

    Attributes:
        kind: the kind as it was saved.
        certificate: the proofs.
    """

    kind: str
    certificate: PreimageCertificate | PrefixCertificate | IndexSetCertificate | CompletenessCertificate

    @property
    def claimed(self) -> bool:
        """Whether anything is claimed; what is undecided without proof of any fact claims nothing."""
        if isinstance(self.certificate, CompletenessCertificate):
            return True
        return self.certificate.claims or self.kind != Kind.UNDECIDED

    @property
    def domain_at(self) -> DomainAt | None:
        """The domain as it is at the input; None where there is no input, it lies outside, or nothing can be moved."""
        statement = self.certificate.statement
        try:
            return None if isinstance(statement, IndexSet | InverseStatement) else statement.domain_at
        except DomainError:
            return None

    @proof
    def verify(self) -> bool:
        """True only if the saved kind is proved; where it is UNDECIDED, every fact of which there is a proof."""
        certificate = self.certificate
        if self.kind != certificate.kind:
            return False
        if isinstance(certificate, CompletenessCertificate):
            return certificate.verify()
        try:
            if certificate.kind != Kind.UNDECIDED:
                return certificate.verify()
            return not isinstance(certificate, IndexSetCertificate) and certificate.verify_proofs()
        except DomainError:  # the point lies outside the domain, where its preimage is another
            return False


@dataclass(frozen=True, eq=False)
class Verification:
    """Which of many verdicts are proved.

    Attributes:
        claimed: (n,) bool, inputs (or vectors of features, or sets) about which anything is claimed.
        proved: (n,) bool, those of which all that is claimed is proved.
        kinds: the n kinds as they were saved.
        exhaustive: whether the sets make up all sets of the layer's features; None where that is not claimed.
        rows_moved: (n,) int, general rows of the domain that were moved through each input (`DomainAt`).
        largest_shift: at least the largest distance (L2) by which a row was moved; 0 where none was.
        digest: a name for all that is claimed; see `digest.claim_sha256`.
    """

    claimed: np.ndarray
    proved: np.ndarray
    kinds: tuple[str, ...]
    exhaustive: bool | None
    rows_moved: np.ndarray
    largest_shift: float
    digest: str

    @property
    def holds(self) -> bool:
        """Whether all that is claimed is proved."""
        return self.n_proved == self.n_claimed and self.exhaustive is not False

    @property
    def n_claimed(self) -> int:
        """How many verdicts are claimed."""
        return int(self.claimed.sum())

    @property
    def n_proved(self) -> int:
        """How many of them are proved."""
        return int((self.claimed & self.proved).sum())

    @property
    def failed(self) -> np.ndarray:
        """Indices of inputs about which something is claimed that is not proved."""
        return np.flatnonzero(self.claimed & ~self.proved)
