"""Points drawn uniformly from the preimage of one layer, each with what is known about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unrelu.polyhedra.membership import member_radii
from unrelu.polyhedra.sampling.diagnostics import warn_of_disagreement

if TYPE_CHECKING:
    from unrelu.polyhedra.sampling.sample import Sample
    from unrelu.preimages.layer_preimage import LayerPreimage

_BLOCK = 2**22
"""Features that are held at once: 32 MB."""


@dataclass(frozen=True, eq=False)
class PreimageSample:
    """Points drawn uniformly from the preimage of a layer.

    Attributes:
        points: (n, *input_shape) float64, within the bounds of the domain exactly. Point i is draw `i // chains` of
            chain `i % chains`.
        feature_error: (n,) by how much each point's worst feature differs from what it should be, in float64.
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


def sample_preimage(preimage: LayerPreimage, found: Sample, n: int) -> PreimageSample:
    """What is known about points that were drawn from a preimage."""
    warn_of_disagreement(found.r_hat, n, stacklevel=3)
    shape = preimage.layer.input_shape
    return PreimageSample(
        points=found.points.reshape(n, *shape),
        feature_error=_feature_error(preimage, found.points),
        radius=np.minimum(member_radii(preimage.polyhedron.unit_rows, found.points), _known(preimage, found.points)),
        effective_sample_size=found.effective_sample_size.reshape(shape),
        r_hat=found.r_hat.reshape(shape),
        functional_effective_sample_size=found.functional_effective_sample_size,
        dimension=found.dimension,
        chains=found.chains,
        method=found.method,
    )


def _known(preimage: LayerPreimage, points: np.ndarray) -> np.ndarray:
    """(n,) what is known of the distance of a member without looking at rows."""
    if not preimage.singleton:
        return np.full(len(points), np.inf)
    return np.array([preimage.known_radius(point) for point in points])


def _feature_error(preimage: LayerPreimage, points: np.ndarray) -> np.ndarray:
    """(n,) by how much the worst feature of each point is off."""
    step = max(1, _BLOCK // preimage.layer.n_outputs)
    blocks = [points[start : start + step] for start in range(0, len(points), step)]
    return np.concatenate([preimage.feature_errors(block) for block in blocks])
