"""What the checker of a tree must not accept: trees that no search makes, each of which says something false."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

import unrelu as ur
from inverse.hand_trees import line, statement_of, tree_of
from stability.reference_networks import Graph
from unrelu.errors import TooLarge
from unrelu.frontier.contraction import contract
from unrelu.frontier.tree import Operation, Tree
from unrelu.operators import Absolute, Dense
from unrelu.preimages.search import completeness_certificate
from unrelu.preimages.search.completeness_certificate import CompletenessCertificate
from unrelu.preimages.search.statement import InverseStatement

MAGNITUDE = statement_of(Graph(1).add("abs", Absolute()).network(), [1.0], [-2.0], [2.0])
"""|x| = 1: x is -1 or 1."""

HALVED, SIDES = ({"operation": code, "child": 1} for code in (Operation.HALVED, Operation.SIDES))


def proved(statement: InverseStatement, tree: Tree) -> bool:
    certificate = CompletenessCertificate(statement, tree)
    return certificate.complete and certificate.verify()


def ball(at: float, far: float = 1e-9, **more: object) -> dict[str, object]:
    return {"operation": Operation.BALL, "point": at, "holds": True, "lower": at - far, "upper": at + far, **more}


def test_both_solutions_of_a_magnitude() -> None:
    right, left = ball(1.0, multipliers=0.5), ball(-1.0, multipliers=-0.5)
    assert proved(MAGNITUDE, tree_of(1, 1, HALVED, left, right))
    assert proved(MAGNITUDE, tree_of(1, 1, SIDES, {**right, "multipliers": 0.25}, {**left, "multipliers": -0.25}))
    for children in ((left, left), (right, right), (right, left)):
        assert not proved(MAGNITUDE, tree_of(1, 1, HALVED, *children))
    assert not proved(MAGNITUDE, tree_of(1, 1, {**HALVED, "value": 1.5}, left, right))


@pytest.mark.parametrize("code", [-128, -1, len(Operation), 99, 127])
def test_an_operation_that_there_is_not_settles_nothing(code: int) -> None:
    assert not proved(MAGNITUDE, tree_of(1, 1, {"operation": code}))
    assert not proved(MAGNITUDE, tree_of(1, 1, HALVED, {"operation": code}, ball(1.0, multipliers=0.5)))


@pytest.mark.parametrize("far", [1e-9, 1e-3, 0.5])
def test_a_point_on_the_other_side_of_a_kink_says_nothing_of_this_one(far: float) -> None:
    """Where x >= 0, F(x) = x; that F(-1) is 1 puts no solution with x >= 0 near -1."""
    both = [ball(-1.0, far, multipliers=sign * 0.25) for sign in (1, -1)]
    for holds in (True, False):
        nodes = [{**each, "holds": holds} for each in both]
        assert not proved(MAGNITUDE, tree_of(1, 1, SIDES, *nodes))


def test_a_ball_holds_a_solution_of_its_own() -> None:
    """That there is one elsewhere in the box, on the other side of the kink, is another matter."""
    half = {"operation": Operation.BALL, "holds": True}
    right, left = {**half, "lower": 0.0, "upper": 2.0}, {**half, "lower": -2.0, "upper": 0.0}
    assert proved(MAGNITUDE, tree_of(1, 1, SIDES, {**right, "point": 1.0}, {**left, "point": -1.0}))
    for points in ((-1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)):
        nodes = [{**each, "point": x} for each, x in zip((right, left), points, strict=True)]
        assert not proved(MAGNITUDE, tree_of(1, 1, SIDES, *nodes))


def test_a_flat_holds_a_solution_of_its_own() -> None:
    statement = statement_of(line(1.0, 0.0), [0.0], [-1.0], [1.0])
    flat = {"operation": Operation.FLAT, "holds": True, "point": 0.0}
    split = {**HALVED, "value": 0.5}
    right = {**flat, "lower": 0.5, "upper": 1.0}
    assert proved(statement, tree_of(1, 1, split, flat, {**right, "holds": False}))
    assert not proved(statement, tree_of(1, 1, split, flat, right))
    assert not proved(statement, tree_of(1, 1, split, flat, {**right, "point": 0.75}))


def test_one_exact_root_is_not_found_in_two_boxes() -> None:
    """3 x = 1 has a root that is no float, beyond the box of the first ball, which is said to hold one."""
    statement = statement_of(line(3.0, 0.0), [1.0], [0.0], [1.0])
    cut = 1 / 3 - 1e-3
    near, root = ball(cut, multipliers=1 / (3 * cut)), ball(1 / 3, multipliers=1 / (3 * (1 - cut)))
    split = {**HALVED, "value": cut}
    assert not proved(statement, tree_of(1, 1, split, {**near, "lower": cut - 0.0011, "upper": cut}, root))
    # A ball that reaches as far as the root is the same as the other, which touches it.
    assert proved(statement, tree_of(1, 1, split, {**near, "lower": cut - 0.0011, "upper": cut + 0.0011}, root))
    assert proved(statement, tree_of(1, 1, split, {"operation": Operation.REFUTED, "multipliers": 1.0}, root))


def test_outputs_are_away_from_the_wanted_ones_only_where_they_are() -> None:
    """|x| = 1 has solutions in [-2, 0] and [0, 2], none in [-1/2, 1/2]."""
    away = {"operation": Operation.AWAY}
    narrow = statement_of(MAGNITUDE.network, [1.0], [-0.5], [0.5])
    assert proved(narrow, tree_of(1, 1, away))
    assert not proved(statement_of(MAGNITUDE.network, [1.0], [-0.5], [0.5], rho=0.5), tree_of(1, 1, away))
    for more in ({}, {"point": 0.5}, {"lower": -0.5, "upper": 0.5}, {"point": -2.0}, {"point": np.nan}, {"point": 3.0}):
        assert not proved(MAGNITUDE, tree_of(1, 1, {**away, **more}))
        assert not proved(MAGNITUDE, tree_of(1, 1, HALVED, {**away, **more}, ball(1.0, multipliers=0.5)))
    for end in (np.nan, np.inf, -np.inf, 0.25):
        assert not proved(MAGNITUDE, tree_of(1, 1, {**away, "lower": end, "point": 0.25}))
    wide = statement_of(MAGNITUDE.network, [1.0], [-1.5], [1.5])
    for side, point in ((0.75, 0.0), (-0.75, 0.0), (0.75, 3.0), (-0.75, -3.0)):  # points are in the box, or say nothing
        nodes = [{**away, "point": x} for x in (point, -point)]
        assert not proved(wide, tree_of(1, 1, {**SIDES, "value": side}, *nodes))


@pytest.mark.parametrize("exact", [False, True])
def test_a_root_just_outside_of_the_domain_is_none(exact: bool) -> None:
    """3 x = 1 below the float under 1/3, or above the one over it: a point less a radius of 1e-17 is the point."""
    below = 1 / 3
    above = float(np.nextafter(below, 1.0))
    assert 3 * Fraction(below) < 1 < 3 * Fraction(above)
    for lower, upper in ((0.0, below), (above, 1.0), (-1.0, below), (above, 0.5)):
        found = ur.invert(line(3.0, 0.0), np.array([1.0]), domain=ur.Box(lower, upper), exact=exact, progress=False)
        assert found.certificate.verify()
        assert found.complete
        assert not any(each.exact for each in found.solutions)
        assert len(found.solutions) == (0 if exact else 1)
    whole = ur.invert(line(3.0, 0.0), np.array([1.0]), domain=ur.Box(0, above), exact=exact, progress=False)
    assert [each.exact for each in whole.solutions] == [True]


def test_a_root_just_outside_of_a_flat_is_not_on_it() -> None:
    statement = statement_of(line(3.0, 0.0), [1.0], [0.0], [1.0])
    below = 1 / 3
    above = float(np.nextafter(below, 1.0))
    flat, refuted = {"operation": Operation.FLAT, "multipliers": 1.0}, {"operation": Operation.REFUTED}
    for cut in (below, above):
        left = {**flat, "lower": 0.0, "upper": cut, "point": below}
        right = {**flat, "lower": cut, "upper": 1.0, "point": above}
        split = {**HALVED, "value": cut}
        # What lies within rounding of the root is not refuted.
        assert proved(statement, tree_of(1, 1, split, left, right))
        wrong = [left, {**right, "holds": True}] if cut == above else [{**left, "holds": True}, right]
        assert not proved(statement, tree_of(1, 1, split, *wrong))
    assert not proved(statement, tree_of(1, 1, refuted))


@pytest.mark.parametrize("size", [1e300, 1e308, -1e308, 1.7e308, np.inf, -np.inf, np.nan])
def test_what_overflows_refutes_nothing(size: float) -> None:
    """2 x = 1.5 on [1/2, 1]: multiplied by 1e308, the slope is infinite, and the constant is not."""
    statement = statement_of(line(2.0, -1.5), [0.0], [0.5], [1.0])
    refuted = {"operation": Operation.REFUTED, "multipliers": size}
    assert not proved(statement, tree_of(1, 1, refuted))
    for weight in (1e308, np.inf, np.nan, -1.0, -np.inf):
        for place in range(4):
            weights = np.where(np.arange(4) == place, weight, 0.0)
            assert not proved(statement, tree_of(1, 1, {**refuted, "weights": weights}))
            assert not proved(statement, tree_of(1, 1, {**refuted, "multipliers": 1.0, "weights": weights}))


@pytest.mark.parametrize(("low", "high"), [(np.nan, 1.0), (0.0, np.nan), (1.0, 0.0), (5.0, 6.0), (-6.0, -5.0)])
def test_an_empty_leaf_is_listed_with_a_box_in_the_domain(low: float, high: float) -> None:
    statement = statement_of(line(1.0, 0.0), [3.0], [0.0], [1.0])
    for code in (Operation.BALL, Operation.FLAT):
        assert proved(statement, tree_of(1, 1, {"operation": code, "lower": 0.0, "upper": 1.0}))
        assert not proved(statement, tree_of(1, 1, {"operation": code, "lower": low, "upper": high}))


def test_a_row_that_overflows_cuts_nothing() -> None:
    low, high = torch.tensor([[1.0, 1.0, -1.0]]).double(), torch.tensor([[2.0, 2.0, 1.0]]).double()
    for slopes in ([1e308, 1e308, -1.7e308], [np.inf, 0.0, 0.0], [np.nan, 1.0, 0.0], [0.0, -np.inf, 0.0]):
        rows = torch.tensor([[slopes]], dtype=torch.float64)
        for limit in (1e308, 0.0, -np.inf, np.nan):
            left = contract(low, high, rows, torch.full((1, 1), limit, dtype=torch.float64))
            assert torch.equal(left.lower, low)
            assert torch.equal(left.upper, high)
            assert not bool(left.excess > 0)


def test_weights_are_those_of_inequalities_that_are_there() -> None:
    """`x1 - x2 = -0.02` and `x2 - 0.99 x1 = -0.02`: neither refutes the unit square, their sum `x1 / 100 = -0.04` does.

    The rows are those of M, which is 0 here, of the outputs, and the negatives of all; there may be room for more.
    """
    dense = Dense(torch.tensor([[1.0, -1.0], [-0.99, 1.0]], dtype=torch.float64), torch.zeros(2, dtype=torch.float64))
    statement = statement_of(Graph(2).add("out", dense).network(), [-0.02, -0.02], [0.0, 0.0], [1.0, 1.0])
    refuted = {"operation": Operation.REFUTED}
    assert not proved(statement, tree_of(2, 2, refuted))
    for length in (4, 5, 8, 20):
        weights = np.where(np.isin(np.arange(length), (2, 3)), 1.0, 0.0)
        assert proved(statement, tree_of(2, 2, {**refuted, "weights": weights}))
        for size in (1e100, 5e-324):  # the smallest by exact arithmetic
            assert proved(statement, tree_of(2, 2, {**refuted, "weights": size * weights}))
        for wrong in (
            -weights,
            weights * np.nan,
            weights[::-1],
            1 - weights,
            weights[:3],
            0 * weights,
        ):
            assert not proved(statement, tree_of(2, 2, {**refuted, "weights": wrong}))
    inside = replace(statement, features=torch.tensor([-0.02, 0.03], dtype=torch.float64))  # x = (1, 1.02) is not far
    for weights in np.eye(8):
        assert not proved(
            replace(inside, upper=torch.full((2,), 2.0).double()), tree_of(2, 2, {**refuted, "weights": weights})
        )


@pytest.mark.parametrize("child", [-(2**63), -1, 0, 2, 3, 2**31, 2**63 - 2, 2**63 - 1])
@pytest.mark.parametrize("code", [Operation.HALVED, Operation.SIDES, Operation.CONTRACTED])
def test_children_are_nodes_that_come_later(child: int, code: Operation) -> None:
    leaf = {"operation": Operation.OPEN}
    tree = tree_of(1, 1, {"operation": code, "child": child}, leaf, leaf)
    certificate = CompletenessCertificate(MAGNITUDE, tree)
    assert not certificate.verify()
    assert not certificate.complete
    assert CompletenessCertificate(
        MAGNITUDE, tree_of(1, 1, {**HALVED, "operation": code}, *[leaf] * (1 + (code != 1)))
    ).verify()


def test_a_tree_without_nodes_proves_nothing() -> None:
    assert not proved(MAGNITUDE, tree_of(1, 1))


def test_a_tree_that_takes_too_much_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    chain = [{"operation": Operation.SIDES, "child": 2 * k + 1, "value": 3.0} for k in range(40)]
    nodes = [chain[0], *(each for node in chain[1:] for each in ({"operation": Operation.OPEN}, node))]
    nodes += [{"operation": Operation.OPEN}] * 2
    for k in range(39):  # the second child goes on
        nodes[2 * k + 1], nodes[2 * k + 2] = {"operation": Operation.OPEN}, {**chain[k + 1], "child": 2 * k + 3}
    certificate = CompletenessCertificate(MAGNITUDE, tree_of(1, 1, *nodes))
    assert certificate.verify()
    monkeypatch.setattr(completeness_certificate, "ROOM", 8 * 96 * 30)
    with pytest.raises(TooLarge, match="none that a search leaves behind"):
        certificate.verify()


@pytest.mark.parametrize("field", ["lower", "upper", "point", "value", "multipliers"])
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf, 1e300, -1e300])
def test_numbers_that_are_none_prove_nothing_false(field: str, number: float) -> None:
    """Whatever stands where, a tree that still verifies lists both solutions."""
    nodes = [HALVED, ball(-1.0, multipliers=-0.5), ball(1.0, multipliers=0.5)]
    for k in range(3):
        tree = tree_of(1, 1, *(dict(node) | ({field: number} if i == k else {}) for i, node in enumerate(nodes)))
        if proved(MAGNITUDE, tree):
            for x in (-1.0, 1.0):
                assert ((tree.lower[1:] <= x) & (x <= tree.upper[1:])).any()


def test_numbers_that_overflow_leave_no_unit_settled() -> None:
    weight = torch.tensor([[1e308, -1e308]], dtype=torch.float64)
    dense = Dense(weight, torch.zeros(1, dtype=torch.float64))
    network = Graph(2).add("in", dense).add("abs", Absolute()).network()
    statement = statement_of(network, [0.0], [8.0, 8.0], [8.0, 8.0])
    for code in (Operation.FLAT, Operation.REFUTED):
        assert not proved(statement, tree_of(2, 1, {"operation": code}))


def test_another_statement_is_not_proved() -> None:
    tree = tree_of(1, 1, HALVED, ball(-1.0, multipliers=-0.5), ball(1.0, multipliers=0.5))
    assert proved(MAGNITUDE, tree)
    for name, value in (("features", 1.0 + 1e-8), ("resolution", 1e-8), ("lower", -2.5), ("upper", 1.5)):
        changed = replace(MAGNITUDE, **{name: torch.tensor([value], dtype=torch.float64)})
        assert proved(changed, tree) == (name in ("lower", "upper"))
