"""Proofs about admissible index sets on disk: saved, verified in another process, and of no use to a forger."""

from __future__ import annotations

import itertools
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from preimages.certificate_folders import reindexed, retabled, same
from strict_oracle import is_admissible
from unrelu.errors import StoreError
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box, Domain, Nonnegative, resolve
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.admissibility import admissibility
from unrelu.preimages.admissible_sets import AdmissibleSets, admissible_sets
from unrelu.preimages.certificate_files.load import load_certificates
from unrelu.preimages.certificate_files.records import FORMS
from unrelu.preimages.certificate_files.save import save_certificates
from unrelu.preimages.certificate_files.set_rows import set_of, set_rows
from unrelu.preimages.certificates.motzkin import ExactMotzkin, Motzkin
from unrelu.preimages.certificates.witness import ExactWitness, Witness
from unrelu.preimages.index_set import IndexSet, make_up_all
from unrelu.preimages.index_set_certificate import IndexSetCertificate
from unrelu.preimages.kind import SetKind

_SOURCES = Path(__file__).parents[2] / "src"

_LAYER = ReLULayer(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), np.array([0.5, 0.0, -3.0]), name="lines")

_DOMAINS: dict[str, Domain | None] = {
    "all of space": None,
    "a box": Box(-2.0, 2.0),
    "the orthant": Nonnegative(),
    "a polyhedron about an origin": Polyhedron(
        np.array([[1.0, 1.0]]), np.array([0.25]), origin=np.full(2, 1 / 3), lower=-1.0
    ),
}


def of_lines(seed: int) -> AdmissibleSets:
    """All admissible sets of a few lines with small integers, many of which meet in a point."""
    rng = np.random.default_rng(seed)
    A = rng.integers(-2, 3, (int(rng.integers(1, 5)), 2)).astype(float)
    return admissible_sets(ReLULayer(A, rng.integers(-1, 2, len(A)).astype(float)))


@pytest.mark.parametrize("where", _DOMAINS)
def test_all_sets_of_a_layer_are_saved_and_verified(where: str, tmp_path: Path) -> None:
    found = admissible_sets(_LAYER, _DOMAINS[where])
    assert found.complete
    save_certificates(found, tmp_path, progress=False)
    saved = load_certificates(tmp_path)
    assert (saved.index.statement, saved.index.exhaustive) == ("sets", True)
    answers = (*found.found, *found.excluded)
    verdicts = [verdict for block in saved.verdicts() for verdict in block]
    assert [v.kind for v in verdicts] == [*["admissible"] * len(found), *["excluded"] * len(found.excluded)]
    for verdict, answer in zip(verdicts, answers, strict=True):
        assert isinstance(verdict.certificate, IndexSetCertificate)
        np.testing.assert_array_equal(verdict.certificate.statement.inactive, answer.inactive)
        assert same(verdict.certificate.existence, answer.certificate)
        for name in ("A_ub", "b_ub", "A_eq", "b_eq", "lower", "upper", "origin"):
            mine, theirs = (getattr(D, name) for D in (found.domain, verdict.certificate.statement.domain))
            np.testing.assert_array_equal(mine, theirs)
    outcome = saved.verify(progress=False)
    assert outcome.proved.all()
    assert outcome.n_claimed == len(answers)
    assert outcome.exhaustive is True
    assert outcome.kinds == tuple(v.kind for v in verdicts)


def test_proofs_of_every_form_are_kept(tmp_path: Path) -> None:
    seen: set[type] = set()
    # Three thirds: x > 0, y > 0 and x + y <= 0 contradict each other by their sum; multiples by 0.1 only nearly.
    A = np.array([[0.1, 0.3], [0.2, -0.7], [0.3, -0.4]])
    asked = [([1], _LAYER), ([0, 1, 2], _LAYER), ([0], ReLULayer(-np.ones((2, 1)), np.array([-1.0, 1.0])))]
    asked += [
        (list(chosen), ReLULayer(A, np.zeros(3))) for n in range(4) for chosen in itertools.combinations(range(3), n)
    ]
    asked += [([2], ReLULayer(np.array([[1.0, 0.0], [-1.0, 0.0], [1.0, 1.0]]), np.array([-1 / 3, 1 / 3, 0.1])))]
    asked += [([0, 1], ReLULayer(np.array([[3.0], [-3.0]]), np.array([-1.0, 1.0])))]
    for inactive, layer in asked:
        found = admissibility(layer, inactive)
        save_certificates(found, tmp_path, progress=False)
        saved = load_certificates(tmp_path)
        assert (saved.index.statement, saved.index.exhaustive) == ("sets", False)
        ((verdict,),) = saved.verdicts()
        assert isinstance(verdict.certificate, IndexSetCertificate)
        assert same(verdict.certificate.existence, found.certificate)
        assert verdict.kind == {True: "admissible", False: "excluded"}[bool(found.admissible)]
        outcome = saved.verify(progress=False)
        assert (outcome.n_claimed, outcome.n_proved, outcome.exhaustive) == (1, 1, None)
        seen.add(type(found.certificate))
    assert seen == {Witness, ExactWitness, Motzkin, ExactMotzkin}


