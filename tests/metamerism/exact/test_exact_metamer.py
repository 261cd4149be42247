"""Exact metamers whose distance is known in closed form, and how the search is stopped, shown and refused."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch

import unrelu as ur
from stability.reference_networks import Graph
from unrelu.errors import DomainError, TooLarge, UnsupportedOperator
from unrelu.metamerism.exact import exact_search, unit_rows
from unrelu.metamerism.exact.exact_metamer import exact_metamer
from unrelu.metamerism.exact.exact_search import ExactSearch
from unrelu.metamerism.exact.question import Question
from unrelu.metamerism.feature_map import FeatureMap, feature_map
from unrelu.metamerism.found import Found
from unrelu.network.graph import Network
from unrelu.network.node import Node
from unrelu.operators import Absolute, Add, AtLeast, Dense, Input, ReLU, Sigmoid
from unrelu.polyhedra.nearest import NORMS
from unrelu.progress import Lines, Progress
from unrelu.solvers.status import Status


def ask(
    features: FeatureMap,
    at: np.ndarray,
    target: np.ndarray,
    *,
    objective: str = "nearest",
    norm: float = 1,
    domain: ur.Domain | None = None,
    time_limit: float = 20.0,
    progress: Progress | bool | None = False,
) -> Found:
    return exact_metamer(
        features,
        at,
        target,
        objective=objective,
        norm=norm,
        domain=ur.Box(0, 1) if domain is None else domain,
        eps=np.zeros(features.n_features),
        start=at,
        time_limit=time_limit,
        progress=progress,
    )


def tent() -> Network:
    """`|2 x - 1|` of one number, by two units: each value but 0 is taken on two pieces, at x and at 1 - x."""
    hidden = np.array([[2.0], [-2.0]]), np.array([-1.0, 1.0])
    return Network.from_layers([hidden, (np.ones((1, 2)), np.zeros(1))])


def three_layers(seed: int = 0) -> Network:
    rng = np.random.default_rng(seed)
    sizes = [(6, 10), (6, 6), (4, 6)]
    return Network.from_layers([(rng.normal(size=size), rng.normal(size=size[0]) / 2) for size in sizes])


@pytest.mark.parametrize("norm", NORMS)
def test_the_other_piece_is_found_where_it_is_nearer(norm: float) -> None:
    found = ask(feature_map(tent()), np.array([0.1]), np.array([1.0]), norm=norm)
    assert found.status is Status.OPTIMAL
    assert found.point == pytest.approx([0.9])
    assert found.distance == pytest.approx(0.1)
    assert 0.1 - 1e-6 <= found.bound <= 0.1


@pytest.mark.parametrize("norm", NORMS)
def test_the_farthest_is_on_the_other_piece(norm: float) -> None:
    found = ask(feature_map(tent()), np.array([0.1]), np.array([0.1]), objective="farthest", norm=norm)
    assert found.status is Status.OPTIMAL
    assert found.distance == pytest.approx(0.8)
    assert 0.8 <= found.bound + 1e-15 <= 0.8 + 1e-6


@pytest.mark.parametrize("norm", NORMS)
def test_two_best_ones_are_a_tie_and_either_will_do(norm: float) -> None:
    found = ask(feature_map(tent()), np.array([0.1]), np.array([0.5]), norm=norm)
    assert found.status is Status.OPTIMAL
    assert min(abs(found.point[0] - 0.1), abs(found.point[0] - 0.9)) < 1e-12
    assert found.distance == pytest.approx(0.4)


@pytest.mark.parametrize("objective", ["nearest", "farthest"])
@pytest.mark.parametrize("norm", NORMS)
def test_where_the_layer_is_injective_at_it_the_original_is_all_there_is(objective: str, norm: float) -> None:
    rng = np.random.default_rng(0)
    layers = [(rng.normal(size=(3, 3)) + 4 * np.eye(3), np.full(3, 9.0)) for _ in range(2)]
    at, target = np.array([0.25, 0.5, 0.75]), np.array([1.0, 0.0, 0.5])
    found = ask(feature_map(Network.from_layers(layers)), at, target, objective=objective, norm=norm)
    np.testing.assert_allclose(found.point, at, atol=1e-9)
    assert found.status is Status.OPTIMAL
    assert found.bound == pytest.approx(np.linalg.norm(at - target, ord=norm))


@pytest.mark.parametrize("norm", NORMS)
def test_dead_units_and_copies_change_nothing(norm: float) -> None:
    rng = np.random.default_rng(1)
    (W1, b1), (W2, b2) = (rng.normal(size=(4, 5)), rng.normal(size=4)), (rng.normal(size=(3, 4)), rng.normal(size=3))
    at, target = rng.random(5), rng.random(5)
    plain = ask(feature_map(Network.from_layers([(W1, b1), (W2, b2)])), at, target, norm=norm)
    W = np.vstack([W1, 2 * W1[1], np.ones((1, 5)), -W1[2]])
    b = np.concatenate([b1, [2 * b1[1], -50.0, -b1[2]]])
    again = np.hstack([W2, W2[:, 1:2], np.ones((3, 2)) * [1.0, 0.0]])
    again[:, 1] -= 2 * W2[:, 1]
    more = ask(feature_map(Network.from_layers([(W, b), (again, b2)])), at, target, norm=norm)
    assert plain.status is more.status is Status.OPTIMAL
    assert plain.distance == pytest.approx(more.distance, rel=1e-5)


@pytest.mark.parametrize("objective", ["nearest", "farthest"])
@pytest.mark.parametrize("norm", NORMS)
def test_a_mask_is_kept_exactly(objective: str, norm: float) -> None:
    net = three_layers()
    rng = np.random.default_rng(2)
    at, target = rng.random(10), rng.random(10)
    free = np.arange(10) < 7
    domain = ur.Box(np.where(free, 0.0, at), np.where(free, 1.0, at))
    found = ask(feature_map(net.upto("relu2")), at, target, objective=objective, norm=norm, domain=domain, time_limit=2)
    assert (found.point[~free] == at[~free]).all()
    assert (found.point >= 0).all()
    assert (found.point <= 1).all()
    whole = ask(feature_map(net.upto("relu2")), at, target, objective=objective, norm=norm, time_limit=2)
    assert whole.bound <= found.distance + 1e-9 if objective == "nearest" else whole.bound >= found.distance - 1e-9


def test_features_stay_to_rounding_and_an_exact_member_is_near() -> None:
    net = three_layers(3).upto("relu2")
    rng = np.random.default_rng(3)
    at, target = rng.random(10), rng.random(10)
    found = ask(feature_map(net), at, target)
    pair = net(np.stack([at, found.point]))
    assert np.abs(pair[0] - pair[1]).max() <= 1e-12 * max(1.0, np.abs(pair).max())
    assert found.distance < np.abs(at - target).sum()
    assert found.radius < 1e-10


def test_a_layer_by_itself_is_asked_like_its_network() -> None:
    rng = np.random.default_rng(4)
    W, b = rng.normal(size=(3, 6)), rng.normal(size=3)
    at, target = rng.random(6), rng.random(6)
    network = Network(
        (
            Node("input", Input((6,)), (), (6,)),
            Node("dense", Dense(torch.from_numpy(W), torch.from_numpy(b)), ("input",), (3,)),
            Node("relu", ReLU(), ("dense",), (3,)),
        ),
        ("relu",),
    )
    alone, inside = (ask(feature_map(each), at, target) for each in (ur.ReLULayer(W, b), network))
    assert alone.distance == pytest.approx(inside.distance)
    assert alone.distance == pytest.approx(ur.metamer(ur.ReLULayer(W, b), at=at, target=target, norm=1).distance)


@pytest.mark.parametrize("objective", ["nearest", "farthest"])
@pytest.mark.parametrize("norm", NORMS)
def test_without_any_time_the_start_comes_back_with_the_bound_of_the_box(objective: str, norm: float) -> None:
    at, target = np.full(10, 0.5), np.full(10, 1.5)
    found = ask(feature_map(three_layers()), at, target, objective=objective, norm=norm, time_limit=0)
    assert found.status is Status.TIME_LIMIT
    np.testing.assert_array_equal(found.point, at)
    assert found.radius == 0.0
    ends = np.full(10, 0.5) if objective == "nearest" else np.full(10, 1.5)
    assert found.bound == pytest.approx(np.linalg.norm(ends, ord=norm))


@pytest.mark.parametrize("after", [0, 1, 3, 7])
def test_an_interrupt_returns_what_is_known(after: int, monkeypatch: pytest.MonkeyPatch) -> None:
    net = feature_map(three_layers(5))
    rng = np.random.default_rng(5)
    at, target = rng.random(10), rng.random(10)
    best = ask(net, at, target)
    assert best.status is Status.OPTIMAL
    calls = 0
    looked = ExactSearch._bounded

    def interrupted(self: ExactSearch, *args: object) -> object:
        nonlocal calls
        calls += 1
        if calls > after:
            raise KeyboardInterrupt
        return looked(self, *args)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(ExactSearch, "_bounded", interrupted)
    found = ask(net, at, target)
    assert calls == after + 1
    assert found.status in {Status.INTERRUPTED, Status.OPTIMAL}
    assert found.bound <= best.distance * (1 + 1e-12)
    assert found.distance >= best.bound * (1 - 1e-12)


def test_progress_shows_how_near_bound_and_distance_are() -> None:
    stream = io.StringIO()
    rng = np.random.default_rng(6)
    found = ask(feature_map(three_layers(6)), rng.random(10), rng.random(10), progress=Lines(stream, lambda: 0.0))
    assert found.status is Status.OPTIMAL
    assert stream.getvalue().startswith("of the distance proved, ‰: ")


def test_domains_that_are_no_boxes_are_refused() -> None:
    net = feature_map(three_layers())
    with pytest.raises(DomainError, match="a box with finite ends"):
        ask(net, np.full(10, 0.5), np.zeros(10), domain=ur.Nonnegative())
    with pytest.raises(DomainError):
        ask(net, np.full(10, 0.5), np.zeros(10), domain=ur.Polyhedron(np.ones((1, 10)), np.full(1, 9.0)))
    with pytest.raises(DomainError):
        ask(net, np.full(10, 1.5), np.zeros(10))


def test_networks_that_are_too_large_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unit_rows, "LARGEST", 100)
    with pytest.raises(TooLarge, match="the exact search keeps rows"):
        ask(feature_map(three_layers()), np.full(10, 0.5), np.zeros(10))


def test_bounds_hold_whatever_multipliers_a_program_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Multipliers that are wrong prove less, and nothing false."""
    from unrelu.metamerism.exact.part_program import PartProgram

    net = feature_map(three_layers(7).upto("relu2"))
    rng = np.random.default_rng(7)
    at, target = rng.random(10), rng.random(10)
    best = ask(net, at, target)
    true = PartProgram.multipliers
    assert isinstance(true, property)
    assert true.fget is not None
    told = true.fget
    monkeypatch.setattr(
        PartProgram, "multipliers", property(lambda self: told(self) + rng.normal(size=len(told(self))))
    )
    monkeypatch.setattr(exact_search, "ROUNDED", 10**9)
    found = ask(net, at, target, time_limit=1.0)
    assert found.bound <= best.distance
    assert math.isfinite(found.bound)


