"""Whole preimages of prefixes: all pieces, and what is proved of their union."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

import unrelu as ur
from known_preimages import all_known
from preimage_against_oracle import check, faults
from stability.reference_networks import Graph
from unrelu.frontier.tree import Operation, Tree
from unrelu.operators import Absolute, Clamp, Dense, Maximum, ReLU
from unrelu.preimages.search import statement
from unrelu.preimages.search.exact_sets import exact_sets
from unrelu.preimages.search.local_dimension import local_dimension
from unrelu.preimages.union.union_certificate import UnionCertificate
from unrelu.preimages.union.union_preimage import UnionPreimage

ABSOLUTE = ur.Network.from_layers([(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))])
"""|x| by two ReLUs."""

BOX = ur.Box(-2, 2)


def whole(net: ur.Network, **given: object) -> UnionPreimage:
    found = ur.preimage(net, **given)  # pyright: ignore[reportCallIssue, reportArgumentType]
    assert isinstance(found, UnionPreimage)
    return found


@pytest.mark.parametrize("by_units", [False, True])
def test_nothing_is_wrong_about_small_prefixes(by_units, monkeypatch) -> None:
    if by_units:
        monkeypatch.setattr(statement, "MOST_SPLIT", 0)
        monkeypatch.setattr(statement, "MOST_SQUARE", 0)
    wrong = {seed: told for seed in range(25) for told in [faults(seed)[0]] if told}
    assert wrong == {}


LONG = {"bijection 3 3 inside", "tents 8 at 0.3125", "tents 8 at 0.75"}
"""Problems that are asked of the same search by `ur.invert`, and take it long where features are meant exactly."""


@pytest.mark.parametrize(
    "known", [known for known in all_known() if known.name not in LONG], ids=lambda known: known.name
)
def test_nothing_is_wrong_about_preimages_in_closed_form(known) -> None:
    y = [Fraction(v) for v in known.measured.tolist()]
    found = ur.preimage(known.network, features=known.measured, domain=ur.Box(known.lower, known.upper), time_limit=60)
    assert check(found, known.network, y, np.zeros(len(y)), (known.lower, known.upper)) == []
    assert known.dimension in found.dimension
    assert not isinstance(found, UnionPreimage) or found.certificate.complete  # all places are known, if not all pieces


def test_two_points_are_two_pieces_and_no_singleton() -> None:
    found = whole(ABSOLUTE, at=np.array([1.0]), domain=BOX)
    assert (found.kind, found.complete, found.singleton) == (ur.Kind.BOUNDED, True, False)
    assert (found.dimension, found.certificate.verify()) == (ur.DimensionInterval(0, 0), True)
    assert sorted(piece.origin.item() for piece in found.pieces) == [-1.0, 1.0]
    assert found.proved.all()
    assert (found.contains(np.array([-1.0])), found.contains(np.array([0.5])), found.contains(np.array([-3.0]))) == (
        True,
        False,
        False,
    )
    np.testing.assert_allclose(found.outer_ranges, [[-1, 1]], atol=1e-12)
    assert found.outer_ranges[0, 0] <= -1
    assert found.outer_ranges[0, 1] >= 1
    assert found.region.origin.tolist() == [1.0]
    with pytest.raises(ur.errors.InputError, match="has several pieces"):
        _ = found.polyhedron


def test_in_half_of_the_box_the_same_point_is_the_only_one() -> None:
    found = whole(ABSOLUTE, at=np.array([1.0]), domain=ur.Box(-0.5, 2))
    assert (found.kind, found.dimension) == (ur.Kind.SINGLETON, ur.DimensionInterval(0, 0))
    assert found.certificate.verify()
    assert found.polyhedron.contains(np.array([1.0]))
    # One ulp more of the box, and it is not.
    for lower, kind in ((-1.0, ur.Kind.BOUNDED), (np.nextafter(-1.0, 0.0), ur.Kind.SINGLETON)):
        found = whole(ABSOLUTE, at=np.array([1.0]), domain=ur.Box(lower, 2))
        assert (found.kind, found.certificate.verify()) == (kind, True)


def test_what_a_last_relu_is_fed_may_be_anything_below_zero() -> None:
    """ReLU(1 - |x|): 0 on both sides, and its preimage there has two pieces of full dimension."""
    net = ur.Network.from_layers(
        [(np.array([[1.0], [-1.0]]), np.zeros(2)), (-np.ones((1, 2)), np.ones(1)), (np.ones((1, 1)), np.zeros(1))]
    ).upto("relu2")
    found = whole(net, at=np.array([1.5]), domain=ur.Box(-3, 3))
    assert (found.kind, found.dimension, found.complete) == (ur.Kind.BOUNDED, ur.DimensionInterval(1, 1), True)
    ranges = sorted(
        piece.ranges().lower.item() for piece in found.pieces if piece.ranges().upper > piece.ranges().lower
    )
    assert ranges == [-3.0, 1.0]
    given = whole(net, features=np.zeros(1), domain=ur.Box(-3, 3))
    assert (given.kind, given.dimension, len(given.pieces)) == (found.kind, found.dimension, len(found.pieces))
    assert whole(net, features=np.array([-0.5]), domain=ur.Box(-3, 3)).kind is ur.Kind.EMPTY
    within = whole(net, features=np.array([-0.5]), tolerance=1.0, domain=ur.Box(-3, 3))
    assert within.contains(np.array([0.5])) is True  # 0.5 there
    assert within.contains(np.array([0.499])) is False


def test_features_that_no_input_has_are_proved_to_be_none() -> None:
    found = whole(ABSOLUTE, features=np.array([-1e-9]), domain=BOX)
    assert (found.kind, found.dimension, found.pieces) == (ur.Kind.EMPTY, ur.DimensionInterval(-1, -1), ())
    assert found.certificate.verify()
    assert np.isnan(found.outer_ranges).all()
    with pytest.raises(ur.errors.InputError, match=r"`pre\.point` is a member"):
        _ = found.at
    with pytest.raises(ur.errors.InputError, match="no point was given"):
        _ = found.region


def test_exact_features_of_a_point_need_be_no_floats() -> None:
    """0.1 x + 0.2 is no float at 0.3: the preimage is that of the exact number."""
    net = ur.Network.from_layers([(np.array([[0.1]]), np.array([0.2])), (np.ones((1, 1)), np.zeros(1))])
    x = np.array([0.3])
    found = ur.preimage(net, at=x, domain=ur.Box(-1, 1), time_limit=0)
    assert found.singleton is None or found.complete
    both = np.array([[0.1], [-0.1]]), np.array([0.2, -0.2])
    leaky = ur.Network.from_layers([both, (np.array([[1.0, -0.3]]), np.zeros(1))])
    search = whole(leaky, at=x, domain=ur.Box(-9, 9))
    wanted = search.certificate.places.statement.wanted[0]
    assert wanted == Fraction(0.1) * Fraction(0.3) + Fraction(0.2)
    assert wanted != Fraction(float(wanted))
    assert (search.kind, search.contains(x), search.certificate.verify()) == (ur.Kind.SINGLETON, True, True)


def test_a_search_that_is_stopped_says_what_it_knows_and_goes_on() -> None:
    again = np.array([[2.0, -4.0]] * 2), np.array([0.0, -0.5])
    tent = [(np.ones((2, 1)), again[1]), *[again] * 3, (np.ones((1, 2)), np.zeros(1))]
    net = ur.Network.from_layers(tent)
    found = whole(net, features=np.array([0.3]), domain=ur.Box(0, 1), time_limit=1e-9)
    assert (found.kind, found.complete, found.stopped) == (ur.Kind.UNDECIDED, False, "time limit")
    assert "(time limit); go on with `go_on`" in found.reason
    assert not found.certificate.verify()
    assert found.dimension == ur.DimensionInterval(-1, 1)
    rest = found.go_on()
    assert (rest.kind, rest.complete, rest.reason) == (ur.Kind.BOUNDED, True, "")
    assert rest.certificate.verify()
    assert not found.complete


def test_a_certificate_that_claims_too_much_does_not_verify() -> None:
    found = whole(ABSOLUTE, at=np.array([1.0]), domain=ur.Box(-0.5, 2)).certificate
    other = whole(ABSOLUTE, at=np.array([1.0]), domain=BOX)
    assert (found.kind, found.verify()) == (ur.Kind.SINGLETON, True)
    # The same tree about a larger box, or another point.
    assert not replace(found, statement=other.statement).verify()
    # A leaf that is dropped: the other solution is missing, and "one" would be claimed.
    tree = other.certificate.tree
    gone = np.flatnonzero((tree.operation == Operation.BALL) & (tree.point[:, 0] < 0))
    operation = tree.operation.copy()
    operation[gone] = Operation.REFUTED
    forged = UnionCertificate(other.statement, replace(tree, operation=operation), None, alone=True)
    assert forged.kind is ur.Kind.SINGLETON
    assert not forged.verify()
    # A point outside of the box has no features there.
    outside = replace(found.statement, at=np.array([-1.0]))
    assert not replace(found, statement=outside, piece=None).verify()
    # A second member that is none, or the same again, and a point about which the set is no larger.
    x = torch.tensor([1.0], dtype=torch.float64)
    for pair in ((x, x), (x, x / 2)):
        assert replace(found, pair=pair).kind is ur.Kind.SINGLETON
    assert replace(found, member=x).kind is ur.Kind.SINGLETON
    assert replace(found, pair=(x, -x)).kind is ur.Kind.SINGLETON  # outside of the box


def test_the_dimension_about_a_member_counts_what_is_held_there() -> None:
    """x + y = 1 in a square: 1 inside, 0 at a corner that it only touches, and nothing where there is no member."""
    net = ur.Network.from_layers([(np.eye(2), np.ones(2)), (np.ones((1, 2)), np.array([-2.0]))])
    found = whole(net, features=np.ones(1), domain=ur.Box(0, 1), time_limit=5)
    asked = found.certificate.places.statement
    assert found.dimension == ur.DimensionInterval(1, 1)
    for point, least in (((0.25, 0.75), 1), ((0.3, 0.7), 1), ((0.25, 0.25), -1), ((1.0, 0.0), -1)):
        assert local_dimension(asked, torch.tensor(point, dtype=torch.float64)) == least
    corner = whole(net, features=np.array([2.0]), domain=ur.Box(0, 1))
    assert corner.dimension.lower == 0
    tolerant = whole(net, features=np.ones(1), tolerance=0.5, domain=ur.Box(0, 1))
    asked = tolerant.certificate.places.statement
    for point, least in (
        ((0.5, 0.5), 2),
        ((0.75, 0.75), -1),
        ((0.75, np.nextafter(0.75, 0)), 2),
        ((0.0, 0.75), 1),
        ((0.0, 0.5), -1),
    ):
        assert local_dimension(asked, torch.tensor(point, dtype=torch.float64)) == least


def test_many_inputs_are_told_apart_by_units() -> None:
    """Of 100 inputs only the 6 units that they feed are split; |.| of each has two sides."""
    rng = np.random.default_rng(3)
    W = rng.standard_normal((6, 100)) / 10
    layers = [(np.vstack([W, -W]), np.zeros(12)), (np.hstack([np.eye(6), np.eye(6)]), np.zeros(6))]
    net = ur.Network.from_layers(layers)
    x = rng.uniform(-1, 1, 100)
    found = whole(net, at=x, domain=ur.Box(-1, 1), time_limit=60)
    assert (found.kind, found.complete, len(found.pieces)) == (ur.Kind.BOUNDED, True, 64)
    assert found.dimension == ur.DimensionInterval(94, 94)
    assert found.certificate.verify()
    assert found.certificate.verify_complete()
    assert found.contains(-x) is True


def test_equalities_that_depend_on_each_other_are_decided_exactly() -> None:
    """|x + 2 y| = 1 twice over: two segments, whatever floats make of the second equality."""
    both = np.array([[1.0, 2.0], [-1.0, -2.0]]), np.zeros(2)
    net = ur.Network.from_layers([both, (np.array([[1.0, 1.0], [3.0, 3.0]]), np.zeros(2))])
    found = whole(net, features=np.array([1.0, 3.0]), domain=ur.Box(-2, 2))
    certificate = found.certificate
    assert (found.kind, found.complete, found.dimension) == (ur.Kind.BOUNDED, True, ur.DimensionInterval(1, 1))
    assert certificate.verify()
    known = [each for each in certificate.exact if each is not None]
    assert known
    # A set that is said to be larger, or elsewhere, or of another leaf.
    for wrong in (
        replace(known[0], dimension=2),
        replace(known[0], where=tuple(v + 1 for v in known[0].where or ())),
        replace(known[0], proof=replace(known[0].proof, dimension=2)),
    ):
        sets = tuple(wrong if each is known[0] else each for each in certificate.exact)
        assert not replace(certificate, sets=sets).verify()
    assert not replace(certificate, sets=certificate.exact[1:]).verify()
    nowhere = whole(net, features=np.array([1.0, 3.5]), domain=ur.Box(-2, 2))
    assert (nowhere.kind, nowhere.certificate.verify()) == (ur.Kind.EMPTY, True)


def forged(found: UnionPreimage, **columns: object) -> UnionCertificate:
    """A certificate about the same, with a tree of few nodes that each keep the whole box, and its exact sets."""
    asked = found.certificate.places.statement
    n = len(np.asarray(columns["operation"]))
    box = np.tile(asked.lower.numpy(), (n, 1)), np.tile(asked.upper.numpy(), (n, 1))
    given = {
        "child": np.zeros(n, dtype=np.int64),
        "place": np.zeros(n, dtype=np.int64),
        "value": np.zeros(n),
        "lower": box[0],
        "upper": box[1],
        "point": (box[0] + box[1]) / 2,
        "holds": np.zeros(n, dtype=bool),
        "multipliers": np.zeros((n, asked.n_multipliers, len(asked.features))),
        "weights": {},
    } | {name: np.asarray(values) for name, values in columns.items()}
    tree = Tree(**given)  # pyright: ignore[reportArgumentType]
    leaves = np.flatnonzero(np.isin(tree.operation, (Operation.BALL, Operation.FLAT)))
    return UnionCertificate(found.statement, tree, None, sets=tuple(exact_sets(asked, tree, leaves)))


def test_a_leaf_that_names_a_child_is_nobodys_parent() -> None:
    """The second leaf claims to be the parent of the first, which would then lie on the other side."""
    found = whole(ABSOLUTE, features=np.ones(1), domain=BOX)
    wrong = forged(found, operation=np.array([3, 6, 6], dtype=np.int8), child=np.array([1, 0, 1]))
    assert not (wrong.kind is ur.Kind.SINGLETON and wrong.verify())
    half = whole(ABSOLUTE, features=np.ones(1), domain=ur.Box(-0.5, 1.5))
    wrong = forged(half, operation=np.array([3, 6, 4], dtype=np.int8), child=np.array([1, 0, 1]))
    assert not (wrong.kind is ur.Kind.EMPTY and wrong.verify())


def test_boxes_outside_of_the_domain_hold_nothing() -> None:
    net = ur.Network.from_layers([(np.array([[1.0], [-1.0]]), np.array([-1.0, 1.0])), (np.ones((1, 2)), np.zeros(1))])
    found = whole(net, features=np.array([0.5]), domain=ur.Box(0, 1))  # |x - 1| = 0.5
    places = np.array([[0.0], [0.5], [1.5]])
    wrong = forged(
        found, operation=np.array([2, 5, 5], dtype=np.int8), child=np.array([1, 0, 0]), lower=places, upper=places
    )
    assert not (wrong.kind is ur.Kind.BOUNDED and wrong.verify())


def test_points_of_another_kind_prove_nothing() -> None:
    found = whole(ABSOLUTE, at=np.array([1.0]), domain=ur.Box(-0.5, 2)).certificate
    for point in (torch.ones(1, dtype=torch.float32), torch.ones(1, 1), torch.tensor(1.0, dtype=torch.float64)):
        assert replace(found, pair=(point, point + 0.5), member=point).kind is ur.Kind.SINGLETON


def test_pieces_are_not_said_to_be_all_where_some_are_not_told_apart() -> None:
    """A clamp's kinks are not at 0; where outputs may fall, a ball is no point; a maximum has ties."""
    clamp = Graph(1).add("a", Dense(torch.ones(1, 1).double(), torch.zeros(1).double()))
    clamp.add("b", Clamp(torch.tensor([-1.0]).double(), torch.tensor([1.0]).double()))
    clamp.add("c", Dense(torch.ones(1, 1).double(), torch.zeros(1).double()))
    found = whole(clamp.network(), at=np.zeros(1), tolerance=1.0, domain=BOX)
    inside = [piece.contains(x) for x in (np.array([0.0]), np.array([1.5])) for piece in found.pieces]
    assert not found.complete or any(inside[: len(found.pieces)])
    large = 2.0**40
    one = np.ones((1, 1))
    fold = [(one, np.zeros(1)), (one, np.array([large])), (one, np.array([-large - 2.0**-9]))]
    graph = Graph(1)
    for k, ((W, b), bend) in enumerate(zip(fold, (Absolute(), ReLU(), ReLU()), strict=True)):
        graph.add(f"d{k}", Dense(torch.from_numpy(W), torch.from_numpy(b))).add(f"r{k}", bend)
    found = whole(graph.network(), features=np.zeros(1), domain=ur.Box(-1e5, 1e5))
    assert found.dimension.lower <= 1 <= found.dimension.upper
    both = [any(piece.contains(np.array([x])) for piece in found.pieces) for x in (-(2.0**-10), 2.0**-10)]
    assert all(both) or not found.complete


