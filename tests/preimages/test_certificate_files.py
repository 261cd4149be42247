"""Certificates on disk: what is proved stays proved in another process, and what is changed is not."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import unrelu.cones.proofs
from preimages.certificate_folders import of_features, of_floats, of_integers, of_preimage, same
from unrelu.cones.proofs import Direction, ExactDirection, ExactMultipliers, LocalCounting, Multipliers
from unrelu.errors import InputError
from unrelu.network.fingerprints import array_sha256
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box, Nonnegative
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificate_files.load import load_certificates
from unrelu.preimages.certificate_files.records import FORMS, CertificateRecord, certificate_of, record_of
from unrelu.preimages.certificate_files.save import file_name, save_certificates
from unrelu.preimages.certificate_files.schema import FACTS
from unrelu.preimages.certificates.motzkin import ExactMotzkin, Motzkin
from unrelu.preimages.certificates.other_pieces import OtherPieces
from unrelu.preimages.certificates.witness import ExactWitness, Witness
from unrelu.preimages.kind import Kind
from unrelu.preimages.questions import classify, preimage

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
    np.testing.assert_array_equal(saved.system.tolerance, found.system.tolerance)
    assert (saved.system.unit, saved.system.exact) == (found.system.unit, found.system.exact)
    assert saved.index.arrays["weight"].sha256 == array_sha256(found.layer.weight)
    own, theirs = found.system.domain, saved.system.domain
    assert (own is None) == (theirs is None)
    if own is not None and theirs is not None:
        for name in ("A_ub", "b_ub", "A_eq", "b_eq", "lower", "upper", "origin"):
            np.testing.assert_array_equal(getattr(own, name), getattr(theirs, name))
    verdicts = [verdict for block in saved.verdicts() for verdict in block]
    assert [verdict.kind for verdict in verdicts] == found.kind.tolist()
    for verdict, each in zip(verdicts, found.preimages, strict=True):
        np.testing.assert_array_equal(of_preimage(verdict).statement.at, each.at)
        assert of_preimage(verdict).statement.features is None
        for fact in FACTS:
            assert same(getattr(each.certificate, fact), getattr(of_preimage(verdict), fact))
    outcome = saved.verify(progress=False)
    np.testing.assert_array_equal(outcome.proved, found.verify(progress=False))
    assert outcome.n_proved == outcome.n_claimed > 0
    assert outcome.failed.tolist() == []


def test_one_preimage_is_saved_as_one_input(tmp_path: Path) -> None:
    found = of_floats(Box(-9.0, 12.0), 0.0)[3]
    save_certificates(found, tmp_path, progress=False)
    saved = load_certificates(tmp_path)
    assert saved.verify(progress=False).proved.tolist() == [True]
    assert [verdict.kind for block in saved.verdicts() for verdict in block] == [found.kind]
    np.testing.assert_array_equal(saved.inputs, [found.at])


def test_the_dtype_of_the_inputs_and_what_may_be_moved_are_kept(tmp_path: Path) -> None:
    # In float32 the sum of the thirds is 1 up to its rounding only; the domain with the row moved is what is proved.
    thirds = np.full(3, 1 / 3, dtype=np.float32)
    simplex = Polyhedron(np.vstack([np.ones((1, 3)), -np.ones((1, 3))]), np.array([1.0, -1.0]), lower=0.0)
    layer = ReLULayer(np.array([[1.0, -1.0, 0.0]]), np.ones(1))
    found = preimage(layer, at=thirds, domain=simplex)
    assert found.rows_moved > 0
    save_certificates(found, tmp_path, progress=False)
    saved = load_certificates(tmp_path)
    assert (saved.system.unit, saved.system.exact) == (2.0**-24, False)
    assert saved.verify(progress=False).proved.tolist() == [True]
    ((verdict,),) = saved.verdicts()
    where = of_preimage(verdict).statement.pattern.domain
    assert where is not None
    assert where.n_moved == found.rows_moved
    halves = classify(layer, np.array([[0.5, 0.25, 0.25]]), domain=simplex, exact=True, progress=False)
    save_certificates(halves, tmp_path, progress=False)
    saved = load_certificates(tmp_path)
    assert (saved.system.unit, saved.system.exact) == (2.0**-53, True)
    assert saved.verify(progress=False).proved.tolist() == [True]


def test_proofs_about_given_features_are_kept_whatever_their_form(tmp_path: Path) -> None:
    seen: set[tuple[str, type]] = set()
    kinds: set[Kind] = set()
    for seed in (1, 4, 5, 9, 13, 23, 27, 36, 50, 169, 199):
        found = of_features(seed)
        save_certificates(found, tmp_path, progress=False)
        saved = load_certificates(tmp_path)
        assert saved.index.statement == "features"
        np.testing.assert_array_equal(saved.inputs, [found.statement.features])
        ((verdict,),) = saved.verdicts()
        assert of_preimage(verdict).statement.at is None
        np.testing.assert_array_equal(of_preimage(verdict).statement.features, found.statement.features)
        assert verdict.kind == found.kind
        assert saved.verify(progress=False).proved.tolist() == [True]
        for fact in FACTS:
            proof = getattr(found.certificate, fact)
            assert same(proof, getattr(of_preimage(verdict), fact))
            seen.add((fact, type(proof)))
        kinds.add(found.kind)
    assert kinds == {Kind.EMPTY, Kind.SINGLETON, Kind.BOUNDED, Kind.UNBOUNDED}
    assert seen >= set(itertools.product(["existence"], [Witness, ExactWitness, Motzkin, ExactMotzkin]))
    assert seen >= set(itertools.product(["interior"], [Witness, ExactWitness]))


def test_only_verdicts_can_be_saved(tmp_path: Path) -> None:
    found = of_integers()
    for wrong in (found[0].certificate, list(found.preimages), None):
        with pytest.raises(InputError, match=r"or ur\.invert\(net, \.\.\.\) returned, not of a"):
            save_certificates(wrong, tmp_path)  # pyright: ignore[reportArgumentType]


def test_every_form_of_certificate_can_be_saved() -> None:
    classes = {getattr(unrelu.cones.proofs, name) for name in unrelu.cones.proofs.__all__}
    of_members = {Witness, ExactWitness, Motzkin, ExactMotzkin}
    of_cones = {each for each in classes if hasattr(each, "trivial")}
    assert {form.certificate for form in FORMS.values()} == of_cones | of_members | {OtherPieces}
    huge = 10**6000 + 1  # more digits than Python reads
    for certificate in (
        ExactDirection((huge, -huge, 0)),
        ExactMultipliers((1, huge)),
        Multipliers(np.array([1.0, 5e-324, -0.1])),
        Direction(np.array([0.1, -2.0]), np.array([3, 1])),
        LocalCounting(np.array([2, 0])),
        Witness(np.array([0.1, -5e-324])),
        ExactWitness((huge, 0, -1), huge + 1),
        Motzkin(np.array([0.0, 1e300])),
        ExactMotzkin((0, huge)),
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
        CertificateRecord("witness", integers=("0x1",)),
        CertificateRecord("exact witness", numbers=np.ones(1)),
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
solvers = ("unrelu.solvers", "highspy", "clarabel", "scipy.optimize", "unrelu.preimages.questions")
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


@pytest.mark.parametrize(
    ("layer", "name"),
    [("relu1", "relu1"), ("", "layer"), ("features/0", "features%2F0"), ("..", "%2E."), (".hidden", "%2Ehidden")],
)
def test_folders_are_named_for_layers(layer: str, name: str) -> None:
    assert file_name(layer) == name
