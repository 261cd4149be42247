"""Certificates of prefixes: what proves, and what is just wrong and proves nothing."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

import unrelu as ur
from unrelu.cones.proofs import Counting, Direction, FullRank, Multipliers
from unrelu.preimages.lifted import exact_values
from unrelu.preimages.lifted.block import Directions
from unrelu.preimages.lifted.located import locate
from unrelu.preimages.prefix_certificate import PieceProof
from unrelu.preimages.prefix_preimage import PrefixPreimage
from unrelu.preimages.prefix_statement import PrefixStatement
from whole_sets import values_at


def dense(*sizes: int, seed: int = 0) -> ur.Network:
    rng = np.random.default_rng(seed)
    pairs = itertools.pairwise(sizes)
    return ur.Network.from_layers([(rng.standard_normal((m, d)), 0.3 * rng.standard_normal(m)) for d, m in pairs])


def single(*layers: tuple[np.ndarray, list[float]]) -> ur.Network:
    """Layers of a few numbers each, all with a ReLU."""
    end = np.eye(len(layers[-1][1]))
    net = ur.Network.from_layers([*((np.array(W), np.array(b)) for W, b in layers), (end, np.zeros(len(end)))])
    return net.upto(net.layers[-1])


def ask(net: ur.Network, x: np.ndarray, domain: ur.Domain | None = None, tolerance: float = 0.0) -> PrefixPreimage:
    found = ur.preimage(net, at=x, domain=domain, tolerance=tolerance, time_limit=0)
    assert isinstance(found, PrefixPreimage)
    return found


def test_a_network_that_widens_determines_its_input_layer_by_layer() -> None:
    net = dense(2, 20, 40, 5).upto("relu2")
    found = ask(net, np.array([0.3, -0.4]))
    assert (found.kind, found.complete, found.certificate.verify()) == (ur.Kind.SINGLETON, True, True)
    assert found.polyhedron is found.region
    certificate = found.certificate
    # Without the layer's proof, with another one, or about another cut, nothing is said of other pieces.
    assert not replace(certificate, determined=()).verify()
    ((cut, proof),) = certificate.determined
    assert cut == "relu1"
    for wrong in (FullRank(), Counting(), Multipliers(-proof.values) if isinstance(proof, Multipliers) else Counting()):
        assert not replace(certificate, determined=((cut, wrong),)).verify()
    assert not replace(certificate, determined=(("dense1", proof),)).verify()
    assert not replace(certificate, determined=((cut, proof), (cut, proof))).verify()
    # With noise in the features the layer determines nothing.
    noisy = replace(found.statement, system=replace(found.system, tolerance=np.full(40, 0.1)))
    assert not replace(certificate, statement=noisy).verify()


def test_one_piece_does_not_prove_a_single_point() -> None:
    """|x| = 1 has two pieces, each one point."""
    net = ur.Network.from_layers([(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))])
    found = ask(net, np.array([1.0]))
    assert (found.region_singleton, found.singleton, found.kind) == (True, None, ur.Kind.UNDECIDED)
    assert found.reason == "the piece of x is one point; other pieces were not looked for"
    assert found.contains(np.array([-1.0])) is True
    assert not found.certificate.verify()
    assert found.certificate.verify_region_singleton()
    assert not found.certificate.verify_complete()
    with pytest.raises(ur.errors.InputError, match=r"those that are known are pre.pieces"):
        _ = found.polyhedron
    (piece,) = found.pieces
    assert piece.dimension == ur.DimensionInterval(0, 0)
    # What would claim more: an empty list of layers that determine, or one about a cut that is not one.
    claims = replace(found.certificate, determined=(("relu1", FullRank()),))
    assert claims.kind is ur.Kind.SINGLETON
    assert not claims.verify()


def test_just_wrong_proofs_are_refused() -> None:
    net = dense(3, 4, 4, 2, seed=3)
    found = ask(net, np.array([0.2, -0.5, 0.4]))
    assert found.kind is ur.Kind.UNBOUNDED
    proof = found.certificate.bounded
    assert proof is not None
    assert found.certificate.verify()
    cone = found.statement.cone(None, (proof.cuts[-1][0],) if proof.cuts else net.outputs, Directions.FOR_EVER)
    z = proof.certificate.direction if isinstance(proof.certificate, Direction) else np.eye(cone.dimension)[0]
    for off in (-z, 0 * z, z[:-1], np.full_like(z, np.nan)):
        wrong = Direction(off, np.zeros(0, dtype=np.intp))
        assert not replace(found.certificate, bounded=replace(proof, certificate=wrong)).verify()
    assert not replace(found.certificate, bounded=replace(proof, certificate=FullRank())).verify()
    assert not replace(found.certificate, bounded=replace(proof, cuts=(*proof.cuts, ("relu1", FullRank())))).verify()
    # Another point, another network, a bounded domain: other cones.
    for statement in (
        PrefixStatement(replace(found.system, prefix=dense(3, 4, 4, 2, seed=4)), found.at),
        PrefixStatement(replace(found.system, domain=ur.Box(-1, 1).in_space(3)), found.at),
        PrefixStatement(replace(found.system, domain=ur.Box(3, 4).in_space(3)), found.at),  # does not hold x0
    ):
        assert not replace(found.certificate, statement=statement).verify()


def test_features_that_depend_on_each_other_are_replaced_at_a_cut() -> None:
    """40 features of 6 hidden units: at most 6 of them are independent, and they fix all units that are on."""
    rng = np.random.default_rng(1)
    first, second = rng.standard_normal((6, 6)), np.abs(rng.standard_normal((40, 6)))
    net = ur.Network.from_layers([(first, np.zeros(6)), (second, np.ones(40)), (np.eye(40), np.zeros(40))])
    x = np.linalg.solve(first, np.array([1.0, 2.0, 3.0, 1.0, -1.0, -2.0]))  # four units are on
    found = ask(net.upto("relu2"), x)
    assert found.kind is ur.Kind.UNBOUNDED
    assert found.certificate.verify()
    proof = found.certificate.bounded
    assert proof is not None
    assert [cut for cut, _ in proof.cuts] == ["relu1"]
    assert found.region_dimension == ur.DimensionInterval(2, 2)
    # The block's proof counts: with another network behind the cut it is none.
    blind = ur.Network.from_layers([(first, np.zeros(6)), (0 * second, np.ones(40)), (np.eye(40), np.zeros(40))])
    statement = PrefixStatement(replace(found.system, prefix=blind.upto("relu2")), found.at)
    assert not PieceProof(proof.cuts, proof.certificate).verify(statement, Directions.FOR_EVER)


def test_a_kink_in_depth_is_met_exactly() -> None:
    """The second layer is fed 3 (1/3) - 1, which is -2^-54 in exact arithmetic and 0 in floats; or exactly 0."""
    third = 1 / 3

    def net(a: float, b: float) -> ur.Network:
        return single((np.array([[a]]), [0.0]), (np.array([[3.0]]), [b]))

    for a, b, tight in ((third, -1.0, False), (0.25, -0.75, True)):
        found = ask(net(a, b), np.array([1.0]))
        units = found.statement.located.units["relu2"]
        assert units.branches.tolist() == [0]
        assert units.tight.tolist() == [tight]
        assert found.region_singleton is False
        assert found.certificate.verify_region_singleton()
    sharp = ask(net(third, float(np.nextafter(-1.0, 0))), np.array([1.0]))
    assert sharp.statement.located.units["relu2"].branches.tolist() == [1]


def test_signs_that_take_too_long_leave_open_what_rests_on_them(monkeypatch) -> None:
    net = dense(3, 4, 4, 2, seed=3)
    tied = single((np.array([[1.0, 1.0], [1.0, -1.0]]), [0.0, 0.0]), (np.eye(2), [0.0, 0.0]))
    before = ask(tied, np.array([1.0, 1.0]))
    assert before.statement.is_sure
    monkeypatch.setattr(exact_values.ExactValues.__init__, "__defaults__", (-1.0,))
    sure = ask(net, np.array([0.2, -0.5, 0.4]))
    assert sure.statement.is_sure  # no sign was in doubt
    found = ask(tied, np.array([1.0, 1.0]))  # the second unit is fed 0
    assert not found.statement.is_sure
    assert found.region_singleton is None
    assert found.reason.endswith("the exact signs of some units at this point would take too long")
    wide = ask(single((np.array([[1.0, -1.0, 0.0]]), [0.0]), (np.eye(1), [0.0])), np.ones(3))
    assert wide.kind is ur.Kind.UNBOUNDED  # a direction that keeps what is in doubt is one, whatever it is
    assert wide.certificate.verify()


def test_open_signs_prove_no_single_point(monkeypatch) -> None:
    """ReLU(x), ReLU(-x) and then the identity: nothing else looks like (1, 0), where two units are fed 0."""
    net = single((np.vstack([np.eye(2), -np.eye(2)]), [0.0] * 4), (np.eye(4), [0.0] * 4))
    found = ask(net, np.array([1.0, 0.0]))
    assert (found.kind, found.certificate.verify()) == (ur.Kind.SINGLETON, True)
    monkeypatch.setattr(exact_values.ExactValues.__init__, "__defaults__", (-1.0,))
    later = replace(found.certificate, statement=PrefixStatement(found.system, found.at))
    assert later.kind is ur.Kind.SINGLETON
    assert not later.verify()
    assert not later.verify_region_singleton()
    assert not later.verify_complete()
    cone = later.statement.cone(None, net.outputs, Directions.AT_POINT)
    assert FullRank().verify(cone)  # what is in doubt counts as fixed there
    assert not PieceProof((), FullRank()).verify(later.statement, Directions.AT_POINT)


def test_tight_features_of_the_last_layer_count() -> None:
    """ReLU(x1 - x2) = ReLU(x2 - x1) = 0 and x1 = 1, behind a ReLU."""
    net = single((np.eye(2), [0.0, 0.0]), (np.array([[1.0, 0.0], [1.0, -1.0], [-1.0, 1.0]]), [0.0] * 3))
    found = ask(net, np.array([1.0, 1.0]))
    assert (found.kind, found.complete, found.certificate.verify()) == (ur.Kind.SINGLETON, True, True)
    loose = ask(net, np.array([1.0, 1.0]), tolerance=0.5)
    assert (loose.region_singleton, loose.region_dimension) == (False, ur.DimensionInterval(2, 2))


def test_a_proof_of_one_statement_is_none_of_another() -> None:
    """x1 alone is fixed: the set is a line, whatever is claimed of its boundedness."""
    net = ur.Network.from_layers([(np.array([[1.0, 0.0]]), np.zeros(1))])
    found = ask(net, np.zeros(2))
    assert (found.kind, found.complete, found.certificate.verify()) == (ur.Kind.UNBOUNDED, True, True)
    claims = replace(found.certificate, bounded=PieceProof((), FullRank()))
    assert claims.kind is ur.Kind.BOUNDED
    assert claims.verify_singleton()
    assert not claims.verify_bounded()
    assert not claims.verify()
    enclosed = replace(found.certificate, bounded=None, domain=FullRank())
    assert enclosed.kind is ur.Kind.BOUNDED
    assert not enclosed.verify()  # there is no domain


def test_a_direction_at_a_cut_determines_nothing() -> None:
    """The second layer sees h1 only, twice: h2 is free, which is a proof, but not that the cut is determined."""
    net = single((np.eye(2), [0.0, 0.0]), (np.array([[1.0, 0.0], [2.0, 0.0]]), [0.0, 0.0]))
    found = ask(net, np.ones(2))
    cone = found.statement.cone("relu1", net.outputs, Directions.AT_POINT)
    free = Direction(np.eye(cone.dimension)[1], np.zeros(0, dtype=np.intp))
    assert free.verify(cone)
    claims = replace(found.certificate, bounded=None, singleton=PieceProof((("relu1", free),), FullRank()))
    assert not claims.verify_region_singleton()
    assert not replace(claims, determined=(("relu1", free),)).verify()


def test_values_behind_averages_are_exact() -> None:
    """Means of two and of three numbers, in integers."""
    pool = nn.AvgPool1d(3, 1, 1, count_include_pad=False)
    module = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Unflatten(1, (1, 4)), pool)
    torch.manual_seed(0)
    for parameter in module.parameters():
        parameter.data = torch.randint(-8, 9, parameter.shape).to(torch.float64)
    net = ur.Network.from_torch(module.double().eval(), torch.zeros(1, 4, dtype=torch.float64))
    x = np.array([0.5, -1.25, 3.0, 2.0])
    exact = values_at(net, [Fraction(v) for v in x.tolist()])
    found = locate(net, x)
    numbers, common = found.exact.of(net.outputs[0], np.arange(4))
    assert [Fraction(number, common) for number in numbers] == exact
    assert any(value.denominator % 3 == 0 for value in exact)
    near = found.values[net.outputs[0]]
    for value, error, truth in zip(near.value.tolist(), near.error.tolist(), exact, strict=True):
        assert abs(Fraction(value) - truth) <= Fraction(error)


def test_normalized_and_averaged_rows_are_the_stored_ones() -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1),
        nn.BatchNorm2d(2),
        nn.ReLU(),
        nn.AvgPool2d(3, 2, 1),
        nn.Conv2d(2, 2, 2),
        nn.ReLU(),
    )
    net = ur.Network.from_torch(module.eval(), torch.zeros(1, 1, 5, 5))
    x = np.random.default_rng(0).random((1, 5, 5))
    found = ask(net, x.reshape(-1), domain=ur.Box(0, 1))
    assert (found.kind, found.certificate.verify()) == (ur.Kind.BOUNDED, True)
    assert 0 < found.statement.folding_error < 1e-14
    values = found.statement.located.values[net.outputs[0]]
    expected = np.asarray(net(x[None])).reshape(-1)
    np.testing.assert_allclose(values.value, expected, rtol=0, atol=1e-14)
    assert (np.abs(values.value - expected) <= 3 * values.error + 1e-15).all()


def test_many_inputs_of_a_prefix() -> None:
    net = dense(5, 6, 6, 2, seed=2).upto("relu2")
    inputs = np.random.default_rng(0).uniform(-1, 1, (4, 5))
    inputs[2] = np.nan
    inputs[3, 0] = 9.0
    found = ur.classify(net, inputs, domain=ur.Box(-2, 2), on_bad="skip", progress=False)
    assert list(found.skipped) == [2, 3]
    assert found.kind.tolist() == [ask(net, x, ur.Box(-2, 2)).kind for x in inputs[:2]]
    assert found.verify(progress=False).all()
    assert "inputs of the network up to relu2" in repr(found)
    assert (found.dimension_lower <= found.dimension_upper).all()
    with pytest.raises(ur.errors.DomainError, match="input 0: coordinate 0"):
        ur.classify(net, inputs[3:], domain=ur.Box(-2, 2), progress=False)
    with pytest.raises(ur.errors.InputError, match="not of a layer"):
        _ = found.layer
    with pytest.raises(ur.errors.DomainError, match=r"give domain=ur\.Box\(lower, upper\)"):
        ur.preimage(net, features=np.ones(6))
