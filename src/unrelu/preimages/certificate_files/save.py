"""Writing certificates to a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from unrelu.errors import InputError, StoreError
from unrelu.preimages.certificate_files.arrays import write_array
from unrelu.preimages.certificate_files.index import INDEX, TABLE, CertificateIndex, write_index
from unrelu.preimages.certificate_files.records import record_of
from unrelu.preimages.certificate_files.schema import FACTS, SAME, SCHEMA
from unrelu.preimages.certificate_files.sparse_arrays import write_sparse
from unrelu.progress import Progress, resolve_progress

if TYPE_CHECKING:
    from unrelu.preimages.classification import Classification
    from unrelu.preimages.preimage import Preimage

BLOCK = 64
"""Inputs whose certificates are read and written at once; 64 of a layer of 3,500 features take 2 MB."""

DOMAIN = ("A_ub", "b_ub", "A_eq", "b_eq", "lower", "upper", "origin")
"""The arrays of a domain."""


def save_certificates(
    found: Classification | Preimage, folder: str | PathLike[str], *, progress: Progress | bool | None = None
) -> None:
    """Write the certificates of one preimage or of many inputs of a layer, with all that they are about, to a folder.

    They can be verified in another process, which imports no solver: `load_certificates(folder).verify()`, or `unrelu
    verify FOLDER`. The folder holds `certificates.parquet`, a row per input; the layer, the inputs and the
    domain as `.npy` files; and `certificates.json`, which names all of them by SHA-256.

    Args:
        found: what `classify` or `preimage` returned.
        folder: where to write; it is made if need be, and certificates that are there are replaced.
        progress: where to show progress.

    Raises:
        InputError: if it is something else.
        StoreError: if nothing can be written there.
    """
    where = Path(folder)
    preimages = _preimages(found)
    system, layer = found.system, found.layer
    about = "features" if preimages and preimages[0].statement.features is not None else "points"
    arrays = {"bias": layer.bias, "tolerance": system.tolerance, **_subjects(preimages, about)}
    if system.domain is not None:
        arrays |= {f"domain_{name}": getattr(system.domain, name) for name in DOMAIN}
    try:
        where.mkdir(parents=True, exist_ok=True)
        (where / INDEX).unlink(missing_ok=True)
        names = {name: write_array(where / f"{name}.npy", values) for name, values in arrays.items()}
        if isinstance(layer.weight, np.ndarray):
            names["weight"] = write_array(where / "weight.npy", layer.weight)
        else:
            names |= write_sparse(where, "weight", layer.weight)
        with (
            resolve_progress(progress).stage(
                f"saving certificates of {layer.name or 'the layer'}", len(preimages)
            ) as advance,
            pq.ParquetWriter(where / TABLE, SCHEMA, compression="zstd") as writer,
        ):
            for start in range(0, len(preimages), BLOCK):
                block = preimages[start : start + BLOCK]
                writer.write_table(_table(block, start), row_group_size=BLOCK)
                advance(len(block))
        index = CertificateIndex(
            layer=layer.name,
            input_shape=layer.input_shape,
            output_shape=layer.output_shape,
            folding_error=layer.folding_error,
            statement=about,
            unit=system.unit,
            exact=system.exact,
            arrays=names,
            table=file_sha256(where / TABLE),
            n_inputs=len(preimages),
        )
        write_index(where, index)
    except OSError as error:
        raise StoreError(f"the certificates cannot be written to {where} ({error}); choose another folder.") from error


def _subjects(preimages: tuple[Preimage, ...], about: str) -> dict[str, np.ndarray]:
    """The points or the features."""
    if about == "points":
        return {"inputs": np.array([preimage.at for preimage in preimages])}
    return {"features": np.array([preimage.statement.features for preimage in preimages])}


def _preimages(found: Classification | Preimage) -> tuple[Preimage, ...]:
    # Imported here, since whoever only verifies what was saved shall load no solver.
    from unrelu.preimages.classification import Classification
    from unrelu.preimages.preimage import Preimage

    if isinstance(found, Classification):
        if not len(found):
            raise InputError("all inputs were skipped, so there are no certificates to save.")
        return found.preimages
    if isinstance(found, Preimage):
        return (found,)
    raise InputError(
        "certificates are saved of what ur.classify(layer, inputs) or ur.preimage(layer, ...) returned, not of a "
        f"{type(found).__name__}."
    )


def file_name(layer: str) -> str:
    """A layer's name as that of a folder: what some file systems do not take is written as % and its bytes.

    >>> file_name("features/0.relu#2")
    'features%2F0.relu%232'
    """
    name = quote(layer, safe="")
    return f"%2E{name[1:]}" if name.startswith(".") else name or "layer"


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _table(preimages: Sequence[Preimage], start: int) -> pa.Table:
    columns: dict[str, list[object]] = {name: [] for name in SCHEMA.names}
    for index, preimage in enumerate(preimages, start):
        columns["input"].append(index)
        columns["kind"].append(preimage.kind.value)
        certificate = preimage.certificate
        for fact in FACTS:
            proof = getattr(certificate, fact)
            same = fact == "singleton" and proof is not None and proof is certificate.bounded
            record = None if proof is None or same else record_of(proof)
            columns[f"{fact}_form"].append(SAME if same else None if record is None else record.form)
            for part in ("numbers", "indices", "integers"):
                columns[f"{fact}_{part}"].append(None if record is None else getattr(record, part))
    return pa.table(columns, schema=SCHEMA)
