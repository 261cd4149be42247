"""The proof of what the preimage of one layer is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unrelu.preimages.certificates import ConeCertificate
from unrelu.preimages.kind import Kind, kind_of
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.pattern import LayerPattern
from unrelu.rigor.arithmetic import proof


@dataclass(frozen=True, eq=False)
class PreimageCertificate:
    """Proofs that the preimage of a layer at a point is bounded or not, and a single point or not.

    The cones are built anew from the layer and the point when it is verified, with the exact activation pattern; no
    solver is called.

    Attributes:
        system: the layer, the domain and the tolerance.
        at: (d,) the point x0.
        bounded: proof about the recession cone, which is {0} iff the preimage is bounded; or None.
        singleton: proof about the tangent cone at x0, which is {0} iff the preimage is a single point; or None.
    """

    system: LayerSystem
    at: np.ndarray
    bounded: ConeCertificate | None
    singleton: ConeCertificate | None

    def __repr__(self) -> str:
        """A line with the kind and the proofs."""
        proofs = [type(proof).__name__ for proof in (self.bounded, self.singleton) if proof is not None]
        return f"PreimageCertificate({self.kind.value}: {', '.join(proofs) or 'no proofs'})"

    @property
    def kind(self) -> Kind:
        """The kind that the certificates claim to prove."""
        bounded = None if self.bounded is None else self.bounded.trivial
        singleton = None if self.singleton is None else self.singleton.trivial
        return kind_of(bounded, singleton)

    @cached_property
    def _pattern(self) -> LayerPattern:
        return self.system.patterns(self.at[None])[0]

    @proof
    def verify_bounded(self) -> bool:
        """Whether the claim about boundedness is proved; a proof of a single point is one."""
        if self.bounded is None:
            return False
        if self.bounded.verify(self.system.recession_cone(self._pattern)):
            return True
        return self.bounded.trivial and self._proves_point()

    @proof
    def verify_singleton(self) -> bool:
        """Whether the claim about uniqueness is proved; a proof that the preimage is unbounded refutes it."""
        if self.singleton is None:
            return False
        if self.singleton.trivial:
            return self._proves_point()
        if self.singleton.verify(self.system.tangent_cone(self._pattern)):
            return True
        return (
            self.bounded is not None
            and not self.bounded.trivial
            and self.bounded.verify(self.system.recession_cone(self._pattern))
        )

    @proof
    def verify(self) -> bool:
        """True only if `kind` is proved for exactly the stored floats.

        An unbounded preimage is not a single point and a single point is bounded, so one proof is enough for these
        kinds; BOUNDED needs both.
        """
        if self.kind is Kind.SINGLETON:
            return self.verify_singleton()
        if self.kind is Kind.UNBOUNDED:
            return self.verify_bounded()
        if self.kind is Kind.BOUNDED:
            return self.verify_bounded() and self.verify_singleton()
        return False

    def _proves_point(self) -> bool:
        return (
            self.singleton is not None
            and self.singleton.trivial
            and self.singleton.verify(self.system.tangent_cone(self._pattern))
        )
