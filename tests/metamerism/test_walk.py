"""Walks along preimages: what they keep, what they reach, and what they may not say."""

from __future__ import annotations

import itertools
import math
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import nn

from deep_networks import deep, two
from metamers_against_oracle import best_power, metamer_case, solutions
from unrelu.errors import DomainError, InputError, UnsupportedOperator
from unrelu.metamerism.metamer import metamer
from unrelu.metamerism.metamer_path import metamer_path
from unrelu.metamerism.metamers import metamers
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.lifted.exact_outputs import exact_outputs
from unrelu.solvers.status import Status

NORMS = (1, 2, math.inf)


@pytest.mark.parametrize("objective", ["nearest", "farthest"])
@pytest.mark.parametrize("norm", NORMS)
def test_no_walk_beats_the_optimum_over_all_patterns(norm: float, objective: str) -> None:
    """Against all exact solutions of small networks whose originals often lie on kinks."""
    asked, reached = 0, 0
    for seed in range(24):
        case = metamer_case(seed)
        try:
            found = metamer(
                case.network,
                at=case.at,
                target=case.target,
                objective=objective,
                norm=norm,
                domain=Box(case.lower, case.upper),
                tolerance=case.eps,
                search="walk",
            )
        except UnsupportedOperator:
            continue
        power = best_power(solutions(case), case.target, objective, norm)
        best = math.sqrt(power) if norm == 2 else float(power)
        asked += 1
        size = max(1.0, best)
        if objective == "nearest":
            assert found.bound <= best * (1 + 1e-12)
            assert found.distance >= best - 1e-9 * size
            assert found.distance <= np.linalg.norm(case.at - case.target, ord=norm)
        else:
            assert found.bound >= best * (1 - 1e-12)
            assert found.distance <= best + 1e-9 * size
            assert found.distance >= np.linalg.norm(case.at - case.target, ord=norm)
        assert found.feature_error <= case.eps + 1e-12 * max(found.largest_feature, 1e-300)
        reached += abs(found.distance - best) <= 1e-6 * size
    assert asked >= 20
    assert 3 * reached >= asked, "of parts that hang together, most ends are optimal"


@pytest.mark.parametrize("seed", range(4))
def test_features_are_kept_in_exact_arithmetic(seed: int) -> None:
    net = deep(seed)
    prefix = net.upto("relu2")
    x0, t = two(seed)
    found = metamer(prefix, at=x0, target=t, norm=2)
    assert found.search == "walk"
    ends = [exact_outputs(prefix, np.asarray(x)) for x in (x0, found.x)]
    assert ends[0] is not None
    assert ends[1] is not None
    worst = max(abs(a - b) for a, b in zip(*ends, strict=True))
    assert worst <= 1e-12 * max(abs(a) for a in ends[0])
    assert 0 < found.distance < np.linalg.norm(x0 - t)
    if math.isfinite(found.radius):
        assert found.radius < 1e-9


def test_the_first_layer_by_a_walk_is_its_program() -> None:
    rng = np.random.default_rng(5)
    whole = Network.from_layers([(rng.normal(size=(7, 20)), rng.normal(size=7)), (np.eye(7), np.zeros(7))])
    net = whole.upto("relu1")
    x0, t = two(5, 20)
    for norm in NORMS:
        program = metamer(net, at=x0, target=t, norm=norm)
        walked = metamer(net, at=x0, target=t, norm=norm, search="walk")
        assert program.search == "layer"
        assert program.optimal
        assert walked.distance == pytest.approx(program.distance, rel=1e-5)
        layer = ReLULayer(net.layer("relu1").dense_weight, net.layer("relu1").bias)
        alone = metamer(layer, at=x0, target=t, norm=norm, search="walk")
        assert alone.distance == pytest.approx(program.distance, rel=1e-5)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e6])
def test_scales_of_inputs_do_not_matter(scale: float) -> None:
    x0, t = two(3)
    plain = metamer(deep(3).upto("relu2"), at=x0, target=t, norm=2)
    scaled = metamer(
        deep(3, scale).upto("relu2"), at=scale * x0, target=scale * t, norm=2, domain=Box(0, scale), tolerance=0
    )
    assert scaled.distance == pytest.approx(scale * plain.distance, rel=1e-4)
    assert scaled.relative_error <= 1e-12
    assert scaled.status is plain.status is Status.LOCAL


