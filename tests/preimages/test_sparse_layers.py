"""Layers with sparse rows: the verdicts of the same layer stored whole, proved, and in little memory."""

from __future__ import annotations

import dataclasses
import functools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import nn

from exact_oracle import cone_is_trivial, fractions
from unrelu.cones import decide as cone_decision
from unrelu.cones.proofs import Cone, Direction, FullRank, LocalCounting, Multipliers
from unrelu.errors import StoreError, TooLarge
from unrelu.network import layer as layer_module
from unrelu.network.fingerprints import array_sha256
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.network.stored_arrays import write_array
from unrelu.polyhedra.domains import Box, Domain, Nonnegative
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.admissibility import admissibility
from unrelu.preimages.certificate_files.load import load_certificates
from unrelu.preimages.certificate_files.save import save_certificates
from unrelu.preimages.certificate_files.sparse_arrays import read_sparse, write_sparse
from unrelu.preimages.kind import Kind, kind_of
from unrelu.preimages.questions import classify, preimage
from unrelu.preimages.same_features import SameFeatures
from unrelu.rigor import normal_band, scaled_rows, singular
from unrelu.rigor.scaled_rows import ScaledRows

DOMAINS: dict[str, Domain | None] = {"everywhere": None, "orthant": Nonnegative(), "box": Box(0, 1)}

CONVOLUTIONS = {
    "zero padding": lambda: nn.Conv2d(2, 6, 3, padding=1),
    "circular padding": lambda: nn.Conv2d(2, 6, 3, padding=1, padding_mode="circular"),
    "stride 2": lambda: nn.Conv2d(2, 12, 3, stride=2, padding=1),
    "groups": lambda: nn.Conv2d(2, 8, 3, padding=1, groups=2),
    "many maps": lambda: nn.Conv2d(2, 40, 3, padding=1),
}


@functools.cache
def convolution(name: str) -> ReLULayer:
    """A convolution of 8 x 8 x 2 inputs, as a dense layer."""
    torch.manual_seed(0)
    module = nn.Sequential(CONVOLUTIONS[name](), nn.ReLU())
    return Network.from_torch(module, torch.zeros(1, 2, 8, 8)).layer("1")


def stored_both_ways(name: str, shift: float) -> tuple[ReLULayer, ReLULayer]:
    """The same convolution, its biases shifted, as a sparse and as a dense layer."""
    layer = convolution(name)
    assert not layer.is_sparse
    weight, bias = layer.dense_weight, layer.bias + shift
    return ReLULayer(sparse.csr_array(weight), bias), ReLULayer(weight, bias)


def pictures(n: int, seed: int) -> np.ndarray:
    """Random pictures, some of their numbers at the ends of [0, 1]."""
    x = np.random.default_rng(seed).uniform(-0.4, 1.4, (n, 2, 8, 8))
    return np.clip(x, 0.0, 1.0)


@pytest.fixture
def no_dense_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small sparse cones get no second look as dense ones."""
    monkeypatch.setattr(cone_decision, "DENSE_SIZE", 0)


@pytest.mark.usefixtures("no_dense_tests")
@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_both_ways_of_storing_a_convolution_give_the_same_verdicts(name: str, domain: str) -> None:
    """Where active rows are dependent, dense rows may leave open what the pattern of sparse ones decides."""
    seen = set()
    for seed, shift in enumerate((0.3, -0.1, -0.5, -3.0)):
        few, whole = stored_both_ways(name, shift)
        x = pictures(2, seed)
        found = classify(few, x, domain=DOMAINS[domain], progress=False)
        expected = classify(whole, x, domain=DOMAINS[domain], progress=False)
        assert found.verify(progress=False).all()
        proved = expected.verify(progress=False)
        assert found.kind[proved].tolist() == expected.kind[proved].tolist()
        seen |= set(found.kind)
    assert len(seen) >= 2


@pytest.mark.parametrize("second_look", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_no_verdict_is_wrong(seed: int, second_look: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Small integers with many zeros, so that rows repeat, vanish and depend, against exact rational answers."""
    if not second_look:
        monkeypatch.setattr(cone_decision, "DENSE_SIZE", 0)
    rng = np.random.default_rng(seed)
    n_open = 0
    for _ in range(60):
        d, m = int(rng.integers(1, 5)), int(rng.integers(1, 9))
        A = rng.integers(-2, 3, (m, d)) * (rng.random((m, d)) < 0.6)
        x = rng.integers(0, 2, d)
        b = np.where(rng.random(m) < 0.4, -(A @ x), rng.integers(-2, 3, m))
        orthant = bool(rng.random() < 0.5)
        layer = ReLULayer(sparse.csr_array(A.astype(float)), b.astype(float))
        found = preimage(layer, at=x.astype(float), domain=Nonnegative() if orthant else None)
        values = A @ x + b
        far = np.vstack([A[values <= 0], -np.eye(d, dtype=int)]) if orthant else A[values <= 0]
        near = np.vstack([A[values == 0], -np.eye(d, dtype=int)[x == 0]]) if orthant else A[values == 0]
        active = fractions(A[values > 0])
        bounded = cone_is_trivial(active, fractions(far), d)
        single = cone_is_trivial(active, fractions(near), d)
        assert found.bounded in (bounded, None), (A, b, x)
        assert found.singleton in (single, None), (A, b, x)
        if found.kind is Kind.UNDECIDED:
            n_open += 1
            continue
        assert found.kind is kind_of(bounded, single)
        assert found.certificate.verify(), (A, b, x)
    assert n_open == 0 if second_look else n_open < 20


