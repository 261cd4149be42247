"""Certificates that were changed on disk: none proves anything that is false."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from polyhedra.exact_polytopes import vertices
from preimages.certificate_folders import of_features, of_floats, of_integers, of_preimage, reindexed, retabled
from unrelu.errors import StoreError
from unrelu.polyhedra.domains import Box
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificate_files.load import load_certificates
from unrelu.preimages.certificate_files.records import FORMS
from unrelu.preimages.certificate_files.save import save_certificates
from unrelu.preimages.certificate_files.schema import FACTS, SAME
from unrelu.preimages.kind import Kind, kind_of
from unrelu.preimages.same_features import SameFeatures

FAR = 1e6
"""Farther out than any vertex of the sets of small integers (and thirds of them) here, by Cramer's rule."""


def truth(statement: SameFeatures) -> Kind:
    """The kind over all of space, by trying every vertex within a box that holds those of the set itself."""
    A, b, eps = statement.layer.dense_weight, statement.layer.bias, statement.system.tolerance
    # Small integers, whose sums floats hold exactly.
    y = statement.features if statement.at is None else np.maximum(A @ statement.at + b, 0.0)
    assert y is not None
    if bool((y + eps < 0).any()):
        return Kind.EMPTY
    equal, both = (y > 0) & (eps == 0), (y > eps) & (eps > 0)
    rows = np.vstack([A[~equal], -A[both]])
    right = np.concatenate([(y + eps - b)[~equal], (b - y + eps)[both]])
    corners = vertices(Polyhedron(rows, right, A[equal], (y - b)[equal], lower=-FAR, upper=FAR))
    if not corners:
        return Kind.EMPTY
    bounded = all(abs(number) < FAR for corner in corners for number in corner)
    return kind_of(bounded, bounded and len(corners) == 1)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_flipped_bit_is_an_error_or_changes_nothing(saved_folder: Path, tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "flipped"
    shutil.copytree(saved_folder, folder, dirs_exist_ok=True)
    path = data.draw(st.sampled_from(sorted(folder.iterdir())), label="file")
    content = bytearray(path.read_bytes())
    position = data.draw(st.integers(0, len(content) - 1), label="position")
    content[position] ^= 1 << data.draw(st.integers(0, 7), label="bit")
    path.write_bytes(content)
    try:
        changed = load_certificates(folder)
        outcome = changed.verify(progress=False)
    except StoreError:
        return
    assert path.suffix == ".json"  # blanks of the index, which say nothing
    original = load_certificates(saved_folder)
    assert changed.index == original.index
    np.testing.assert_array_equal(changed.layer.weight, original.layer.weight)
    np.testing.assert_array_equal(outcome.proved, np.ones(12, dtype=bool))


@settings(max_examples=75, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
@pytest.mark.parametrize("about", ["inputs", "features"])
def test_a_forger_who_renews_the_checksums_proves_nothing_false(
    about: str, tmp_path: Path, data: st.DataObject
) -> None:
    folder = tmp_path / "forged"
    of = of_integers if about == "inputs" else of_features
    # Of the features only even seeds, of which truth has the sums exactly.
    found = of(2 * data.draw(st.integers(0, 40), label="seed"))
    save_certificates(found, folder, progress=False)
    number = st.integers(-3, 3).map(float)
    arrays = ["weight", "bias", "tolerance", about]
    for name in data.draw(st.lists(st.sampled_from([*arrays, "table"]), min_size=1), label="what"):
        if name == "table":
            retabled(folder, lambda columns: forge(columns, data))
            continue
        values = np.load(folder / f"{name}.npy")
        values.flat[data.draw(st.integers(0, values.size - 1))] = data.draw(number)
        np.save(folder / f"{name}.npy", values)
        reindexed(folder)
    try:
        saved = load_certificates(folder)
        outcome = saved.verify(progress=False)
    except StoreError:
        return
    verdicts = [verdict for block in saved.verdicts() for verdict in block]
    for verdict, proved in zip(verdicts, outcome.proved, strict=True):
        if not proved:
            continue
        really, certificate = truth(of_preimage(verdict).statement), of_preimage(verdict)
        if verdict.kind != Kind.UNDECIDED:
            assert verdict.kind == really
        else:
            existence, bounded = certificate.existence, certificate.bounded
            assert existence is None or existence.admissible == (really is not Kind.EMPTY)
            assert bounded is None or bounded.trivial == (really is not Kind.UNBOUNDED)


def forge(columns: dict[str, list], data: st.DataObject) -> None:
    """Change a number of a certificate, its form, or the claim; or exchange the proofs of two inputs."""
    n = len(columns["input"])
    i, j = data.draw(st.integers(0, n - 1)), data.draw(st.integers(0, n - 1))
    what = data.draw(st.sampled_from(["number", "kind", "exchange", "form"]))
    if what == "kind":
        columns["kind"][i] = data.draw(st.sampled_from([kind.value for kind in Kind] + ["square"]))
    elif what == "exchange":
        for name in columns:
            if name != "input":
                columns[name][i], columns[name][j] = columns[name][j], columns[name][i]
    elif what == "form":
        fact = data.draw(st.sampled_from(FACTS))
        columns[f"{fact}_form"][i] = data.draw(st.sampled_from([None, SAME, *FORMS]))
    else:
        name = data.draw(
            st.sampled_from([f"{fact}_{part}" for fact in FACTS for part in ("numbers", "indices", "integers")])
        )
        if columns[name][i]:
            drawn, place = data.draw(st.integers(-3, 3)), data.draw(st.integers(0, len(columns[name][i]) - 1))
            columns[name][i][place] = hex(drawn) if name.endswith("integers") else drawn


def test_a_changed_claim_is_not_proved(tmp_path: Path) -> None:
    found = of_floats(None, 0.0)
    save_certificates(found, tmp_path, progress=False)

    def lie(columns: dict[str, list]) -> None:
        columns["kind"][3] = "undecided"
        columns["kind"][5] = "bounded" if columns["kind"][5] != "bounded" else "singleton"

    retabled(tmp_path, lie)
    outcome = load_certificates(tmp_path).verify(progress=False)
    assert outcome.failed.tolist() == [3, 5]
    assert (outcome.n_claimed, outcome.n_proved) == (12, 10)


def test_what_is_undecided_claims_nothing_and_what_is_half_decided_its_half(tmp_path: Path) -> None:
    found = of_floats(None, 0.0)
    save_certificates(found, tmp_path, progress=False)
    bounded = [index for index, kind in enumerate(found.kind) if kind is Kind.BOUNDED]

    def withdraw(columns: dict[str, list]) -> None:
        for index, facts in ((bounded[0], ["singleton"]), (bounded[1], ["bounded", "singleton"])):
            columns["kind"][index] = "undecided"
            for fact in facts:
                for part in ("form", "numbers", "indices", "integers"):
                    columns[f"{fact}_{part}"][index] = None

    retabled(tmp_path, withdraw)
    outcome = load_certificates(tmp_path).verify(progress=False)
    assert outcome.n_claimed == outcome.n_proved == 11
    assert np.flatnonzero(~outcome.claimed).tolist() == [bounded[1]]


@pytest.mark.parametrize(("fact", "form"), [("bounded", "full rank"), ("singleton", "counting")])
def test_half_a_claim_has_to_be_proved_too(fact: str, form: str, tmp_path: Path) -> None:
    found = of_floats(None, 0.0)
    save_certificates(found, tmp_path, progress=False)
    # Neither is an unbounded preimage bounded, nor does counting show that a single point is none.
    index = found.kind.tolist().index(Kind.UNBOUNDED if fact == "bounded" else Kind.SINGLETON)

    def invent(columns: dict[str, list]) -> None:
        columns["kind"][index] = "undecided"
        for name in columns:
            if name.startswith(("bounded", "singleton")):
                columns[name][index] = None
        columns[f"{fact}_form"][index] = form

    retabled(tmp_path, invent)
    assert load_certificates(tmp_path).verify(progress=False).failed.tolist() == [index]


def test_a_point_outside_its_domain_is_not_proved(tmp_path: Path) -> None:
    save_certificates(of_floats(Box(-9.0, 9.0), 0.0), tmp_path, progress=False)
    inputs = np.load(tmp_path / "inputs.npy")
    inputs[4, 0] = 9.5
    np.save(tmp_path / "inputs.npy", inputs)
    reindexed(tmp_path)
    assert load_certificates(tmp_path).verify(progress=False).failed.tolist() == [4]