def test_a_program_that_says_that_a_part_is_empty_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    from unrelu.solvers.boxed_program import BoxedProgram, Outcome

    net = feature_map(three_layers(7).upto("relu2"))
    rng = np.random.default_rng(7)
    at, target = rng.random(10), rng.random(10)
    best = ask(net, at, target)
    monkeypatch.setattr(BoxedProgram, "run", lambda self, **_: Outcome.INFEASIBLE)
    found = ask(net, at, target, time_limit=1.0)
    assert found.bound <= best.distance


def test_units_that_are_fed_the_same_number_and_bend_in_two_places_are_refused() -> None:
    graph = Graph(2).add("dense", Dense(torch.eye(2).double(), torch.zeros(2).double()))
    graph.add("relu", ReLU()).add("other", AtLeast(torch.ones(2).double()), "dense")
    network = graph.add("sum", Add(), "relu", "other").network()
    with pytest.raises(UnsupportedOperator, match="bend in two"):
        ask(feature_map(network), np.full(2, 0.5), np.zeros(2))


def test_smooth_networks_are_refused() -> None:
    network = (
        Graph(2).add("dense", Dense(torch.eye(2).double(), torch.zeros(2).double())).add("bent", Sigmoid()).network()
    )
    with pytest.raises(UnsupportedOperator):
        ask(feature_map(network), np.full(2, 0.5), np.zeros(2))