def by_parts(parts: list[np.ndarray]) -> ReLULayer:
    """Rows that use one group of coordinates each; all inactive at 0."""
    A = sparse.csr_array(sparse.block_diag(parts, format="csr"))
    return ReLULayer(A, np.full(sum(len(part) for part in parts), -1.0))


@pytest.mark.usefixtures("no_dense_tests")
def test_coordinates_that_rows_determine_stay_out_of_a_direction() -> None:
    """Two parts: one where inactive rows point everywhere, one where they leave a cone; together they are unbounded."""
    rng = np.random.default_rng(0)
    everywhere = rng.standard_normal((60, 12))
    somewhere = rng.standard_normal((60, 12))
    somewhere[:, 0] = -np.abs(somewhere[:, 0]) - 4
    x = np.zeros(24)
    found = preimage(by_parts([everywhere, somewhere]), at=x)
    assert found.kind is Kind.UNBOUNDED
    certificate = found.certificate.bounded
    assert isinstance(certificate, Direction)
    assert not certificate.direction[:12].any()
    assert (somewhere @ certificate.direction[12:] < 0).all()
    assert found.certificate.verify()
    assert preimage(by_parts([everywhere, everywhere]), at=x).kind is Kind.BOUNDED


@pytest.mark.usefixtures("no_dense_tests")
def test_a_part_short_of_rows_refutes_uniqueness_by_counting() -> None:
    """Plenty of active rows in all, and too few on some coordinates."""
    rng = np.random.default_rng(1)
    A = sparse.csr_array(sparse.block_diag([rng.standard_normal((30, 10)), rng.standard_normal((7, 8))], format="csr"))
    layer = ReLULayer(A, 1.0 - A.dot(np.ones(18)))
    found = preimage(layer, at=np.ones(18))
    proof = found.certificate.singleton
    assert found.singleton is False
    assert isinstance(proof, LocalCounting)
    assert set(proof.columns.tolist()) == set(range(10, 18))
    assert found.certificate.verify_singleton()
    cone = found.system.tangent_cone(found.pattern)
    for columns in ([10, 11], list(range(18)), [], [-1], [18], list(range(10))):
        assert not LocalCounting(np.array(columns, dtype=np.intp)).verify(cone)


def test_local_counting_of_dense_rows() -> None:
    rows = ScaledRows(np.array([[1.0, 2.0, 0.0], [3.0, 4.0, 0.0], [0.0, 5.0, 6.0]]))
    every, none = np.ones(3, dtype=bool), np.zeros(3, dtype=bool)
    assert not LocalCounting(np.arange(3)).verify(Cone(rows, every, none))
    assert LocalCounting(np.arange(3)).verify(Cone(rows, none, every))
    first_two = np.array([True, True, False])
    assert not LocalCounting(np.arange(2)).verify(Cone(rows, first_two, none))
    assert LocalCounting(np.array([2])).verify(Cone(rows, first_two, ~first_two))


