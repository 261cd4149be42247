"""Indices and parts as somebody would write them who also knows how their checksums are taken."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ABOUT = b'{"key": "a", "number": 1, "failures": [], "seconds": 0.5, "files": {}, "unfinished": []}'
"""What is said of a part."""


def index_of(folder: Path) -> Path:
    """The file of the store's only study."""
    (path,) = (folder / "studies").glob("*.json")
    return path


def signed(record: dict[str, Any]) -> dict[str, Any]:
    """The index with the checksum that belongs to it."""
    body = {name: value for name, value in record.items() if name != "sha256"}
    text = json.dumps(body, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return {**body, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def rewrite(folder: Path, change: Callable[[dict[str, Any]], object], *, sign: bool = True) -> None:
    """Change the index; with `sign`, as someone would who also knows the checksum."""
    record = json.loads(index_of(folder).read_text())
    change(record)
    index_of(folder).write_text(json.dumps(signed(record) if sign else record))


def signed_part(rows: pa.Table, about: bytes = ABOUT, **settings: object) -> bytes:
    """A file with a checksum that is right, whatever is in it."""
    stream = io.BytesIO()
    with pq.ParquetWriter(stream, rows.schema, **{"use_dictionary": False, "store_schema": False, **settings}) as file:
        file.write_table(rows)
        file.add_key_value_metadata({b"unrelu.part": about, b"unrelu.sha256": b"0" * 64})
    content = stream.getvalue()
    place = content.rfind(b"0" * 64)
    return content[:place] + hashlib.sha256(content).hexdigest().encode() + content[place + 64 :]


def forge_part(path: Path, change: Callable[[pa.Table], pa.Table], **settings: object) -> None:
    """Other rows in the place of a part's, under its name."""
    about = (pq.read_metadata(path).metadata or {})[b"unrelu.part"]
    path.write_bytes(signed_part(change(pq.ParquetFile(path).read()), about, **settings))
