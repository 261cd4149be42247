"""Small random inverse problems whose numbers are all exact in float64, for the oracle `exact_inversion`."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch

from stability.reference_networks import Graph
from unrelu.network.graph import Network
from unrelu.operators import Absolute, Clamp, Dense, LeakyReLU, Operator, ReLU
from whole_sets import values_at


@dataclass(frozen=True)
class InverseCase:
    """Find all x in a box with `F(x) = y`.

    Attributes:
        network: F.
        measured: (m,) y.
        lower: (d,) of the box.
        upper: (d,) the same.
        point: (d,) in the box, whose outputs the measured ones are; None where they were drawn.
    """

    network: Network
    measured: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    point: np.ndarray | None


def inverse_case(seed: int, most_inputs: int = 3, most_units: int = 16) -> InverseCase:
    """Whole and half weights, many of them 0; units that are dead, tied or copies; boxes that are wide, thin or flat.

    Args:
        seed: of everything.
        most_inputs: d is at most this.
        most_units: over all layers.
    """
    rng = np.random.default_rng(seed)
    d = int(rng.integers(1, most_inputs + 1))
    lower, upper = _box(rng, d)
    graph, fed = Graph(d), d
    for k, m in enumerate(_sizes(rng, d, most_units), start=1):
        W, b = _dense(rng, m, fed)
        graph.add(f"dense{k}", Dense(torch.from_numpy(W), torch.from_numpy(b))).add(f"bent{k}", _bent(rng, m))
        fed = m
    if rng.random() < 0.9:
        W, b = _dense(rng, max(1, d + int(rng.choice([-1, 0, 0, 0, 1]))), fed)
        graph.add("end", Dense(torch.from_numpy(W), torch.from_numpy(b)))
    network = graph.network()
    point = None
    if rng.random() < 0.75:
        steps = rng.choice([1, 2, 8])
        point = lower + (upper - lower) * rng.integers(0, steps + 1, d) / steps
        measured = values_at(network, [Fraction(v) for v in point.tolist()])
    else:
        measured = [Fraction(int(v), 2) for v in rng.integers(-6, 7, network.output_size)]
    y = np.array([float(v) for v in measured])
    assert [Fraction(v) for v in y.tolist()] == measured  # of small whole numbers and halves none is rounded
    return InverseCase(network, y, lower, upper, point)


def _box(rng: np.random.Generator, d: int) -> tuple[np.ndarray, np.ndarray]:
    lower = rng.integers(-4, 1, d) / 2
    upper = lower + rng.integers(1, 9, d) / 2
    if rng.random() < 0.15:
        j = int(rng.integers(d))
        upper[j] = lower[j] + rng.choice([0.0, 2.0**-10])
    return lower, upper


def _sizes(rng: np.random.Generator, d: int, most_units: int) -> list[int]:
    """Widths of one to three layers; narrow ones, which forget, now and then."""
    total = int(rng.integers(min(d + 1, most_units), most_units + 1))
    depth = min(int(rng.integers(1, 4)), total)
    cuts = np.sort(rng.permutation(total - 1)[: depth - 1] + 1)
    if rng.random() < 0.7:
        cuts = np.arange(1, depth) * total // depth
    return np.diff(np.array([0, *cuts.tolist(), total])).tolist()


def _dense(rng: np.random.Generator, m: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    W = rng.integers(-3, 4, (m, d)) * (rng.random((m, d)) < 0.8) * 1.0
    b = rng.integers(-3, 4, m) * 1.0
    if rng.random() < 0.3:
        W /= 2.0
    if m > 1 and rng.random() < 0.3:  # a unit again, or turned
        i, j = rng.permutation(m)[:2]
        W[i], b[i] = (W[j], b[j]) if rng.random() < 0.5 else (-W[j], -b[j])
    if rng.random() < 0.1:
        b[int(rng.integers(m))] = rng.choice([-1000.0, 1000.0])  # dead, or never
    return W, b


def _bent(rng: np.random.Generator, m: int) -> Operator:
    way = rng.random()
    if way < 0.45:
        return ReLU()
    if way < 0.6:
        return LeakyReLU(torch.from_numpy(rng.choice([0.5, 0.25, -1.0, 0.0], m)))
    if way < 0.9:
        return Absolute()
    halves = np.sort(rng.integers(-2, 5, (2, m)) / 2, axis=0)
    return Clamp(torch.from_numpy(halves[0]), torch.from_numpy(halves[1]))
