"""Lower and upper estimates of the inverse Lipschitz constant."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.across.far_pairs import point_in, start_directions
from unrelu.across.frame_bounds import FrameBounds, frame_bounds
from unrelu.across.full_regions import LIMIT, full_regions
from unrelu.across.look_alike_pair import LookAlikePair, look_alike_pair
from unrelu.across.pair_search import along_line, descend
from unrelu.errors import InputError, TooLarge
from unrelu.network.arrays import Array
from unrelu.network.graph import INPUT, Network
from unrelu.network.layer import ReLULayer
from unrelu.network.node import Node
from unrelu.network.single_layer import single_layer
from unrelu.operators import Dense, Input
from unrelu.polyhedra.chebyshev import chebyshev_center
from unrelu.polyhedra.domains import Domain, resolve
from unrelu.progress import Progress, resolve_progress
from unrelu.rigor.arithmetic import is_ieee
from unrelu.stability.linearization import linearize

if TYPE_CHECKING:
    from unrelu.polyhedra.polyhedron import Polyhedron

_REGIONS = 50  # that a path runs through in the search for a witness


@dataclass(frozen=True)
class LocalStability:
    """What holds around one point, within its linear region. In float64, not proved.

    Attributes:
        sigma: the smallest of the d singular values of the Jacobian: for all inputs within the radius of the point
            `||F(x) - F(x')|| >= sigma ||x - x'||`, and some come as near to equality as one likes. 0 where fewer than
            d features can move.
        radius: distance of the point from the end of its linear region, L2.
    """

    sigma: float
    radius: float


@dataclass(frozen=True, eq=False)
class InverseLipschitz:
    """Bounds of kappa_L, the greatest number with `||F(x) - F(x')|| >= kappa_L ||x - x'||` for all x, x' in D.

    `1 / kappa_L` is the Lipschitz constant (L2) of the inverse on the features of D; infinite where two inputs share
    their features, or nearly.

    Attributes:
        lower: proved lower bound of kappa_L for the stored weights; 0 where none is known.
        upper: proved upper bound of it; 0 proves that no inverse is Lipschitz continuous.
        witness: the pair with the smallest ratio that was found; None where the domain left no room.
        frame: the frame-bound sandwich over all full-dimensional regions, for one ReLU layer; None otherwise.
        reason: why there is no sandwich; "" where there is one.
        local: what holds around the point that was given; None where none was.
    """

    lower: float
    upper: float
    witness: LookAlikePair | None
    frame: FrameBounds | None
    reason: str
    local: LocalStability | None

    @property
    def constant_lower(self) -> float:
        """Proved lower bound of the inverse Lipschitz constant, `1 / upper`; inf where it is infinite."""
        return math.nextafter(1 / self.upper, 0.0) if self.upper else math.inf

    @property
    def constant_upper(self) -> float:
        """Proved upper bound of the inverse Lipschitz constant, `1 / lower`; inf where none is known."""
        return math.nextafter(1 / self.lower, math.inf) if self.lower else math.inf

    def __repr__(self) -> str:
        """A line with the bounds."""
        return f"InverseLipschitz({self.lower:.4g} <= kappa_L <= {self.upper:.4g})"


def inverse_lipschitz(
    prefix: Network | ReLULayer,
    domain: Domain | None = None,
    *,
    at: Array | None = None,
    n_starts: int = 4,
    steps: int = 200,
    limit: int = LIMIT,
    seed: int = 0,
    progress: Progress | bool | None = None,
) -> InverseLipschitz:
    """How stable the inverse of a prefix is on a domain: lower and upper bounds of its inverse Lipschitz constant.

    From above kappa_L is bounded by the pairs of inputs that a search finds: along straight paths through linear
    regions, then by local descent (L-BFGS-B) of the ratio. For one ReLU layer it is also bounded from both sides by its
    full-dimensional regions on the domain, where these are few enough: small layers, or small domains. Both bounds
    are proved for the stored floats.

    Args:
        prefix: a ReLU layer, or a network, usually `net.upto("relu3")`.
        domain: D; all of space by default. With rows other than bounds there is no descent.
        at: a point of D: where the search begins, and what `local` is about.
        n_starts: other points from which the search begins, drawn at random.
        steps: most iterations of a descent.
        limit: most full-dimensional regions of one layer; 0 for no sandwich.
        seed: of the random points and directions.
        progress: see `unrelu.progress.resolve_progress`.

    Raises:
        InputError: if the point has another shape or is not finite, or if a number is negative.
        DomainError: if the point does not lie in the domain, or, for one ReLU layer, if the domain has no interior.
        TooLarge: if the Jacobian would take more memory than allowed.
        ModelError: if a number overflows, or a node is neither affine nor piecewise linear.

    >>> layer = ReLULayer(np.array([[1.0], [-1.0]]), np.zeros(2))
    >>> inverse_lipschitz(layer)
    InverseLipschitz(0.5 <= kappa_L <= 0.7071)
    """
    if n_starts < 0 or steps < 0 or limit < 0:
        raise InputError(f"n_starts, steps and limit must be 0 or more, not {n_starts}, {steps} and {limit}.")
    network = _as_network(prefix) if isinstance(prefix, ReLULayer) else prefix
    D = resolve(domain, network.input_size)
    given = None if at is None else point_in(network, at, domain)[0]
    reporter = resolve_progress(progress)
    frame, reason = _sandwich(prefix, network, D, limit, reporter)
    starts = ([] if given is None else [given]) + _random_points(D, network.input_shape, n_starts, seed)
    best: LookAlikePair | None = None
    with reporter.stage("pairs", len(starts)) as advance:
        for k, x in enumerate(starts):
            for v in start_directions(network, x, 1, seed + k):
                other = along_line(network, x, v, D, 0.0, _REGIONS)
                if other is not None and not np.array_equal(other, x):
                    found = look_alike_pair(network, *descend(network, x, other, D, 0.0, both=True, steps=steps))
                    best = found if best is None or found.ratio_bound < best.ratio_bound else best
            advance(1)
    return InverseLipschitz(
        lower=0.0 if frame is None else frame.lower,
        upper=min(math.inf if best is None else best.ratio_bound, math.inf if frame is None else frame.upper),
        witness=best,
        frame=frame,
        reason=reason,
        local=None if given is None else _around(network, given),
    )


def _sandwich(
    prefix: Network | ReLULayer, network: Network, domain: Polyhedron, limit: int, progress: Progress
) -> tuple[FrameBounds | None, str]:
    if limit == 0:
        return None, "not asked for"
    if not is_ieee():
        return None, "this thread flushes subnormal numbers to zero or does not round to nearest"
    try:
        layer = prefix if isinstance(prefix, ReLULayer) else single_layer(network)
        if layer is None:
            n = len(network.layers)
            many = f"the prefix has {n} ReLU layers; the sandwich is about one"
            return None, many if n > 1 else "the prefix is not one ReLU layer"
        if not layer.is_rectifier:
            return None, f"the sandwich is about a ReLU layer, and this one has a {type(layer.activation).__name__}"
        return frame_bounds(full_regions(layer, domain, limit=limit, progress=progress)), ""
    except TooLarge as error:
        return None, str(error)


def _around(network: Network, x: np.ndarray) -> LocalStability:
    found = linearize(network, x)
    m, d = found.shape
    values = np.linalg.svd(found.matrix, compute_uv=False)
    return LocalStability(float(values[-1]) if m >= d else 0.0, found.radius)


def _random_points(domain: Polyhedron, shape: tuple[int, ...], n: int, seed: int) -> list[np.ndarray]:
    """Uniform within finite bounds, normal without; the Chebyshev centre where there are other rows."""
    if len(domain.A_ub) or len(domain.A_eq):
        centre = chebyshev_center(domain).point
        return [] if centre is None or n == 0 else [centre.reshape(shape)]
    random = np.random.default_rng(seed)
    finite = np.isfinite(domain.lower) & np.isfinite(domain.upper)
    points = []
    for _ in range(n):
        x = np.clip(random.standard_normal(domain.n_coordinates), domain.lower, domain.upper)
        x[finite] = random.uniform(domain.lower[finite], domain.upper[finite])
        points.append(x.reshape(shape))
    return points


def _as_network(layer: ReLULayer) -> Network:
    """A layer as a network, on flat inputs."""
    m, d = layer.n_outputs, layer.n_inputs
    dense = Dense(torch.from_numpy(layer.dense_weight.copy()), torch.from_numpy(layer.bias.copy()))
    return Network(
        (
            Node(INPUT, Input((d,)), (), (d,)),
            Node("dense", dense, (INPUT,), (m,)),
            Node("relu", layer.activation, ("dense",), (m,)),
        ),
        ("relu",),
    )
