"""Prefixes of any depth against all pieces of tiny networks, in rational arithmetic."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

import unrelu as ur
from exact_sets import set_of
from whole_sets import dimension, kind, pieces, values_at

SEEDS = 2
"""Networks of each kind; 30 of them were tried once."""

DOMAINS = [None, ur.Box(-2, 2), ur.Nonnegative(), ur.Polyhedron(A_ub=np.array([[1.0, 1.0]]), b_ub=np.array([2.0]))]


def whole(module: nn.Module, seed: int) -> nn.Module:
    """The module with small whole numbers as weights."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.data = torch.randint(-2, 3, parameter.shape, generator=generator).to(torch.float64)
    return module.double().eval()


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.relu(self.first(x))
        return torch.relu(torch.relu(self.last(torch.relu(self.second(h)) + h)) - x)


class Joined(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(6, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.cat([torch.relu(self.first(x)), x, torch.abs(self.second(x))], dim=1)
        return torch.relu(self.last(h))


class Pooled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(2, 3), nn.Linear(2, 2)
        self.pool, self.mean = nn.MaxPool1d(2, 1), nn.AvgPool1d(3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.relu(self.first(x)).unsqueeze(1)
        return torch.relu(self.last(self.mean(self.pool(h)).squeeze(1)))


class Compared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(2, 3), nn.Linear(2, 3), nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.maximum(self.first(x), self.second(x))
        return nn.functional.leaky_relu(self.last(h), 0.5)


MODULES = {
    "deep": lambda: nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2), nn.ReLU()),
    "wide": lambda: nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 4), nn.ReLU()),
    "affine end": lambda: nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)),
    "residual": Residual,
    "joined": Joined,
    "pooled": Pooled,
    "compared": Compared,
}


def network(name: str, seed: int) -> ur.Network:
    return ur.Network.from_torch(whole(MODULES[name](), seed), torch.zeros(2, 2, dtype=torch.float64))


def in_domain(x: np.ndarray, domain: ur.Domain | None) -> bool:
    return domain is None or domain.in_space(2).contains(x)


@pytest.mark.parametrize("name", MODULES)
def test_what_is_proved_is_true_of_all_pieces(name: str) -> None:
    rng = np.random.default_rng(3)
    seen: Counter[str] = Counter()  # kinds
    for seed in range(SEEDS):
        net = network(name, seed)
        for domain in DOMAINS:
            x = rng.integers(-4, 5, 2) / 2  # often on kinks
            if not in_domain(x, domain):
                continue
            eps = np.full(net.output_size, rng.choice([0.0, 0.0, 0.5]))
            if rng.random() < 0.2:
                eps[0] = 0.25
            found = ur.preimage(net, at=x, domain=domain, tolerance=eps, time_limit=0)
            if not isinstance(found, ur.PrefixPreimage):
                continue
            features = values_at(net, [Fraction(v) for v in x.tolist()])
            D = None if domain is None else domain.in_space(2)
            exact = pieces(net, features, eps, D)
            assert any(piece.contains([Fraction(v) for v in x.tolist()]) for piece in exact)
            if found.kind is not ur.Kind.UNDECIDED:
                assert found.kind.value == kind(exact)
            if found.bounded is not None:
                assert found.bounded is (kind(exact) != "unbounded")
            if found.singleton is not None:
                assert found.singleton is (kind(exact) == "singleton")
            assert dimension(exact) in found.dimension
            assert found.certificate.verify() is (found.kind is not ur.Kind.UNDECIDED)
            of_last = {net.outputs[0]} if net.node(net.outputs[0]).is_layer and name != "compared" else set()
            kept = {node: branches for node, branches in found.pattern.branches.items() if node not in of_last}
            region = pieces(net, features, eps, D, kept)
            what = kind(region)
            assert (found.region_bounded, found.region_singleton) == (what != "unbounded", what == "singleton")
            assert dimension(region) in found.region_dimension
            if name != "pooled":  # a third is no float
                assert set_of(found.region).kind == what
            if found.complete:
                assert what == kind(exact)
            for piece in exact:
                for corner in piece.points.corners:  # of a set of small whole numbers most corners are floats
                    point = np.array([float(v) for v in corner])
                    is_float = [Fraction(v) for v in point.tolist()] == corner
                    assert not is_float or found.contains(point) is True
            seen[found.kind.value] += 1
    assert sum(seen.values()) >= SEEDS
    assert name == "compared" or set(seen) != {"undecided"}
