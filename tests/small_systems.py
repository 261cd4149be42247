"""Small random layers, domains and features with everything in them that decides nothing by counting."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box, Domain, Nonnegative
from unrelu.polyhedra.polyhedron import Polyhedron


@dataclass(frozen=True)
class SmallSystem:
    """A layer, a domain, features, tolerances, and the point near which they were made.

    Attributes:
        point: (d,) in the domain, but not with these features if `features` were not made from it.
    """

    layer: ReLULayer
    domain: Domain | None
    features: np.ndarray
    tolerance: np.ndarray
    point: np.ndarray

    @property
    def polyhedron(self) -> Polyhedron | None:
        """The domain, if there is one."""
        return None if self.domain is None else self.domain.in_space(self.layer.n_inputs)


def small_system(seed: int, most_inputs: int = 4, *, of_a_point: bool = False) -> SmallSystem:
    """Opposite rows, multiples of rows, rows of zeros, tight rows, flat sets, sets of one point, and near misses.

    Args:
        seed: of everything.
        most_inputs: d is at most this.
        of_a_point: whether the features have to be the exact ones of the point, and it has to lie in the domain.
    """
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, most_inputs + 1))
    m = int(rng.integers(1, 2 * d + 3))
    A = rng.integers(-2, 3, (m, d)).astype(float)
    style = rng.integers(0, 8)
    if m > 1 and rng.random() < 0.5:
        i, j = rng.permutation(m)[:2]
        A[i] = A[j] * rng.choice([-2.0, -1.0, 1.0, 3.0, -0.5, -3.0])
    if rng.random() < 0.3:
        A[rng.integers(m)] = 0
    if style == 1:
        A *= 2.0 ** rng.integers(-3, 4, (m, 1))
    elif style == 2:
        A /= rng.choice([4.0, 8.0, 16.0], A.shape)
    elif style == 3 and not of_a_point:
        A *= rng.choice([1.0, 0.1, 1 / 3], A.shape)
    x = rng.integers(-2, 3, d) / rng.choice([1, 1, 2, 4])
    b = np.where(rng.random(m) < 0.4, -(A @ x), rng.integers(-2, 3, m))
    y = np.maximum(A @ x + b, 0.0)
    way = 1.0 if of_a_point else rng.random()
    if way < 0.15:
        y = rng.integers(-1, 3, m).astype(float)
    elif way < 0.3:
        y[rng.integers(m)] += rng.choice([1.0, -1.0, 0.25, 1e-9, -1e-9, 2.0**-52])
    return SmallSystem(ReLULayer(A, b), _domain(rng, x, inside=of_a_point), y, _tolerance(rng, y), x)


def _tolerance(rng: np.random.Generator, y: np.ndarray) -> np.ndarray:
    way, m = rng.random(), y.size
    if way < 0.6:
        return np.zeros(m)
    if way < 0.75:
        return np.full(m, rng.choice([0.25, 0.5, 1.0]))
    if way < 0.9:
        return np.where(rng.random(m) < 0.5, 0.0, rng.choice([0.25, 0.5, 1.0], m))
    return np.abs(y) * rng.integers(0, 2, m)  # a feature at its tolerance is not fixed from below


def _domain(rng: np.random.Generator, x: np.ndarray, *, inside: bool) -> Domain | None:
    way, d = rng.random(), x.size
    if way < 0.25:
        return None
    if way < 0.35:
        return Box(-2, 2) if rng.random() < 0.5 else Box(x - rng.integers(0, 2, d), x + rng.integers(0, 2, d))
    if way < 0.45 and (not inside or bool((x >= 0).all())):
        return Nonnegative()
    k, n_eq = int(rng.integers(0, 4)), int(rng.integers(0, 3))
    G, E = rng.integers(-2, 3, (k, d)).astype(float), rng.integers(-2, 3, (n_eq, d)).astype(float)
    if k > 1 and rng.random() < 0.5:
        G[1] = -G[0] * rng.choice([1.0, 2.0, 3.0])
    origin = rng.integers(-2, 3, d).astype(float) if rng.random() < 0.6 else np.zeros(d)
    if rng.random() < 0.2 and not inside:
        origin = origin + rng.choice([0.1, 1 / 3, 1e6])
    h = G @ (x - origin) + rng.integers(0, 3, k) * (rng.random(k) < 0.6)
    f = E @ (x - origin) if inside or rng.random() < 0.8 else rng.integers(-2, 3, n_eq).astype(float)
    lower = np.where(rng.random(d) < 0.6, -np.inf, x - rng.integers(0, 3, d))
    upper = np.where(rng.random(d) < 0.6, np.inf, x + rng.integers(0, 3, d))
    if rng.random() < 0.2 and not inside:
        lower = lower + rng.integers(0, 2, d)
        upper = np.maximum(upper, lower)
    return Polyhedron(G, h, E, f, lower, upper, origin)
