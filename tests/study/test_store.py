"""Studies on disk: what is saved is read back, what was changed is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from unrelu.study.schemas import TABLES
from unrelu.study.store import load_study

import unrelu as ur
from small_studies import dense_network, dense_study, joined_network, joined_study
from unrelu.errors import InputError, MissingExtra, StoreError
from unrelu.network.fingerprints import weights_sha256
from unrelu.network.graph import Network
from unrelu.network.named_network import write_named_network
from unrelu.operators import Dense
from unrelu.study import store
from unrelu.study.info import n_parameters
from unrelu.study.study import Study


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    dense_study().save(tmp_path / "study")
    return tmp_path / "study"


def signed(record: dict[str, Any]) -> dict[str, Any]:
    """The index with the checksum that belongs to it."""
    body = {name: value for name, value in record.items() if name != "sha256"}
    text = json.dumps(body, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return {**body, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def rewrite(folder: Path, change: Callable[[dict[str, Any]], None], *, sign: bool = True) -> None:
    """Change the index; with `sign`, as someone would who also knows the checksum."""
    record = json.loads((folder / "study.json").read_text())
    change(record)
    (folder / "study.json").write_text(json.dumps(signed(record) if sign else record))


def same(one: Study, two: Study) -> bool:
    return one.info == two.info and all(getattr(one, name).equals(getattr(two, name)) for name in TABLES)


@pytest.mark.parametrize("study", [dense_study, joined_study])
def test_what_is_saved_is_read_back(tmp_path: Path, study: Callable[[], Study]) -> None:
    study().save(tmp_path / "deep" / "study")
    assert same(ur.load_study(tmp_path / "deep" / "study"), study())
    assert same(ur.load_study(str(tmp_path / "deep" / "study")), study())


@pytest.mark.parametrize("made", [(dense_study, dense_network), (joined_study, joined_network)])
def test_the_network_comes_with_its_study(tmp_path: Path, made: tuple[Callable, Callable[[], Network]]) -> None:
    study, network = made
    study().save(tmp_path)
    found = ur.load_study(tmp_path).network
    assert found is not None
    assert weights_sha256(found) == weights_sha256(network()) == study().info.weights_sha256
    x = np.ones((2, *found.input_shape))
    assert np.array_equal(found(x), network()(x))
    assert weights_sha256(ur.load(tmp_path / "network.unrelu")) == study().info.weights_sha256


def test_a_large_network_or_one_of_the_users_own_operators_is_left_out(folder: Path, monkeypatch) -> None:
    monkeypatch.setattr(store, "LARGEST_NETWORK", n_parameters(dense_network()) - 1)
    dense_study().save(folder)
    assert load_study(folder).network is None
    monkeypatch.undo()

    class Own(Dense):
        """Not among those of unrelu."""

    dense_study().save(folder)
    assert load_study(folder).network is not None
    first, affine, *rest = dense_network().nodes
    own = replace(affine, operator=Own(*affine.operator.tensors()))
    replace(dense_study(), network=replace(dense_network(), nodes=(first, own, *rest))).save(folder)
    assert load_study(folder).network is None


def test_another_network_is_not_the_one_that_was_studied(folder: Path) -> None:
    path = folder / "network.unrelu" / "network.json"
    path.write_text(path.read_text() + " ")
    with pytest.raises(StoreError, match="is not the file that was saved"):
        load_study(folder)
    other = asdict(write_named_network(folder, joined_network()))
    rewrite(folder, lambda record: record.update(network=other))
    with pytest.raises(StoreError, match="is not the one that was studied"):
        load_study(folder)
    for wrong in (3, [], {"sha256": "0" * 64}, {**other, "file": None}):
        rewrite(folder, lambda record, wrong=wrong: record.update(network=wrong))
        with pytest.raises(StoreError, match="names no network"):
            load_study(folder)
    shutil.rmtree(folder / "network.unrelu")
    rewrite(folder, lambda record: record.update(network=other))
    with pytest.raises(StoreError, match="cannot be read"):
        load_study(folder)


def test_the_parquet_files_stand_on_their_own(folder: Path) -> None:
    for name, schema in TABLES.items():
        table = pq.read_table(folder / f"{name}.parquet")
        assert table.equals(getattr(dense_study(), name))
        for field in schema:
            assert table.schema.field(field.name).metadata[b"description"] == field.metadata[b"description"]


def test_saving_again_replaces(folder: Path) -> None:
    joined_study().save(folder)
    assert same(load_study(folder), joined_study())


def test_a_study_can_be_signed_by_hand(folder: Path) -> None:
    """The checksum is documented by this test: sorted keys, no spaces, UTF-8."""
    record = json.loads((folder / "study.json").read_text())
    assert signed(record)["sha256"] == record["sha256"]


def test_no_study(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no study"):
        load_study(tmp_path)


@pytest.mark.parametrize("name", TABLES)
def test_a_missing_file(folder: Path, name: str) -> None:
    (folder / f"{name}.parquet").unlink()
    with pytest.raises(StoreError, match=rf"{name}\.parquet cannot be read"):
        load_study(folder)


@pytest.mark.parametrize("name", TABLES)
def test_a_changed_file(folder: Path, name: str) -> None:
    path = folder / f"{name}.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match="checksum differs"):
        load_study(folder)


def test_a_changed_index(folder: Path) -> None:
    rewrite(folder, lambda record: record["study"].update(n_inputs=1), sign=False)
    with pytest.raises(StoreError, match="changed after it was saved"):
        load_study(folder)


def test_another_version(folder: Path) -> None:
    rewrite(folder, lambda record: record.update(version=99))
    with pytest.raises(StoreError, match="format version 99, this unrelu reads version 9"):
        load_study(folder)


def test_another_kind_of_file(folder: Path) -> None:
    (folder / "study.json").write_text("[1, 2]")
    with pytest.raises(StoreError, match="not the index of a study"):
        load_study(folder)


@pytest.mark.parametrize("content", [b'{"format": ', b"\xff\xfe\x00"])
def test_a_damaged_index(folder: Path, content: bytes) -> None:
    (folder / "study.json").write_bytes(content)
    with pytest.raises(StoreError, match="cannot be read"):
        load_study(folder)


@pytest.mark.parametrize("change", [{"nodes": 3}, {"colour": "red"}, {"picture_shape": 7}])
def test_an_index_that_describes_no_study(folder: Path, change: dict[str, Any]) -> None:
    rewrite(folder, lambda record: record["study"].update(change))
    with pytest.raises(StoreError, match="does not describe a study"):
        load_study(folder)


def replace_file(folder: Path, content: bytes) -> None:
    (folder / "inputs.parquet").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    rewrite(folder, lambda record: record["files"].update({"inputs.parquet": digest}))


def test_a_table_with_other_columns(folder: Path) -> None:
    pq.write_table(pa.table({"input": [1]}), folder / "other.parquet")
    replace_file(folder, (folder / "other.parquet").read_bytes())
    with pytest.raises(StoreError, match="is not a study's inputs table \\(its columns are others"):
        load_study(folder)


def test_a_file_that_is_no_parquet(folder: Path) -> None:
    replace_file(folder, b"hello")
    with pytest.raises(StoreError, match="is not a study's inputs table"):
        load_study(folder)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        dense_study().save(tmp_path / "file")


def test_an_interrupted_save_leaves_no_study(folder: Path) -> None:
    (folder / "verdicts.parquet").unlink()
    (folder / "verdicts.parquet").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        joined_study().save(folder)
    with pytest.raises(StoreError, match="there is no study"):
        load_study(folder)


# -- pandas ------------------------------------------------------------------------------------------


def test_to_pandas_gives_each_table() -> None:
    for name in TABLES:
        frame = dense_study().to_pandas(name)
        assert list(frame.columns) == TABLES[name].names
        assert len(frame) == getattr(dense_study(), name).num_rows


def test_there_is_no_other_table() -> None:
    with pytest.raises(InputError, match="no table 'gradients'; its tables are layers"):
        dense_study().to_pandas("gradients")


def test_without_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match=r"unrelu\[report\]"):
        dense_study().to_pandas()
