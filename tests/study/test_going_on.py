"""The same analysis goes on from what is kept, and ends with the rows of one that nothing stopped."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from small_studies import SIDE, N, dense_network, dense_study, joined_network, pictures
from study import own_question
from study.own_question import FeatureSums
from unrelu.errors import StoreError
from unrelu.network.fingerprints import weights_sha256
from unrelu.network.graph import Network
from unrelu.operators import Dense
from unrelu.polyhedra.domains import Box
from unrelu.questions import Metamers, Question, Ranges, RowRemoval, Spectra, Uniqueness, Verdicts
from unrelu.study.analyze import analyze
from unrelu.study.saving import load_study
from unrelu.study.study import Study

ALL: tuple[Question, ...] = (
    Verdicts(),
    Uniqueness(Box(0, 1)),
    Ranges(3),
    Spectra(6),
    RowRemoval(2),
    Metamers(3),
)
"""What `dense_study` asks."""


@pytest.fixture(autouse=True)
def _noted() -> Iterator[None]:
    own_question.ANSWERED.clear()
    yield
    own_question.BROKEN.clear()


def ask(where: Path, questions: tuple[Question, ...] = ALL, **changes: Any) -> Study:
    x, y = pictures()
    given = {"net": dense_network(), "data": x, "labels": y, "picture_shape": (SIDE, SIDE), **changes}
    net, data = given.pop("net"), given.pop("data")
    return analyze(
        net, data, questions=questions, store=where, name="small", data_name="small digits", progress=False, **given
    )


def assert_whole(study: Study) -> None:
    """The rows are those of the study that was made in memory, in one go."""
    assert study.complete
    assert study.stopped == ""
    assert study.tables == dense_study().tables
    for name in study.tables:
        assert study[name].equals(dense_study()[name]), name


def counts(study: Study) -> dict[str, tuple[int, int]]:
    """Tasks found and tasks computed, by question."""
    return {name: (each.found, each.computed) for name, each in study.accounts.items()}


def parts(where: Path) -> list[Path]:
    return sorted(path for path in where.rglob("*.parquet") if "damaged" not in path.parts)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with everything in it, not to be changed."""
    where = tmp_path_factory.mktemp("whole")
    assert_whole(ask(where))
    return where


@pytest.fixture
def where(whole: Path, tmp_path: Path) -> Path:
    import shutil

    return Path(shutil.copytree(whole, tmp_path / "store"))


