"""Facts about one preimage: bounded or not, a single point or not, each with its certificate."""

from __future__ import annotations

from dataclasses import dataclass

from unrelu.preimages.certificates import ConeCertificate


@dataclass(frozen=True, eq=False)
class Fact:
    """A statement "the cone is {0}" that holds, does not hold, or is open.

    Attributes:
        value: True, False, or None where it is open.
        certificate: what proves it; None where it is open.
        margin: how clearly it was decided, from 0 (barely) to 1: the least multiplier over the greatest, or the length
            of the direction over that of the sum of all rows; NaN where it was decided by counting or rank.
        reason: where it is open, what left it open.
    """

    value: bool | None
    certificate: ConeCertificate | None = None
    margin: float = float("nan")
    reason: str = ""


def open_fact(reason: str) -> Fact:
    """A fact that nothing decided."""
    return Fact(None, reason=reason)


def decided(certificate: ConeCertificate, margin: float = float("nan")) -> Fact:
    """The fact that a certificate proves."""
    return Fact(certificate.trivial, certificate, margin)
