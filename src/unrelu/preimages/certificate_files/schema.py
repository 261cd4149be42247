"""The table of certificates: a row per input, vector of features or index set."""

from __future__ import annotations

import pyarrow as pa

SAME = "as bounded"
"""In place of a form: the proof about uniqueness is the one about boundedness."""

FACTS = ("bounded", "singleton", "existence", "interior")
"""The proofs of a `PreimageCertificate`; an `IndexSetCertificate` has the one about existence."""

SCHEMA = pa.schema(
    [
        pa.field("input", pa.int64()),
        pa.field("kind", pa.string()),
        *(
            pa.field(f"{fact}_{part}", kind)
            for fact in FACTS
            for part, kind in (
                ("form", pa.string()),
                ("numbers", pa.list_(pa.float64())),
                ("indices", pa.list_(pa.int64())),
                ("integers", pa.list_(pa.string())),
            )
        ),
    ]
)
"""`form` names a form of certificate (see `records.FORMS`), and is null where there is no such proof."""