@pytest.mark.parametrize("objective", ["nearest", "farthest"])
def test_a_residual_sum_and_a_unit_whose_number_two_nodes_take(objective: str) -> None:
    """`ReLU(x) + |x|` is 2 x right of 0 and -x left of it: 1 is taken at 1/2 and at -1."""
    graph = Graph(1).add("dense", Dense(torch.eye(1).double(), torch.zeros(1).double()))
    graph.add("relu", ReLU()).add("magnitude", Absolute(), "dense")
    network = graph.add("sum", Add(), "relu", "magnitude").network()
    found = ask(feature_map(network), np.array([0.5]), np.array([-2.0]), objective=objective, domain=ur.Box(-4, 4))
    assert found.status is Status.OPTIMAL
    assert found.point == pytest.approx([-1.0 if objective == "nearest" else 0.5])


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e6])
def test_members_of_an_exact_search_keep_features_as_walks_do(scale: float) -> None:
    """To a part of the largest feature, however small that is."""
    net = Network.from_layers(
        [(np.array([[2.0, 0.5], [0.5, 1.0]]), np.zeros(2)), (scale * np.array([[1.0, 1.0]]), np.zeros(1))]
    )
    at = np.array([0.5, 0.25])
    asked = Question.of(feature_map(net), at, ur.Box(0, 1).in_space(2), np.zeros(1))
    largest = float(np.abs(net(at[None])).max())
    for error, kept in ((2.0**-42, True), (2.0**-36, False)):  # 2.3e-13 and 1.5e-11
        moved = at + error * largest / scale / 2.5 * np.array([1.0, 0.0])
        assert asked.is_member(moved) is kept
