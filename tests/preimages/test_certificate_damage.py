"""Folders of certificates that are damaged, incomplete or from another version: one sentence says what is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from preimages.certificate_folders import of_integers, reindexed, retabled
from unrelu.errors import StoreError
from unrelu.preimages.certificate_files.load import find_certificates, load_certificates
from unrelu.preimages.certificate_files.save import save_certificates
from unrelu.preimages.certificate_files.schema import SAME, SCHEMA

Damage = Callable[[Path], object]


def _drop(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


def _replace(name: str, values: np.ndarray) -> Damage:
    def change(folder: Path) -> None:
        np.save(folder / f"{name}.npy", values)
        reindexed(folder)

    return change


def _index(**changes: object) -> Damage:
    return lambda folder: reindexed(folder, lambda record: record.update(changes))


def _without(key: str) -> Damage:
    return lambda folder: reindexed(folder, lambda record: record.pop(key))


def _set(column: str, row: int, value: object) -> Damage:
    return lambda folder: retabled(folder, lambda columns: columns[column].__setitem__(row, value))


def _cut(name: str) -> Damage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-3])


def _longer(name: str) -> Damage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes() + bytes(8))


def _blank_header(name: str) -> Damage:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes().replace(b"fortran", b"       "))


def _array(name: str, **changes: object) -> Damage:
    return lambda folder: reindexed(folder, lambda record: record["arrays"][name].update(changes))


def _no_array(name: str) -> Damage:
    return lambda folder: reindexed(folder, lambda record: record["arrays"].pop(name))


def _no_table(folder: Path) -> None:
    (folder / "certificates.parquet").write_bytes(b"PAR1 and nothing else PAR1")
    reindexed(folder)


def _other_columns(folder: Path) -> None:
    retabled(folder, lambda columns: columns.pop("kind"), pa.schema([each for each in SCHEMA if each.name != "kind"]))


def _fewer_rows(folder: Path) -> None:
    retabled(folder, lambda columns: [column.pop() for column in columns.values()])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (_drop("certificates.json"), "there are no certificates in"),
        (lambda folder: (folder / "certificates.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "certificates.json").write_text("[]"), "is not the index of certificates"),
        (_index(format="unrelu-study"), "is not the index of certificates"),
        (_index(version=99), "has format version 99, this unrelu reads version 5"),
        (_index(version=4), "has format version 4, this unrelu reads version 5"),
        (_without("unit"), "lacks what an index has"),
        (_without("exact"), "lacks what an index has"),
        (_index(statement="rumours"), "lacks what an index has .*one of points, features, sets"),
        (_index(arrays=3), "lacks what an index has"),
        (_drop("weight.npy"), "cannot be read"),
        (_cut("weight.npy"), "does not hold the array that was saved"),
        (_longer("weight.npy"), "does not hold the array that was saved"),
        (_blank_header("weight.npy"), "does not hold the array that was saved"),
        (_replace("bias", np.ones(70, dtype=int)), "should hold <i8, which is not <f4 or <f8"),
        (_array("weight", shape=[-70, -20]), "lacks what an index has"),
        (_array("weight", shape=[10**15, 10**15]), "does not hold the array that was saved"),
        (lambda folder: reindexed(folder, lambda record: record["arrays"].pop("inputs")), "names no array inputs"),
        (
            lambda folder: reindexed(folder, lambda record: record["arrays"].pop("tolerance")),
            "names no array tolerance",
        ),
        (_index(statement="features"), "names no array features"),
        (_index(layer=None), "lacks what an index has .*one of the two"),
        (_index(prefix={"sha256": "0" * 64, "file": "0" * 64}), "lacks what an index has .*one of the two"),
        (_index(layer={"name": "relu1"}), "lacks what an index has .*layer has no field 'input_shape'"),
        (_replace("bias", np.ones(69)), "do not fit together"),
        (_replace("weight", np.full((70, 20), np.nan)), "do not fit together"),
        (_replace("inputs", np.ones((12, 19))), "should have 12 inputs of 20"),
        (_replace("inputs", np.full((12, 20), np.inf)), "should have 12 inputs of 20 finite"),
        (_replace("domain_lower", np.full(20, 10.0)), "the domain is empty"),
        (_replace("domain_origin", np.zeros(19)), "do not fit together"),
        (_replace("tolerance", np.full(70, -1.0)), "the tolerance must be"),
        (_replace("tolerance", np.full(70, np.nan)), "the tolerance must be"),
        (_replace("tolerance", np.zeros(69)), "the tolerance needs one number, or 70"),
        (_index(unit=0.5), "names a unit roundoff of 0.5"),
        (_index(unit=0.0), "names a unit roundoff of 0.0"),
        (_drop("certificates.parquet"), "copy the whole folder"),
        (_cut("certificates.parquet"), "is not the file that was saved"),
        (_no_table, "is damaged"),
        (_other_columns, "its columns are others"),
        (_fewer_rows, "it has 11 rows for 12 inputs"),
        (_set("input", 7, 8), "its rows are not those of the inputs, in order"),
        (_set("bounded_form", 0, "a guess"), "there is no form 'a guess'"),
        (_set("bounded_form", 0, SAME), "stands for one that is not there"),
        (_set("existence_form", 0, SAME), "stands for one that is not there"),
        (_set("bounded_form", 0, "exact witness"), "does not have these parts"),
        (_set("existence_form", 0, "counting"), "stands where one about a member belongs"),
    ],
)
def test_damaged_folders_are_refused(damage: Damage, words: str, saved_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(saved_folder, folder)
    damage(folder)
    with pytest.raises(StoreError, match=words):
        load_certificates(folder).verify(progress=False)


def test_a_changed_index_and_changed_numbers_are_named(saved_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(saved_folder, tmp_path, dirs_exist_ok=True)
    index = tmp_path / "certificates.json"
    text = index.read_text()
    assert '"exact": false' in text
    index.write_text(text.replace('"exact": false', '"exact": true'))
    with pytest.raises(StoreError, match="was changed after it was saved"):
        load_certificates(tmp_path)
    index.write_text(text)
    np.save(tmp_path / "bias.npy", np.load(tmp_path / "bias.npy") + 1.0)
    with pytest.raises(StoreError, match="does not hold the array that was saved"):
        load_certificates(tmp_path)


def test_folders_that_cannot_be_written_or_hold_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="choose another folder"):
        save_certificates(of_integers(), tmp_path / "file", progress=False)
    with pytest.raises(StoreError, match=r"no certificates\.json anywhere in it"):
        find_certificates(tmp_path)
