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
from unrelu.network.named_network import NamedNetwork
from unrelu.network.stored_arrays import StoredArray
from unrelu.preimages.certificate_files.layer_files import StoredLayer
from unrelu.untrusted.printable import printable
from unrelu.untrusted.strict_json import read_json
from unrelu.untrusted.typed import typed

FORMAT = "unrelu-certificates"

VERSION = 5

INDEX = "certificates.json"

TABLE = "certificates.parquet"

LARGEST_INDEX = 2**20
"""Bytes that an index may have; ours take 3 KB."""

MOST_AXES = 16
"""Axes of a shape."""

SUBJECTS = {"points": "inputs", "features": "features", "sets": "sets", "solutions": "features"}
"""What certificates may be about, and the array that holds it: inputs x0, features y without an input, index sets, and
features all of whose inputs are listed, those of one search."""


@dataclass(frozen=True)
class CertificateIndex:
    """What a folder holds.

    Attributes:
        layer: the layer that the certificates are about; None where that is a prefix of a network.
        prefix: the prefix; None where it is a layer.
        statement: one of `SUBJECTS`, whichever the certificates are about.
        exhaustive: whether the index sets are said to make up all sets of the layer's features.
        unit: unit roundoff of the dtype in which the inputs were given.
        exact: whether no row of the domain was moved through an input.
        arrays: what to find in the file `NAME.npy`, by that name: those of the layer (`write_layer`), tolerance, that
            of `SUBJECTS`, and where there is a domain the attributes of its `Polyhedron`.
        table: SHA-256 of the file with the certificates.
        n_inputs: how many inputs, vectors of features or sets there are.
    """

    layer: StoredLayer | None
    prefix: NamedNetwork | None
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
        record = read_json(path, LARGEST_INDEX)
    except FileNotFoundError:
        raise StoreError(f"there are no certificates in {folder}: it has no {INDEX}; name another folder.") from None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read ({error}); copy or save the certificates again.") from error
    if not isinstance(record, dict) or record.pop("format", None) != FORMAT:
        raise StoreError(f"{path} is not the index of certificates; name another folder.")
    if record.get("version") != VERSION:
        raise StoreError(
            f"{path} has format version {printable(repr(record.get('version')), 40)}, this unrelu reads version "
            f"{VERSION}; read it with the unrelu that wrote it."
        )
    claimed = record.pop("sha256", None)
    if claimed != _sha256({"format": FORMAT, **record}):
        raise StoreError(f"{path} was changed after it was saved; copy or save the certificates again.")
    record.pop("version")
    try:
        index = typed(CertificateIndex, record)
        _check(index)
    except ValueError as error:
        raise StoreError(f"{path} lacks what an index has ({error}); save the certificates again.") from error
    return index


def _check(index: CertificateIndex) -> None:
    if index.statement not in SUBJECTS:
        raise ValueError(f"statement is {printable(repr(index.statement), 60)} and not one of {', '.join(SUBJECTS)}")
    if (index.layer is None) == (index.prefix is None):
        raise ValueError("it is about a layer or about a prefix of a network, one of the two")
    if index.n_inputs < 1 or (index.layer is not None and index.layer.folding_error < 0):
        raise ValueError("an error or a count is too small")
    if index.prefix is not None and (index.statement not in ("points", "solutions") or index.exhaustive):
        raise ValueError("certificates about a prefix are about points, or about all solutions")
    if index.statement == "solutions" and (index.prefix is None or index.n_inputs != 1):
        raise ValueError("all solutions are those of one network for one vector of features")
    of_layer = () if index.layer is None else (index.layer.input_shape, index.layer.output_shape)
    shapes = [*of_layer, *(stored.shape for stored in index.arrays.values())]
    if any(len(shape) > MOST_AXES or min(shape, default=0) < 0 for shape in shapes):
        raise ValueError(f"a shape has a negative number or more than {MOST_AXES} axes")


def _sha256(record: dict[str, Any]) -> str:
    text = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
