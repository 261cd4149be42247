"""Folders of certificates against a network and data: what they are about, and what a forger makes them be about."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import nn

from preimages.certificate_folders import of_floats, reindexed, retabled
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.network.named_network import NamedNetwork
from unrelu.polyhedra.domains import Box, Domain
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.admissible_sets import admissible_sets
from unrelu.preimages.certificate_files.comparison import compare
from unrelu.preimages.certificate_files.digest import NO_CLAIM, claim_sha256
from unrelu.preimages.certificate_files.index import CertificateIndex, read_index
from unrelu.preimages.certificate_files.layer_files import StoredLayer
from unrelu.preimages.certificate_files.load import load_certificates
from unrelu.preimages.certificate_files.save import save_certificates
from unrelu.preimages.questions import classify, preimage


def _network() -> tuple[Network, np.ndarray]:
    """A small network with a batch norm to be composed, and data for it."""
    rng = torch.Generator().manual_seed(3)
    module = nn.Sequential(
        nn.Linear(6, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2)
    ).eval()
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            if tensor.is_floating_point():
                tensor.copy_(0.2 + torch.rand(tensor.shape, generator=rng))
    x = np.random.default_rng(0).standard_normal((9, 6))
    return Network.from_torch(module.double(), torch.from_numpy(x)), x


NET, X = _network()
FIRST, SECOND = NET.layers


def _saved(folder: Path, name: str, inputs: np.ndarray, domain: Domain | None = None) -> Path:
    fed = NET.layer_input(name, inputs)
    save_certificates(classify(NET.layer(name), fed, domain=domain, progress=False), folder, progress=False)
    return folder


@pytest.mark.parametrize("name", [FIRST, SECOND])
def test_certificates_of_a_network_are_about_it_and_its_data(name: str, tmp_path: Path) -> None:
    saved = load_certificates(_saved(tmp_path, name, X))
    found = compare(saved, NET, X)
    assert found.holds
    assert found.said == f"{name}: weight and bias are the network's; the inputs are the first 9 of the 9 in the data"
    assert compare(saved, NET).holds


def test_a_part_of_the_data_in_any_order_is_data(tmp_path: Path) -> None:
    saved = load_certificates(_saved(tmp_path, FIRST, X[[4, 2, 4]]))
    found = compare(saved, NET, X)
    assert found.holds
    assert found.said.endswith("the inputs are 2 different ones of the 9 in the data")


def test_inputs_of_a_deeper_layer_may_differ_by_the_rounding_of_another_pass(tmp_path: Path) -> None:
    folder = _saved(tmp_path, SECOND, X)
    inputs = np.load(folder / "inputs.npy").astype(float)
    np.save(folder / "inputs.npy", np.nextafter(inputs, 9.0))
    reindexed(folder)
    found = compare(load_certificates(folder), NET, X)
    assert found.holds
    assert "what the network makes of the first 9 of the data, up to" in found.said
    np.save(folder / "inputs.npy", inputs * (1 + 1e-12))
    reindexed(folder)
    found = compare(load_certificates(folder), NET, X)
    assert not found.holds
    assert "which no rounding explains" in found.said
    assert compare(load_certificates(folder), NET, X[:3]).said == "number 0 of its inputs is none of the data"
    # The network's own input was rounded by nobody: there every bit counts.
    folder = _saved(tmp_path / "first", FIRST, np.vstack([X[:2], np.nextafter(X[2:], 9.0)]))
    found = compare(load_certificates(folder), NET, X)
    assert not found.holds
    assert found.said == "number 2 of its inputs is none of the data"


def test_composed_weights_may_differ_by_their_rounding_and_no_more(tmp_path: Path) -> None:
    folder = _saved(tmp_path, FIRST, X)
    weight, error = np.load(folder / "weight.npy"), NET.layer(FIRST).folding_error
    assert error > 0
    for off, holds in ((error, True), (3 * error, False)):
        np.save(folder / "weight.npy", weight + off)
        reindexed(folder)
        found = compare(load_certificates(folder), NET, X)
        assert found.holds is holds
        assert ("the rounding of composed nodes" if holds else "differ from the network's by up to") in found.said
    np.save(folder / "weight.npy", weight)
    # Nor may the error that makes room for that be the forger's own.
    for claimed in (0.0, 1e-3):
        reindexed(folder, lambda record, claimed=claimed: record["layer"].update(folding_error=claimed))
        assert "composed up to an error of" in compare(load_certificates(folder), NET, X).said


def test_a_consistent_folder_about_another_question_is_told_apart(tmp_path: Path) -> None:
    _, other = _network()
    other = other + 0.5
    layers = {
        "other inputs": classify(NET.layer(FIRST), other, progress=False),
        "another layer": classify(NET.layer(SECOND), NET.layer_input(SECOND, X), progress=False),
    }
    mine = NET.layer(FIRST)
    for what, weight, bias in (
        ("another weight", mine.weight + 1e-9, mine.bias),
        ("another bias", mine.weight, mine.bias + 1e-9),
    ):
        made = ReLULayer(weight, bias, name=FIRST, folding_error=mine.folding_error)
        layers[what] = classify(made, X, progress=False)
    layers["another shape"] = classify(
        ReLULayer(mine.weight, mine.bias, name=FIRST, input_shape=(2, 3), folding_error=mine.folding_error),
        X.reshape(-1, 2, 3),
        progress=False,
    )
    layers["no such layer"] = classify(ReLULayer(mine.weight, mine.bias, name="relu9"), X, progress=False)
    for what, found in layers.items():
        folder = tmp_path / what
        save_certificates(found, folder, progress=False)
        if what == "another layer":  # which calls itself by the first one's name
            reindexed(folder, lambda record: record["layer"].update(name=FIRST))
        saved = load_certificates(folder)
        assert saved.verify(progress=False).holds
        assert not compare(saved, NET, X).holds, what


def test_a_layer_without_a_name_is_looked_for_among_all(tmp_path: Path) -> None:
    mine = NET.layer(SECOND)
    for weight, holds in ((mine.weight, True), (mine.weight + 1, False)):
        layer = ReLULayer(weight, mine.bias, folding_error=mine.folding_error)
        save_certificates(classify(layer, NET.layer_input(SECOND, X), progress=False), tmp_path, progress=False)
        found = compare(load_certificates(tmp_path), NET, X)
        assert found.holds is holds
        assert found.said.startswith(SECOND) is holds


def test_given_features_and_sets_are_compared_too(tmp_path: Path) -> None:
    layer = NET.layer(FIRST)
    y = np.abs(np.random.default_rng(1).standard_normal((3, 5)))
    save_certificates(preimage(layer, features=y[1]), tmp_path, progress=False)
    saved = load_certificates(tmp_path)
    assert compare(saved, NET, y).holds
    assert not compare(saved, NET, y[:1]).holds
    save_certificates(admissible_sets(layer), tmp_path, progress=False)
    assert compare(load_certificates(tmp_path), NET).holds
    assert compare(load_certificates(tmp_path), NET, X).holds


def _digest(folder: Path) -> str:
    return load_certificates(folder).verify(progress=False).digest


def test_the_digest_is_of_the_claim_and_not_of_how_it_is_written(tmp_path: Path) -> None:
    found = of_floats(Box(-9.0, 9.0), 0.0)
    save_certificates(found, tmp_path / "a", progress=False)
    name = _digest(tmp_path / "a")
    # In float64 instead of float32, in other row groups: the same numbers.
    lower = np.load(tmp_path / "a" / "domain_lower.npy")
    assert lower.dtype == np.float32
    np.save(tmp_path / "a" / "domain_lower.npy", lower.astype(float))
    retabled(tmp_path / "a", lambda columns: None)
    assert _digest(tmp_path / "a") == name
    whole = found.layer.weight
    other = ReLULayer(
        sparse.csr_array(whole),
        found.layer.bias,
        name=found.layer.name,
        input_shape=found.layer.input_shape,
        folding_error=found.layer.folding_error,
    )
    points = np.array([each.at for each in found.preimages])
    thin = classify(other, points, domain=Box(-9.0, 9.0), progress=False)
    assert thin.kind.tolist() == found.kind.tolist()
    save_certificates(thin, tmp_path / "b", progress=False)
    assert _digest(tmp_path / "b") == name


def _array(name: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        values = np.load(folder / f"{name}.npy").astype(float)
        values.flat[0] += 2.0**-40
        np.save(folder / f"{name}.npy", values)
        reindexed(folder)

    return change


def test_the_digest_changes_with_every_number_that_is_claimed_of(tmp_path: Path) -> None:
    domain = Polyhedron(np.ones((1, 20)), np.ones(1) * 99, np.zeros((1, 20)), np.zeros(1), lower=-9.0, upper=9.0)
    save_certificates(of_floats(domain, 0.125), tmp_path, progress=False)
    index = read_index(tmp_path)
    kinds = load_certificates(tmp_path).verify(progress=False).kinds
    seen = {claim_sha256(index, kinds), claim_sha256(index, (*kinds[:-1], "empty"))}
    for name in index.arrays:
        before = {each: (tmp_path / each).read_bytes() for each in (f"{name}.npy", "certificates.json")}
        _array(name)(tmp_path)
        seen.add(claim_sha256(read_index(tmp_path), kinds))
        for each, content in before.items():
            (tmp_path / each).write_bytes(content)
    assert len(index.arrays) == 11
    assert len(seen) == 2 + len(index.arrays)


def test_the_digest_changes_with_every_field_of_the_index(tmp_path: Path) -> None:
    save_certificates(of_floats(None, 0.0), tmp_path, progress=False)
    index = read_index(tmp_path)
    assert index.layer is not None
    of_layer = {
        "name": "hidden/relu ",
        "input_shape": (5, 4),
        "output_shape": (35, 2),
        "folding_error": float(np.nextafter(1e-9, 1)),
        "activation": "Absolute",
    }
    assert of_layer.keys() == {field.name for field in dataclasses.fields(StoredLayer)}
    changed = [{"layer": dataclasses.replace(index.layer, **{key: value})} for key, value in of_layer.items()]
    others = {
        "layer": None,
        "prefix": NamedNetwork("a name", "a file"),
        "statement": "sets",
        "exhaustive": True,
        "unit": 2.0**-24,
        "exact": True,
        "n_inputs": 13,
    }
    assert others.keys() | NO_CLAIM == {field.name for field in dataclasses.fields(CertificateIndex)}
    changed += [{key: value} for key, value in others.items()]
    names = {claim_sha256(dataclasses.replace(index, **change), ()) for change in changed}
    assert len(names | {claim_sha256(index, ())}) == len(changed) + 1
    assert claim_sha256(dataclasses.replace(index, table="other"), ()) == claim_sha256(index, ())
