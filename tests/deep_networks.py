"""Dense networks of some depth, with an original and a target, for tests of metamers."""

from __future__ import annotations

import itertools
import math

import numpy as np

from unrelu.network.graph import Network


def deep(seed: int = 0, scale: float = 1.0, depth: int = 4, width: int = 6, d: int = 12) -> Network:
    """A dense network with random weights, for inputs of a given scale."""
    rng = np.random.default_rng(seed)
    sizes = [d, *([width] * depth)]
    layers = [
        (rng.normal(size=(m, n)) * math.sqrt(2 / n), rng.normal(size=m) * 0.1 * scale)
        for n, m in itertools.pairwise(sizes)
    ]
    return Network.from_layers(layers)


def two(seed: int, d: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """An original and a target."""
    rng = np.random.default_rng([seed, 1])
    return rng.random(d), rng.random(d)
