"""The tables of certificates: a row per input, vector of features or index set."""

from __future__ import annotations

import pyarrow as pa

SAME = "as bounded"
"""In place of a form: the proof about uniqueness is the one about boundedness."""

FACTS = ("bounded", "singleton", "existence", "interior")
"""The proofs of a `PreimageCertificate`; an `IndexSetCertificate` has the one about existence."""

PREFIX_FACTS = ("bounded", "singleton", "determined", "domain")
"""The proofs of a `PrefixCertificate`, each a chain of proofs about cones."""

_PROOF = {
    "form": pa.string(),
    "numbers": pa.list_(pa.float64()),
    "indices": pa.list_(pa.int64()),
    "integers": pa.list_(pa.string()),
}

PARTS = tuple(name for name in _PROOF if name != "form")
"""What there may be to a proof, beside its form."""

_SUBJECT = [pa.field("input", pa.int64()), pa.field("kind", pa.string())]

SCHEMA = pa.schema([*_SUBJECT, *(pa.field(f"{fact}_{part}", kind) for fact in FACTS for part, kind in _PROOF.items())])
"""`form` names a form of certificate (see `records.FORMS`), and is null where there is no such proof."""

PREFIX_SCHEMA = pa.schema(
    [
        *_SUBJECT,
        *(
            pa.field(f"{fact}_{part}s" if part == "form" else f"{fact}_{part}", pa.list_(kind))
            for fact in PREFIX_FACTS
            for part, kind in (("cuts", pa.string()), *_PROOF.items())
        ),
    ]
)
"""A chain of proofs: as many `forms` as there are proofs, with the numbers, indices and integers of each, and the
`cuts` that the first of them are about; all of them null where there is no such chain."""
