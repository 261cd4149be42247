"""Certificates beside the rows: a part holds the checksum of each, and is damaged where one is damaged or missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import unrelu as ur
from small_studies import dense_network, pictures
from unrelu.errors import StoreError
from unrelu.questions import Verdicts
from unrelu.study.study import Study


def ask(where: Path, n: int = 20, first: int = 0) -> Study:
    question = Verdicts(["relu1"], certificates=True)
    data = pictures()[0][first:n]
    return ur.analyze(dense_network(), data, questions=[question], store=where, progress=False)


def certificates(where: Path) -> list[Path]:
    return sorted(path for path in (where / "verdicts-files").rglob("*") if path.is_file())


def everything(where: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in where.rglob("*") if path.is_file()}


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "flipped": flip,
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "empty": lambda path: path.write_bytes(b""),
    "missing": lambda path: path.unlink(),
    "another": lambda path: path.write_bytes(b"something else"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_damaged_certificate_makes_its_part_damaged(tmp_path: Path, what: str) -> None:
    wanted = ask(tmp_path)
    assert wanted["verdicts"].num_rows == 20
    whole = {path: path.read_bytes() for path in certificates(tmp_path)}
    assert len(whole) > 1
    for each in whole:
        DAMAGE[what](each)
        before = everything(tmp_path)
        read = ur.load_study(tmp_path)
        assert not read.complete
        assert read["verdicts"].num_rows == 0
        assert everything(tmp_path) == before
        again = ask(tmp_path)
        account = again.accounts["verdicts"]
        assert (account.found, account.computed, len(account.damaged)) == (0, 1, 1)
        assert again["verdicts"].equals(wanted["verdicts"])
        assert {path: path.read_bytes() for path in certificates(tmp_path)} == whole
        assert ur.load_study(tmp_path)["verdicts"].equals(wanted["verdicts"])


def test_a_damaged_certificate_is_not_taken_over_nor_saved(tmp_path: Path) -> None:
    """A study of the first 256 inputs has their parts from one of more, if the certificates are whole."""
    data = np.repeat(pictures()[0], 11, axis=0)[:260]
    question = Verdicts(["relu1"], verify=False, certificates=True)

    def asked(n: int) -> tuple[int, int]:
        study = ur.analyze(dense_network(), data[:n], questions=[question], store=tmp_path, progress=False)
        return study.accounts["verdicts"].found, study.accounts["verdicts"].computed

    assert asked(256) == (0, 1)
    assert asked(258) == (1, 1)
    read = ur.load_study(tmp_path)
    for each in certificates(tmp_path):
        if "0000000-0000255" in str(each):
            flip(each)
    with pytest.raises(StoreError, match=r"is damaged .*run the analysis again"):
        read.save(tmp_path / "saved")
    assert asked(260) == (0, 2)


def test_certificates_come_along_when_a_study_is_saved(tmp_path: Path) -> None:
    ask(tmp_path / "one")
    ur.load_study(tmp_path / "one").save(tmp_path / "two")
    names = [path.relative_to(tmp_path / "one") for path in certificates(tmp_path / "one")]
    assert [path.relative_to(tmp_path / "two") for path in certificates(tmp_path / "two")] == names
    assert ur.load_study(tmp_path / "two").complete
