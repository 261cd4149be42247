"""Certificates about a layer as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import pyarrow as pa

from unrelu.cones.proofs import ConeCertificate
from unrelu.preimages.certificate_files.cells import certificate_in
from unrelu.preimages.certificate_files.records import record_of
from unrelu.preimages.certificate_files.schema import FACTS, PARTS, SAME, SCHEMA
from unrelu.preimages.certificates.sign_system import SignCertificate
from unrelu.preimages.index_set import IndexSet
from unrelu.preimages.index_set_certificate import IndexSetCertificate
from unrelu.preimages.preimage_certificate import PreimageCertificate
from unrelu.preimages.same_features import SameFeatures

if TYPE_CHECKING:
    from unrelu.preimages.certificate_files.content import Content

BLOCK = 64
"""Inputs whose certificates are read and written at once; 64 of a layer of 3,500 features take 2 MB."""


def layer_rows(content: Content, start: int, stop: int) -> pa.Table:
    """The rows of some certificates."""
    columns: dict[str, list[object]] = {name: [] for name in SCHEMA.names}
    for index in range(start, stop):
        certificate = content.certificates[index]
        columns["input"].append(index)
        columns["kind"].append(content.kinds[index])
        bounded = getattr(certificate, "bounded", None)
        for fact in FACTS:
            # Index sets have a proof about members only.
            proof = getattr(certificate, fact, None)
            same = fact == "singleton" and proof is not None and proof is bounded
            record = None if proof is None or same else record_of(proof)
            columns[f"{fact}_form"].append(SAME if same else None if record is None else record.form)
            for part in PARTS:
                columns[f"{fact}_{part}"].append(None if record is None else getattr(record, part))
    return pa.table(columns, schema=SCHEMA)


def layer_certificates(
    rows: pa.Table, statements: Sequence[SameFeatures | IndexSet]
) -> list[PreimageCertificate | IndexSetCertificate]:
    """The certificates of some rows, about these statements.

    Raises:
        ValueError: if a row holds none.
    """
    found = []
    for offset, statement in enumerate(statements):
        proofs = {fact: _proof(rows, fact, offset) for fact in FACTS}
        if proofs["singleton"] == SAME:
            proofs["singleton"] = proofs["bounded"]
        if any(proof == SAME for proof in proofs.values()):
            raise ValueError("a proof stands for one that is not there")
        found.append(_certificate(statement, proofs))
    return found


def _certificate(
    statement: SameFeatures | IndexSet, proofs: Mapping[str, object]
) -> PreimageCertificate | IndexSetCertificate:
    """The certificate of proofs about cones and about members, each in its place."""
    of_cones, of_members = ([proofs[fact] for fact in facts] for facts in (FACTS[:2], FACTS[2:]))
    if any(proof is not None and not hasattr(proof, "trivial") for proof in of_cones):
        raise ValueError("a proof stands where one about a cone belongs")
    if any(proof is not None and not hasattr(proof, "admissible") for proof in of_members):
        raise ValueError("a proof stands where one about a member belongs")
    existence = cast("SignCertificate | None", proofs["existence"])
    if isinstance(statement, IndexSet):
        if any(proof is not None for fact, proof in proofs.items() if fact != "existence"):
            raise ValueError("a set of features has a proof that only a preimage has")
        return IndexSetCertificate(statement, existence)
    return PreimageCertificate(
        statement,
        bounded=cast("ConeCertificate | None", proofs["bounded"]),
        singleton=cast("ConeCertificate | None", proofs["singleton"]),
        existence=existence,
        interior=cast("SignCertificate | None", proofs["interior"]),
    )


def _proof(rows: pa.Table, fact: str, offset: int) -> ConeCertificate | SignCertificate | str | None:
    """A certificate; `SAME` where it is another's; None where there is none."""
    form = rows[f"{fact}_form"][offset].as_py()
    if form is None or form == SAME:
        return form
    numbers, indices, integers = (rows[f"{fact}_{part}"][offset] for part in PARTS)
    return certificate_in(form, numbers, indices, integers)
