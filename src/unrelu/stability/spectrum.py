"""The singular values of a prefix's Jacobian."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.errors import InputError
from unrelu.frozen_arrays import FrozenArrays, freeze
from unrelu.network.arrays import Array
from unrelu.network.expected import expect_network
from unrelu.stability.jacobian import Pushed, push, window_start
from unrelu.stability.linearization import ends_in_relu, without_last_relu
from unrelu.stability.pattern import forward_pass
from unrelu.stability.singular_values import singular_values
from unrelu.stability.structural import structural_rank

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.stability.window import Window

_EPSILON = float(np.finfo(np.float64).eps)


ACCURACY = 1e-8
"""Relative error allowed in a singular value besides the rounding of a direct decomposition: far more than plots and
condition numbers need, and enough for the Gram matrix, several times faster, to do most of the work."""


@dataclass(frozen=True, eq=False)
class Spectrum(FrozenArrays):
    """All singular values of the Jacobian J of a prefix at one input.

    Each value s is within about `accuracy * s + error` of a singular value of J (`errors`), so that small values have a
    large relative error, and those below `error` none that is worth stating. Not counted is the rounding of the
    products that form J, `gamma |W_l| ... |W_1|` in size.

    Attributes:
        layer: name of the node where the prefix ends, a ReLU layer as a rule.
        relu: whether that layer's ReLU is included; False also for a node that is not a ReLU.
        values: (min(m, d),) float64, descending, read-only; those that zero rows and columns or fewer active
            neurons before force to be 0 are exactly 0.
        shape: (m, d), the shape of J, or of what its windows leave of it.
        structural_rank: upper bound of the rank from sizes and numbers of active neurons alone.
        tolerance: values up to this count as 0; see `spectrum`.
        method: how the values were computed, in words.
        input: index of the input, where there were several.
        accuracy: relative error allowed besides rounding; 0 for a direct decomposition.
        window: the part of the input whose columns of J were taken; None for all.
        features: the part of the output whose rows of J were taken; None for all.
    """

    layer: str
    relu: bool
    values: np.ndarray
    shape: tuple[int, int]
    structural_rank: int
    tolerance: float
    method: str
    input: int = 0
    accuracy: float = 0.0
    window: Window | None = None
    features: Window | None = None

    @property
    def rank(self) -> int:
        """The numerical rank: how many values exceed the tolerance."""
        return int(np.count_nonzero(self.values > self.tolerance))

    @property
    def n_unknown(self) -> int:
        """How many values the structure leaves free, but floats cannot tell from 0 at this tolerance.

        The true rank lies between `rank` (where the tolerance is no smaller than `error`) and `structural_rank`.
        """
        return self.structural_rank - self.rank

    @property
    def n_invariant(self) -> int:
        """The number of input directions that J maps to 0, up to the tolerance: `d - rank`."""
        return self.shape[1] - self.rank

    @property
    def largest(self) -> float:
        """The largest singular value: the Lipschitz constant (L2) on the linear region."""
        return float(self.values[0])

    @property
    def smallest_nonzero(self) -> float:
        """The smallest singular value above the tolerance; NaN if there is none."""
        return float(self.values[self.rank - 1]) if self.rank else math.nan

    @property
    def condition_number(self) -> float:
        """The largest singular value over the smallest non-zero one; NaN for a zero Jacobian."""
        return self.largest / self.smallest_nonzero

    @property
    def error(self) -> float:
        """What a backward stable decomposition may change each value by: `max(m, d) * eps * sigma_1`.

        The size of the backward error that LAPACK's error bound has in practice (LAPACK Users' Guide, 4.9);
        no proof.
        """
        return max(self.shape) * _EPSILON * self.largest

    @property
    def errors(self) -> np.ndarray:
        """(min(m, d),): how far each value may be off, `accuracy * values + error`; 0 where the structure forces 0."""
        sizes = self.accuracy * self.values + self.error
        sizes[self.structural_rank :] = 0.0
        return sizes


def spectrum(
    prefix: Network,
    at: Array,
    relu: bool = True,
    rtol: float | None = None,
    *,
    window: Window | None = None,
    features: Window | None = None,
    accuracy: float = ACCURACY,
) -> Spectrum:
    """All singular values of a network's Jacobian at a point, or of a part of it.

    Rows that the ReLU removed are left out, and the smaller side counts. A large matrix is decomposed through its Gram
    matrix, and what that cannot resolve to the accuracy asked for is computed again (`unrelu.stability.gram`); a small
    one, or one whose tail is most of it, directly. `Spectrum.method` says which. See `spectrum_cost` for what it takes.

    >>> from unrelu.network.graph import Network
    >>> net = Network.from_layers([(np.diag([3.0, 2.0]), np.zeros(2)), (np.eye(2), np.zeros(2))])
    >>> found = spectrum(net.upto("relu1"), at=np.array([1.0, -1.0]))
    >>> found.values.tolist(), found.rank, found.structural_rank, found.condition_number
    ([3.0, 0.0], 1, 1, 1.0)

    Args:
        prefix: a network, usually `net.upto("relu3")`; it may end in any node, or in several, joined.
        at: the point, of the network's input shape.
        relu: False to leave out the ReLU that the prefix ends in.
        rtol: values up to `rtol * sigma_1` count as 0. By default `max(m, d) * eps`, the size of the
            decomposition's own error (as in `numpy.linalg.matrix_rank`): no smaller value can be told from 0.
        window: the part of the input to be varied; only its columns of J are computed, and only the places that they
            reach. The paper's way to networks whose J does not fit.
        features: the part of the output to be looked at; None for all.
        accuracy: relative error allowed besides the rounding of a direct decomposition; 0 for a direct one.

    Raises:
        InputError: if the point has another shape or is not finite, if `relu` is False and the prefix does
            not end in a ReLU, if there is no such window, or if `rtol` or `accuracy` is not a number in [0, 1).
        TooLarge: if the Jacobian would take more memory than allowed.
        ModelError: if a number overflows, or a node is neither affine, piecewise linear nor smooth.
    """
    expect_network(prefix)
    check_rtol(rtol)
    check_accuracy(accuracy)
    network = prefix if relu else without_last_relu(prefix)
    rows = feature_coordinates(network, features)
    start = window_start(network, window)
    forward = forward_pass(network, at)
    arrived = push(network, forward.pattern, network.outputs, start=start, compress=True, jointly=True)
    pushed = {result.node: result for result in arrived}
    return factored_spectrum(
        [pushed[name] for name in network.outputs],
        layer=", ".join(prefix.outputs),
        relu=relu and ends_in_relu(prefix),
        shape=(network.output_size if rows is None else len(rows), start.n_directions),
        rank=structural_rank(network, forward.pattern),
        rtol=rtol,
        accuracy=accuracy,
        window=window,
        features=features,
    )


def factored_spectrum(
    blocks: Sequence[Pushed],
    *,
    layer: str,
    relu: bool,
    shape: tuple[int, int],
    rank: int,
    rtol: float | None,
    accuracy: float,
    window: Window | None = None,
    features: Window | None = None,
) -> Spectrum:
    """The spectrum of a Jacobian that was pushed forward in one block, or in several with the same directions."""
    m, d = shape
    tangents = [block.tangents for block in blocks]
    if features is not None:
        (whole,) = tangents
        kept = torch.from_numpy(features.coordinates(whole.shape)).to(whole.values.device)
        tangents = [whole.only(kept)]
    joined = tangents[0].values if len(tangents) == 1 else torch.cat([one.values for one in tangents], dim=1)
    rank = min(rank, d, joined.shape[1])
    found = singular_values(joined, accuracy, rank)
    values = np.zeros(min(m, d))
    sure = min(len(found.values), rank)
    values[:sure] = found.values[:sure]
    freeze(values)
    largest = float(values[0]) if values.size else 0.0
    a, b = found.factored
    compressed = blocks[-1].compressed_at
    method = f"{found.algorithm} of a {b} x {a} matrix, zero rows and columns of the {m} x {d} Jacobian left out"
    if compressed:
        method += f", its row space reduced by Householder QR at {', '.join(compressed)}"
    return Spectrum(
        layer=layer,
        relu=relu,
        values=values,
        shape=shape,
        structural_rank=rank,
        tolerance=(max(m, d) * _EPSILON if rtol is None else rtol) * largest,
        method=method,
        accuracy=found.accuracy,
        window=window,
        features=features,
    )


def feature_coordinates(network: Network, features: Window | None) -> np.ndarray | None:
    """The output coordinates in a window; None for all.

    Raises:
        InputError: if the output has no such window, or there are several outputs.
    """
    if features is None:
        return None
    if len(network.outputs) > 1:
        raise InputError("a window of features needs a prefix with one output; ask about one node at a time.")
    return features.coordinates(network.output_shape)


def check_accuracy(accuracy: float) -> None:
    """Refuse a relative accuracy outside of [0, 1).

    Raises:
        InputError: if it is.
    """
    if not 0 <= accuracy < 1:
        raise InputError(f"accuracy must be a number in [0, 1), not {accuracy}; 0 asks for a direct decomposition.")


def check_rtol(rtol: float | None) -> None:
    """Refuse a relative tolerance outside of [0, 1).

    Raises:
        InputError: if it is.
    """
    if rtol is not None and not 0 <= rtol < 1:
        raise InputError(f"rtol must be a number in [0, 1), not {rtol}; leave it out for max(m, d) * eps.")
