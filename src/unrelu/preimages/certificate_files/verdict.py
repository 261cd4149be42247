"""One saved verdict, and what came of verifying many."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.errors import DomainError
from unrelu.preimages.kind import Kind
from unrelu.preimages.preimage_certificate import PreimageCertificate
from unrelu.rigor.arithmetic import proof


@dataclass(frozen=True, eq=False)
class SavedVerdict:
    """What is claimed about one input.

    Attributes:
        kind: the kind as it was saved.
        certificate: the proofs.
    """

    kind: str
    certificate: PreimageCertificate

    @property
    def claimed(self) -> bool:
        """Whether anything is claimed; UNDECIDED without proof of either fact claims nothing."""
        certificate = self.certificate
        proofs = (certificate.bounded, certificate.singleton, certificate.existence)
        nothing = all(proof is None for proof in proofs)
        return not (nothing and self.kind == Kind.UNDECIDED)

    @proof
    def verify(self) -> bool:
        """True only if the saved kind is proved; where it is UNDECIDED, every fact of which there is a proof."""
        certificate = self.certificate
        if self.kind != certificate.kind:
            return False
        try:
            if certificate.kind is not Kind.UNDECIDED:
                return certificate.verify()
            return (
                self.claimed
                and (certificate.existence is None or certificate.verify_existence())
                and (certificate.bounded is None or certificate.verify_bounded())
                and (certificate.singleton is None or certificate.verify_singleton())
            )
        except DomainError:  # the point lies outside the domain, where its preimage is another
            return False


@dataclass(frozen=True, eq=False)
class Verification:
    """Which of many verdicts are proved.

    Attributes:
        claimed: (n,) bool, inputs about which anything is claimed.
        proved: (n,) bool, inputs of which all that is claimed is proved.
    """

    claimed: np.ndarray
    proved: np.ndarray

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
