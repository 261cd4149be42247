"""A part as the bytes of a Parquet file, and back, every byte checked.

The file's own metadata hold the SHA-256 of the whole file, taken with 64 zeros in its place: whoever reads it can check
each byte, and it stays one file that is put into a store at once.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from unrelu.study.columns import lacks_values
from unrelu.study.parts.part import Failure, Part
from unrelu.untrusted.parquet import open_table
from unrelu.untrusted.typed import typed

_EMPTY = "0" * 64
_SUM, _ABOUT = "unrelu.sha256", "unrelu.part"

_SMALL = 2**14
"""Bytes of rows below which packing them and telling their smallest and largest values gains nothing."""


class DamagedPart(ValueError):
    """A file that is not, byte for byte, a part that was written."""


@dataclass(frozen=True)
class _About:
    key: str
    number: int
    failures: tuple[Failure, ...]
    seconds: float
    files: tuple[str, ...]
    unfinished: tuple[Failure, ...]


def encode(part: Part) -> bytes:
    """The bytes of a part's file."""
    stream = io.BytesIO()
    large = part.rows.nbytes > _SMALL
    about = _About(part.key, part.number, part.failures, part.seconds, part.files, part.unfinished)
    record = vars(about) | {
        "failures": [vars(each) for each in part.failures],
        "unfinished": [vars(each) for each in part.unfinished],
    }
    with pq.ParquetWriter(
        stream,
        part.rows.schema,
        compression="zstd" if large else "none",
        use_dictionary=False,
        write_statistics=large,
        store_schema=False,
    ) as writer:
        writer.write_table(part.rows)
        writer.add_key_value_metadata({_ABOUT: json.dumps(record, ensure_ascii=True), _SUM: _EMPTY})
    content = stream.getvalue()
    place = content.rfind(_EMPTY.encode())
    return content[:place] + _sum(content).encode() + content[place + len(_EMPTY) :]


def decode(content: bytes, schema: pa.Schema) -> Part:
    """The part that a file's bytes hold.

    Args:
        content: of the file.
        schema: the columns of the question's rows.

    Raises:
        DamagedPart: if they are not those of a part with these columns, or a byte has changed.
    """
    try:
        stream = pa.BufferReader(content)
        metadata = pq.read_metadata(stream).metadata or {}
        claimed = metadata[_SUM.encode()]
        place = content.rfind(claimed)
        blank = content[:place] + _EMPTY.encode() + content[place + len(_EMPTY) :]
        if len(claimed) != len(_EMPTY) or _sum(blank).encode() != claimed:
            raise DamagedPart("its checksum differs")
        about = typed(_About, json.loads(metadata[_ABOUT.encode()]))
        with open_table(stream, schema, whole=True) as file:
            rows = file.read(use_threads=False).replace_schema_metadata(None)
    except DamagedPart:
        raise
    except (KeyError, ValueError, RecursionError, OSError, pa.ArrowException) as error:
        raise DamagedPart(str(error) or type(error).__name__) from error
    if lacks_values(rows, schema):
        raise DamagedPart("it lacks values that every row has")
    return Part(
        about.key, about.number, rows.cast(schema), about.failures, about.seconds, about.files, about.unfinished
    )


def handed_over(content: bytes, schema: pa.Schema) -> Part:
    """The part that `encode` has just made of it in a process of ours; nothing is checked."""
    file = pq.ParquetFile(pa.BufferReader(content))
    about = json.loads(file.metadata.metadata[_ABOUT.encode()])
    rows = file.read(use_threads=False).replace_schema_metadata(None).cast(schema)
    failures, unfinished = (
        tuple(Failure(each["layer"], tuple(each["inputs"]), each["reason"]) for each in about[name])
        for name in ("failures", "unfinished")
    )
    return Part(about["key"], about["number"], rows, failures, about["seconds"], tuple(about["files"]), unfinished)


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
