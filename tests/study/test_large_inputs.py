"""Studies of inputs that may not lie in memory: the same rows under the same keys, and no more memory than is free."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import unrelu as ur
from small_studies import dense_network, pictures
from unrelu.executors import Processes, Threads
from unrelu.questions import Metamers, Predictions, Ranges, RowRemoval, Spectra, Uniqueness, Verdicts
from unrelu.study.answering import Done
from unrelu.study.context import Context
from unrelu.study.inputs import gathering, room, samples
from unrelu.study.scratch import PREFIX
from unrelu.study.study import Study

X, Y = pictures()
ASKED = [Verdicts(), Uniqueness(ur.Box(0, 1)), Ranges(2), Spectra(3), RowRemoval(2), Metamers(2)]


@pytest.fixture
def no_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    for module in (samples, gathering):
        monkeypatch.setattr(module, "BLOCK", 5 * 16)
    monkeypatch.setattr(room, "free_memory", lambda: 0)


def asked(data: object, store: Path, executor: Threads | Processes) -> Study:
    return ur.analyze(
        dense_network(), data, labels=Y, questions=ASKED, store=store, executor=executor, picture_shape=(4, 4),
        progress=False,
    )  # fmt: skip


@pytest.mark.parametrize("executor", [Threads(1), Processes(1)], ids=str)
def test_the_rows_and_their_keys_are_those_of_inputs_in_memory(
    executor: Threads | Processes, no_memory: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "x.npy", X)
    there = asked(tmp_path / "x.npy", tmp_path / "there", executor)
    assert os.listdir(tmp_path / "temporary") == []
    monkeypatch.setattr(room, "free_memory", lambda: None)
    here = asked(X, tmp_path / "here", Threads(1))
    assert there.complete
    assert there.tables == here.tables
    for name in here.tables:
        assert (
            there[name]
            .drop_columns([c for c in there[name].column_names if "seconds" in c])
            .equals(here[name].drop_columns([c for c in here[name].column_names if "seconds" in c]))
        ), name
    assert (there.info.data_sha256, there.info.picture_range) == (here.info.data_sha256, here.info.picture_range)
    monkeypatch.setattr(room, "free_memory", lambda: 0)
    again = asked(list(X), tmp_path / "here", Threads(1))
    assert [each.computed for each in again.accounts.values()] == [0] * len(again.accounts)


def test_a_file_that_changes_while_it_is_asked_about_gives_no_rows_and_none_are_kept(
    no_memory: None, tmp_path: Path
) -> None:
    path, store = tmp_path / "x.npy", tmp_path / "store"
    np.save(path, X)

    class Meddles(Threads):
        """Changes the file when everything is planned."""

        @contextmanager
        def session(self, context: Context) -> Iterator[Any]:
            def answers(*arguments: Any) -> Generator[Done, None, None]:
                np.save(path, X + 1)
                os.utime(path, ns=(1, 1))
                yield from session.answers(*arguments)

            with super().session(context) as session:
                yield SimpleNamespace(answers=answers)

    found = ur.analyze(dense_network(), path, questions=[Predictions()], store=store, executor=Meddles(1))
    account = found.accounts["inputs"]
    assert (account.computed, account.open) == (0, 1)
    assert "x.npy was changed after it was first read" in account.unfinished[0].reason
    assert not found.complete
    np.save(path, X)
    found = ur.analyze(dense_network(), path, questions=[Predictions()], store=store, executor=Threads(1))
    assert found.complete
    assert found["failures"].num_rows == 0


def test_where_inputs_lie_is_foreseen(no_memory: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "x.npy", X)
    size = X.nbytes

    def line(data: object) -> tuple[str, int, int]:
        found = ur.foresee(dense_network(), data, questions=[], progress=False)
        assert str(found).splitlines()[-1] == f"inputs: {found.inputs}"
        return found.inputs, found.held, found.scratch

    place = tempfile.gettempdir()
    assert line(tmp_path / "x.npy") == (f"24, 3 kB in {tmp_path / 'x.npy'}, read as they are needed", 0, 0)
    assert line(list(X)) == (f"24, 3 kB in a file in {place}, as they do not fit into memory", 0, size)
    monkeypatch.setattr(room, "free_memory", lambda: None)
    assert line(X) == (f"24, 3 kB in memory, and as much in a file for processes in {place}", size, 0)


SCRIPT = """
import resource, sys, tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

import unrelu as ur
from unrelu.executors import Threads

torch.set_num_threads(1)
kind, path, side, n, allowed = sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:])
module = torch.nn.Sequential(
    torch.nn.Conv2d(3, 2, 8, stride=8), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(2 * (side // 8) ** 2, 4)
).eval()
net = ur.Network.from_torch(module, torch.zeros(1, 3, side, side))


def asked(data):
    return ur.analyze(net, data, questions=[], executor=Threads(1), progress=False)


class Made(torch.utils.data.Dataset):
    def __len__(self):
        return n

    def __getitem__(self, k):
        return torch.full((3, side, side), k / n), k % 4


asked(np.random.default_rng(0).random((3, 3, side, side)).astype(np.float32))  # everything is imported
now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + allowed, now + allowed))
found = asked(Made() if kind == "dataset" else path)
assert found.complete and found.info.n_inputs == n, found
assert found["failures"].num_rows == 0, found["failures"].to_pylist()
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the address space is limited as Linux does it")
@pytest.mark.parametrize("kind", ["file", "dataset", "folder"])
def test_a_study_takes_less_memory_than_half_of_its_inputs(kind: str, tmp_path: Path) -> None:
    """600 MB of pictures, to a process that may not take more than 280 MB beside what it took before."""
    side, allowed = 80, 280 * 10**6
    n = 600 * 10**6 // (3 * side**2 * (1 if kind == "folder" else 4))
    (tmp_path / "temporary").mkdir()
    path = tmp_path / ("folder" if kind == "folder" else "x.npy")
    if kind == "file":
        file = np.lib.format.open_memmap(path, "w+", np.float32, (n, 3, side, side))
        for k in range(n):
            file[k] = k / n
        file.flush()
    elif kind == "folder":
        path.mkdir()
        for k in range(4):
            noise = np.random.default_rng(k).integers(0, 256, (side, side, 3), dtype=np.uint8)
            Image.fromarray(noise).save(path / f"{k}.bmp")
        for k in range(4, n):
            os.link(path / f"{k % 4}.bmp", path / f"{k}.bmp")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, kind, str(path), str(side), str(n), str(allowed)],
        capture_output=True,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path / "temporary"), "MALLOC_ARENA_MAX": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert list((tmp_path / "temporary").glob(f"{PREFIX}*")) == []