@pytest.mark.usefixtures("no_dense_tests")
def test_what_is_changed_does_not_verify() -> None:
    few, _ = stored_both_ways("many maps", -1.0)
    x = pictures(1, 3)[0]
    found = preimage(few, at=x, domain=Nonnegative())
    proof = found.certificate
    assert isinstance(proof.bounded, Multipliers)
    assert proof.verify_bounded()
    values = proof.bounded.values.copy()
    values[np.flatnonzero(found.pattern.inactive)[0]] += 1e3 * values.max()
    assert not dataclasses.replace(proof, bounded=Multipliers(values)).verify_bounded()
    assert not dataclasses.replace(proof, singleton=FullRank()).verify_singleton()
    flipped = sparse.csr_array(few.weight, copy=True)
    flipped.data = np.negative(flipped.data)
    other = SameFeatures(dataclasses.replace(found.system, layer=ReLULayer(flipped, few.bias)), at=found.at)
    assert not dataclasses.replace(proof, statement=other).verify_bounded()
    unbounded = preimage(stored_both_ways("stride 2", -3.0)[0], at=x).certificate
    assert isinstance(unbounded.bounded, Direction)
    assert unbounded.verify_bounded()
    z = unbounded.bounded.direction
    for direction in (-z, 0 * z, z[:-1], np.full_like(z, np.nan)):
        wrong = Direction(direction, unbounded.bounded.held)
        assert not dataclasses.replace(unbounded, bounded=wrong).verify_bounded()


def test_certificates_of_a_sparse_layer_are_saved(tmp_path: Path) -> None:
    few, whole = stored_both_ways("many maps", -1.0)
    found = classify(few, pictures(4, 3), domain=Box(0, None), progress=False)
    save_certificates(found, tmp_path, progress=False)
    saved = load_certificates(tmp_path)
    assert saved.layer.is_sparse
    assert saved.index.arrays["weight"].sha256 == array_sha256(whole.weight)
    assert isinstance(saved.layer.weight, sparse.csr_array)
    np.testing.assert_array_equal(saved.layer.dense_weight, whole.weight)
    assert saved.verify(progress=False).proved.all()
    for part in ("numbers", "columns", "starts"):
        path = tmp_path / f"weight_{part}.npy"
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        with pytest.raises(StoreError, match="does not hold the array that was saved"):
            load_certificates(tmp_path)
        path.write_bytes(content)


@pytest.mark.usefixtures("no_dense_tests")
@pytest.mark.parametrize("tolerance", [0.0, 0.05])
def test_a_domain_of_general_rows_and_a_tolerance(tolerance: float) -> None:
    few, whole = stored_both_ways("zero padding", -0.2)
    x = pictures(2, 5)
    d = few.n_inputs
    domain = Polyhedron(A_ub=np.vstack([np.ones(d), -np.eye(d)[:5]]), b_ub=np.append(2.0 * d, np.ones(5)))
    found = classify(few, x, domain=domain, tolerance=tolerance, progress=False)
    expected = classify(whole, x, domain=domain, tolerance=tolerance, progress=False)
    assert found.kind.tolist() == expected.kind.tolist()
    assert found.verify(progress=False).all()
    for mine, other in zip(found.preimages, expected.preimages, strict=True):
        np.testing.assert_array_equal(mine.pattern.active, other.pattern.active)


def test_geometry_needs_dense_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    few, whole = stored_both_ways("groups", -0.5)
    x = pictures(1, 5)[0]
    mine, other = preimage(few, at=x).polyhedron, preimage(whole, at=x).polyhedron
    np.testing.assert_array_equal(mine.A_eq, other.A_eq)
    np.testing.assert_allclose(mine.b_ub, other.b_ub)
    monkeypatch.setattr(layer_module, "DENSE_LIMIT", 1000)
    with pytest.raises(TooLarge, match="this needs the sparse layer '' as a dense matrix of 512 x 128"):
        _ = preimage(few, at=x).polyhedron
    with pytest.raises(TooLarge, match="dense matrix"):
        admissibility(few, [0])


@pytest.mark.parametrize("domain", DOMAINS)
def test_proved_radii_are_those_of_dense_rows(domain: str) -> None:
    few, whole = stored_both_ways("many maps", 0.0)
    x = np.clip(pictures(1, 0)[0], 0.0, 1.0)
    mine, other = (preimage(layer, at=x, domain=DOMAINS[domain]).stability_radius(1e-9) for layer in (few, whole))
    assert mine.n_features == other.n_features
    assert 0.5 * other.radius < mine.radius < 2 * other.radius < np.inf


