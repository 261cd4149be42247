"""Studies in stores: what is saved is read back, what was changed is refused, everything is readable without unrelu."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import duckdb
import fsspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import unrelu as ur
from small_studies import dense_network, dense_study, joined_network, joined_study
from study.forged import index_of, rewrite, signed
from unrelu.errors import InputError, MissingExtra, StoreError
from unrelu.network.fingerprints import weights_sha256
from unrelu.network.graph import Network
from unrelu.operators import Dense
from unrelu.study import study_index
from unrelu.study.info import n_parameters
from unrelu.study.keys import FORMAT_VERSION
from unrelu.study.parts.part_file import encode
from unrelu.study.saving import load_study
from unrelu.study.stores import local_files
from unrelu.study.stores.folder import FolderStore
from unrelu.study.study import Study


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    dense_study().save(tmp_path / "study")
    return tmp_path / "study"


def same(one: Study, two: Study) -> bool:
    """Whether two studies say the same, time and place apart."""
    return (
        one.info == two.info
        and one.asked == two.asked
        and one.tables == two.tables
        and one.seconds == two.seconds
        and all(one[name].equals(two[name]) for name in one.tables)
    )


# -- saved and read back -----------------------------------------------------------------------------


@pytest.mark.parametrize("study", [dense_study, joined_study])
def test_what_is_saved_is_read_back(tmp_path: Path, study: Callable[[], Study]) -> None:
    study().save(tmp_path / "deep" / "study")
    assert same(ur.load_study(tmp_path / "deep" / "study"), study())
    assert same(ur.load_study(str(tmp_path / "deep" / "study")), study())
    assert ur.load_study(tmp_path / "deep" / "study").complete


def test_what_is_read_is_saved_again_to_the_byte(folder: Path, tmp_path: Path) -> None:
    load_study(folder).save(tmp_path / "again")
    files = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    assert files == {path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*") if path.is_file()}
    for each in files:
        assert (folder / each).read_bytes() == (tmp_path / "again" / each).read_bytes()


def test_any_address_that_fsspec_knows_is_a_store() -> None:
    where = "memory://some/study"
    dense_study().save(where)
    assert same(load_study(where), dense_study())
    fsspec.filesystem("memory").rm("/some", recursive=True)
    with pytest.raises(StoreError, match="there is no study in memory://some/study"):
        load_study(where)


@pytest.mark.parametrize("made", [(dense_study, dense_network), (joined_study, joined_network)])
def test_the_network_comes_with_its_study(tmp_path: Path, made: tuple[Callable, Callable[[], Network]]) -> None:
    study, network = made
    study().save(tmp_path)
    found = ur.load_study(tmp_path).network
    assert found is not None
    assert weights_sha256(found) == weights_sha256(network()) == study().info.weights_sha256
    x = np.ones((2, *found.input_shape))
    assert np.array_equal(found(x), network()(x))
    (place,) = (tmp_path / "networks").iterdir()
    assert place.name == f"{study().info.weights_sha256[:24]}.unrelu"
    assert weights_sha256(ur.load(place)) == study().info.weights_sha256


def test_a_large_network_or_one_of_the_users_own_operators_is_left_out(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(study_index, "LARGEST_NETWORK", n_parameters(dense_network()) - 1)
    dense_study().save(tmp_path / "large")
    assert load_study(tmp_path / "large").network is None
    monkeypatch.undo()

    class Own(Dense):
        """Not among those of unrelu."""

    first, affine, *rest = dense_network().nodes
    own = replace(affine, operator=Own(*affine.operator.tensors()))
    network = replace(dense_network(), nodes=(first, own, *rest))
    replace(dense_study(), network=network).save(tmp_path / "own")
    assert load_study(tmp_path / "own").network is None


def test_several_studies_share_a_store(folder: Path) -> None:
    joined_study().save(folder)
    names = sorted(path.stem for path in (folder / "studies").iterdir())
    assert len(names) == 2
    last = max((dense_study(), joined_study()), key=lambda study: study.info.created)
    assert same(load_study(folder), last)  # the last one begun
    assert sorted(load_study(folder, study=name).info.name for name in names) == ["joined", "small"]
    for name in names:
        assert load_study(folder, study=name[:8]).info == load_study(folder, study=name).info
    with pytest.raises(InputError, match=r"no study in .* has a name that begins with 'x'; there are "):
        load_study(folder, study="x")
    with pytest.raises(InputError, match=r"more than one study in .* has a name that begins with ''"):
        load_study(folder, study="")


def test_saving_again_changes_nothing(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    dense_study().save(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


# -- without unrelu ----------------------------------------------------------------------------------

QUESTIONS = ["inputs", "verdicts", "uniqueness", "ranges", "spectra", "row_removal", "metamers"]


@pytest.mark.parametrize("name", QUESTIONS)
def test_other_programs_read_the_tables_in_the_order_of_the_tasks(folder: Path, name: str) -> None:
    expected = dense_study()[name]
    run = dense_study().question(name).run
    read = [
        pd.read_parquet(folder / name).to_dict("records"),
        pl.read_parquet(folder / name / "**" / "*.parquet", hive_partitioning=True).to_dicts(),
        duckdb.read_parquet(f"{folder}/{name}/*/*.parquet", hive_partitioning=True).to_arrow_table().to_pylist(),
        ds.dataset(folder / name, partitioning="hive").to_table().to_pylist(),
    ]
    for rows in read:
        assert len(rows) == expected.num_rows
        assert {str(row.pop("run")) for row in rows} == {run}
        for row, wanted in zip(rows, expected.to_pylist(), strict=True):
            assert list(row) == list(wanted)
            for column, value in wanted.items():
                found = row[column]
                if value is None:
                    assert pd.isna(found)
                elif isinstance(value, list):
                    assert list(found) == value
                else:
                    assert found == value


def test_columns_are_described_beside_the_parts(folder: Path) -> None:
    for asked in dense_study().asked:
        found = json.loads((folder / asked.name / f"run={asked.run}" / "_columns.json").read_text())
        schema = dense_study()[asked.name].schema
        assert list(found) == schema.names
        for field in schema:
            assert found[field.name] == {
                "type": str(field.type),
                "description": (field.metadata or {})[b"description"].decode(),
            }


def test_parts_are_named_by_their_task_and_sort_as_the_rows(folder: Path) -> None:
    asked = dense_study().question("metamers")
    files = sorted((folder / "metamers" / f"run={asked.run}").glob("*.parquet"))
    assert [path.name for path in files] == [part.name for part in dense_study().parts["metamers"]]
    pairs = [pq.read_table(path).select(["pair", "norm"]).to_pylist() for path in files]
    assert [row for rows in pairs for row in rows] == dense_study()["metamers"].select(["pair", "norm"]).to_pylist()


def test_a_study_can_be_signed_by_hand(folder: Path) -> None:
    """The checksum of an index is documented by this test: sorted keys, no spaces, ASCII."""
    record = json.loads(index_of(folder).read_text())
    assert signed(record)["sha256"] == record["sha256"]
    assert record["key"] == index_of(folder).stem


# -- changed and damaged -----------------------------------------------------------------------------


def test_no_study(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no study"):
        load_study(tmp_path)
    with pytest.raises(StoreError, match="there is no study"):
        load_study(tmp_path / "nowhere")
    with pytest.raises(StoreError, match="no address of a store"):
        load_study("no-such-scheme://somewhere")


def test_a_network_that_was_changed_is_refused(folder: Path) -> None:
    (place,) = (folder / "networks").iterdir()
    for path in place.iterdir():
        content = path.read_bytes()
        for at in range(0, len(content), max(1, len(content) // 9)):
            path.write_bytes(flipped(content, at, 0))
            with pytest.raises(StoreError, match=r"is damaged|is not the one that was studied"):
                load_study(folder)
        path.write_bytes(content[:-3])
        with pytest.raises(StoreError, match="is damaged"):
            load_study(folder)
        path.write_bytes(content)
    assert same(load_study(folder), dense_study())


def test_another_network_is_not_the_one_that_was_studied(folder: Path) -> None:
    (place,) = (folder / "networks").iterdir()
    shutil.rmtree(place)
    assert load_study(folder).network is None
    joined_network().save(place)
    with pytest.raises(StoreError, match="is not the one that was studied; remove its folder"):
        load_study(folder)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_missing_part_is_an_open_task(folder: Path, name: str) -> None:
    (path, *others) = sorted((folder / name).rglob("*.parquet"))
    path.unlink()
    found = load_study(folder)
    assert not found.complete
    assert found[name].num_rows == sum(pq.read_metadata(each).num_rows for each in others)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_changed_part_is_an_open_task_and_reading_leaves_it_where_it_is(folder: Path, name: str) -> None:
    (path, *others) = sorted((folder / name).rglob("*.parquet"))
    content = flipped(path.read_bytes(), path.stat().st_size // 2, 0)
    path.write_bytes(content)
    found = load_study(folder)
    assert not found.complete
    assert len(found.parts[name]) == len(others)
    assert path.read_bytes() == content
    assert not (folder / "damaged").exists()


def test_a_part_under_another_name_is_none(folder: Path) -> None:
    (one, two, *_) = sorted((folder / "metamers").rglob("*.parquet"))
    two.write_bytes(one.read_bytes())
    found = load_study(folder)
    assert len(found.parts["metamers"]) == len(dense_study().parts["metamers"]) - 1
    assert not found.complete


def test_a_part_of_another_question_is_none(folder: Path) -> None:
    (own,) = (folder / "inputs").rglob("*.parquet")
    (other, *_) = (folder / "verdicts").rglob("*.parquet")
    shutil.copy(other, own.with_name(other.name))
    assert load_study(folder)["inputs"].equals(dense_study()["inputs"])


def test_every_bit_and_length_of_an_index_counts(folder: Path) -> None:
    path = index_of(folder)
    content = path.read_bytes()
    known = study_index.read_index(FolderStore(folder), f"studies/{path.name}")
    store = FolderStore(folder)
    for at in range(0, len(content) - 1, 13):  # without the last line break nothing is lost
        for changed in (flipped(content, at, at % 8), content[:at]):
            path.write_bytes(changed)
            with pytest.raises(StoreError):
                study_index.read_index(store, f"studies/{path.name}")
    path.write_bytes(content)
    assert study_index.read_index(store, f"studies/{path.name}") == known


def flipped(content: bytes, at: int, bit: int) -> bytes:
    """The content with one bit changed."""
    return content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]


def test_a_changed_index(folder: Path) -> None:
    rewrite(folder, lambda record: record["info"].update(n_inputs=1), sign=False)
    with pytest.raises(StoreError, match="changed after it was written"):
        load_study(folder)


def test_another_version(folder: Path) -> None:
    for version in (FORMAT_VERSION + 1, 9, "10", None, 10.5):
        rewrite(folder, lambda record, version=version: record.update(version=version))
        with pytest.raises(StoreError, match=f"has format version .*, this unrelu reads version {FORMAT_VERSION}"):
            load_study(folder)


def test_another_kind_of_file(folder: Path) -> None:
    index_of(folder).write_text("[1, 2]")
    with pytest.raises(StoreError, match="not the index of a study"):
        load_study(folder)


@pytest.mark.parametrize("content", [b'{"format": ', b"\xff\xfe\x00", b"", b"[" * 10_000])
def test_a_damaged_index(folder: Path, content: bytes) -> None:
    index_of(folder).write_bytes(content)
    with pytest.raises(StoreError, match=r"cannot be read .*run the analysis again"):
        load_study(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record["info"].update(nodes=3),
        lambda record: record["info"].update(colour="red"),
        lambda record: record["info"].update(picture_shape=7),
        lambda record: record.update(info=None),
        lambda record: next(node for node in record["info"]["nodes"] if node["layer"])["sources"].append("nowhere"),
        lambda record: record.update(asked=None),
        lambda record: record.update(key=7),
        lambda record: record["asked"][0].pop("run"),
        lambda record: record["asked"][0].update(n_tasks="many"),
        lambda record: record["asked"].append({}),
    ],
)
def test_an_index_that_describes_no_study(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    rewrite(folder, change)
    with pytest.raises(StoreError, match="does not describe a study"):
        load_study(folder)


@pytest.mark.parametrize("name", ["../..", "../../x", "a/../../b", "a//b", "/", "a\\..\\b", "a\0b"])
def test_an_index_does_not_lead_out_of_its_store(folder: Path, name: str) -> None:
    original = index_of(folder).read_bytes()
    for change in (
        lambda record: record["asked"][1].update(run=name),
        lambda record: record["info"].update(weights_sha256=name),
    ):
        rewrite(folder, change)
        with pytest.raises(StoreError, match="is no name of a file in "):
            load_study(folder)
        index_of(folder).write_bytes(original)


@pytest.mark.parametrize("name", ["../../../../x", "/x", "a/../../../../../x"])
def test_a_part_does_not_lead_out_of_its_store(folder: Path, tmp_path: Path, name: str) -> None:
    """A right checksum can be had by anybody: what goes with a part is looked for below its own folder only."""
    (part, *others) = dense_study().parts["metamers"]
    (tmp_path / "x").write_text("outside")
    forged = replace(part, files={name: hashlib.sha256(b"outside").hexdigest()})
    place = folder / "metamers" / f"run={dense_study().question('metamers').run}"
    (place / part.name).write_bytes(encode(forged))
    found = load_study(folder)
    assert not found.complete
    assert len(found.parts["metamers"]) == len(others) == 8
    forged_study = replace(found, parts={**found.parts, "metamers": (forged, *others)})
    with pytest.raises(StoreError, match=r"is damaged|is no name of a file in "):
        forged_study.save(tmp_path / "copies" / "a" / "b")


# -- what cannot be written --------------------------------------------------------------------------


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"nothing more can be written to .*; choose a folder that you may write to"):
        dense_study().save(tmp_path / "file")


def test_a_full_disk_leaves_whole_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever file is the one that does not fit, half of it was written; saving again completes the study."""
    whole = tmp_path / "whole"
    dense_study().save(whole)
    n = sum(path.is_file() for path in whole.rglob("*"))
    real = local_files._write
    for k in range(n):
        left = [k]

        def write(path: str, content: bytes, folder: int, left: list[int] = left) -> None:
            if left[0] == 0:
                real(path, content[: len(content) // 2], folder)
                raise OSError(28, "No space left on device")
            real(path, content, folder)
            left[0] -= 1

        monkeypatch.setattr(local_files, "_write", write)
        with pytest.raises(StoreError, match=r"No space left on device\); free some space there, and the same command"):
            dense_study().save(tmp_path / "full")
        monkeypatch.undo()
        written = [path for path in (tmp_path / "full").rglob("*") if path.is_file()]
        assert len(written) == k
        for path in written:
            assert path.read_bytes() == (whole / path.relative_to(tmp_path / "full")).read_bytes()
        shutil.rmtree(tmp_path / "full")
    dense_study().save(tmp_path / "full")
    assert same(load_study(tmp_path / "full"), dense_study())


def test_a_question_that_is_not_known_is_not_saved(tmp_path: Path) -> None:
    kinds = {name: kind for name, kind in dense_study().kinds.items() if name != "spectra"}
    with pytest.raises(StoreError, match="'spectra' is not known here; give its class to load_study"):
        replace(dense_study(), kinds=kinds).save(tmp_path)


# -- pandas ------------------------------------------------------------------------------------------


def test_to_pandas_gives_each_table() -> None:
    for name in dense_study().tables:
        frame = dense_study().to_pandas(name)
        assert list(frame.columns) == dense_study()[name].column_names
        assert len(frame) == dense_study()[name].num_rows


def test_there_is_no_other_table() -> None:
    with pytest.raises(InputError, match="no table 'gradients'; its tables are layers"):
        dense_study().to_pandas("gradients")


def test_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match=r"unrelu\[report\]"):
        dense_study().to_pandas()


def test_an_index_holds_what_was_asked(folder: Path) -> None:
    record = json.loads(index_of(folder).read_text())
    assert record["asked"] == json.loads(json.dumps([asdict(each) for each in dense_study().asked]))
    for each in record["asked"]:
        assert each["n_tasks"] == len(list((folder / each["name"] / f"run={each['run']}").glob("*.parquet")))
