"""Spectra of one layer summarised over many inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unrelu.errors import InputError
from unrelu.stability.spectrum import Spectrum

QUARTILES = (0.25, 0.5, 0.75)
"""Lower quartile, median and upper quartile, as the paper plots the decay of singular values."""


@dataclass(frozen=True, eq=False)
class SpectrumQuantiles:
    """Quantiles over inputs of the i-th largest singular value of one layer, for every i.

    Attributes:
        layer: name of the layer.
        relu: whether its ReLU is included.
        n_inputs: number of spectra they were taken over.
        probabilities: (q,) in [0, 1].
        curves: (q, k) float64; `curves[j, i]` is the quantile `probabilities[j]` of `values[i]`, with linear
            interpolation between order statistics. Each curve descends.
    """

    layer: str
    relu: bool
    n_inputs: int
    probabilities: tuple[float, ...]
    curves: np.ndarray

    def curve(self, probability: float) -> np.ndarray:
        """The curve of one of the probabilities: (k,).

        Raises:
            InputError: if it is not among them.
        """
        if probability not in self.probabilities:
            raise InputError(f"there is no curve for the quantile {probability}; there are {self.probabilities}.")
        return self.curves[self.probabilities.index(probability)]


def spectrum_quantiles(spectra: Sequence[Spectrum], probabilities: Sequence[float] = QUARTILES) -> SpectrumQuantiles:
    """Quantile curves, by index of the singular value, over the spectra of one layer at several inputs.

    Args:
        spectra: at least one, all of the same layer, with or without its ReLU alike.
        probabilities: which quantiles, in [0, 1].

    Raises:
        InputError: if there are none, if they do not belong together, or if a probability is out of range.
    """
    if not spectra:
        raise InputError("quantiles need at least one spectrum.")
    first = spectra[0]
    for other in spectra:
        if (other.layer, other.relu, other.shape) != (first.layer, first.relu, first.shape):
            raise InputError(
                f"quantiles need spectra of one layer; {first.layer!r} (relu={first.relu}) and {other.layer!r} "
                f"(relu={other.relu}) were given. Select one layer first."
            )
    if not all(0 <= probability <= 1 for probability in probabilities):
        raise InputError(f"probabilities must lie in [0, 1]; {tuple(probabilities)} were given.")
    curves = np.quantile(np.stack([found.values for found in spectra]), list(probabilities), axis=0)
    return SpectrumQuantiles(first.layer, first.relu, len(spectra), tuple(probabilities), curves)
