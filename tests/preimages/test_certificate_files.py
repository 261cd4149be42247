"""Certificates on disk: what is proved stays proved in another process, and what is changed is not."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import unrelu.preimages.certificates
from exact_oracle import cone_is_trivial, fractions
from unrelu.errors import InputError, StoreError
from unrelu.network.fingerprints import array_sha256
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box, Domain, Nonnegative
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificate_files.load import find_certificates, load_certificates
from unrelu.preimages.certificate_files.records import FORMS, CertificateRecord, certificate_of, record_of
from unrelu.preimages.certificate_files.save import file_name, save_certificates
from unrelu.preimages.certificate_files.schema import SAME, SCHEMA
from unrelu.preimages.certificates import (
    ConeCertificate,
    Direction,
    ExactDirection,
    ExactMultipliers,
    LocalCounting,
    Multipliers,
)
from unrelu.preimages.classification import Classification, classify
from unrelu.preimages.kind import Kind, kind_of

_SOURCES = Path(__file__).parents[2] / "src"

_FORMS = {
    "a layer of floats": (None, 0.0),
    "in a box": (Box(-9.0, np.linspace(9.0, 12.0, 20)), 0.0),
    "in the orthant": (Nonnegative(), 0.0),
    "in a polyhedron": (
        Polyhedron(A_ub=np.eye(20)[:3], b_ub=np.full(3, 40.0), origin=np.full(20, 1 / 3), lower=-50.0),
        0.0,
    ),
    "with a tolerance": (Box(None, 12.0), 0.125),
}


def of_floats(domain: Domain | None, tolerance: float) -> Classification:
    """A layer with all three kinds among its inputs, beyond what structure decides."""
    rng = np.random.default_rng(5)
    A = rng.standard_normal((70, 20))
    A[:, 0] += 1.0
    x = rng.standard_normal((12, 20))
    x[:, 0] += np.linspace(-4, 2, 12)
    x = np.abs(x) if isinstance(domain, Nonnegative) else x
    layer = ReLULayer(A, rng.standard_normal(70) - 3.0, name="hidden/relu", input_shape=(4, 5), folding_error=1e-9)
    return classify(layer, x, domain=domain, tolerance=tolerance, progress=False)


def of_integers(seed: int = 0) -> Classification:
    """A layer that needs proofs of many forms, some of them by integers."""
    rng = np.random.default_rng(seed)
    d, m = int(rng.integers(1, 4)), int(rng.integers(1, 7))
    A = rng.integers(-2, 3, (m, d)).astype(float)
    x = rng.integers(-1, 2, (3, d)).astype(float)
    b = np.where(rng.random(m) < 0.4, -(A @ x[0]), rng.integers(-2, 3, m))
    return classify(ReLULayer(A, b), x, progress=False)


def truth(layer: ReLULayer, x: np.ndarray) -> Kind:
    """The kind of an integer layer over all of space, by trying every extreme ray."""
    values = layer.weight @ x + layer.bias
    active, inactive, tight = (fractions(layer.weight[rows]) for rows in (values > 0, values <= 0, values == 0))
    return kind_of(cone_is_trivial(active, inactive, x.size), cone_is_trivial(active, tight, x.size))


def reindexed(folder: Path, change: Callable[[dict], object] = lambda record: None) -> None:
    """Name all files anew by their SHA-256, as a forger would."""
    path = folder / "certificates.json"
    record = json.loads(path.read_text())
    record["table"] = hashlib.sha256((folder / "certificates.parquet").read_bytes()).hexdigest()
    for name, entry in record["arrays"].items():
        values = np.load(folder / f"{name}.npy")
        entry.update(shape=values.shape, dtype=values.dtype.str, sha256=array_sha256(values.astype(float)))
    change(record)
    record.pop("sha256")
    text = json.dumps(record, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    record["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(record))


def retabled(folder: Path, change: Callable[[dict[str, list]], object], schema: pa.Schema = SCHEMA) -> None:
    """Change the table of certificates, and name it anew."""
    path = folder / "certificates.parquet"
    columns = pq.read_table(path).to_pydict()
    change(columns)
    pq.write_table(pa.table(columns, schema=schema), path, row_group_size=5)
    reindexed(folder)


@pytest.mark.parametrize("case", _FORMS)
def test_what_was_saved_is_loaded_and_verified(case: str, tmp_path: Path) -> None:
    found = of_floats(*_FORMS[case])
    save_certificates(found, tmp_path / "deep" / "er", progress=False)
    saved = load_certificates(tmp_path / "deep" / "er")
    assert len(saved) == len(found) == 12
    np.testing.assert_array_equal(saved.layer.weight, found.layer.weight)
    np.testing.assert_array_equal(saved.layer.bias, found.layer.bias)
    for name in ("name", "input_shape", "output_shape", "folding_error"):
        assert getattr(saved.layer, name) == getattr(found.layer, name)
    assert saved.system.tolerance == found.system.tolerance
    assert saved.index.arrays["weight"].sha256 == array_sha256(found.layer.weight)
    own, theirs = found.system.domain, saved.system.domain
    assert (own is None) == (theirs is None)
    if own is not None and theirs is not None:
        for name in ("A_ub", "b_ub", "A_eq", "b_eq", "lower", "upper", "origin"):
            np.testing.assert_array_equal(getattr(own, name), getattr(theirs, name))
    verdicts = [verdict for block in saved.verdicts() for verdict in block]
    assert [verdict.kind for verdict in verdicts] == found.kind.tolist()
    for verdict, preimage in zip(verdicts, found.preimages, strict=True):
        np.testing.assert_array_equal(verdict.certificate.at, preimage.at)
        for fact in ("bounded", "singleton"):
            mine, other = getattr(preimage.certificate, fact), getattr(verdict.certificate, fact)
            assert same(mine, other)
    outcome = saved.verify(progress=False)
    np.testing.assert_array_equal(outcome.proved, found.verify(progress=False))
    assert outcome.n_proved == outcome.n_claimed > 0
    assert outcome.failed.tolist() == []


def same(first: ConeCertificate | None, second: ConeCertificate | None) -> bool:
    """Whether two certificates have the same numbers."""
    if first is None or second is None:
        return first is second
    mine, other = vars(first), vars(second)
    return type(first) is type(second) and all(np.array_equal(mine[name], other[name]) for name in mine)


def test_one_preimage_is_saved_as_one_input(tmp_path: Path) -> None:
    found = of_floats(Box(-9.0, 12.0), 0.0)[3]
    save_certificates(found, tmp_path, progress=False)
    saved = load_certificates(tmp_path)
    assert saved.verify(progress=False).proved.tolist() == [True]
    assert [verdict.kind for block in saved.verdicts() for verdict in block] == [found.kind]
    np.testing.assert_array_equal(saved.inputs, [found.at])


def test_only_verdicts_can_be_saved(tmp_path: Path) -> None:
    found = of_integers()
    for wrong in (found[0].certificate, list(found.preimages), None):
        with pytest.raises(
            InputError, match=r"ur\.classify\(layer, inputs\) or ur\.preimage\(layer, at=x\) returned, not of a"
        ):
            save_certificates(wrong, tmp_path)  # pyright: ignore[reportArgumentType]


def test_every_form_of_certificate_can_be_saved() -> None:
    classes = {getattr(unrelu.preimages.certificates, name) for name in unrelu.preimages.certificates.__all__}
    assert {form.certificate for form in FORMS.values()} == {each for each in classes if hasattr(each, "trivial")}
    huge = 10**6000 + 1  # more digits than Python reads
    for certificate in (
        ExactDirection((huge, -huge, 0)),
        ExactMultipliers((1, huge)),
        Multipliers(np.array([1.0, 5e-324, -0.1])),
        Direction(np.array([0.1, -2.0]), np.array([3, 1])),
        LocalCounting(np.array([2, 0])),
        *(form.certificate() for form in FORMS.values() if not (form.numbers or form.indices or form.integers)),
    ):
        assert same(certificate, certificate_of(record_of(certificate)))


@pytest.mark.parametrize(
    "record",
    [
        CertificateRecord("no such form"),
        CertificateRecord("multipliers"),
        CertificateRecord("multipliers", numbers=np.ones(1), indices=np.ones(1, dtype=int)),
        CertificateRecord("direction", numbers=np.ones(1)),
        CertificateRecord("counting", integers=("0x1",)),
        CertificateRecord("exact direction", integers=("one",)),
    ],
)
def test_records_of_no_certificate(record: CertificateRecord) -> None:
    with pytest.raises(ValueError, match=r"form|invalid literal"):
        certificate_of(record)


def test_numbers_take_half_the_space_where_that_is_exact(tmp_path: Path) -> None:
    layer = ReLULayer(np.array([[0.1], [0.2]], dtype=np.float32), np.array([0.1, 1e300]))
    save_certificates(classify(layer, np.array([[0.5]]), progress=False), tmp_path, progress=False)
    assert np.load(tmp_path / "weight.npy").dtype == np.float32
    assert np.load(tmp_path / "bias.npy").dtype == np.float64
    assert load_certificates(tmp_path).layer.bias.tolist() == [0.1, 1e300]


def test_another_process_verifies_without_any_solver(tmp_path: Path) -> None:
    for name, domain in (("first", None), ("second", Box(-9, 9))):
        save_certificates(of_floats(domain, 0.0), tmp_path / name, progress=False)
    script = """
