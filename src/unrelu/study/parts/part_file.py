"""A part as the bytes of a Parquet file, and back, every byte checked.

The file's own metadata hold the SHA-256 of the whole file, taken with 64 zeros in its place: whoever reads it can check
each byte, and it stays one file that is put into a store at once.
"""

from __future__ import annotations

import hashlib
import io
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from unrelu.study.columns import lacks_values
from unrelu.study.parts.layout import Layout, columns_of, layout_of
from unrelu.study.parts.part import Failure, Part
from unrelu.untrusted.parquet import open_table
from unrelu.untrusted.typed import typed

_EMPTY = b"0" * 64
_SUM, _ABOUT = b"unrelu.sha256", b"unrelu.part"

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
    files: dict[str, str]
    unfinished: tuple[Failure, ...]


_ROUND = 64
"""What is said of a part is filled up with blanks to a multiple of so many bytes, so that files have few sizes."""

_WRITING: dict[tuple[pa.Schema, int, int], Layout] = {}
"""How Arrow writes parts of few numbers: by their columns, their rows, and the bytes of what is said of them."""

_READING: dict[tuple[pa.Schema, int], Layout] = {}
"""How parts of few numbers that were read are written: by their columns, and the bytes of the file."""

_KNOWN = 1000
"""Layouts that are kept, at most."""


def encode(part: Part) -> bytes:
    """The bytes of a part's file."""
    about = _about_text(part)
    schema, columns = part.rows.schema, columns_of(part.rows)
    kind = (schema, part.rows.num_rows, len(about))
    layout = None if columns is None else _WRITING.get(kind)
    if columns is not None and layout is not None:
        checksum = _sum(layout.filled([*columns, about, _EMPTY]))
        return layout.filled([*columns, about, checksum])
    blank = _written(part.rows, about)
    checksum = _sum(blank)
    place = blank.rfind(_EMPTY)
    content = blank[:place] + checksum + blank[place + len(_EMPTY) :]
    if columns is not None:
        _keep(_WRITING, kind, layout_of(content, columns, about, checksum))
    return content


def _about_text(part: Part) -> bytes:
    record = {
        "key": part.key,
        "number": part.number,
        "failures": [vars(each) for each in part.failures],
        "seconds": part.seconds,
        "files": dict(part.files),
        "unfinished": [vars(each) for each in part.unfinished],
    }
    text = json.dumps(record, ensure_ascii=True).encode()
    return text.ljust(-(-len(text) // _ROUND) * _ROUND)


def _written(rows: pa.Table, about: bytes) -> bytes:
    stream = io.BytesIO()
    large = rows.nbytes > _SMALL
    with pq.ParquetWriter(
        stream,
        rows.schema,
        compression="zstd" if large else "none",
        use_dictionary=False,
        write_statistics=large,
        store_schema=False,
    ) as writer:
        writer.write_table(rows)
        writer.add_key_value_metadata({_ABOUT: about, _SUM: _EMPTY})
    return stream.getvalue()


def _keep(known: dict[Any, Layout], kind: object, layout: Layout) -> None:
    if len(known) >= _KNOWN:
        known.clear()
    known[kind] = layout


def _learn(content: bytes, rows: pa.Table, about: bytes, checksum: bytes) -> None:
    columns = columns_of(rows)
    if columns is not None:
        with suppress(ValueError):  # somebody else's way of writing
            _keep(_READING, (rows.schema, len(content)), layout_of(content, columns, about, checksum))


def decode(content: bytes, schema: pa.Schema) -> Part:
    """The part that a file's bytes hold.

    Args:
        content: of the file.
        schema: the columns of the question's rows.

    Raises:
        DamagedPart: if they are not those of a part with these columns, or a byte has changed.
    """
    try:
        layout = _READING.get((schema, len(content)))
        values = None if layout is None else layout.found(content)
        if layout is not None and values is not None:
            about = _checked(content, values[-1], values[-2], layout.holes[-1][0])
            return _part(about, layout.table(values, schema))
        stream = pa.BufferReader(content)
        metadata = pq.read_metadata(stream).metadata or {}
        claimed, said = metadata[_SUM], metadata[_ABOUT]
        about = _checked(content, claimed, said, content.rfind(claimed))
        with open_table(stream, schema, whole=True) as file:
            rows = file.read(use_threads=False).replace_schema_metadata(None)
    except DamagedPart:
        raise
    except (KeyError, ValueError, RecursionError, OSError, pa.ArrowException) as error:
        raise DamagedPart(str(error) or type(error).__name__) from error
    if lacks_values(rows, schema):
        raise DamagedPart("it lacks values that every row has")
    rows = rows.cast(schema)
    _learn(content, rows, said, claimed)
    return _part(about, rows)


def _checked(content: bytes, claimed: bytes, said: bytes, place: int) -> _About:
    blank = content[:place] + _EMPTY + content[place + len(_EMPTY) :]
    if len(claimed) != len(_EMPTY) or _sum(blank) != claimed:
        raise DamagedPart("its checksum differs")
    return typed(_About, json.loads(said))


def _part(about: _About, rows: pa.Table) -> Part:
    return Part(about.key, about.number, rows, about.failures, about.seconds, about.files, about.unfinished)


def handed_over(content: bytes, schema: pa.Schema) -> Part:
    """The part that `encode` has just made of it in a process of ours; nothing is checked."""
    layout = _READING.get((schema, len(content)))
    values = None if layout is None else layout.found(content)
    if layout is not None and values is not None:
        said, rows = values[-2], layout.table(values, schema)
    else:
        file = pq.ParquetFile(pa.BufferReader(content))
        said, checksum = file.metadata.metadata[_ABOUT], file.metadata.metadata[_SUM]
        rows = file.read(use_threads=False).replace_schema_metadata(None).cast(schema)
        _learn(content, rows, said, checksum)
    about = json.loads(said)
    failures, unfinished = (
        tuple(Failure(each["layer"], tuple(each["inputs"]), each["reason"]) for each in about[name])
        for name in ("failures", "unfinished")
    )
    return Part(about["key"], about["number"], rows, failures, about["seconds"], about["files"], unfinished)


def _sum(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
