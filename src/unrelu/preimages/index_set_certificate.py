"""The proof that an index set is admissible, or that it is not."""

from __future__ import annotations

from dataclasses import dataclass

from unrelu.preimages.certificates.sign_system import SignCertificate
from unrelu.preimages.index_set import IndexSet
from unrelu.preimages.kind import SetKind
from unrelu.rigor.arithmetic import proof


@dataclass(frozen=True, eq=False)
class IndexSetCertificate:
    """A proof that an index set is admissible or that it is not; the system is built anew when it is verified.

    Attributes:
        statement: the layer, the domain and the set.
        existence: a point or multipliers (Motzkin); None where it is open.
    """

    statement: IndexSet
    existence: SignCertificate | None

    @property
    def kind(self) -> SetKind:
        """What the certificate claims to prove."""
        if self.existence is None:
            return SetKind.UNDECIDED
        return SetKind.ADMISSIBLE if self.existence.admissible else SetKind.EXCLUDED

    @property
    def claims(self) -> bool:
        """Whether there is any proof."""
        return self.existence is not None

    @proof
    def verify(self) -> bool:
        """True only if `kind` is proved for exactly the stored floats; calls no solver."""
        return self.existence is not None and self.existence.verify(self.statement.system)
