"""The index of a folder with certificates: a JSON file that names everything else by SHA-256.

It is written last, so a folder that was left half-written has none and is seen to be incomplete.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from unrelu.errors import StoreError
from unrelu.preimages.certificate_files.arrays import StoredArray

FORMAT = "unrelu-certificates"

VERSION = 3

INDEX = "certificates.json"

TABLE = "certificates.parquet"

SUBJECTS = {"points": "inputs", "features": "features", "sets": "sets"}
"""What certificates may be about, and the array that holds it: inputs x0, features y without an input, index sets."""


@dataclass(frozen=True)
class CertificateIndex:
    """What a folder holds.

    Attributes:
        layer: the layer's name, or "".
        input_shape: sample shape of what the layer is fed.
        output_shape: sample shape of what it gives.
        folding_error: see `ReLULayer`.
        statement: one of `SUBJECTS`, whichever the certificates are about.
        exhaustive: whether the index sets are said to make up all sets of the layer's features.
        unit: unit roundoff of the dtype in which the inputs were given.
        exact: whether no row of the domain was moved through an input.
        arrays: what to find in the file `NAME.npy`, by that name: weight, bias, tolerance, that of `SUBJECTS`,
            and where there is a domain the attributes of its `Polyhedron`. A sparse weight has three files, one each
            for `sparse_arrays.PARTS`, and besides them the SHA-256 it would have if it were stored whole.
        table: SHA-256 of the file with the certificates.
        n_inputs: how many inputs, vectors of features or sets there are.
    """

    layer: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    folding_error: float
    statement: str
    exhaustive: bool
    unit: float
    exact: bool
    arrays: dict[str, StoredArray]
    table: str
    n_inputs: int


def write_index(folder: Path, index: CertificateIndex) -> None:
    """Write the index."""
    record: dict[str, Any] = {"format": FORMAT, "version": VERSION, **asdict(index)}
    record["sha256"] = _sha256(record)
    partial = folder / f"{INDEX}.partial"
    partial.write_text(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    partial.replace(folder / INDEX)


def read_index(folder: Path) -> CertificateIndex:
    """Read the index.

    Raises:
        StoreError: if there is none, or it is damaged, changed or from another version.
    """
    path = folder / INDEX
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(f"there are no certificates in {folder}: it has no {INDEX}; name another folder.") from None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read ({error}); copy or save the certificates again.") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise StoreError(f"{path} is not the index of certificates; name another folder.")
    if record.get("version") != VERSION:
        raise StoreError(
            f"{path} has format version {record.get('version')!r}, this unrelu reads version {VERSION}; read it with "
            "the unrelu that wrote it."
        )
    claimed = record.pop("sha256", None)
    if claimed != _sha256(record):
        raise StoreError(f"{path} was changed after it was saved; copy or save the certificates again.")
    try:
        return CertificateIndex(
            layer=str(record["layer"]),
            input_shape=tuple(int(side) for side in record["input_shape"]),
            output_shape=tuple(int(side) for side in record["output_shape"]),
            folding_error=float(record["folding_error"]),
            statement=_one_of(record["statement"], tuple(SUBJECTS)),
            exhaustive=bool(record["exhaustive"]),
            unit=float(record["unit"]),
            exact=bool(record["exact"]),
            arrays={str(name): _stored(value) for name, value in record["arrays"].items()},
            table=str(record["table"]),
            n_inputs=int(record["n_inputs"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"{path} lacks what an index has ({error!r}); save the certificates again.") from error


def _one_of(value: object, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ValueError(f"{value!r} instead of one of {', '.join(known)}")
    return str(value)


def _stored(record: dict[str, Any]) -> StoredArray:
    shape = tuple(int(side) for side in record["shape"])
    if min(shape, default=0) < 0:
        raise ValueError(f"an array of shape {shape}")
    return StoredArray(shape, str(record["dtype"]), str(record["sha256"]))


def _sha256(record: dict[str, Any]) -> str:
    text = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
