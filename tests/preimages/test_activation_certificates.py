"""Layers with other activations than the ReLU: their certificates, and where else they are asked about."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from exact_activations import Zigzag, intervals, lines
from exact_sets import fractions_of
from unrelu.cones.proofs import FullRank
from unrelu.errors import InputError
from unrelu.metamerism.metamer import metamer
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.network.node import Node
from unrelu.operators import Absolute, AtLeast, AtMost, Clamp, Dense, Input, LeakyReLU, ReLU
from unrelu.operators.kinked import Kinked
from unrelu.polyhedra.domains import Box
from unrelu.preimages.admissibility import admissibility
from unrelu.preimages.admissible_sets import admissible_sets
from unrelu.preimages.certificate_files.comparison import compare
from unrelu.preimages.certificate_files.load import load_certificates
from unrelu.preimages.certificate_files.save import save_certificates
from unrelu.preimages.certificates.other_pieces import OtherPieces
from unrelu.preimages.certificates.witness import Witness, exact_signs_of
from unrelu.preimages.kind import Kind
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.preimage_certificate import PreimageCertificate
from unrelu.preimages.questions import classify, preimage
from unrelu.preimages.same_features import SameFeatures
from unrelu.study.analyze import analyze
from unrelu.study.questions import Ranges, RowRemoval, Spectra, Uniqueness, Verdicts


def number(value: float) -> torch.Tensor:
    return torch.tensor(value, dtype=torch.float64)


RELU6 = Clamp(number(0.0), number(6.0))


def saved(found, folder):
    save_certificates(found, folder, progress=False)
    return load_certificates(folder)


@pytest.mark.parametrize(
    "activation",
    [RELU6, LeakyReLU(torch.tensor([0.5, 0.0, 2.0, -1.0], dtype=torch.float64)), AtLeast(number(1.0)), Absolute()],
)
def test_certificates_on_disk_are_about_the_activation(activation: Kinked, tmp_path: Path) -> None:
    layer = ReLULayer(np.eye(4)[:, :3] * 3, np.array([0.0, 6.0, -3.0, 0.0]), name="relu", activation=activation)
    found = classify(layer, np.array([[0.0, 0.0, 1.0], [2.0, -2.0, 1.0], [3.0, 3.0, 3.0]]), progress=False)
    read = saved(found, tmp_path / "a")
    assert read.layer.units.equals(layer.units)
    assert type(read.layer.activation) is type(activation)
    verified = read.verify(progress=False)
    assert verified.holds
    assert verified.kinds == tuple(kind.value for kind in found.kind)
    other = ReLULayer(layer.weight, layer.bias, name="relu", activation=AtMost(number(1e6)))
    theirs = saved(classify(other, np.zeros((1, 3)), progress=False), tmp_path / "b")
    assert theirs.verify(progress=False).digest != verified.digest
    for y in (layer(np.zeros(3)), layer(np.zeros(3)) - 50.0):
        of_features = preimage(layer, features=y)
        read = saved(of_features, tmp_path / "c")
        assert read.verify(progress=False).holds
        assert next(read.verdicts())[0].kind == of_features.kind


def test_a_proof_about_another_activation_is_none() -> None:
    """Each true statement about one activation, with its proofs, moved to another one of which it is false."""
    A, b = np.array([[1.0, 0.0], [0.0, 1.0]]), np.zeros(2)

    def of(activation: Kinked, at: list[float]) -> PreimageCertificate:
        return preimage(ReLULayer(A, b, activation=activation), at=np.array(at)).certificate

    def moved(certificate: PreimageCertificate, activation: Kinked) -> PreimageCertificate:
        statement = certificate.statement
        system = replace(statement.system, layer=ReLULayer(A, b, activation=activation))
        return replace(certificate, statement=SameFeatures(system, statement.at, statement.features))

    leaky, magnitude = LeakyReLU(number(0.5)), Absolute()
    cases = [
        (leaky, [-1.0, 1.0], ReLU(), Kind.SINGLETON),
        (leaky, [7.0, 1.0], RELU6, Kind.SINGLETON),
        (leaky, [-1.0, 1.0], magnitude, Kind.SINGLETON),
        (leaky, [0.0, 1.0], LeakyReLU(number(-0.5)), Kind.SINGLETON),
        (RELU6, [7.0, 1.0], leaky, Kind.UNBOUNDED),
        (ReLU(), [-1.0, -1.0], leaky, Kind.UNBOUNDED),
        (RELU6, [7.0, 7.0], ReLU(), Kind.UNBOUNDED),
        (magnitude, [1.0, 1.0], leaky, Kind.BOUNDED),
        (magnitude, [1.0, 1.0], RELU6, Kind.BOUNDED),
    ]
    for true_of, at, false_of, kind in cases:
        certificate = of(true_of, at)
        assert certificate.kind is kind
        assert certificate.verify()
        assert not moved(certificate, false_of).verify(), (true_of, at, false_of)
    y = np.array([-1.0, 1.0])
    empty = preimage(ReLULayer(A, b), features=y).certificate
    assert empty.kind is Kind.EMPTY
    assert empty.verify()
    assert not moved(empty, leaky).verify()
    there = preimage(ReLULayer(A, b, activation=leaky), features=y).certificate
    assert there.kind is Kind.SINGLETON
    for other in (ReLU(), RELU6, magnitude):
        assert not moved(there, other).verify()
    one = preimage(ReLULayer(A, b), features=np.ones(2)).certificate
    assert not moved(one, magnitude).verify()


def test_other_pieces_are_no_proof_where_there_may_be_none() -> None:
    magnitudes = ReLULayer(np.eye(2), np.zeros(2), activation=Absolute())
    true = preimage(magnitudes, at=np.ones(2)).certificate
    assert isinstance(true.singleton, OtherPieces)
    for layer, domain in (
        (magnitudes, Box(0, 2)),
        (ReLULayer(np.eye(2), np.zeros(2)), None),
        (ReLULayer(np.vstack([np.eye(2), np.eye(2)]), np.array([0.0, 0.0, 1.0, 1.0]), activation=Absolute()), None),
        (ReLULayer(np.ones((2, 2)), np.array([0.0, 1.0]), activation=Absolute()), None),
    ):
        system = LayerSystem.ask(layer, domain, 0.0)
        certificate = replace(true, statement=SameFeatures(system, np.ones(2)))
        assert not certificate.verify_singleton()
    assert not replace(true, bounded=OtherPieces()).verify_bounded()


def network(activations: list[Kinked]) -> Network:
    rng = np.random.default_rng(1)
    nodes = [Node("input", Input((5,)), (), (5,))]
    for k, activation in enumerate(activations):
        W = torch.from_numpy(rng.standard_normal((5, 5)))
        nodes.append(Node(f"dense{k}", Dense(W, torch.from_numpy(rng.standard_normal(5))), (nodes[-1].name,), (5,)))
        nodes.append(Node(f"act{k}", activation, (nodes[-1].name,), (5,)))
    return Network(tuple(nodes), (nodes[-1].name,))


def test_layers_of_a_network_have_their_activations(tmp_path: Path) -> None:
    net = network([RELU6, LeakyReLU(number(0.2)), Clamp(number(-1.0), number(1.0)), Absolute(), ReLU()])
    x = np.random.default_rng(2).standard_normal((6, 5))
    for name in net.layers:
        layer, fed = net.layer(name), np.asarray(net.layer_input(name, x))
        np.testing.assert_allclose(layer(fed), net.upto(name)(x), atol=1e-12)
        found = classify(layer, fed, progress=False)
        assert (found.verify(progress=False) == (found.kind != Kind.UNDECIDED)).all()
        if name != "act3":
            assert (found.kind != Kind.UNDECIDED).all()
        read = saved(found, tmp_path / name)
        said = compare(read, net, x)
        assert said.holds, said.said
        others = network([AtLeast(number(0.5))] * 5)
        assert "activation is another" in compare(read, others, x).said
    assert preimage(net.upto("act0"), at=x[0]).kind is not Kind.UNDECIDED
    with pytest.raises(InputError, match="is about ReLU layers, and this one has a Clamp"):
        admissible_sets(net.layer("act0"))
    with pytest.raises(InputError, match="this one has a LeakyReLU"):
        admissibility(net.layer("act1"), [])


def test_a_metamer_of_a_layer_with_another_activation() -> None:
    layer = ReLULayer(np.array([[1.0, 1.0, 0.0]]), np.zeros(1), activation=Clamp(number(0.0), number(1.0)))
    found = metamer(layer, at=np.array([1.0, 0.5, 0.0]), target=np.array([0.0, 0.0, 1.0]), norm=1)
    assert found.distance == pytest.approx(1.0)  # the sum has to stay at least 1, where the unit levels off
    assert (found.regional, found.optimal) == (False, True)
    layer = ReLULayer(layer.weight, np.array([-1.0]), activation=Absolute())
    found = metamer(layer, at=np.array([1.0, 0.5, 0.0]), target=np.zeros(3), norm=1)
    assert found.regional  # |0.5 + 0 - 1| = 0.5 too, which is nearer
    assert found.distance == pytest.approx(1.5)


def test_a_study_of_other_activations() -> None:
    net = network([RELU6, LeakyReLU(number(0.2)), Absolute()])
    x = np.random.default_rng(2).uniform(0, 1, (4, 5))
    study = analyze(net, x, questions=[Verdicts(), Uniqueness(Box(0, 1)), Spectra(1), RowRemoval(1)], progress=False)
    rows = study.layers.to_pylist()
    assert [row["n_verdicts"] for row in rows] == [4, 4, 4]
    assert rows[1]["singleton"] == rows[1]["singleton_proved"] == 4
    assert all("rows that a ReLU removes" in row["row_removal_left_out"] for row in rows)
    assert rows[0]["prior_expected"] is None
    with pytest.raises(InputError, match="several pieces; leave them out"):
        analyze(network([Absolute()]), x, questions=[Uniqueness(Box(0, 1)), Ranges(1)], progress=False)


def test_a_bounded_piece_does_not_bound_the_others() -> None:
    """0 up to t = 0, up to 1 and down again through 0 at t = 2: the piece of 2 is a point, that of 0 a half-line."""
    column = torch.tensor([[0.0], [1.0], [5.0]], dtype=torch.float64)
    slopes = torch.tensor([[0.0], [1.0], [-1.0], [-1.0]], dtype=torch.float64)
    layer = ReLULayer(np.eye(1), np.zeros(1), activation=Zigzag(number(0.0), column, slopes))
    found = preimage(layer, at=np.array([2.0]))
    assert (found.bounded, found.singleton, found.complete) == (None, False, False)  # its rows are independent
    assert found.contains(np.array([-7.0]))
    assert (found.dimension.lower, found.dimension.upper) == (0, 1)
    certificate = replace(found.certificate, bounded=FullRank())
    assert certificate.kind is Kind.BOUNDED
    assert not certificate.verify_bounded()
    assert not replace(certificate, singleton=FullRank()).verify_singleton()
    assert preimage(layer, at=np.array([-1.0])).kind is Kind.UNBOUNDED
    with pytest.raises(InputError, match="a layer with a Zigzag is not saved"):
        save_certificates(found, Path("nowhere"))


def test_rows_of_given_features_are_those_of_fractions() -> None:
    rng = np.random.default_rng(4)
    slopes = torch.from_numpy(rng.choice([1 / 3, 0.01, 3.0, 0.0, 0.1], 12))
    layer = ReLULayer(rng.integers(-2, 3, (12, 3)), rng.integers(-2, 3, 12), activation=LeakyReLU(slopes))
    eps = np.where(rng.random(12) < 0.3, 0.0, 0.3)
    given = rng.integers(-3, 3, 12) / 7
    statement = SameFeatures(LayerSystem.ask(layer, None, eps), features=given)
    units, y = lines(layer.activation, 12), fractions_of(given.tolist())
    for system, turn in ((statement.sign_system, 1), (statement.interior_system, -1)):
        assert system.divisor is not None
        found = {"equal": 0, "above": 0, "below": 0}
        ends = [intervals(*each) for each in zip(units, y, fractions_of(eps.tolist()), strict=True)]
        for i, (row, held) in enumerate(zip(system.weight, system.held, strict=True)):
            if not row.any():
                continue
            same = [k for k in range(12) if any((sign * layer.weight[k] == row).all() for sign in (1.0, -1.0))]
            exact = system.exact_constant(i)
            signs = {}
            for k in same:
                for low, high in ends[k]:
                    for name, end in (("equal", low if low == high else None), ("above", high), ("below", low)):
                        if end is not None and abs(end) < np.inf and (name == "equal") == (low == high):
                            side = 1 if held else turn * (-1 if name == "below" else 1)
                            if (side * layer.weight[k] == row).all():
                                signs[side * (Fraction(float(layer.bias[k])) - end)] = name
            assert exact in signs
            found[signs[exact]] += 1
            # The integers are a positive multiple of the oriented row, and so are the floats up to their error.
            turned = -1 if system.inactive[i] else 1
            integers, oriented = system.exact_rows[i], system.oriented
            j = int(np.flatnonzero(row)[0])
            scale = Fraction(integers[j]) / Fraction(turned * row[j])
            assert scale > 0
            assert integers[-1] == scale * turned * exact
            scale = Fraction(oriented.matrix[i, j]) / Fraction(turned * row[j])
            off = abs(Fraction(oriented.constants[i]) - scale * turned * exact)
            assert off <= Fraction(oriented.constant_errors[i])
            x = -exact / Fraction(row[j])
            for at in (float(x), float(np.nextafter(float(x), 9)), float(np.nextafter(float(x), -9))):
                point = np.zeros(3)
                point[j] = at
                value = Fraction(row[j]) * Fraction(at) + exact
                assert exact_signs_of(system, point)[i] == (value > 0) - (value < 0)
        assert min(found.values()) > 0


def test_a_member_of_what_encloses_a_union_is_none_of_the_union() -> None:
    """No number between -0.5 and 0.5 has the magnitude 1, and 0 lies between those that do."""
    layer = ReLULayer(np.eye(1), np.zeros(1), activation=Absolute())
    found = preimage(layer, features=np.ones(1), domain=Box(-0.5, 0.5))
    assert found.kind is Kind.UNDECIDED
    there = PreimageCertificate(found.statement, None, None, existence=Witness(np.zeros(1)))
    assert Witness(np.zeros(1)).verify(found.statement.sign_system)
    assert not there.verify_existence()
