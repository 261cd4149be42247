"""Writing certificates to a folder."""

from __future__ import annotations

import hashlib
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unrelu.errors import StoreError
from unrelu.network.stored_arrays import write_array
from unrelu.preimages.certificate_files.activations import activation_arrays
from unrelu.preimages.certificate_files.content import Content, content_of
from unrelu.preimages.certificate_files.index import INDEX, SUBJECTS, TABLE, CertificateIndex, write_index
from unrelu.preimages.certificate_files.records import record_of
from unrelu.preimages.certificate_files.schema import FACTS, SAME, SCHEMA
from unrelu.preimages.certificate_files.sparse_arrays import write_sparse
from unrelu.progress import Progress, resolve_progress
from unrelu.untrusted.regular_file import open_regular

if TYPE_CHECKING:
    from unrelu.preimages.admissibility import Admissibility
    from unrelu.preimages.admissible_sets import AdmissibleSets
    from unrelu.preimages.classification import Classification
    from unrelu.preimages.preimage import Preimage

BLOCK = 64
"""Inputs whose certificates are read and written at once; 64 of a layer of 3,500 features take 2 MB."""

DOMAIN = ("A_ub", "b_ub", "A_eq", "b_eq", "lower", "upper", "origin")
"""The arrays of a domain."""


def save_certificates(
    found: Classification | Preimage | Admissibility | AdmissibleSets,
    folder: str | PathLike[str],
    *,
    progress: Progress | bool | None = None,
) -> None:
    """Write the certificates of an answer about a layer, with all that they are about, to a folder.

    They can be verified in another process, which imports no solver: `load_certificates(folder).verify()`, or `unrelu
    verify FOLDER`. The folder holds `certificates.parquet`, a row per input or set; the layer, the inputs and the
    domain as `.npy` files; and `certificates.json`, which names all of them by SHA-256.

    Args:
        found: what `classify`, `preimage`, `admissibility` or `admissible_sets` returned.
        folder: where to write; it is made if need be, and certificates that are there are replaced.
        progress: where to show progress.

    Raises:
        InputError: if it is something else, or the layer's activation is no operator of unrelu.
        StoreError: if nothing can be written there.
    """
    where = Path(folder)
    content = content_of(found)
    system, layer = content.system, content.system.layer
    subjects = SUBJECTS[content.statement]
    arrays = {"bias": layer.bias, "tolerance": system.tolerance, subjects: content.subjects}
    arrays |= activation_arrays(layer.activation)
    if system.domain is not None:
        arrays |= {f"domain_{name}": getattr(system.domain, name) for name in DOMAIN}
    n = len(content.certificates)
    try:
        where.mkdir(parents=True, exist_ok=True)
        (where / INDEX).unlink(missing_ok=True)
        names = {name: write_array(where / f"{name}.npy", values) for name, values in arrays.items()}
        if isinstance(layer.weight, np.ndarray):
            names["weight"] = write_array(where / "weight.npy", layer.weight)
        else:
            names |= write_sparse(where, "weight", layer.weight)
        title = f"saving certificates of {layer.name or 'the layer'}"
        with (
            resolve_progress(progress).stage(title, n) as advance,
            pq.ParquetWriter(where / TABLE, SCHEMA, compression="zstd", use_dictionary=False) as writer,
        ):
            for start in range(0, n, BLOCK):
                rows = _table(content, start, min(start + BLOCK, n))
                writer.write_table(rows, row_group_size=BLOCK)
                advance(len(rows))
        index = CertificateIndex(
            layer=layer.name,
            input_shape=layer.input_shape,
            output_shape=layer.output_shape,
            folding_error=layer.folding_error,
            activation=type(layer.activation).__name__,
            statement=content.statement,
            exhaustive=content.exhaustive,
            unit=system.unit,
            exact=system.exact,
            arrays=names,
            table=file_sha256(where / TABLE),
            n_inputs=n,
        )
        write_index(where, index)
    except OSError as error:
        raise StoreError(f"the certificates cannot be written to {where} ({error}); choose another folder.") from error


def file_name(layer: str) -> str:
    """A layer's name as that of a folder: what some file systems do not take is written as % and its bytes.

    >>> file_name("features/0.relu#2")
    'features%2F0.relu%232'
    """
    name = quote(layer, safe="")
    return f"%2E{name[1:]}" if name.startswith(".") else name or "layer"


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file."""
    with open_regular(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _table(content: Content, start: int, stop: int) -> pa.Table:
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
            for part in ("numbers", "indices", "integers"):
                columns[f"{fact}_{part}"].append(None if record is None else getattr(record, part))
    return pa.table(columns, schema=SCHEMA)
