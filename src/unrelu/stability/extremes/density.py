"""How the singular values of a large Jacobian are spread, and how many there are: by stochastic Lanczos quadrature."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.linalg import eigh_tridiagonal
from scipy.stats import t as student

from unrelu.errors import InputError
from unrelu.network.expected import expect_network
from unrelu.progress import resolve_progress
from unrelu.stability.extremes.side import Side, smaller_side
from unrelu.stability.operator import jacobian_operator

if TYPE_CHECKING:
    from unrelu.network.arrays import Array
    from unrelu.network.graph import Network
    from unrelu.progress import Progress

_SETTLED = 0.1  # a Ritz value whose residual is this part of its distance to a threshold lies on its side of it


@dataclass(frozen=True)
class Count:
    """An estimated number of singular values.

    Attributes:
        estimate: the mean over the probes.
        low: end of the interval below.
        high: end of the interval above.
        confidence: of the interval, as far as the probes are concerned; what the quadrature leaves open is in it too.
    """

    estimate: float
    low: float
    high: float
    confidence: float


@dataclass(frozen=True, eq=False)
class Density:
    """Estimated numbers of singular values between edges.

    Attributes:
        edges: (b + 1,) ascending.
        counts: (b,) float64, how many non-structural singular values lie in each bin.
        errors: (b,) float64, one standard error of each count over the probes.
    """

    edges: np.ndarray
    counts: np.ndarray
    errors: np.ndarray


@dataclass(frozen=True, eq=False)
class SpectralDensity:
    """Gauss quadratures of the spectral measures of random vectors.

    Attributes:
        shape: (m, d) of the Jacobian J.
        structural_rank: how many singular values are non-structural; the others are not counted.
        nodes: for each probe its (k,) singular values, ascending.
        weights: for each probe how many singular values each node stands for; they sum to `order`.
        residuals: for each probe those of the nodes' squares as eigenvalues of the Gram matrix.
        order: of the Gram matrix on J's smaller side.
        n_products: of J or J' with a vector.
        seconds: on the clock.
    """

    shape: tuple[int, int]
    structural_rank: int
    nodes: tuple[np.ndarray, ...]
    weights: tuple[np.ndarray, ...]
    residuals: tuple[np.ndarray, ...]
    order: int
    n_products: int
    seconds: float

    @property
    def largest(self) -> float:
        """The largest node: a lower bound of the largest singular value, up to rounding."""
        return max((float(nodes[-1]) for nodes in self.nodes), default=math.nan)

    def density(self, edges: Sequence[float] | np.ndarray) -> Density:
        """How many non-structural singular values lie between edges.

        Args:
            edges: ascending and positive, so that structural zeros lie in no bin.

        Raises:
            InputError: if they are not.
        """
        cuts = np.asarray(edges, dtype=np.float64)
        if cuts.ndim != 1 or len(cuts) < 2 or cuts[0] <= 0 or (np.diff(cuts) <= 0).any():
            raise InputError("edges must be at least two ascending positive numbers.")
        binned = np.array(
            [np.histogram(nodes, cuts, weights=w)[0] for nodes, w in zip(self.nodes, self.weights, strict=True)]
        )
        spread = binned.std(axis=0, ddof=1) if len(binned) > 1 else np.full(len(cuts) - 1, math.inf)
        return Density(cuts, binned.mean(axis=0), spread / math.sqrt(len(binned)))

    def count_above(self, threshold: float, confidence: float = 0.95) -> Count:
        """How many singular values exceed a threshold.

        For each probe the measure above a threshold is known up to the weights of the nodes on its two sides
        (Chebyshev, Markov and Stieltjes), of which those count as known whose Ritz vectors have converged. Student's
        interval over the probes is put around both ends.

        Args:
            threshold: positive.
            confidence: of the interval.

        Raises:
            InputError: if an argument is out of range.
        """
        if not (threshold > 0 and 0 < confidence < 1):
            raise InputError(f"threshold must be positive and confidence in (0, 1), not {threshold} and {confidence}.")
        parts = [
            _above(nodes, weights, residuals, threshold)
            for nodes, weights, residuals in zip(self.nodes, self.weights, self.residuals, strict=True)
        ]
        low, middle, high = np.array(parts).T
        factor = float(student.ppf((1 + confidence) / 2, len(parts) - 1)) / math.sqrt(len(parts))
        top = float(self.structural_rank)
        below, above = (float(ends.std(ddof=1)) * factor for ends in (low, high))
        return Count(
            estimate=min(float(middle.mean()), top),
            low=max(0.0, float(low.mean()) - below),
            high=min(top, float(high.mean()) + above),
            confidence=confidence,
        )

    def numerical_rank(self, rtol: float | None = None, confidence: float = 0.95) -> Count:
        """How many singular values exceed `rtol * sigma_1`, with sigma_1 the largest node.

        Args:
            rtol: by default `1e-7`: half the digits, as the quadrature is that of squares.
            confidence: of the interval.

        Raises:
            InputError: if an argument is out of range.
        """
        return self.count_above((1e-7 if rtol is None else rtol) * self.largest, confidence)


def spectral_density(
    prefix: Network,
    at: Array,
    relu: bool = True,
    probes: int = 16,
    steps: int = 64,
    budget: float | None = None,
    seed: int = 0,
    progress: Progress | bool | None = None,
) -> SpectralDensity:
    """The spectral density of a network's Jacobian, by stochastic Lanczos quadrature.

    Each probe is a random vector of signs, from which Lanczos steps with full reorthogonalisation on the Gram matrix
    of J's smaller side give a Gauss quadrature of its spectral measure (Golub and Meurant; Ubaru, Chen and Saad,
    2017). The mean over probes is unbiased up to what the quadrature leaves open.

    >>> from unrelu.network.graph import Network
    >>> net = Network.from_layers([(np.diag([3.0, 2.0, 0.0]), np.ones(3)), (np.eye(3), np.zeros(3))])
    >>> round(spectral_density(net.upto("relu1"), at=np.ones(3), probes=2).count_above(1.0).estimate, 12)
    2.0

    Args:
        prefix: a network, usually `net.upto("relu3")`.
        at: the point, of the network's input shape.
        relu: False to leave out the ReLU that the prefix ends in.
        probes: random vectors, at least 2.
        steps: Lanczos steps for each.
        budget: seconds after which no further probe is begun (but the first two); None for no end.
        seed: of the probes.
        progress: see `unrelu.progress.resolve_progress`; one step a product with J and J'.

    Raises:
        InputError: if the point or an argument is out of range, or if `relu` is False and the prefix does not end
            in a ReLU.
        ModelError: if a pre-activation overflows, or a node is neither affine, piecewise linear nor smooth.
    """
    expect_network(prefix)
    if probes < 2 or steps < 1 or (budget is not None and budget <= 0):
        raise InputError(
            f"probes must be at least 2, steps at least 1, budget positive, not {probes}, {steps}, {budget}."
        )
    begun = time.perf_counter()
    operator = jacobian_operator(prefix, at, relu)
    side = smaller_side(operator)
    steps = min(steps, side.n)
    rng = np.random.default_rng(seed)
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    with resolve_progress(progress).stage("spectral density", probes * steps) as advance:
        for k in range(probes if steps else 0):
            if k >= 2 and budget is not None and time.perf_counter() > begun + budget:
                break
            found.append(_quadrature(side, rng.choice([-1.0, 1.0], size=side.n), steps))
            advance(steps)
    nodes, weights, residuals = zip(*found, strict=True) if found else ((np.zeros(0),) * 2,) * 3
    return SpectralDensity(
        shape=(operator.shape[0], operator.shape[1]),
        structural_rank=side.rank,
        nodes=nodes,
        weights=weights,
        residuals=residuals,
        order=side.n,
        n_products=operator.n_products,
        seconds=time.perf_counter() - begun,
    )


def _quadrature(side: Side, probe: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes (square roots of Ritz values), weights and residuals of one probe."""
    device = side.operator.network.device
    basis = torch.zeros(steps, side.n, dtype=torch.float64, device=device)
    basis[0] = torch.from_numpy(probe).to(device) / math.sqrt(side.n)
    diagonal, beside = np.zeros(steps), np.zeros(steps)
    taken = steps
    for k in range(steps):
        image = side.gram(basis[k : k + 1])[0]
        diagonal[k] = float(image @ basis[k])
        for _ in range(2):
            image = image - basis[: k + 1].T @ (basis[: k + 1] @ image)
        beside[k] = float(image.norm())
        scale = np.abs(diagonal[: k + 1]).max()
        if k + 1 == side.n or beside[k] <= 1e-13 * scale:  # the probe's whole Krylov space is in the basis
            beside[k], taken = 0.0, k + 1
            break
        if k + 1 < steps:
            basis[k + 1] = image / beside[k]
    values, vectors = eigh_tridiagonal(diagonal[:taken], beside[: taken - 1])
    return (
        np.sqrt(np.maximum(values, 0.0)),
        side.n * vectors[0] ** 2,
        beside[taken - 1] * np.abs(vectors[-1]),
    )


def _above(
    nodes: np.ndarray, weights: np.ndarray, residuals: np.ndarray, threshold: float
) -> tuple[float, float, float]:
    """Least, likely and largest measure above a threshold."""
    first = int(np.searchsorted(nodes, threshold, side="right"))
    middle = float(weights[first:].sum())
    open_ = residuals > _SETTLED * np.abs(nodes**2 - threshold**2)
    over = float(weights[first]) if first < len(nodes) and open_[first] else 0.0
    under = float(weights[first - 1]) if first > 0 and open_[first - 1] else 0.0
    return middle - over, middle, middle + under