def test_a_side_of_no_unit_proves_nothing() -> None:
    """Unit -1 would be forced to its side without a row that says so: |x1| = -0.5 has no solution there."""
    net = ur.Network.from_layers([(np.array([[1.0, 0.0], [-1.0, 0.0]]), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))])
    box = ur.Box(np.array([0.25, 0.0]), np.ones(2))
    found = whole(net, features=np.array([-0.5]), domain=box)
    assert (found.kind, found.certificate.verify()) == (ur.Kind.EMPTY, True)
    codes = np.array([Operation.SIDES, Operation.REFUTED, Operation.FLAT], dtype=np.int8)
    wrong = forged(found, operation=codes, child=np.array([1, 0, 0]), place=np.array([-1, 0, 0]))
    assert not wrong.verify()


def test_what_a_maximum_chooses_is_not_told_by_a_tie() -> None:
    """max(x1, 1) = 1 where x1 <= 1: in the second box on a face, where both are tied."""
    graph = Graph(2).add("a", Dense(torch.tensor([[1.0, 0.0]]).double(), torch.zeros(1).double()))
    graph.add("b", Dense(torch.zeros(1, 2).double(), torch.ones(1).double()), "input")
    graph.add("m", Maximum(), "a", "b")
    net = graph.network()
    for box, kind in (
        (ur.Box(0, 2), ur.Kind.BOUNDED),
        (ur.Box(np.array([1.0, 0.0]), np.full(2, 2.0)), ur.Kind.BOUNDED),
    ):
        found = whole(net, features=np.ones(1), domain=box)
        assert (found.kind, found.certificate.verify()) == (kind, True)
        first = box.in_space(2).lower
        on_some = any(piece.contains(np.array([first[0], 0.5])) for piece in found.pieces)
        assert on_some or not found.complete