def test_a_set_left_open_claims_nothing_and_still_counts_among_all(tmp_path: Path) -> None:
    found = admissible_sets(_LAYER)
    opened = replace(found.found[2], admissible=None, certificate=None)
    part = replace(found, found=(*found.found[:2], *found.found[3:]), undecided=(opened,))
    assert not part.complete
    save_certificates(part, tmp_path, progress=False)
    outcome = load_certificates(tmp_path).verify(progress=False)
    assert outcome.kinds[-1] == SetKind.UNDECIDED
    assert (outcome.n_claimed, outcome.n_proved) == (len(outcome.kinds) - 1, len(outcome.kinds) - 1)
    assert outcome.exhaustive is True


def test_another_process_verifies_without_any_solver(tmp_path: Path) -> None:
    save_certificates(admissible_sets(_LAYER), tmp_path, progress=False)
    script = """
import sys
from unrelu.preimages.certificate_files.load import load_certificates
outcome = load_certificates(sys.argv[1]).verify(progress=False)
print(outcome.n_claimed, outcome.n_proved, outcome.exhaustive)
solvers = ("unrelu.solvers", "highspy", "clarabel", "scipy.optimize", "unrelu.preimages.admissib")
print([name for name in sys.modules if name.startswith(solvers)])
"""
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env={"PYTHONPATH": str(_SOURCES), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["8 8 True", "[]"]


def _without_last(folder: Path) -> None:
    sets = np.load(folder / "sets.npy")[:-1]
    np.save(folder / "sets.npy", sets)
    retabled(folder, lambda columns: [column.pop() for column in columns.values()])
    reindexed(folder, lambda record: record.update(n_inputs=len(sets)))


def _one_twice(folder: Path) -> None:
    sets = np.load(folder / "sets.npy")
    np.save(folder / "sets.npy", np.vstack([sets, sets[:1]]))

    def again(columns: dict[str, list]) -> None:
        for name, column in columns.items():
            column.append(len(column) if name == "input" else column[0])

    retabled(folder, again)
    reindexed(folder, lambda record: record.update(n_inputs=len(sets) + 1))


@pytest.mark.parametrize("change", [_without_last, _one_twice])
def test_a_list_that_lacks_a_set_or_holds_one_twice_is_not_all(change: Callable[[Path], None], tmp_path: Path) -> None:
    save_certificates(admissible_sets(_LAYER), tmp_path, progress=False)
    change(tmp_path)
    outcome = load_certificates(tmp_path).verify(progress=False)
    assert outcome.n_proved == outcome.n_claimed
    assert outcome.exhaustive is False


def _sets(row: int, column: int, value: float) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        sets = np.load(folder / "sets.npy")
        sets[row, column] = value
        np.save(folder / "sets.npy", sets)
        reindexed(folder)

    return change


def _column(name: str, value: object) -> Callable[[Path], None]:
    return lambda folder: retabled(folder, lambda columns: columns[name].__setitem__(0, value))


def _tolerant(folder: Path) -> None:
    np.save(folder / "tolerance.npy", np.ones(3))
    reindexed(folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_sets(0, 1, 0.5), "other numbers than 1, 0 and, behind them, -1"),
        (_sets(0, 0, -1.0), "other numbers than 1, 0 and, behind them, -1"),
        (_column("bounded_form", "counting"), "a proof that only a preimage has"),
        (_column("interior_form", "witness"), "does not have these parts"),
        (_column("existence_form", "full rank"), "does not have these parts"),
        (_column("kind", None), "a verdict has no kind"),
        (_tolerant, "claims what has no meaning"),
        (
            lambda folder: reindexed(folder, lambda record: record.update(statement="features")),
            "names no array features",
        ),
    ],
)
def test_what_sets_do_not_have_is_refused(change: Callable[[Path], None], words: str, tmp_path: Path) -> None:
    save_certificates(admissible_sets(_LAYER), tmp_path, progress=False)
    change(tmp_path)
    with pytest.raises(StoreError, match=words):
        load_certificates(tmp_path).verify(progress=False)


