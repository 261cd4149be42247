"""Certificates about a prefix of a network as rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias, cast

import pyarrow as pa

from unrelu.cones.proofs import ConeCertificate
from unrelu.preimages.certificate_files.cells import certificate_in
from unrelu.preimages.certificate_files.records import record_of
from unrelu.preimages.certificate_files.schema import PARTS, PREFIX_FACTS, PREFIX_SCHEMA
from unrelu.preimages.prefix_certificate import PieceProof, PrefixCertificate
from unrelu.preimages.prefix_statement import PrefixStatement

if TYPE_CHECKING:
    from unrelu.preimages.certificate_files.content import Content

FEW = 4
"""Points whose certificates are read and written at once: multipliers of deep rows take some megabytes a point."""

Chain: TypeAlias = tuple[tuple[str, ...], tuple[ConeCertificate, ...]]
"""Cuts, and proofs: one about each of them, and in most chains one more."""


def prefix_rows(content: Content, start: int, stop: int) -> pa.Table:
    """The rows of some certificates."""
    columns: dict[str, list[object]] = {name: [] for name in PREFIX_SCHEMA.names}
    for index in range(start, stop):
        certificate = cast("PrefixCertificate", content.certificates[index])
        columns["input"].append(index)
        columns["kind"].append(content.kinds[index])
        for fact, chain in _chains(certificate).items():
            cuts, proofs = chain or (None, None)
            records = None if proofs is None else [record_of(proof) for proof in proofs]
            columns[f"{fact}_cuts"].append(cuts)
            columns[f"{fact}_forms"].append(None if records is None else [record.form for record in records])
            for part in PARTS:
                values = None if records is None else [getattr(record, part) for record in records]
                columns[f"{fact}_{part}"].append(values)
    return pa.table(columns, schema=PREFIX_SCHEMA)


def prefix_certificates(rows: pa.Table, statements: Sequence[PrefixStatement]) -> list[PrefixCertificate]:
    """The certificates of some rows, about these statements.

    Raises:
        ValueError: if a row holds none.
    """
    found = []
    for offset, statement in enumerate(statements):
        chains = {fact: _chain(rows, fact, offset) for fact in PREFIX_FACTS}
        determined, domain = chains["determined"], chains["domain"]
        if determined is not None and len(determined[0]) != len(determined[1]):
            raise ValueError("what determines a cut is not one proof for each")
        if domain is not None and (domain[0] or len(domain[1]) != 1):
            raise ValueError("a domain has one proof, and no cuts")
        found.append(
            PrefixCertificate(
                statement,
                bounded=_piece_proof(chains["bounded"]),
                singleton=_piece_proof(chains["singleton"]),
                determined=() if determined is None else tuple(zip(*determined, strict=True)),
                domain=None if domain is None else domain[1][0],
            )
        )
    return found


def _chains(certificate: PrefixCertificate) -> dict[str, Chain | None]:
    """The chains of proofs of a certificate, by `PREFIX_FACTS`."""
    found: dict[str, Chain | None] = {}
    for fact, piece in (("bounded", certificate.bounded), ("singleton", certificate.singleton)):
        found[fact] = None
        if piece is not None:
            found[fact] = tuple(cut for cut, _ in piece.cuts), (*(each for _, each in piece.cuts), piece.certificate)
    cuts, proofs = (
        (tuple(part) for part in zip(*certificate.determined, strict=True)) if certificate.determined else ((), ())
    )
    found["determined"] = (cuts, proofs) if cuts else None
    found["domain"] = None if certificate.domain is None else ((), (certificate.domain,))
    return found


def _piece_proof(chain: Chain | None) -> PieceProof | None:
    if chain is None:
        return None
    cuts, proofs = chain
    if len(proofs) != len(cuts) + 1:
        raise ValueError("a proof about a piece is not one for each cut and one more")
    return PieceProof(tuple(zip(cuts, proofs, strict=False)), proofs[-1])


def _chain(rows: pa.Table, fact: str, offset: int) -> Chain | None:
    """The chain of proofs in some cells; None where there is none."""
    cells = {part: rows[f"{fact}_{part}"][offset] for part in ("cuts", "forms", *PARTS)}
    if not cells["forms"].is_valid:
        if any(cell.is_valid for cell in cells.values()):
            raise ValueError("a proof has no form")
        return None
    if not all(cell.is_valid for cell in cells.values()):
        raise ValueError("a proof lacks a part")
    forms, cuts = cells["forms"].as_py(), cells["cuts"].as_py()
    if any(len(cells[part].values) != len(forms) for part in PARTS):
        raise ValueError("proofs have not as many parts as there are proofs")
    if not all(isinstance(cut, str) for cut in cuts):
        raise ValueError("a cut has no name")
    proofs = tuple(certificate_in(form, *(cells[part].values[k] for part in PARTS)) for k, form in enumerate(forms))
    if not all(hasattr(proof, "trivial") for proof in proofs):
        raise ValueError("a proof stands where one about a cone belongs")
    return tuple(cuts), cast("tuple[ConeCertificate, ...]", proofs)
