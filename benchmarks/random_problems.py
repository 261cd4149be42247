"""Random inverse problems of any size, to see how the time of a method grows with inputs, units and depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import unrelu as ur


@dataclass(frozen=True, eq=False)
class RandomProblem:
    """Find all x in [-1, 1]^d with `F(x) = y`.

    Attributes:
        network: F.
        measured: (d,) y, the outputs at a random point.
        lower: (d,).
        upper: (d,).
        point: (d,) that point.
        name: sizes and seed.
    """

    network: ur.Network
    measured: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    point: np.ndarray
    name: str


def random_problem(n_inputs: int, n_units: int, depth: int, seed: int, n_outputs: int | None = None) -> RandomProblem:
    """A dense ReLU network with normal weights, such that kinks run all through the box.

    Weights have variance 2 / fan-in (He et al., 2015), so that values keep their size through the layers; each bias
    puts the kink of a unit through a random point of the box, as far as the units before it go.

    Args:
        n_inputs: d, 1 to 5 in the study.
        n_units: over all layers, which have the same width.
        depth: the number of ReLU layers.
        seed: of weights and point.
        n_outputs: d if left out.
    """
    rng = np.random.default_rng([seed, n_inputs, n_units, depth])
    widths = [n_units // depth + (k < n_units % depth) for k in range(depth)]
    layers: list[tuple[np.ndarray, np.ndarray]] = []
    d = n_inputs
    h = rng.uniform(-1.0, 1.0, (max(widths), n_inputs))
    for m in widths:
        W = rng.standard_normal((m, d)) * (2 / d) ** 0.5
        b = -np.einsum("ij,ij->i", W, h[rng.integers(len(h), size=m)])
        layers.append((W, b))
        h, d = np.maximum(h @ W.T + b, 0.0), m
    m = n_inputs if n_outputs is None else n_outputs
    layers.append((rng.standard_normal((m, d)) / d**0.5, np.zeros(m)))
    network = ur.Network.from_layers(layers)
    x = rng.uniform(-1.0, 1.0, n_inputs)
    y = np.asarray(network(x[None]))[0]
    name = f"{n_inputs} inputs, {n_units} units, depth {depth}, seed {seed}"
    return RandomProblem(network, y, np.full(n_inputs, -1.0), np.full(n_inputs, 1.0), x, name)
