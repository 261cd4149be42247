"""Walks where rows are costly or do not fit: rows in float32, starts near the target, products in place of rows."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

from unrelu.errors import TooLarge
from unrelu.metamerism.feature_map import feature_map
from unrelu.metamerism.metamer import metamer
from unrelu.metamerism.metamer_path import metamer_path
from unrelu.metamerism.walk import statement as statements
from unrelu.metamerism.walk.approach import BY_ROWS, approached
from unrelu.metamerism.walk.local_model import LocalModel
from unrelu.metamerism.walk.products import Products
from unrelu.metamerism.walk.statement import WalkStatement
from unrelu.network.graph import Network
from unrelu.polyhedra.domains import Box
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.lifted.exact_outputs import exact_outputs
from unrelu.solvers.status import Status
from unrelu.stability.pattern import activation_pattern

D = 64


class Mixed(nn.Module):
    """Convolutions, a leaky unit, pooling and a sum around them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.norm, self.leaky = nn.BatchNorm2d(4), nn.LeakyReLU(0.1)
        self.pool, self.end = nn.MaxPool2d(4), nn.Linear(16, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.relu(self.first(x))
        return self.end(self.pool(self.leaky(h + self.norm(self.second(h)))).flatten(1))


@cache
def mixed(seed: int = 0) -> Network:
    torch.manual_seed(seed)
    return Network.from_torch(Mixed().eval(), torch.rand(2, 1, 8, 8))


def asked(net: Network, seed: int = 0, far: float = 1.0) -> WalkStatement:
    x0, t = np.random.default_rng(seed).random((2, D)) * [[1.0], [far]]
    domain = Box(0, 1).in_space(D)
    features = feature_map(net)
    return features.walk_statement(x0, t, domain, np.zeros(features.n_features), unit=2.0**-53, norm=2)


@pytest.fixture
def costly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "COSTLY", 0)


@pytest.fixture
def too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "DENSE_LIMIT", 0)


@pytest.mark.usefixtures("costly")
def test_rows_in_float32_are_the_rows_to_its_rounding() -> None:
    statement = asked(mixed(), far=4.0)
    assert statement.unit > 1
    assert statement.rough is not None
    assert all(tensor.dtype == torch.float32 for node in statement.rough.nodes for tensor in node.operator.tensors())
    pattern = activation_pattern(statement.network, statement.origin.reshape(1, 8, 8))
    exact = LocalModel(statement.network, pattern, statement.origin)
    rough = LocalModel(statement.network, pattern, statement.origin, rough=statement.rough)
    places = np.arange(len(exact.values))
    assert np.array_equal(exact.values, rough.values)  # what is judged stays in float64
    true, near = exact.rows(places), rough.rows(places)
    assert near.dtype == np.float64
    assert not np.array_equal(true, near)
    assert np.abs(true - near).max() <= 1e-5 * np.abs(true).max()
    for products in (Products(statement, np.zeros(D)), Products(statement, np.zeros(D), exact=True)):
        rows = true[: statement.network.output_size] * statement.unit
        v, w = np.random.default_rng(1).normal(size=D), np.random.default_rng(2).normal(size=len(rows))
        assert products.forward(v) == pytest.approx(rows @ v, rel=1e-4, abs=1e-5)
        assert products.back(w) == pytest.approx(w @ rows, rel=1e-4, abs=1e-5)


@pytest.mark.usefixtures("costly")
def test_weights_that_float32_does_not_hold_keep_float64() -> None:
    big = [(1e300 * np.eye(4), np.zeros(4)), (1e-300 * np.eye(4), np.zeros(4))]
    net = Network.from_layers(big)
    features = feature_map(net)
    x0, t = np.random.default_rng(0).random((2, 4))
    statement = features.walk_statement(x0, t, Box(0, 1).in_space(4), np.zeros(4), unit=2.0**-53, norm=2)
    assert statement.is_costly
    assert statement.rough is None


