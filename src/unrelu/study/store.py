"""Studies on disk: Parquet files, the network, and one JSON file that names them by checksum.

The JSON file is written last, so a folder that was left half-written has none and is seen to be incomplete.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from os import PathLike
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from unrelu.errors import StoreError
from unrelu.network.fingerprints import weights_sha256
from unrelu.network.graph import Network
from unrelu.network.named_network import NamedNetwork, read_named_network, write_named_network
from unrelu.network.network_folder import can_be_saved
from unrelu.study.info import StudyInfo, n_parameters
from unrelu.study.schemas import FORMAT_VERSION, TABLES
from unrelu.study.study import Study
from unrelu.untrusted.parquet import open_table
from unrelu.untrusted.printable import printable
from unrelu.untrusted.regular_file import open_regular
from unrelu.untrusted.strict_json import read_json
from unrelu.untrusted.typed import typed

FORMAT = "unrelu-study"

INDEX = "study.json"

LARGEST_NETWORK = 2**24
"""Numbers that a network may have to be written with its study: up to 128 MiB, beside tables of some megabytes."""

LARGEST_INDEX = 2**26
"""Bytes that the index may have: it names all nodes of the network and all classes."""


def save_study(study: Study, folder: str | PathLike[str]) -> None:
    """Write a study into a folder; see `Study.save`.

    Raises:
        StoreError: if the folder cannot be written.
    """
    where = Path(folder)
    try:
        where.mkdir(parents=True, exist_ok=True)
        (where / INDEX).unlink(missing_ok=True)
        files: dict[str, str] = {}
        for name in TABLES:
            path = where / f"{name}.parquet"
            pq.write_table(getattr(study, name), path, compression="zstd", use_dictionary=False)
            files[path.name] = _sha256(path.read_bytes())
        record: dict[str, Any] = {
            "format": FORMAT,
            "version": FORMAT_VERSION,
            "study": study.info.to_json(),
            "files": files,
            "network": _written(study, where),
        }
        record["sha256"] = _sha256(_canonical(record))
        text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        partial = where / f"{INDEX}.partial"
        partial.write_text(text, encoding="utf-8")
        partial.replace(where / INDEX)
    except OSError as error:
        raise StoreError(
            f"the study cannot be written to {where} ({error}); choose a folder that you may write to."
        ) from error


def load_study(folder: str | PathLike[str]) -> Study:
    """Read a study that `Study.save` wrote.

    Raises:
        StoreError: if the folder holds none, or its files are missing, changed or from another version.
    """
    where = Path(folder)
    record = _index(where)
    tables = {name: _table(where, name, record["files"].get(f"{name}.parquet")) for name in TABLES}
    info = StudyInfo.from_json(record.get("study"))
    return Study(info=info, network=_network(where, record.get("network"), info), **tables)


def _written(study: Study, where: Path) -> dict[str, str] | None:
    """What the index says of the network that was written; None if it was not."""
    network = study.network
    if network is None or n_parameters(network) > LARGEST_NETWORK or not can_be_saved(network):
        return None
    return asdict(write_named_network(where, network))


def _network(where: Path, named: object, info: StudyInfo) -> Network | None:
    if named is None:
        return None
    try:
        found = read_named_network(where, typed(NamedNetwork, named))
    except ValueError as error:
        raise StoreError(f"{where / INDEX} names no network ({error}); run the analysis again.") from error
    if weights_sha256(found) != info.weights_sha256:
        raise StoreError(f"the network in {where} is not the one that was studied; run the analysis again.")
    return found


def _index(where: Path) -> dict[str, Any]:
    path = where / INDEX
    try:
        record = read_json(path, LARGEST_INDEX)
    except FileNotFoundError:
        raise StoreError(f"there is no study in {where}: it has no {INDEX}; name the folder given to save.") from None
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read ({error}); copy it again or run the analysis again.") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise StoreError(f"{path} is not the index of a study; name the folder given to save.")
    if record.get("version") != FORMAT_VERSION:
        raise StoreError(
            f"{path} has format version {printable(repr(record.get('version')), 40)}, this unrelu reads version "
            f"{FORMAT_VERSION}; read it with the unrelu that wrote it, or run the analysis again."
        )
    claimed = record.pop("sha256", None)
    if claimed != _sha256(_canonical(record)) or not isinstance(record.get("files"), dict):
        raise StoreError(f"{path} was changed after it was saved; copy it again or run the analysis again.")
    return record


def _table(where: Path, name: str, claimed: str | None) -> pa.Table:
    path = where / f"{name}.parquet"
    try:
        with open_regular(path) as stream:
            if claimed != hashlib.file_digest(stream, "sha256").hexdigest():
                raise StoreError(
                    f"{path} is not the file that was saved: its checksum differs; copy it again or run the analysis "
                    "again."
                )
            with open_table(stream, TABLES[name], whole=True) as file:
                table = file.read()
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error}); copy the whole folder of the study.") from error
    except (pa.ArrowException, ValueError) as error:
        raise StoreError(f"{path} is not a study's {name} table ({error}); run the analysis again.") from error
    if any(_has_nulls(table[field.name], field) for field in TABLES[name]):
        raise StoreError(f"{path} lacks values that every row has; run the analysis again.")
    return table.replace_schema_metadata(None)


def _has_nulls(column: pa.ChunkedArray, field: pa.Field) -> bool:
    """Whether values are missing where the column's description says nothing of that; parts of lists never are."""
    if pa.types.is_list(field.type) and any(chunk.flatten().null_count for chunk in column.chunks):
        return True
    return bool(column.null_count) and b"null" not in field.metadata[b"description"]


def _canonical(record: dict[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