def test_masked_numbers_and_bounds_are_kept_to_the_last_bit() -> None:
    x0, t = two(7)
    x0[:3] = [0.0, 1.0, 0.1]
    mask = np.ones(12, dtype=bool)
    mask[[0, 2, 5]] = False
    t = np.where(mask, 3 * t - 1, x0)
    for norm, search in itertools.product(NORMS, ("walk", "region")):
        found = metamer(deep(7).upto("relu2"), at=x0, target=t, norm=norm, mask=mask, search=search)
        assert np.array_equal(np.asarray(found.x)[~mask], x0[~mask])
        assert (np.asarray(found.x) != x0).any()
        assert np.asarray(found.x).min() >= 0
        assert np.asarray(found.x).max() <= 1
        nothing = metamer(
            deep(7).upto("relu2"), at=x0, target=t, norm=norm, mask=np.zeros(12, dtype=bool), search=search
        )
        assert np.array_equal(nothing.x, x0)


def test_general_rows_of_a_domain_are_kept() -> None:
    x0, t = two(11)
    simplex = Polyhedron(lower=np.zeros(12), A_eq=np.ones((1, 12)), b_eq=np.array([x0.sum()]))
    found = metamer(deep(11).upto("relu2"), at=x0, target=t, norm=2, domain=simplex)
    assert np.asarray(found.x).sum() == pytest.approx(x0.sum(), abs=1e-9)
    assert np.asarray(found.x).min() >= 0
    assert found.distance < np.linalg.norm(x0 - t)


def test_a_target_that_is_a_metamer_is_reached_and_optimal() -> None:
    net = deep(2)
    prefix = net.upto("relu2")
    x0, t = two(2)
    first = metamer(prefix, at=x0, target=t, norm=2)
    again = metamer(prefix, at=x0, target=np.asarray(first.x), norm=2)
    assert again.distance <= 1e-6
    same = metamer(prefix, at=x0, target=x0, norm=1)
    assert np.array_equal(same.x, x0)
    assert same.optimal
    assert same.distance == 0


def test_where_the_layer_is_injective_the_original_stays() -> None:
    rng = np.random.default_rng(0)
    W = np.vstack([np.eye(4), -np.eye(4)])  # x and -x: all of x is seen
    net = Network.from_layers([(W, np.zeros(8)), (rng.normal(size=(8, 8)), np.full(8, 5.0)), (np.eye(8), np.zeros(8))])
    x0, t = two(0, 4)
    found = metamer(net.upto("relu2"), at=x0 - 0.5, target=t - 0.5, norm=2, domain=Box(-1, 1))
    assert np.abs(np.asarray(found.x) - (x0 - 0.5)).max() < 1e-9
    assert found.unique


def test_no_time_gives_the_original() -> None:
    x0, t = two(1)
    found = metamer(deep(1).upto("relu3"), at=x0, target=t, time_limit=0)
    assert np.array_equal(found.x, x0)
    assert found.status is Status.TIME_LIMIT
    assert found.distance == pytest.approx(np.abs(x0 - t).sum())


@pytest.mark.parametrize("tolerance", [0.01, 0.1])
def test_a_tolerance_only_helps(tolerance: float) -> None:
    x0, t = two(4)
    prefix = deep(4).upto("relu2")
    exact = metamer(prefix, at=x0, target=t, norm=2)
    loose = metamer(prefix, at=x0, target=t, norm=2, tolerance=tolerance)
    assert loose.feature_error <= tolerance * (1 + 1e-9)
    assert loose.distance < exact.distance


def test_the_region_is_the_best_on_the_original_s_pattern() -> None:
    """Against a linear program written down from the weights."""
    net, (x0, t) = deep(9), two(9)
    (W1, b1), (W2, b2) = ((net.layer(n).dense_weight, net.layer(n).bias) for n in ("relu1", "relu2"))
    h = W1 @ x0 + b1
    on = (h > 0).astype(float)
    J, g = W2 * on @ W1, W2 @ np.maximum(h, 0) + b2
    active = g > 0
    A_ub = np.vstack([-(2 * on - 1)[:, None] * W1, J[~active]])
    b_ub = np.concatenate([(2 * on - 1) * b1, (-g + J @ x0)[~active]])
    both = lambda M: np.hstack([M, -M])  # noqa: E731
    outcome = linprog(
        np.ones(24),
        A_ub=both(A_ub),
        b_ub=b_ub - A_ub @ t,
        A_eq=both(J[active]),
        b_eq=J[active] @ (x0 - t),
        bounds=np.column_stack([np.zeros(24), np.concatenate([1 - t, t])]),
    )
    found = metamer(net.upto("relu2"), at=x0, target=t, norm=1, search="region")
    assert found.regional
    assert found.distance == pytest.approx(outcome.fun, abs=1e-7)
    assert found.bound == pytest.approx(outcome.fun, abs=1e-6)
    assert found.changed == {}
    assert metamer(net.upto("relu2"), at=x0, target=t, norm=1).distance <= found.distance + 1e-9