def test_nothing_is_computed_twice(where: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for question in ALL:
        monkeypatch.setattr(type(question), "answer", None)
    before = {path: path.read_bytes() for path in parts(where)}
    again = ask(where)
    assert_whole(again)
    assert {computed for _, computed in counts(again).values()} == {0}
    assert {path: path.read_bytes() for path in parts(where)} == before
    assert_whole(load_study(where))


@pytest.mark.parametrize("share", [1, 2, 3, 7])
def test_parts_that_are_missing_are_computed_again(where: Path, share: int) -> None:
    missing = parts(where)[:: max(2, share)] if share > 1 else parts(where)
    for path in missing:
        path.unlink()
    again = ask(where)
    assert_whole(again)
    assert sum(computed for _, computed in counts(again).values()) == len(missing)
    assert not again.accounts["verdicts"].damaged
    assert_whole(load_study(where))


def test_damaged_parts_are_set_aside_and_computed_again_and_said(where: Path) -> None:
    damaged = parts(where)[::2]
    for at, path in enumerate(damaged):
        content = bytearray(path.read_bytes())
        if at % 3 == 0:
            content = content[: len(content) // 2]
        elif at % 3 == 1:
            content[at % len(content)] ^= 16
        else:
            content = bytearray()
        path.write_bytes(content)
    again = ask(where)
    assert_whole(again)
    assert sum(computed for _, computed in counts(again).values()) == len(damaged)
    said = {name for each in again.accounts.values() for name in each.damaged}
    assert {name.rpartition(".")[0] for name in said} == {f"damaged/{path.relative_to(where)}" for path in damaged}
    assert all((where / name).is_file() for name in said)
    assert_whole(load_study(where))


@pytest.mark.parametrize("content", [b"", b"{", b"[]", None])
def test_a_damaged_index_is_written_anew(where: Path, content: bytes | None) -> None:
    (index,) = (where / "studies").iterdir()
    if content is None:
        index.unlink()
    else:
        index.write_bytes(content)
    with pytest.raises(StoreError):
        load_study(where)
    again = ask(where)
    assert_whole(again)
    assert {computed for _, computed in counts(again).values()} == {0}
    assert_whole(load_study(where))


def test_what_is_half_written_is_no_part(where: Path) -> None:
    """What a kill leaves: files under the names that they have while they are written."""
    for path in parts(where)[::3]:
        path.rename(path.with_name(f".{path.name}.123-abcdef"))
    assert not load_study(where).complete
    assert_whole(ask(where))


def test_a_time_limit_stops_and_the_same_call_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    none = ask(tmp_path, time_limit=0.0)
    assert none.stopped == "time limit"
    assert not none.complete
    assert parts(tmp_path) == []
    assert all(none[name].num_rows == 0 for name in ("inputs", "verdicts", "ranges", "metamers"))
    assert "stopped (time limit); the same call goes on from here" in str(none)
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr(Spectra, "answer", _late(now, Spectra.answer))
    some = ask(tmp_path, time_limit=2.5, workers=1)
    monkeypatch.undo()
    assert some.stopped == "time limit"
    assert counts(some)["spectra"] == (0, 3)
    assert not some.complete
    again = ask(tmp_path)
    assert counts(again)["spectra"] == (3, 3)
    assert_whole(again)


def _late(now: list[float], answer: Any) -> Any:
    def answered(*args: Any) -> Any:
        now[0] += 1.0
        return answer(*args)

    return answered


@pytest.mark.parametrize("at", [0, 3, 5])
def test_an_interrupt_returns_what_is_there_and_the_same_call_goes_on(
    tmp_path: Path, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = Spectra.answer, []

    def answer(self: Spectra, *args: Any) -> Any:
        seen.append(args)
        if len(seen) > at:
            raise KeyboardInterrupt
        return real(self, *args)

    monkeypatch.setattr(Spectra, "answer", answer)
    stopped = ask(tmp_path, workers=1)
    assert stopped.stopped == "interrupted"
    assert stopped["spectra"].num_rows == 4 * at
    assert stopped["verdicts"].equals(dense_study()["verdicts"])
    monkeypatch.undo()
    again = ask(tmp_path)
    assert counts(again)["spectra"] == (at, 6 - at)
    assert counts(again)["verdicts"] == (2, 0)
    assert_whole(again)


# -- other questions, data, networks -----------------------------------------------------------------


def test_a_further_question_finds_the_others(where: Path) -> None:
    more = ask(where, (*ALL, FeatureSums()))
    assert {name: computed for name, (_, computed) in counts(more).items() if computed} == {"feature_sums": 12}
    assert len(list((where / "studies").iterdir())) == 2
    assert more["verdicts"].equals(dense_study()["verdicts"])


def test_more_data_finds_what_is_known_of_the_first(tmp_path: Path) -> None:
    x, y = pictures()
    ask(tmp_path, (FeatureSums(), Spectra(99)), data=x[:10], labels=y[:10])
    own_question.ANSWERED.clear()
    more = ask(tmp_path, (FeatureSums(), Spectra(99)))
    assert counts(more) == {"inputs": (0, 1), "feature_sums": (4, 8), "spectra": (10, 14)}
    assert sorted(own_question.ANSWERED) == sorted([tuple(range(k, k + 4)) for k in range(8, N, 4)] * 2)
    fresh = analyze(dense_network(), x, labels=y, questions=[FeatureSums(), Spectra(99)], progress=False)
    for name in ("inputs", "feature_sums", "spectra"):
        assert [row["input"] for row in more[name].to_pylist()] == [row["input"] for row in fresh[name].to_pylist()]
        assert more[name].equals(fresh[name])
    # And fewer inputs find theirs among them.
    fewer = ask(tmp_path, (FeatureSums(), Spectra(99)), data=x[:16], labels=y[:16])
    assert counts(fewer) == {"inputs": (0, 1), "feature_sums": (8, 0), "spectra": (16, 0)}
    assert fewer["spectra"].equals(more["spectra"].slice(0, fewer["spectra"].num_rows))


def test_a_damaged_part_of_other_data_is_not_taken_over(tmp_path: Path) -> None:
    x, y = pictures()
    ask(tmp_path, (FeatureSums(),), data=x[:8], labels=y[:8])
    for path in (tmp_path / "feature_sums").rglob("*.parquet"):
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    more = ask(tmp_path, (FeatureSums(),))
    assert counts(more)["feature_sums"] == (0, 12)
    assert more.complete


def _changed() -> dict[str, tuple[tuple[Question, ...], dict[str, Any]]]:
    x, y = pictures()
    near = x.copy()
    near[:, 3] = np.nextafter(near[:, 3], 0.5)
    labels = (y + 1) % 10
    net = dense_network()
    first, affine, *rest = net.nodes
    weight = affine.operator.tensors()[0].clone()
    weight[0, 0] = np.nextafter(float(weight[0, 0]), 9)
    operator = Dense(weight, affine.operator.tensors()[1])
    import dataclasses

    other = dataclasses.replace(net, nodes=(first, dataclasses.replace(affine, operator=operator), *rest))
    assert weights_sha256(other) != weights_sha256(net)
    return {
        "settings": ((FeatureSums(2.0),), {}),
        "boundaries": ((FeatureSums(at_once=3),), {}),
        "network": ((FeatureSums(),), {"net": other}),
        "graph": ((FeatureSums(),), {"net": joined_network()}),
        "data": ((FeatureSums(),), {"data": near}),
        "order": ((FeatureSums(),), {"data": x[::-1].copy()}),
        "labels": ((FeatureSums(),), {"labels": labels}),
        "no labels": ((FeatureSums(),), {"labels": None}),
        "dtype": ((FeatureSums(),), {"data": torch.from_numpy(x.astype(np.float32).copy())}),
    }


@pytest.mark.parametrize("what", _changed())
def test_what_differs_is_never_mixed(tmp_path: Path, what: str) -> None:
    plain = ask(tmp_path, (FeatureSums(),))
    questions, changes = _changed()[what]
    other = ask(tmp_path, questions, **changes)
    n = len(other.parts["feature_sums"])
    assert counts(other)["feature_sums"] == (0, n)
    assert other.question("feature_sums").run != plain.question("feature_sums").run
    assert other.complete
    again = ask(tmp_path, (FeatureSums(),))
    assert counts(again)["feature_sums"] == (12, 0)
    assert again["feature_sums"].equals(plain["feature_sums"])
    assert counts(ask(tmp_path, questions, **changes))["feature_sums"] == (n, 0)


def test_names_and_pictures_are_no_part_of_a_row(where: Path) -> None:
    x, y = pictures()
    again = analyze(
        dense_network(),
        x,
        labels=y,
        questions=ALL,
        store=where,
        name="b",
        classes=list("abcdefghij"),
        progress=False,
        workers=2,
    )
    assert {computed for _, computed in counts(again).values()} == {0}
    assert (again.info.name, again.info.classes, again.info.picture_shape) == ("b", tuple("abcdefghij"), None)


def test_metamers_of_more_norms_find_those_of_fewer(tmp_path: Path) -> None:
    """Settings are part of a task's name as a whole: nothing is taken over from others, however near they are."""
    one = ask(tmp_path, (Metamers(1, norms=(2.0,)),))
    two = ask(tmp_path, (Metamers(1, norms=(2.0, math.inf)),))
    assert (counts(one)["metamers"], counts(two)["metamers"]) == ((0, 1), (0, 2))
    assert two["metamers"].slice(0, 1).equals(one["metamers"])


def test_a_model_behind_the_network_counts(tmp_path: Path) -> None:
    from torch import nn

    module = nn.Sequential(nn.Linear(16, 9), nn.ReLU(), nn.Linear(9, 3)).eval()
    net = Network.from_torch(module, torch.zeros(1, 16))
    asked = (Metamers(1, norms=(2.0,)),)
    read = ask(tmp_path, asked, net=net, labels=None)
    assert read["metamers"]["forward_error"].null_count == 0
    net.save(tmp_path / "n.unrelu")
    import unrelu as ur

    bare = ask(tmp_path, asked, net=ur.load(tmp_path / "n.unrelu"), labels=None)
    assert bare["metamers"]["forward_error"].null_count == 1
    assert ask(tmp_path, asked, net=net, labels=None)["metamers"].equals(read["metamers"])


def test_a_complete_study_stays_complete_while_it_is_asked_again(tmp_path: Path) -> None:
    assert ask(tmp_path).complete
    again = ask(tmp_path, time_limit=0)
    assert again.stopped == "time limit"
    assert load_study(tmp_path).complete
    assert all(load_study(tmp_path)[name].equals(dense_study()[name]) for name in ("verdicts", "ranges", "spectra"))
