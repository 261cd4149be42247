"""Certificates as flat records of numbers, and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.cones.proofs import (
    BlockByBlock,
    ConeCertificate,
    Counting,
    Direction,
    Enclosed,
    ExactDirection,
    ExactMultipliers,
    FullRank,
    LocalCounting,
    Multipliers,
)
from unrelu.preimages.certificates.motzkin import ExactMotzkin, Motzkin
from unrelu.preimages.certificates.other_pieces import OtherPieces
from unrelu.preimages.certificates.sign_system import SignCertificate
from unrelu.preimages.certificates.witness import ExactWitness, Witness


@dataclass(frozen=True, eq=False)
class CertificateRecord:
    """What there is to a certificate; which parts are there depends on its form.

    Attributes:
        form: a key of `FORMS`.
        numbers: (k,) float64, or None.
        indices: (k,) int64, or None.
        integers: integers of any size as hexadecimal text, or None. (Python reads and writes long decimal ones
            slowly, and none beyond 4300 digits.)
    """

    form: str
    numbers: np.ndarray | None = None
    indices: np.ndarray | None = None
    integers: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Form:
    """Which attributes of a class of certificates hold its numbers, indices and integers.

    Attributes:
        certificate: the class.
        numbers: name of the attribute with floats, or None.
        indices: name of the attribute with indices of rows, or None.
        integers: name of the attribute with integers of any size, or None.
    """

    certificate: type[ConeCertificate] | type[SignCertificate]
    numbers: str | None = None
    indices: str | None = None
    integers: str | None = None


FORMS = {
    "counting": Form(Counting),
    "enclosed": Form(Enclosed),
    "local counting": Form(LocalCounting, indices="columns"),
    "full rank": Form(FullRank),
    "multipliers": Form(Multipliers, numbers="values"),
    "direction": Form(Direction, numbers="direction", indices="held"),
    "exact multipliers": Form(ExactMultipliers, integers="values"),
    "block by block": Form(BlockByBlock, numbers="values", indices="exact_rows", integers="exact_values"),
    "exact direction": Form(ExactDirection, integers="direction"),
    "other pieces": Form(OtherPieces),
    "witness": Form(Witness, numbers="point"),
    "exact witness": Form(ExactWitness, integers="ratio"),
    "motzkin": Form(Motzkin, numbers="values"),
    "exact motzkin": Form(ExactMotzkin, integers="values"),
}
"""Every form of certificate that is saved, by the name it has in files."""


def record_of(certificate: ConeCertificate | SignCertificate) -> CertificateRecord:
    """The record of a certificate."""
    name, form = next((name, form) for name, form in FORMS.items() if type(certificate) is form.certificate)
    return CertificateRecord(
        form=name,
        numbers=None if form.numbers is None else np.asarray(getattr(certificate, form.numbers), np.float64),
        indices=None if form.indices is None else np.asarray(getattr(certificate, form.indices), np.int64),
        integers=None if form.integers is None else tuple(hex(i) for i in getattr(certificate, form.integers)),
    )


def certificate_of(record: CertificateRecord) -> ConeCertificate | SignCertificate:
    """The certificate of a record; whether it proves anything is for `verify` to say.

    Raises:
        ValueError: if the record has no known form, or not the parts of its form.
    """
    form = FORMS.get(record.form)
    if form is None:
        raise ValueError(f"there is no form {record.form!r} of certificates")
    parts: dict[str, object] = {}
    for name, value in ((form.numbers, record.numbers), (form.indices, record.indices)):
        if (name is None) != (value is None):
            raise ValueError(f"a certificate of the form {record.form!r} does not have these parts")
        if name is not None:
            parts[name] = value
    if (form.integers is None) != (record.integers is None):
        raise ValueError(f"a certificate of the form {record.form!r} does not have these parts")
    if form.integers is not None and record.integers is not None:
        integers = tuple(int(text, 16) for text in record.integers)
        if form.certificate is ExactWitness:
            return ExactWitness.of_ratio(integers)
        parts[form.integers] = integers
    return form.certificate(**parts)