import sys
from unrelu.preimages.certificate_files.load import find_certificates, load_certificates
for folder in find_certificates(sys.argv[1]):
    outcome = load_certificates(folder).verify(progress=False)
    print(outcome.n_claimed, outcome.n_proved)
solvers = ("unrelu.solvers", "highspy", "clarabel", "scipy.optimize", "unrelu.preimages.classification")
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
    assert done.stdout.splitlines() == ["12 12", "12 12", "[]"]


@pytest.fixture(scope="module")
def saved_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved")
    save_certificates(of_floats(Box(-9.0, 9.0), 0.0), folder, progress=False)
    return folder


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


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_forger_who_renews_the_checksums_proves_nothing_false(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "forged"
    found = of_integers(data.draw(st.integers(0, 40), label="seed"))
    save_certificates(found, folder, progress=False)
    number = st.integers(-3, 3).map(float)
    for name in data.draw(st.lists(st.sampled_from(["weight", "bias", "inputs", "table"]), min_size=1), label="what"):
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
        really = truth(saved.layer, verdict.certificate.at)
        if proved and verdict.kind != Kind.UNDECIDED:
            assert verdict.kind == really
        elif proved:
            bounded = None if verdict.certificate.bounded is None else verdict.certificate.bounded.trivial
            assert bounded in (None, really is not Kind.UNBOUNDED)


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
        fact = data.draw(st.sampled_from(["bounded", "singleton"]))
        columns[f"{fact}_form"][i] = data.draw(st.sampled_from([None, SAME, *FORMS]))
    else:
        name = data.draw(
            st.sampled_from([f"{fact}_{part}" for fact in ("bounded", "singleton") for part in ("numbers", "indices")])
        )
        if columns[name][i]:
            columns[name][i][0] = data.draw(st.integers(-3, 3))


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
        (_index(version=99), "has format version 99, this unrelu reads version 1"),
        (_without("tolerance"), "lacks what an index has"),
        (_index(arrays=3), "lacks what an index has"),
        (_drop("weight.npy"), "cannot be read"),
        (_cut("weight.npy"), "does not hold the array that was saved"),
        (_longer("weight.npy"), "does not hold the array that was saved"),
        (_blank_header("weight.npy"), "does not hold the array that was saved"),
        (_replace("bias", np.ones(70, dtype=int)), "should hold <i8, which is not <f4 or <f8"),
        (_array("weight", shape=[-70, -20]), "lacks what an index has"),
        (_array("weight", shape=[10**15, 10**15]), "does not hold the array that was saved"),
        (lambda folder: reindexed(folder, lambda record: record["arrays"].pop("inputs")), "names no array inputs"),
        (_replace("bias", np.ones(69)), "do not fit together"),
        (_replace("weight", np.full((70, 20), np.nan)), "do not fit together"),
        (_replace("inputs", np.ones((12, 19))), "should have 12 inputs of 20"),
        (_replace("inputs", np.full((12, 20), np.inf)), "should have 12 inputs of 20 finite"),
        (_replace("domain_lower", np.full(20, 10.0)), "the domain is empty"),
        (_replace("domain_origin", np.zeros(19)), "do not fit together"),
        (_index(tolerance=-1.0), "the tolerance must be"),
        (_drop("certificates.parquet"), "copy the whole folder"),
        (_cut("certificates.parquet"), "is not the file that was saved"),
        (_no_table, "is damaged"),
        (_other_columns, "its columns are others"),
        (_fewer_rows, "it has 11 rows for 12 inputs"),
        (_set("input", 7, 8), "its rows are not those of the inputs, in order"),
        (_set("bounded_form", 0, "a guess"), "there is no form 'a guess'"),
        (_set("bounded_form", 0, SAME), "stands for one that is not there"),
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
    index.write_text(text.replace('"tolerance": 0.0', '"tolerance": 0.5'))
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


@pytest.mark.parametrize(
    ("layer", "name"),
    [("relu1", "relu1"), ("", "layer"), ("features/0", "features%2F0"), ("..", "%2E."), (".hidden", "%2Ehidden")],
)
def test_folders_are_named_for_layers(layer: str, name: str) -> None:
    assert file_name(layer) == name
