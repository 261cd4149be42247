"""Certificates as cells of a table."""

from __future__ import annotations

import pyarrow as pa

from unrelu.cones.proofs import ConeCertificate
from unrelu.preimages.certificate_files.records import CertificateRecord, certificate_of
from unrelu.preimages.certificates.sign_system import SignCertificate


def certificate_in(
    form: str | None, numbers: pa.Scalar, indices: pa.Scalar, integers: pa.Scalar
) -> ConeCertificate | SignCertificate:
    """The certificate of four cells: a form, and lists, null where the form has no such part.

    Raises:
        ValueError: if it is none.
    """
    return certificate_of(
        CertificateRecord(
            form=form or "",
            numbers=numbers.values.to_numpy(zero_copy_only=False) if numbers.is_valid else None,
            indices=indices.values.to_numpy(zero_copy_only=False) if indices.is_valid else None,
            integers=tuple(str(text) for text in integers.as_py()) if integers.is_valid else None,
        )
    )
