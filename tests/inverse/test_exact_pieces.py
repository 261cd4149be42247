"""What is decided exactly where rounding hides it: pieces in rational arithmetic, and dimensions that they prove."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

import unrelu as ur
from inverse.hand_trees import line, statement_of, tree_of
from inverse_against_oracle import faults
from inverse_cases import inverse_case
from known_preimages import Known, constant, one_ulp_apart, parallel_lines, plateau, tents
from stability.reference_networks import Graph
from unrelu.frontier.subproblems import Subproblems
from unrelu.frontier.tree import Operation
from unrelu.inverse.assemble import assemble
from unrelu.inverse.inversion import Inversion
from unrelu.operators import Absolute, Clamp, Dense, LeakyReLU, ReLU
from unrelu.preimages.search import exact_piece as pieces
from unrelu.preimages.search.completeness_certificate import CompletenessCertificate
from unrelu.preimages.search.exact_piece import ExactPiece, exact_piece
from unrelu.preimages.search.examined import examine
from unrelu.preimages.search.statement import InverseStatement


def whole(statement: InverseStatement, *sides: tuple[int, float, float]) -> ExactPiece | None:
    """The piece of all of the domain, where units lie on these sides of kinks: number, side, kink."""
    part = Subproblems.root(statement.lower, statement.upper, statement.bounded.n_units)
    for unit, side, kink in sides:
        one, at = (torch.tensor([value], dtype=torch.float64) for value in (side, kink))
        part = part.fixing(torch.tensor([unit]), one, at, statement.bounded.twins)
    return exact_piece(statement, examine(statement, part), 0)


def weights_of(piece: ExactPiece, *weights: float) -> np.ndarray:
    found = np.zeros(piece.places.max() + 1)
    found[piece.places[: len(weights)]] = weights
    return found


def asked(case: Known, **options: object) -> Inversion:
    return ur.invert(case.network, case.measured, domain=ur.Box(case.lower, case.upper), progress=False, **options)  # pyright: ignore[reportArgumentType, reportCallIssue, reportReturnType]


@pytest.mark.parametrize("seed", [159, 587, 1348])
def test_thin_slabs_that_rounding_hides_are_settled(seed: int) -> None:
    """Kinks along the edge of a flat: on their far sides lies a slab as thin as the resolution, empty or not."""
    wrong, found = faults(inverse_case(seed), time_limit=60.0)
    assert wrong == []
    assert found.complete  # it verifies, or that is a fault
    assert len(found.tree) < 1000


def test_the_centre_of_what_is_exactly_a_solution_is_one_to_the_resolution() -> None:
    """A flat without a known member among floats: its exact solutions, rounded, are."""
    wrong, found = faults(inverse_case(666), time_limit=60.0)
    assert wrong == []
    assert found.complete


@pytest.mark.parametrize("seed", [89, 134, 175, 226])
def test_exact_solutions_between_floats_are_proved(seed: int) -> None:
    wrong, found = faults(inverse_case(seed), exact=True, time_limit=60.0)
    assert wrong == []
    assert found.complete
    assert all(each.exact and each.holds and each.noise == (0.0, 0.0) for each in found.solutions)


@pytest.mark.parametrize(("y", "empty"), [(0.5, False), (0.5 + 2.0**-53, True), (0.5 - 2.0**-54, False)])
def test_one_ulp_decides_on_a_piece(y: float, empty: bool) -> None:
    """|x| on [-1/2, 1/2], x at least 0: beyond 1/2 there is nothing, and bounds with rounding do not see it."""
    statement = statement_of(Graph(1).add("abs", Absolute()).network(), [y], [-0.5], [0.5])
    piece = whole(statement, (0, 1.0, 0.0))
    assert piece is not None
    assert piece.refutes(weights_of(piece, 0.0, 1.0)) == empty  # -F <= -y
    for wrong in ((), (1.0, 0.0), (1.0, 1.0), (0.0, -1.0), (0.0, np.nan), (0.0, np.inf), (0.0, 0.0)):
        assert not piece.refutes(weights_of(piece, *wrong))
    assert piece.has_solution_near(np.array([0.5])) == (not empty)
    assert not piece.has_solution_near(np.array([0.25]))


def test_a_piece_whose_units_are_not_settled_is_none() -> None:
    statement = statement_of(Graph(1).add("abs", Absolute()).network(), [1.0], [-2.0], [2.0])
    assert whole(statement) is None
    for side, root in ((1.0, 1.0), (-1.0, -1.0)):
        piece = whole(statement, (0, side, 0.0))
        assert piece is not None
        assert piece.has_solution_near(np.array([root]))
        assert not piece.has_solution_near(np.array([-root]))  # it is one, but not on this side


@pytest.mark.parametrize(
    ("operator", "kink", "below", "above"),
    [
        (ReLU(), 0.0, 0, 1),
        (Absolute(), 0.0, -1, 1),
        (LeakyReLU(torch.tensor(0.25, dtype=torch.float64)), 0.0, Fraction(1, 4), 1),
        (Clamp(torch.tensor(-1.0).double(), torch.tensor(1.0).double()), 1.0, 1, 0),
        (Clamp(torch.tensor(-1.0).double(), torch.tensor(1.0).double()), -1.0, 0, 1),
    ],
)
def test_a_box_of_two_floats_at_a_kink_is_on_its_own_side(
    operator: ReLU, kink: float, below: Fraction, above: Fraction
) -> None:
    """The middle of a kink and the next float is rounded to the kink, which counts to the other side."""
    network = Graph(1).add("bent", operator).network()
    at = operator.apply(torch.tensor([[kink]], dtype=torch.float64))[0].tolist()
    for end, slope in ((np.nextafter(kink, -9), below), (np.nextafter(kink, 9), above)):
        low, high = min(kink, float(end)), max(kink, float(end))
        piece = whole(statement_of(network, at, [low], [high]))
        assert piece is not None
        assert piece.steps[0] == (Fraction(slope) * (Fraction(high) - Fraction(low)),)
        relaxed = operator.relax(
            (torch.full((1, 1), low, dtype=torch.float64), torch.full((1, 1), high, dtype=torch.float64))
        )
        assert (float(relaxed.lower_slopes), float(relaxed.upper_slopes)) == (float(slope), float(slope))


def test_weights_that_only_exact_arithmetic_trusts_are_verified() -> None:
    """`x = 1/2 + 2^-53` on [0, 1/2] is refuted by a tree, and one float less, or another network, is not."""
    statement = statement_of(line(1.0, 0.0), [0.5 + 2.0**-53], [0.0], [0.5])
    refuted = {"operation": Operation.REFUTED, "weights": np.array([0.0, 0.0, 0.0, 1.0])}
    assert CompletenessCertificate(statement, tree_of(1, 1, refuted)).verify()
    for y, slope in ((0.5, 1.0), (0.5 + 2.0**-53, np.nextafter(1.0, 2.0))):
        other = statement_of(line(float(slope), 0.0), [y], [0.0], [0.5])
        assert not CompletenessCertificate(other, tree_of(1, 1, refuted)).verify()
    for weights in ([0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, np.nan], [0.0] * 4, []):
        wrong = tree_of(1, 1, {**refuted, "weights": np.array(weights)})
        assert not CompletenessCertificate(statement, wrong).verify()


def test_a_flat_that_is_said_to_hold_an_exact_solution_between_floats_has_one() -> None:
    """`3 x1 = 1` and `6 x1 = 2`, whatever x2 is: no float solves it, and one root of two equations no matrix proves."""
    dense = Dense(torch.tensor([[3.0, 0.0], [6.0, 0.0]], dtype=torch.float64), torch.zeros(2, dtype=torch.float64))
    network = Graph(2).add("out", dense).network()
    flat = {"operation": Operation.FLAT, "holds": True, "lower": [0.0, 0.0], "upper": [1.0, 1.0]}
    for y, right in (([1.0, 2.0], True), ([1.0, 2.0 + 2.0**-51], False), ([4.0, 8.0], False)):
        statement = statement_of(network, y, [0.0, 0.0], [1.0, 1.0])
        for point in ([1 / 3, 0.5], [1 / 3, 0.0], [1 / 3, 1.0]):
            assert CompletenessCertificate(statement, tree_of(2, 2, {**flat, "point": point})).verify() == right
        for point in ([0.25, 0.5], [np.nan, 0.5], [np.inf, 0.5], [4 / 3, 0.5]):
            assert not CompletenessCertificate(statement, tree_of(2, 2, {**flat, "point": point})).verify()
    found = ur.invert(network, np.array([1.0, 2.0]), domain=ur.Box(0, 1), exact=True, progress=False)
    (only,) = found.solutions
    assert found.complete
    assert found.certificate.verify()
    assert (only.exact, only.holds, only.dimension.lower, only.dimension.upper) == (True, True, 1, 1)


def test_what_takes_too_long_is_left_to_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    statement = statement_of(line(2.0, 0.0), [1.0 + 2.0**-52], [0.0], [0.5])
    assert whole(statement) is not None
    monkeypatch.setattr(pieces, "WORK", 0.0)
    assert whole(statement) is None
    refuted = {"operation": Operation.REFUTED, "weights": np.array([0.0, 0.0, 0.0, 1.0])}
    assert not CompletenessCertificate(statement, tree_of(1, 1, refuted)).verify()


def test_where_only_exact_solutions_count_a_place_without_one_is_not_listed() -> None:
    """`x = 1/2` and `x = 1/2 + 2^-53` at once: a tree may leave it open, the exact outputs do not."""
    case = one_ulp_apart()
    found = asked(case, exact=True)
    assert (found.complete, found.solutions, found.unique) == (True, (), False)
    d, m = case.lower.size, case.measured.size
    statement = found.statement
    ball = {"operation": Operation.BALL, "point": 1.0, "lower": case.lower, "upper": case.upper}
    tree = tree_of(d, m, {**ball, "multipliers": found.tree.multipliers[0]})
    assert all(not each.holds and each.exact is False for each in assemble(asked(case).statement, tree))
    assert assemble(statement, tree) == ()


@pytest.mark.parametrize(
    "case",
    [parallel_lines(), constant(3, True), *(plateau(d, y) for d in (1, 2, 3) for y in (0.0, 0.5, 1.0)), tents(3, 1.0)],
    ids=lambda case: case.name,
)
@pytest.mark.parametrize("exact", [False, True])
def test_the_dimension_of_lines_and_plateaus_is_one_number(case: Known, exact: bool) -> None:
    found = asked(case, exact=exact)
    assert found.complete
    for each in found.solutions:
        assert each.exact
        assert (each.dimension.lower, each.dimension.upper) == (case.dimension, case.dimension)


@pytest.mark.parametrize(("upper", "dimension"), [(1.0, 1), (0.5, 0), (np.nextafter(0.5, 0.0), -1), (0.75, 1)])
def test_a_line_that_meets_the_domain_in_a_corner_is_a_point(upper: float, dimension: int) -> None:
    """`x1 + x2 = 1` in [0, upper]^2: a segment, its corner, or nothing."""
    network = ur.Network.from_layers([(np.array([[1.0, 1.0]]), np.array([4.0])), (np.eye(1), np.array([-4.0]))])
    for exact in (True, False):
        found = ur.invert(network, np.array([1.0]), domain=ur.Box(0, upper), exact=exact, progress=False)
        assert found.complete
        assert found.certificate.verify()
        if exact or dimension >= 0:
            assert [(each.dimension.lower, each.dimension.upper) for each in found.solutions] == (
                [(dimension, dimension)] if dimension >= 0 else []
            )
        else:
            assert not any(each.exact for each in found.solutions)


def test_numbers_that_overflow_are_no_piece() -> None:
    """`|1e308 x1 - 1e308 x2|` at (8, 8) is 0, on neither side of infinity."""
    dense = Dense(torch.tensor([[1e308, -1e308]], dtype=torch.float64), torch.zeros(1, dtype=torch.float64))
    network = Graph(2).add("in", dense).add("abs", Absolute()).network()
    assert whole(statement_of(network, [0.0], [8.0, 8.0], [8.0, 8.0])) is None


def test_rows_are_those_of_the_bounds_in_the_same_places() -> None:
    """On a piece the linear bounds are the maps themselves, up to rounding; a side at 0, one at a kink of 1."""
    dense = Dense(torch.tensor([[1.0, -2.0], [3.0, 1.0]]).double(), torch.tensor([0.5, -0.25]).double())
    clamp = Clamp(torch.tensor(-1.0).double(), torch.tensor(1.0).double())
    network = Graph(2).add("in", dense).add("bent", clamp).add("again", Absolute()).network()
    statement = statement_of(network, [0.75, 0.5], [-0.5, 0.0], [0.25, 0.25], rho=0.125)
    part = Subproblems.root(statement.lower, statement.upper, statement.bounded.n_units)
    for unit, side, kink in ((0, -1.0, 1.0), (1, 1.0, -1.0), (2, 1.0, 0.0), (3, -1.0, 0.0)):
        numbers = torch.tensor([[side], [kink]], dtype=torch.float64)
        part = part.fixing(torch.tensor([unit]), numbers[0], numbers[1], statement.bounded.twins)
    seen = examine(statement, part)
    piece = exact_piece(statement, seen, 0)
    assert piece is not None
    assert len(piece.places) == len(piece.limits) == 8
    slopes, limits = seen.slopes[0][piece.places], seen.limits[0][piece.places]
    for t in np.random.default_rng(0).random((5, 2)):
        x = torch.from_numpy(piece.point([Fraction(v) for v in t.tolist()]))
        exact = [
            float(sum(Fraction(v) * a for v, a in zip(t.tolist(), step, strict=True)) - limit)
            for step, limit in zip(piece.steps, piece.limits, strict=True)
        ]
        np.testing.assert_allclose((slopes @ x - limits).numpy(), exact, rtol=0, atol=1e-13)


def test_sides_refute_together_with_outputs() -> None:
    """`x1 = -0.3` and `x2 = 0.2` where `x1 + x2 >= 0`: not without the side, and not by negative weights."""
    weight = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], dtype=torch.float64)
    bent = LeakyReLU(torch.tensor([1.0, 1.0, 0.5], dtype=torch.float64))
    network = Graph(2).add("in", Dense(weight, torch.zeros(3).double())).add("bent", bent).network()
    statement = statement_of(network, [-0.3, 0.2, 0.0], [-1.0, -1.0], [1.0, 1.0])
    statement = replace(statement, resolution=torch.tensor([0.0, 0.0, 10.0], dtype=torch.float64))
    piece = whole(statement, (2, 1.0, 0.0))
    assert piece is not None
    assert piece.refutes(weights_of(piece, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0))
    for wrong in ((1.0, 1.0), (1.0, 1.0, 1.0), (0, 0, 0, 0, 0, 0, 1.0), (1.0, 1.0, 0, 0, 0, 0, -1.0), (0, 0, -1.0)):
        assert not piece.refutes(weights_of(piece, *wrong))
    other = whole(statement, (2, -1.0, 0.0))
    assert other is not None
    assert not other.refutes(weights_of(other, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0))
    assert other.has_solution_near(np.array([-0.3, 0.2]))
    assert not piece.has_solution_near(np.array([-0.3, 0.2]))


@pytest.mark.parametrize("end", [0.5, float(np.nextafter(1 / 3, 1)), 1 / 3])
def test_a_solution_beyond_the_box_is_none_on_it(end: float) -> None:
    """`3 x1 = 1` whatever x2 is: the root lies between 1/3 as a float and the next."""
    dense = Dense(torch.tensor([[3.0, 0.0]], dtype=torch.float64), torch.zeros(1, dtype=torch.float64))
    piece = whole(statement_of(Graph(2).add("out", dense).network(), [1.0], [0.0, 0.0], [end, 1.0]))
    assert piece is not None
    for x2 in (0.0, 0.25, 1.0):
        assert piece.has_solution_near(np.array([1 / 3, x2])) == (end > 1 / 3)