def test_inputs_do_not_make_up_all_sets(saved_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(saved_folder, tmp_path, dirs_exist_ok=True)
    reindexed(tmp_path, lambda record: record.update(exhaustive=True))
    with pytest.raises(StoreError, match="claims what has no meaning"):
        load_certificates(tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_flipped_bit_is_an_error(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "flipped"
    if not folder.exists():
        save_certificates(admissible_sets(_LAYER, Box(-2.0, 2.0)), folder, progress=False)
    path = data.draw(st.sampled_from(sorted(each for each in folder.iterdir() if each.suffix != ".json")))
    content = path.read_bytes()
    position = data.draw(st.integers(0, len(content) - 1), label="position")
    changed = bytearray(content)
    changed[position] ^= 1 << data.draw(st.integers(0, 7), label="bit")
    path.write_bytes(changed)
    try:
        with pytest.raises(StoreError):
            load_certificates(folder)
    finally:
        path.write_bytes(content)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_forger_who_renews_the_checksums_proves_nothing_false(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "forged"
    save_certificates(of_lines(data.draw(st.integers(0, 40), label="seed")), folder, progress=False)
    for name in data.draw(
        st.lists(st.sampled_from(["weight", "bias", "domain_lower", "sets", "table"]), min_size=1), label="what"
    ):
        if name == "table":
            retabled(folder, lambda columns: _forge(columns, data))
            continue
        values = np.load(folder / f"{name}.npy")
        values.flat[data.draw(st.integers(0, values.size - 1))] = data.draw(st.integers(-2, 2).map(float))
        np.save(folder / f"{name}.npy", values)
        reindexed(folder)
    try:
        saved = load_certificates(folder)
        outcome = saved.verify(progress=False)
    except StoreError:
        return
    verdicts = [verdict for block in saved.verdicts() for verdict in block]
    layer, D = saved.layer, resolve(saved.system.domain, saved.layer.n_inputs)
    for verdict, proved in zip(verdicts, outcome.proved, strict=True):
        if proved:
            assert isinstance(verdict.certificate, IndexSetCertificate)
            chosen = verdict.certificate.statement.inactive
            k = chosen.size
            really = is_admissible(layer.dense_weight[:k], layer.bias[:k], chosen, D)
            assert verdict.kind == (SetKind.ADMISSIBLE if really else SetKind.EXCLUDED)
    sets = [set_of(row) for row in saved.inputs]
    assert outcome.exhaustive == _covers(sets, layer.n_outputs)


def _forge(columns: dict[str, list], data: st.DataObject) -> None:
    n = len(columns["input"])
    i, j = data.draw(st.integers(0, n - 1)), data.draw(st.integers(0, n - 1))
    what = data.draw(st.sampled_from(["kind", "exchange", "form", "number"]))
    if what == "kind":
        columns["kind"][i] = data.draw(st.sampled_from([kind.value for kind in SetKind] + ["empty"]))
    elif what == "exchange":
        for name in columns:
            if name != "input":
                columns[name][i], columns[name][j] = columns[name][j], columns[name][i]
    elif what == "form":
        columns["existence_form"][i] = data.draw(st.sampled_from([None, *FORMS]))
    elif columns["existence_numbers"][i]:
        columns["existence_numbers"][i][0] = data.draw(st.integers(-3, 3))


def _covers(sets: list[np.ndarray], m: int) -> bool:
    """Whether each of all 2^m sets begins with exactly one of the given ones, by trying."""
    return all(
        sum(each.tolist() == list(whole[: each.size]) for each in sets) == 1
        for whole in itertools.product([False, True], repeat=m)
    )


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 4), st.data())
def test_words_make_up_all_if_every_set_begins_with_one(m: int, data: st.DataObject) -> None:
    words: list[list[bool]] = [[]]
    for _ in range(data.draw(st.integers(0, 6))):  # split one word into its two continuations
        word = words.pop(data.draw(st.integers(0, len(words) - 1)))
        words += [[*word, False], [*word, True]] if len(word) < m else [word]
    prefixes = [np.array(word, dtype=bool) for word in words]
    assert make_up_all(prefixes, m)
    for change in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(0, len(prefixes) - 1))
        if change or not prefixes[place].size:
            prefixes = [*prefixes, prefixes[place]]
        else:
            prefixes = [*prefixes[:place], prefixes[place][:-1], *prefixes[place + 1 :]]
    assert make_up_all(prefixes, m) == _covers(prefixes, m)


def test_a_word_longer_than_all_features_is_no_set() -> None:
    assert not make_up_all([np.array([True, True]), np.array([True, False]), np.array([False])], 1)
    assert make_up_all([np.zeros(0, dtype=bool)], 0)
    assert not make_up_all([], 1)


def test_sets_as_rows_of_numbers() -> None:
    sets = [np.array([True]), np.zeros(0, dtype=bool), np.array([False, True, True])]
    rows = set_rows(sets, 3)
    assert rows.tolist() == [[1, -1, -1], [-1, -1, -1], [0, 1, 1]]
    for row, chosen in zip(rows, sets, strict=True):
        np.testing.assert_array_equal(set_of(row), chosen)


def test_the_system_of_a_prefix_has_its_rows_only() -> None:
    system = IndexSet(_LAYER, resolve(None, 2), np.array([True])).system
    np.testing.assert_array_equal(system.weight, _LAYER.dense_weight[:1])