@pytest.mark.usefixtures("no_dense_tests")
def test_rows_without_a_narrow_band_are_left_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normal_band, "BAND_LIMIT", 2**15)
    for module in (scaled_rows, singular):
        monkeypatch.setattr(module, "DENSE_SIZE", 0)
    found = preimage(stored_both_ways("many maps", -1.0)[0], at=pictures(1, 3)[0])
    assert found.kind is Kind.UNDECIDED
    assert "too many columns in too many ways" in found.bounded_decision.reason
    rows = np.arange(400)
    other = np.append(np.arange(1, 201) % 200, np.random.default_rng(0).permutation(200))
    numbers = np.repeat([1.0, -1.0], 400)  # no column of one sign
    A = sparse.csr_array((numbers, (np.append(rows, rows), np.append(rows % 200, other))), shape=(400, 200))
    found = preimage(ReLULayer(A, np.full(400, -1.0)), at=np.zeros(200))
    assert found.kind is Kind.UNDECIDED
    assert "diagonals, which would take" in found.bounded_decision.reason
    assert f"1 undecided; 1 open: {found.reason}" in repr(classify(found.layer, np.zeros((1, 200)), progress=False))


_CIFAR_SIZED = """
import numpy as np, torch
import unrelu as ur
def memory(of):  # in MiB
    line = next(line for line in open("/proc/self/status") if line.startswith(of))
    return float(line.split()[1]) / 2**10
torch.manual_seed(0)
convolution = torch.nn.Conv2d(3, 32, 3, padding=1)
torch.nn.init.kaiming_normal_(convolution.weight)
x = np.random.default_rng(0).random((2, 3, 32, 32))
net = ur.Network.from_torch(torch.nn.Sequential(convolution, torch.nn.ReLU()), torch.from_numpy(x[:1]).float())
now = memory("VmRSS")
layer = net.layer("1")
print(layer.weight.shape, layer.weight.nnz)
for shift in (0.0, -3.0):
    shifted = ur.ReLULayer(layer.weight, layer.bias + shift)
    for domain in (None, ur.Nonnegative(), ur.Box(0, 1)):
        found = ur.classify(shifted, x, domain=domain, progress=False, workers=1)
        print(*(kind.value for kind in found.kind), found.verify(progress=False, workers=1).all())
print(memory("VmHWM") - now)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no other way to know memory in use")
def test_a_convolution_of_pictures_of_cifar_size() -> None:
    """32 maps on 32 x 32 x 3 inputs: stored whole 768 MiB, and 8 GiB for the Gram matrix of its rows."""
    done = subprocess.run([sys.executable, "-c", _CIFAR_SIZED], capture_output=True, text=True, check=True)
    shape, *verdicts, mebibytes = done.stdout.splitlines()
    # A filter has 3 x 3 numbers in each of 3 channels; all but those on the border meet 3 rows and 3 columns.
    assert shape == f"(32768, 3072) {32 * 3 * (3 * 32 - 2) ** 2}"
    assert verdicts == ["singleton singleton True"] * 3 + ["bounded bounded True"] * 3
    assert float(mebibytes) < 384


@pytest.mark.parametrize("change", ["another number", "a column that is not there", "out of order", "other columns"])
def test_files_that_make_up_another_matrix_are_refused(change: str, tmp_path: Path) -> None:
    matrix = sparse.csr_array(np.array([[1.0, 2.0, 0.0], [0.0, 0.0, 3.0]]))
    stored = write_sparse(tmp_path, "weight", matrix)
    np.testing.assert_array_equal(read_sparse(tmp_path, "weight", stored, 3).toarray(), matrix.toarray())
    parts = {
        "another number": ("numbers", np.array([1.0, 2.0, 4.0])),
        "a column that is not there": ("columns", np.array([0.0, 3.0, 2.0])),
        "out of order": ("columns", np.array([1.0, 0.0, 2.0])),
        "other columns": ("columns", np.array([0.0, 2.0, 2.0])),
    }
    part, values = parts[change]
    forged = stored | {f"weight_{part}": write_array(tmp_path / f"weight_{part}.npy", values)}
    with pytest.raises(StoreError, match="does not hold the weight that was saved"):
        read_sparse(tmp_path, "weight", forged, 3)