@pytest.mark.parametrize("few", [True, False])
def test_gauss_newton_steps_lead_to_the_features(few: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not few:
        monkeypatch.setattr("unrelu.metamerism.walk.approach.BY_ROWS", 0)
    assert BY_ROWS > 2
    reached = 0
    for seed in range(4):
        statement = asked(mixed(seed), seed)
        start = statement.walked(statement.target)
        before = statement.off(statement.outputs(start))
        u, off = approached(statement, start, close=1e-9)
        assert off == statement.off(statement.outputs(u))
        assert off < before
        lower, upper = statement.bounds
        assert np.all((lower <= u) & (u <= upper))
        nearer = statement.distance(statement.input(u)) < statement.distance(statement.origin) / 2
        reached += off <= 1e-9 and nearer
    assert reached >= 3


@pytest.mark.usefixtures("costly")
def test_a_walk_that_begins_near_its_target_keeps_features_to_rounding() -> None:
    nearer = 0
    for seed in range(2):
        net = mixed(seed)
        x0, t = np.random.default_rng(seed).random((2, 1, 8, 8))
        mask = np.ones((1, 8, 8), dtype=bool)
        mask[0, 0] = False
        found = metamer(net, at=x0, target=t, norm=2, mask=mask, time_limit=20)
        x = np.asarray(found.x)
        ends = [exact_outputs(net, each.reshape(-1)) for each in (x0, x)]
        assert ends[0] is not None
        assert ends[1] is not None
        worst = max(abs(a - b) for a, b in zip(*ends, strict=True))
        assert worst <= 2e-12 * max(abs(a) for a in ends[0])
        assert np.array_equal(x[~mask], x0[~mask])
        assert x.min() >= 0
        assert x.max() <= 1
        assert found.distance < np.linalg.norm(x0 - t)
        if not found.waypoints.size:
            nearer += 1
            path = metamer_path(net, found, n=5)
            assert path.relative_error <= 1e-12
            assert np.array_equal(path.frames[0], x0)
    assert nearer, "some begin near the target"


@pytest.mark.usefixtures("costly")
def test_what_cannot_be_put_back_is_no_metamer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Newton steps do nothing, Gauss-Newton's end has its features to 1e-6 only."""
    as_it_is = lambda statement, u, deadline: (u, statement.off(statement.outputs(u)))  # noqa: E731
    monkeypatch.setattr("unrelu.metamerism.walk.walking.restored", as_it_is)
    x0, t = np.random.default_rng(0).random((2, 1, 8, 8))
    found = metamer(mixed(), at=x0, target=t, norm=2, time_limit=3)
    assert found.relative_error <= 1e-12


@pytest.mark.usefixtures("too_large")
def test_rows_that_do_not_fit_are_no_wall() -> None:
    for seed in range(2):
        net = mixed(seed)
        x0, t = np.random.default_rng(seed).random((2, 1, 8, 8))
        found = metamer(net, at=x0, target=t, norm=2)
        assert found.relative_error <= 1e-12
        assert found.steps > 0
        assert found.status is Status.LOCAL
        assert found.distance < 0.6 * np.linalg.norm(x0 - t)
        assert len(found.waypoints) == found.steps + 1
        with pytest.raises(TooLarge, match="do not fit"):
            metamer_path(net, found)
        loose = metamer(net, at=x0, target=t, norm=2, tolerance=0.01)
        assert loose.feature_error <= 0.01 + 1e-12 * loose.largest_feature
        assert loose.distance < found.distance
        late = metamer(net, at=x0, target=t, norm=2, time_limit=0)
        assert np.array_equal(late.x, x0)
        assert late.status is Status.TIME_LIMIT


@pytest.mark.usefixtures("too_large")
def test_where_no_direction_keeps_the_features_the_original_stays() -> None:
    rng = np.random.default_rng(0)
    net = Network.from_layers([(rng.normal(size=(30, 5)), np.full(30, 9.0)), (rng.normal(size=(20, 30)), np.zeros(20))])
    x0, t = rng.random((2, 5))
    found = metamer(net, at=x0, target=t, norm=2)
    assert np.array_equal(found.x, x0)
    wide = Polyhedron(lower=np.zeros(5), upper=np.ones(5), A_ub=np.ones((1, 5)), b_ub=np.full(1, 5.0))
    with pytest.raises(TooLarge, match="do not fit into memory"):
        metamer(net, at=x0, target=t, norm=2, domain=wide)
    with pytest.raises(TooLarge, match="do not fit into memory"):
        metamer(net, at=x0, norm=2, objective="farthest")


@pytest.mark.parametrize("kind", ["costly", "too_large"])
def test_large_walks_go_on_from_a_start(kind: str, request: pytest.FixtureRequest) -> None:
    """What a walk found is where another begins, which without time stays there and with time is no worse."""
    net = mixed(1)
    x0, t = np.random.default_rng(1).random((2, 1, 8, 8))
    first = metamer(net, at=x0, target=t, norm=2)
    assert first.distance < np.linalg.norm(x0 - t)
    request.getfixturevalue(kind)
    for seconds in (0.0, 5.0):
        found = metamer(net, at=x0, target=t, norm=2, start=first.x, time_limit=seconds)
        assert found.relative_error <= 1e-12
        assert found.distance <= first.distance * (1 + 1e-9)
        assert not found.waypoints.size, "it did not come from the original"
        if not seconds:
            assert np.abs(np.asarray(found.x) - np.asarray(first.x)).max() <= 1e-9
