"""Singular vectors for a spectrum, and how well its values fit the Jacobian itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.errors import InputError
from unrelu.stability.linearization import linearize
from unrelu.stability.spectrum import feature_coordinates

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.arrays import Array
    from unrelu.network.graph import Network
    from unrelu.stability.spectrum import Spectrum


@dataclass(frozen=True, eq=False)
class SpectrumResiduals:
    """What is left of `J v = s u` and `J' u = s v` for each value s of a spectrum.

    Within `max(left, right)` of each value lies a singular value of J (Weyl, for [[0, J], [J', 0]], as u and v have
    norm 1); that it is the i-th is known from the complete decomposition that u and v come from.

    Attributes:
        right: (k,) `||J v - s u||`.
        left: (k,) `||J' u - s v||`.
        u: (m, k) left singular vectors.
        v: (d, k) right singular vectors.
    """

    right: np.ndarray
    left: np.ndarray
    u: np.ndarray
    v: np.ndarray

    @property
    def largest(self) -> float:
        """The largest of all residuals; 0 if there are none."""
        return float(max(self.right.max(initial=0.0), self.left.max(initial=0.0)))


def spectrum_residuals(found: Spectrum, prefix: Network, at: Array) -> SpectrumResiduals:
    """The residuals of all values of a spectrum.

    The vectors come from a complete decomposition of the matrix (LAPACK gesdd), the products from the network itself,
    forward and backward, so that the rounding of forming J counts as well. Takes several times as long as the spectrum.

    >>> from unrelu.network.graph import Network
    >>> from unrelu.stability.spectrum import spectrum
    >>> net = Network.from_layers([(np.diag([3.0, 2.0]), np.zeros(2)), (np.eye(2), np.zeros(2))])
    >>> x = np.array([1.0, 1.0])
    >>> spectrum_residuals(spectrum(net, x), net, x).largest < 1e-15
    True

    Args:
        found: from `spectrum(prefix, at, ...)`.
        prefix: the same prefix.
        at: the same point.

    Raises:
        InputError: if the spectrum is of something else.
        TooLarge: if the matrix would take more memory than allowed.
    """
    lin = linearize(prefix, at, relu=found.relu or not all(prefix.node(name).is_layer for name in prefix.outputs))
    network = lin.prefix
    columns = np.arange(lin.shape[1]) if found.window is None else found.window.coordinates(network.input_shape)
    chosen = feature_coordinates(network, found.features)
    rows = np.arange(lin.shape[0]) if chosen is None else chosen
    if (found.layer, found.shape) != (lin.layer, (len(rows), len(columns))):
        raise InputError(
            f"the spectrum is of a {found.shape[0]} x {found.shape[1]} Jacobian at {found.layer!r}, the prefix has one "
            f"of {len(rows)} x {len(columns)} at {lin.layer!r}; give the prefix that the spectrum was computed for."
        )
    U, _, Vt = np.linalg.svd(lin.matrix[np.ix_(rows, columns)], full_matrices=False)
    images = lin.operator.products(_embedded(Vt, columns, lin.shape[1], network))[:, rows].cpu().numpy()
    returned = lin.operator.adjoint_products(_embedded(U.T, rows, lin.shape[0], network))[:, columns].cpu().numpy()
    return SpectrumResiduals(
        right=np.linalg.norm(images - found.values[:, None] * U.T, axis=1),
        left=np.linalg.norm(returned - found.values[:, None] * Vt, axis=1),
        u=U,
        v=Vt.T,
    )


def _embedded(vectors: np.ndarray, places: np.ndarray, size: int, network: Network) -> Tensor:
    whole = np.zeros((len(vectors), size))
    whole[:, places] = vectors
    return torch.from_numpy(whole).to(network.device)
