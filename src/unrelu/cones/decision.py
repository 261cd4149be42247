"""Answers with three values: proved, refuted or open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from unrelu.cones.proofs import ConeCertificate

ProofT = TypeVar("ProofT")


@dataclass(frozen=True, eq=False)
class Decision(Generic[ProofT]):
    """A statement that holds, does not hold, or is open.

    Attributes:
        holds: True, False, or None where it is open.
        certificate: what proves that; None where it is open.
        margin: how clearly it was decided, from 0 (barely) to 1: the least multiplier over the greatest, or the length
            of the direction over that of the sum of all rows; NaN where it was decided by counting or rank.
        reason: where it is open, what left it open.
    """

    holds: bool | None
    certificate: ProofT | None = None
    margin: float = float("nan")
    reason: str = ""


def still_open(reason: str) -> Decision[Any]:
    """A statement that nothing decided."""
    return Decision(None, reason=reason)


ConeDecision: TypeAlias = Decision[ConeCertificate]
"""Whether a cone is {0}."""


def decided(certificate: ConeCertificate, margin: float = float("nan")) -> ConeDecision:
    """What a certificate about a cone proves."""
    return Decision(certificate.trivial, certificate, margin)