def test_residual_networks_with_pooling_and_convolutions() -> None:
    torch.manual_seed(1)

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
            self.pool, self.end = nn.MaxPool2d(2), nn.Linear(16, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = torch.relu(self.first(x))
            h = self.pool(torch.relu(h + self.second(h)))
            return self.end(self.pool(h).flatten(1))

    net = Network.from_torch(Block().eval(), torch.rand(2, 1, 8, 8))
    x0, t = torch.rand(1, 8, 8), torch.rand(1, 8, 8)
    for norm in NORMS:
        found = metamer(net, at=x0, target=t, norm=norm)
        assert isinstance(found.x, torch.Tensor)
        assert found.relative_error <= 1e-12
        before = float(torch.linalg.vector_norm((x0 - t).flatten(), ord=norm))
        assert found.distance < 0.9 * before
        assert found.crossed > 0
        assert found.classes is not None
        assert found.classes.original == found.classes.metamer


def test_frames_have_the_features_and_lead_to_the_metamer(tmp_path) -> None:
    torch.manual_seed(0)
    net = Network.from_torch(
        nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 3)).eval(),
        torch.rand(2, 6, 6),
    )
    prefix = net.upto(net.layers[1])
    x0, t = np.random.default_rng(0).random((2, 6, 6))
    found = metamer(prefix, at=x0, target=t, norm=2)
    path = metamer_path(prefix, found, n=7)
    assert len(path) == 7
    assert path.reached
    assert np.array_equal(path.frames[0], x0)
    assert np.array_equal(path.frames[-1], found.x)
    y = prefix(x0[None])
    assert np.abs(np.asarray(prefix(path.frames)) - y).max() <= path.feature_errors.max()
    assert path.relative_error <= 1e-12
    assert path.largest_step < np.linalg.norm(np.asarray(found.x) - x0) / 2
    files = path.save(tmp_path / "frames")
    assert [file.name for file in files] == [f"frame-{k:03d}.png" for k in range(7)]
    with pytest.raises(InputError, match="at least two frames"):
        metamer_path(prefix, found, n=1)
    with pytest.raises(InputError, match="does not have its original's features"):
        metamer_path(deep(1, d=36).upto("relu2"), metamer(deep(2, d=36).upto("relu2"), at=x0.ravel(), target=t.ravel()))


def test_several_metamers_differ() -> None:
    prefix = deep(6).upto("relu2")
    x0, _ = two(6)
    several = metamers(prefix, at=x0, n=4)
    assert len(several) == 4
    assert several.nearest_pair > 0.1
    assert all(each.relative_error <= 1e-12 for each in several.found)
    alone = metamers(Network.from_layers([(np.eye(3), np.ones(3))]), at=np.full(3, 0.5), n=3)
    assert len(alone) == 1
    assert math.isinf(alone.nearest_pair)
    with pytest.raises(InputError, match="at least one metamer"):
        metamers(prefix, at=x0, n=0)


def test_what_does_not_fit_is_told() -> None:
    prefix = deep(0).upto("relu2")
    x0, t = two(0)
    with pytest.raises(InputError, match="needs a target"):
        metamer(prefix, at=x0)
    with pytest.raises(InputError, match="a search for a metamer is"):
        metamer(prefix, at=x0, target=t, search="gradient")
    with pytest.raises(InputError, match="a mask is an array of bool"):
        metamer(prefix, at=x0, target=t, mask=np.ones(12))
    with pytest.raises(DomainError, match="outside the domain"):
        metamer(prefix, at=x0 + 2, target=t)
    far = metamer(prefix, at=x0, objective="farthest", norm=2)
    assert far.distance > 0.1
    assert far.bound >= far.distance


def test_a_walk_that_is_stopped_by_hand_gives_what_it_has() -> None:
    x0, t = two(8)

    class Hand:
        """Presses Ctrl-C at the second step."""

        @contextmanager
        def stage(self, what: str, total: int | None):
            count = 0

            def advance(steps: int) -> None:
                nonlocal count
                count += steps
                if count == 2:
                    raise KeyboardInterrupt

            yield advance

    found = metamer(deep(8).upto("relu3"), at=x0, target=t, norm=2, progress=Hand())
    assert found.status is Status.INTERRUPTED
    assert found.relative_error <= 1e-12
    assert found.distance <= np.linalg.norm(x0 - t)
    assert found.steps == 2
