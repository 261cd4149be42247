"""Files that are no files, that unpack without end, or that make constants without end: one sentence, little memory."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from network.onnx_builder import OnnxBuilder
from preimages.certificate_folders import of_features, of_integers, reindexed
from small_studies import joined_study
from study.forged import forge_part, index_of, rewrite
from unrelu.errors import DataError, ModelFileError, StoreError, TooLarge, UnreluError
from unrelu.network.load import load
from unrelu.preimages.certificate_files.load import load_certificates
from unrelu.preimages.certificate_files.save import save_certificates
from unrelu.preimages.certificate_files.schema import SCHEMA
from unrelu.study.info import StudyInfo
from unrelu.study.inputs.read import read_samples
from unrelu.study.saving import load_study
from unrelu.untrusted.parquet_pages import pages
from untrusted.hostile_files import reading, zip_of_zeros

ROOM = 400
"""MiB that reading a hostile file may take: what may be unpacked in any case, and what is made of it on the way."""


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    save_certificates(of_integers(), tmp_path / "certificates", progress=False)
    return tmp_path / "certificates"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    joined_study().save(folder)
    return folder


READERS: dict[str, Callable[[Path], object]] = {
    "certificates.json": lambda folder: load_certificates(folder),
    "certificates.parquet": lambda folder: load_certificates(folder),
    "weight.npy": lambda folder: load_certificates(folder),
    "study.json": load_study,
    "verdicts.parquet": load_study,
    "x.npy": lambda folder: read_samples(folder / "x.npy", (3,)),
    "x.npz": lambda folder: read_samples(folder / "x.npz", (3,)),
    "x.onnx": lambda folder: load(folder / "x.onnx"),
}


PLACES: dict[str, Callable[[Path], Path]] = {
    "study.json": index_of,
    "verdicts.parquet": lambda folder: next((folder / "verdicts").rglob("*.parquet")),
}
"""Where these lie in a study."""


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "socketless link"])
def test_what_is_no_file_is_not_waited_for(
    kind: str, name: str, certificates: Path, study: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "copy"
    source = study if name in PLACES else certificates
    shutil.copytree(source, folder)
    path = PLACES[name](folder) if name in PLACES else folder / name
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(path)
    if (kind, name) == ("folder", "verdicts.parquet"):  # a part that is not there
        assert not load_study(folder).complete
        return
    with pytest.raises(UnreluError) as error:
        READERS[name](folder)
    assert "\n" not in str(error.value)


def _table(rows: int, **columns: object) -> pa.Table:
    values: dict[str, list] = {name: [None] * rows for name in SCHEMA.names}
    values["input"] = list(range(rows))
    values["kind"] = ["bounded"] * rows
    return pa.table({**values, **columns}, schema=SCHEMA)


def _many_rows(path: Path) -> None:
    n = 1_200_000
    columns = [pa.nulls(n, field.type) for field in SCHEMA]
    pq.write_table(pa.table(columns, schema=SCHEMA), path, use_dictionary=False, compression="zstd", row_group_size=n)


def _long_list(path: Path) -> None:
    numbers = pa.array([np.zeros(36_000_000)], pa.list_(pa.float64()))
    pq.write_table(_table(1, bounded_numbers=numbers), path, use_dictionary=False, compression="zstd")


def _dictionary(path: Path) -> None:
    texts = pa.array([["0x" + "0" * 1_000_000] * 64], pa.list_(pa.string()))
    pq.write_table(_table(1, bounded_integers=texts), path, compression="zstd")


def _nulls(path: Path) -> None:
    numbers = pa.ListArray.from_arrays([0, 40_000_000], pa.nulls(40_000_000, pa.float64()))
    pq.write_table(_table(1, bounded_numbers=numbers), path, use_dictionary=False, compression="zstd")


TABLES: list[tuple[Callable[[Path], None], str]] = [
    (_many_rows, "reading it would take"),
    (_long_list, "reading it would take"),
    (_dictionary, "written with a dictionary"),
    (_nulls, "reading it would take"),
]


def _empty_inputs(study: Path, folder: Path) -> Path:
    """A study with 20 million inputs of which nothing is known, in less than a megabyte."""
    shutil.copytree(study, folder)
    (path,) = (folder / "inputs").rglob("*.parquet")
    names = ("input", "label", "predicted")
    forge_part(path, lambda _: pa.table({name: pa.nulls(20_000_000, pa.int64()) for name in names}), compression="zstd")
    assert path.stat().st_size < 1_000_000
    return folder


def test_reading_any_of_them_takes_little_memory(study: Path, tmp_path: Path) -> None:
    cases = [("load_study(where)", _empty_inputs(study, tmp_path / "study"))]
    words = ["no error", *(each for _, each in TABLES), "would take 314,572,000 bytes, more than the 268,"]
    words += [r"computes a constant of|asks for an array|cannot be computed"] * len(GROWING)
    for write, _ in TABLES:
        folder = tmp_path / write.__name__
        save_certificates(of_integers(), folder, progress=False)
        write(folder / "certificates.parquet")
        reindexed(folder)
        cases.append(("list(load_certificates(where).verdicts())", folder))
    zip_of_zeros(tmp_path / "x.npz", (78_643, 1000))
    cases.append(("read_samples(where, (1000,))", tmp_path / "x.npz"))
    for name in GROWING:
        folder = tmp_path / name
        folder.mkdir()
        cases.append(("load(where)", _growing(name, folder)))
    said, grown = reading(*cases)
    for line, word in zip(said, words, strict=True):
        assert re.search(word, line), line
    kinds = [line.split()[0] for line in said]
    assert kinds == ["no"] + ["StoreError"] * len(TABLES) + ["DataError"] + ["ModelFileError"] * len(GROWING)
    assert grown < ROOM
    assert not load_study(tmp_path / "study").complete  # that part was set aside


def test_the_summary_of_a_table_is_not_taken_for_true(certificates: Path) -> None:
    """The page says how much it unpacks to, and how many values are in it: to lie in the summary is of no use."""
    path = certificates / "certificates.parquet"
    _long_list(path)
    metadata = pq.ParquetFile(path).metadata
    place = SCHEMA.names.index("bounded_numbers")
    column = metadata.row_group(0).column(place)
    content = path.read_bytes()
    start = column.data_page_offset
    found = list(pages(content[start : start + column.total_compressed_size]))
    assert sum(page.values for page in found) == column.num_values == 36_000_000
    headers = column.total_compressed_size - sum(page.packed for page in found)
    assert sum(page.unpacked for page in found) + headers == column.total_uncompressed_size
    # The size in the summary, as Thrift writes it, becomes 1 of as many bytes.
    size = _varint(2 * column.total_uncompressed_size)
    assert content.count(size) == 1
    forged = content.replace(size, _varint(2, len(size)))
    path.write_bytes(forged)
    assert pq.ParquetFile(path).metadata.row_group(0).column(place).total_uncompressed_size == 1
    reindexed(certificates, lambda record: record.update(n_inputs=3))
    with pytest.raises(StoreError, match="reading it would take"):
        list(load_certificates(certificates).verdicts())


def _varint(number: int, length: int = 0) -> bytes:
    """Seven bits a byte, the last ones first; padded to a length."""
    parts = []
    while number > 127:
        parts.append(number & 127)
        number >>= 7
    parts.append(number)
    parts += [0] * (length - len(parts))
    return bytes([part | 128 for part in parts[:-1]] + parts[-1:])


def test_an_archive_unpacks_to_what_its_size_allows(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    zip_of_zeros(path, (50, 1000))
    assert read_samples(path, (1000,)).values.shape == (50, 1000)
    with pytest.raises(DataError, match="holds samples of shape"):
        read_samples(path, (7,))


def test_labels_are_judged_before_they_are_read(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "x.npz", x=np.zeros((4, 3)), y=np.zeros(10**7))
    with pytest.raises(DataError, match=r"array y, holds labels of shape \(10000000,\) for 4 samples"):
        read_samples(tmp_path / "x.npz", (3,))


def _header(text: bytes, version: int = 1) -> bytes:
    length = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + text


@pytest.mark.parametrize(
    "content",
    [
        _header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (-1, 3)}\n") + bytes(48),
        _header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (True, 3)}\n") + bytes(48),
        _header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (2**70, 3)}\n") + bytes(48),
        _header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (" + b"9" * 400 + b", 3)}\n") + bytes(48),
        _header(b"{'descr': '<f8', 'fortran_order': False, 'shape': (" + b"1," * 40 + b")}\n") + bytes(48),
        _header(b"{'descr': '|O', 'fortran_order': False, 'shape': (2, 3)}\n") + bytes(48),
        _header(b"{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2, 3)}\n") + bytes(48),
        _header(b"{'descr': '" + b"\\x1b" * 99 + b"', 'fortran_order': False, 'shape': (2, 3)}\n") + bytes(48),
        _header(b"{1: 2, 'a': 3}\n") + bytes(48),
        _header(b"(" * 5000 + b"\n") + bytes(48),
        _header(b"-" * 9000 + b"1\n") + bytes(48),
        _header(b" " * 20_000, version=2),
        _header(b"\xff" * 90, version=3),
        b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + bytes(99),
        b"\x93NUMPY\x09\x00\x10\x00" + bytes(99),
        b"\x93NUMPY",
        b"",
    ],
)
def test_headers_of_no_array(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(DataError) as error:
        read_samples(tmp_path / "x.npy", (3,))
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 700


def _doubling(builder: OnnxBuilder, function: Callable[[OnnxBuilder, str], str], first: np.ndarray, times: int) -> str:
    name = builder.weight(first)
    for _ in range(times):
        name = function(builder, name)
    return builder.node("Add", "x", name)


GROWING: dict[str, Callable[[OnnxBuilder], str]] = {
    "joined": lambda b: _doubling(b, lambda b, w: b.node("Concat", w, w, axis=0), np.ones(1024), 30),
    "gathered": lambda b: b.node(
        "Add", "x", b.node("Gather", b.weight(np.ones((1, 8000))), b.integers(*[0] * 60_000), axis=0)
    ),
    "multiplied": lambda b: b.node(
        "Add", "x", b.node("Mul", b.weight(np.ones((8000, 1))), b.weight(np.ones((1, 8000))))
    ),
    "many of some size": lambda b: _doubling(b, lambda b, w: b.node("Neg", w), np.ones(2**18), 2000),
    "filled": lambda b: b.node("Add", "x", b.node("ConstantOfShape", b.integers(60_000_000))),
    "filled by less than nothing": lambda b: b.node("Add", "x", b.node("ConstantOfShape", b.integers(-1, -(2**40)))),
}


def _growing(name: str, folder: Path) -> Path:
    builder = OnnxBuilder((4,))
    path = builder.save(folder, GROWING[name](builder))
    assert path.stat().st_size < 2_000_000
    return path


def test_values_of_all_nodes_together_have_a_limit(tmp_path: Path) -> None:
    builder = OnnxBuilder((4096,))
    name = "x"
    for _ in range(13):
        name = builder.node("Concat", name, name, axis=1)
    for _ in range(20):
        name = builder.node("Relu", name)
    path = builder.save(tmp_path, name)
    with pytest.raises(TooLarge, match="the network would give more than 536,870,912 numbers for one sample"):
        load(path, trust=True)


def test_attributes_of_another_kind_than_the_operator_has(tmp_path: Path) -> None:
    for function, attributes in {
        "Concat": {"axis": "one"},
        "Flatten": {"axis": [1]},
        "Transpose": {"perm": [0.5, 1.5]},
        "Gemm": {"alpha": "x"},
        "Clip": {"min": "low"},
    }.items():
        builder = OnnxBuilder((4,))
        taken = ["x", builder.weight(np.ones((4, 4)))] if function == "Gemm" else ["x"]
        path = builder.save(tmp_path, builder.node(function, *taken, **attributes))
        with pytest.raises(UnreluError) as error:
            load(path)
        assert str(error.value).isprintable()


def test_names_that_are_no_text(tmp_path: Path) -> None:
    builder = OnnxBuilder((4,))
    path = builder.save(tmp_path, builder.node("Relu", "x", name="relu"))
    for name in (b"Relu", b"relu", b"t0"):
        content = path.read_bytes()
        assert name in content
        (tmp_path / "other.onnx").write_bytes(content.replace(name, b"\xff" * len(name)))
        with pytest.raises(UnreluError, match=r"holds a name that is no text|is damaged or no ONNX file"):
            load(tmp_path / "other.onnx")


def test_windows_of_padding_alone_are_refused(tmp_path: Path) -> None:
    builder = OnnxBuilder((1, 4, 4))
    path = builder.save(tmp_path, builder.node("AveragePool", "x", kernel_shape=[2, 2], pads=[2, 0, 0, 0]))
    with pytest.raises(ModelFileError, match="averages over no numbers at all"):
        load(path)


@pytest.mark.parametrize("field", [field.name for field in fields(StudyInfo)])
def test_a_study_names_the_field_that_is_missing_or_null(field: str, study: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    known = json.loads(index_of(study).read_text())["info"][field]
    for change in ("drop", "null", "other"):
        shutil.copytree(study, folder, dirs_exist_ok=True)

        def forge(record: dict, change: str = change) -> None:
            if change == "drop":
                record["info"].pop(field)
            else:
                record["info"][field] = None if change == "null" else {"x": []}

        rewrite(folder, forge)
        if change == "null" and (known is None or field in ("picture_shape", "picture_range")):
            load_study(folder)
            continue
        with pytest.raises(StoreError, match=f"does not describe a study .*{field}"):
            load_study(folder)


def test_parts_that_lack_what_every_row_has_are_none(study: Path, tmp_path: Path) -> None:
    for name, column, value in (("verdicts", "layer", None), ("spectra", "values", [None]), ("inputs", "input", None)):
        folder = tmp_path / name
        shutil.copytree(study, folder)
        path = next((folder / name).rglob("*.parquet"))

        def holed(table: pa.Table, column: str = column, value: object = value) -> pa.Table:
            values = [value, *table[column].to_pylist()[1:]]
            return table.set_column(table.schema.get_field_index(column), table.schema.field(column), [values])

        forge_part(path, lambda table: table)
        assert load_study(folder).complete
        forge_part(path, holed)
        assert not load_study(folder).complete


def test_a_sparse_weight_of_more_numbers_than_can_be_named_is_refused(certificates: Path) -> None:
    save_certificates(of_features(4), certificates, progress=False)
    sides = (2**30, 2**30)

    def forge(record: dict) -> None:
        record["arrays"]["weight"]["shape"] = sides
        for part in ("numbers", "columns", "starts"):
            record["arrays"][f"weight_{part}"] = record["arrays"]["bias"]

    reindexed(certificates, forge)
    with pytest.raises(
        StoreError, match=r"a weight of shape \(1073741824, 1073741824\); at most 17,179,869,184 numbers"
    ):
        load_certificates(certificates)
