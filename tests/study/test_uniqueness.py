"""Whether each input is the only valid one with its features, against linear programs and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import linprog

from small_studies import SIDE, N, dense_network, dense_study, joined_network, joined_study, large_network, pictures
from unrelu.errors import DomainError, InputError, TooLarge
from unrelu.network.graph import Network
from unrelu.polyhedra.domains import Box, Nonnegative
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.study.analyze import analyze
from unrelu.study.gaussian_uniqueness import gaussian_uniqueness
from unrelu.study.questions import Uniqueness, Verdicts


def width(x: np.ndarray, low: float, high: float) -> float:
    """How far the inputs in a box with the features of x extend in a direction drawn at random: 0 for x alone."""
    layer = dense_network().layer("relu1")
    active = layer.weight @ x + layer.bias > 0
    direction = np.random.default_rng(1).normal(size=x.size)
    ends = [
        linprog(
            sign * direction,
            A_ub=layer.weight[~active],
            b_ub=-layer.bias[~active],
            A_eq=layer.weight[active],
            b_eq=layer.weight[active] @ x,
            bounds=(low, high),
        )
        for sign in (1, -1)
    ]
    assert all(end.status == 0 for end in ends)
    return -ends[1].fun - ends[0].fun


def test_an_input_is_unique_iff_the_valid_inputs_with_its_features_have_no_width() -> None:
    x, _ = pictures()
    rows = dense_study()["uniqueness"].to_pylist()
    assert [row["input"] for row in rows] == list(range(N))
    widths = np.array([width(x[row["input"]], 0, 1) for row in rows])
    assert ((widths < 1e-9) | (widths > 1e-3)).all()
    assert [row["unique"] for row in rows] == (widths < 1e-9).tolist()
    assert 0 < sum(row["unique"] for row in rows) < N
    assert all(row["proved"] for row in rows)
    assert all(row["bounded"] for row in rows)  # a part of a box


def test_the_prior_decides_inputs_that_all_of_space_leaves_bounded_or_unbounded() -> None:
    over_space = {row["input"]: row for row in dense_study()["verdicts"].to_pylist() if row["layer"] == "relu1"}
    gained = [
        row["input"]
        for row in dense_study()["uniqueness"].to_pylist()
        if row["unique"] and not over_space[row["input"]]["singleton"]
    ]
    assert gained
    assert all(
        row["n_active"] < SIDE * SIDE for row in dense_study()["uniqueness"].to_pylist() if row["input"] in gained
    )


def test_coordinates_are_counted_inside_and_at_their_bounds() -> None:
    x, _ = pictures()
    layer = dense_network().layer("relu1")
    for row in dense_study()["uniqueness"].to_pylist():
        point = x[row["input"]]
        assert row["layer"] == "relu1"
        assert row["n_active"] == int((layer.weight @ point + layer.bias > 0).sum())
        assert row["n_at_bounds"] == int(np.isin(point, (0.0, 1.0)).sum())
        assert row["n_inside"] == SIDE * SIDE - row["n_at_bounds"]
        assert row["expected"] == gaussian_uniqueness(row["n_active"], row["n_inside"], row["n_at_bounds"])


def test_a_fixed_coordinate_is_neither_inside_nor_at_a_bound() -> None:
    net = Network.from_layers([(np.array([[1.0, 1.0, 0.0]]), np.zeros(1)), (np.eye(1), np.zeros(1))])
    prior = Box([0, 0, 0.5], [1, 1, 0.5])
    x = np.array([[0.0, 0.5, 0.5]])
    (row,) = analyze(net, x, questions=[Uniqueness(prior)], progress=False)["uniqueness"].to_pylist()
    assert (row["n_inside"], row["n_at_bounds"]) == (1, 1)
    # x1 + x2 = 0.5 from (0, 0.5): one may go up as the other goes down. One row, one free coordinate: k - F = 0.
    assert (row["unique"], row["expected"]) == (False, 0.0)


def test_one_sided_and_general_priors() -> None:
    net = Network.from_layers([(np.array([[1.0, 1.0]]), np.zeros(1)), (np.eye(1), np.zeros(1))])
    x = np.array([[0.0, 0.5], [0.0, 0.0]])
    one_sided = analyze(net, x, questions=[Uniqueness(Nonnegative())], progress=False)
    assert one_sided.question("uniqueness").about["domain"] == "0 ≤ x"
    assert one_sided["uniqueness"]["unique"].to_pylist() == [False, True]  # the features are the sum, or 0
    assert one_sided["uniqueness"]["bounded"].to_pylist() == [True, True]
    general = Polyhedron(A_ub=np.array([[-1.0, 1.0], [1.0, 0.0]]), b_ub=np.array([0.5, 0.0]), lower=[-np.inf, 0.0])
    found = analyze(net, x, questions=[Uniqueness(_Given(general))], progress=False)
    assert found.question("uniqueness").about["domain"] == "_Given"
    # x1 <= 0 and x2 <= x1 + 0.5: of those with the sum 0.5 only (0, 0.5) is left; Gaussian rows do not know such rows.
    assert found["uniqueness"]["unique"].to_pylist()[0] is True
    assert found["uniqueness"]["expected"].to_pylist() == [None, None]
    assert found.layers["prior_expected"].to_pylist() == [None]


class _Given:
    """A polyhedron as a domain."""

    def __init__(self, polyhedron: Polyhedron) -> None:
        self._polyhedron = polyhedron

    def in_space(self, n_coordinates: int) -> Polyhedron:
        assert n_coordinates == self._polyhedron.n_coordinates
        return self._polyhedron


def test_the_layer_table_counts_them() -> None:
    rows = dense_study()["uniqueness"].to_pylist()
    first, second = dense_study().layers.to_pylist()
    assert first["n_prior"] == N
    assert first["prior_unique"] == first["prior_unique_proved"] == sum(row["unique"] for row in rows)
    assert first["prior_not_unique"] == first["prior_not_unique_proved"] == N - first["prior_unique"]
    assert first["prior_open"] == 0
    assert first["prior_expected"] == pytest.approx(sum(row["expected"] for row in rows))
    assert second["n_prior"] == second["prior_unique"] == 0
    assert second["prior_unique_proved"] is None


def test_without_verifying_nothing_is_called_proved() -> None:
    x, _ = pictures()
    study = analyze(dense_network(), x[:3], questions=[Uniqueness(Box(0, 1), verify=False)], progress=False)
    assert study["uniqueness"]["unique"].to_pylist() == dense_study()["uniqueness"]["unique"].to_pylist()[:3]
    assert study["uniqueness"]["proved"].to_pylist() == [None] * 3
    assert study.layers["prior_unique_proved"].to_pylist() == [None, None]


def test_without_a_prior_nothing_is_said() -> None:
    with pytest.raises(InputError, match="'uniqueness' was not asked; the questions were inputs, verdicts"):
        joined_study().question("uniqueness")
    with pytest.raises(InputError, match="a study has no table 'uniqueness'"):
        _ = joined_study()["uniqueness"]
    assert joined_study().layers["uniqueness_left_out"].to_pylist() == ["not asked for"] * 2
    assert joined_study().layers["n_prior"].to_pylist() == [0, 0]
    assert "uniqueness" not in joined_study().seconds
    assert dense_study().question("uniqueness").about["domain"] == "0 ≤ x ≤ 1"


def test_the_first_layer_is_asked_also_where_others_get_verdicts() -> None:
    x, _ = pictures()
    asked = [Verdicts(layers=["relu2"]), Uniqueness(Box(0, 1))]
    study = analyze(dense_network(), x[:3], questions=asked, progress=False)
    assert study["uniqueness"]["layer"].to_pylist() == ["relu1"] * 3
    joined = analyze(joined_network(), x[:1], questions=[Uniqueness(Box(0, 1))], progress=False)
    assert joined.layers["n_prior"].to_pylist() == [1, 0]


def test_misuse_is_refused_before_the_long_work() -> None:
    x = np.full((3, SIDE * SIDE), 0.5)
    x[2, 5] = 1.5

    class Noted:
        def stage(self, what: str, total: int):
            raise AssertionError

    def ask(net: Network, data: np.ndarray) -> None:
        asked = [Verdicts(), Uniqueness(Box(0, 1))]
        analyze(net, data, questions=asked, progress=Noted())  # pyright: ignore[reportArgumentType]

    with pytest.raises(DomainError, match=r"input 2 does not lie in the prior \(0 ≤ x ≤ 1\)"):
        ask(dense_network(), x)
    with pytest.raises(InputError, match="no ReLU layer is fed by the network's input alone"):
        ask(Network.from_layers([(np.eye(2), np.zeros(2))]), np.ones((1, 2)))
    with pytest.raises(TooLarge, match="GiB"):
        ask(large_network(), np.zeros((1, *large_network().input_shape)))


# -- Gaussian rows -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_inside", [0, 3])
@pytest.mark.parametrize("n_at_bounds", [1, 2, 5, 40])
def test_the_gaussian_probability_at_its_ends(n_inside: int, n_at_bounds: int) -> None:
    def probability(codimension: int) -> float:
        return gaussian_uniqueness(n_inside + codimension, n_inside, n_at_bounds)

    # A random hyperplane misses an orthant iff its normal has one sign; a random line iff it has not.
    one_sign = 2.0 ** (1 - n_at_bounds)
    assert probability(1) == one_sign
    if n_at_bounds > 1:
        assert probability(n_at_bounds - 1) == pytest.approx(1 - one_sign, rel=1e-15)
    assert probability(0) == probability(-1) == 0 or n_inside == 0
    assert probability(n_at_bounds) == probability(n_at_bounds + 1) == 1


def test_the_gaussian_probability_obeys_its_recurrence() -> None:
    # One more ray is in general position: P(c, T) = (P(c, T - 1) + P(c - 1, T - 1)) / 2.
    for T in range(2, 12):
        for c in range(1, T):
            parts = gaussian_uniqueness(c, 0, T - 1) + gaussian_uniqueness(c - 1, 0, T - 1)
            assert gaussian_uniqueness(c, 0, T) == pytest.approx(parts / 2, rel=1e-15)


def test_the_gaussian_probability_without_bounds_and_in_many_coordinates() -> None:
    assert [gaussian_uniqueness(k, 4, 0) for k in (3, 4, 5)] == [0, 1, 1]  # full rank
    # The transition is at k = (d + F) / 2, as sharp as that of a fair coin thrown T - 1 times.
    assert gaussian_uniqueness(100 + 1500, 100, 3000) == pytest.approx(0.5, abs=1e-12)
    low, high = (gaussian_uniqueness(100 + 1500 + side, 100, 3000) for side in (-27, 27))
    assert low == pytest.approx(1 - high, rel=1e-9)
    assert high == pytest.approx(0.5 * (1 + math.erf(27 / math.sqrt(2999 / 2))), abs=1e-4)
    assert gaussian_uniqueness(101, 100, 3000) == 2.0**-2999 == 0
