"""Points drawn uniformly from the preimage of one layer, each with what is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unrelu.errors import InputError
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.membership import member_radii
from unrelu.polyhedra.sampling.diagnostics import warn_of_disagreement
from unrelu.polyhedra.sampling.sample import draw
from unrelu.preimages.layer_polyhedron import LayerPolyhedron
from unrelu.progress import Progress

if TYPE_CHECKING:
    from unrelu.preimages.layer_preimage import LayerPreimage

_BLOCK = 2**22
"""Features that are held at once: 32 MB."""


@dataclass(frozen=True, eq=False)
class PreimageSample:
    """Points drawn uniformly from the preimage of a layer.

    Attributes:
        points: (n, *input_shape) float64, within the bounds of the domain exactly. Point i is draw `i // chains` of
            chain `i % chains`.
        feature_error: (n,) by how much each point's worst feature differs from that of x0, in float64.
        radius: (n,) an exact member of the preimage is proved to lie within this L2 distance of each point; inf where
            that is not proved.
        effective_sample_size: (*input_shape) how many independent points would give means of each coordinate as exact
            as these; NaN for coordinates that are constant, and where points are too few to tell.
        r_hat: (*input_shape) split R-hat of each coordinate, near 1 when the chains agree; NaN likewise.
        functional_effective_sample_size: (50,) the effective sample size of random linear functionals.
        dimension: of the affine hull that was sampled; it lies in the interval that is proved for the preimage.
        chains: number of independent Markov chains.
        method: how the points were drawn, in words.
    """

    points: np.ndarray
    feature_error: np.ndarray
    radius: np.ndarray
    effective_sample_size: np.ndarray
    r_hat: np.ndarray
    functional_effective_sample_size: np.ndarray
    dimension: int
    chains: int
    method: str

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        """A line that says how much the points are worth."""
        worth = ""
        if np.isfinite(self.r_hat).any():
            size, r_hat = np.nanmedian(self.effective_sample_size), np.nanmax(self.r_hat)
            worth = f", effective sample size {size:.0f}, R-hat at most {r_hat:.3f}"
        return f"PreimageSample({len(self)} points in {self.dimension} dimensions{worth})"


def sample_preimage(
    preimage: LayerPreimage, body: LayerPolyhedron, n: int, *, seed: int = 0, progress: Progress | bool | None = None
) -> PreimageSample:
    """`LayerPreimage.sample`, see there, with the preimage as a polyhedron."""
    if preimage.bounded is False:
        raise InputError(
            "the preimage is unbounded, so it has no uniform distribution; bound it by a domain such as Box(0, 1)."
        )
    if preimage.bounded is None:
        raise InputError(
            "whether the preimage is bounded, and so has a uniform distribution, is undecided; bound it by a domain "
            "such as Box(0, 1)."
        )
    layer, x0 = preimage.layer, preimage.at
    found = draw(body.polyhedron, n, seed=seed, progress=progress)
    proved = preimage.dimension
    if not proved.lower <= found.dimension <= proved.upper:
        raise InputError(
            f"the preimage is too thin for floats: {found.dimension} dimensions were found, where {proved.lower} to "
            f"{proved.upper} are proved; sample within a wider domain, or allow a larger tolerance."
        )
    warn_of_disagreement(found.r_hat, n, stacklevel=3)
    return PreimageSample(
        points=found.points.reshape(n, *layer.input_shape),
        feature_error=_feature_error(layer, x0, found.points),
        radius=member_radii(body.polyhedron, found.points, ub_error=body.ub_error),
        effective_sample_size=found.effective_sample_size.reshape(layer.input_shape),
        r_hat=found.r_hat.reshape(layer.input_shape),
        functional_effective_sample_size=found.functional_effective_sample_size,
        dimension=found.dimension,
        chains=found.chains,
        method=found.method,
    )


def _feature_error(layer: ReLULayer, x0: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(n,) `max_i |f_i(x) - f_i(x0)|`."""
    A, b = layer.dense_weight, layer.bias
    y = np.maximum(A @ x0 + b, 0.0)
    step = max(1, _BLOCK // layer.n_outputs)
    blocks = [points[start : start + step] for start in range(0, len(points), step)]
    return np.concatenate([np.abs(np.maximum(block @ A.T + b, 0.0) - y).max(axis=1) for block in blocks])
