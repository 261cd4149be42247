"""The Jacobian of a network as an operator: products with J and J', without the matrix."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.sparse.linalg import LinearOperator

from unrelu.network.expected import expect_network
from unrelu.operators.tangents import Tangents
from unrelu.stability.adjoint import pull
from unrelu.stability.jacobian import CHUNK_BYTES, Start, collect
from unrelu.stability.linearization import without_last_relu
from unrelu.stability.pattern import ActivationPattern, forward_pass

if TYPE_CHECKING:
    from torch import Tensor

    from unrelu.network.arrays import Array
    from unrelu.network.graph import Network


class JacobianOperator(LinearOperator):
    """The Jacobian J (m, d) of a network on one linear region, as a SciPy `LinearOperator` in float64.

    `J @ V` and `J.T @ U` take NumPy vectors or blocks of them; `products` and `adjoint_products` do the same for torch
    tensors on the network's device, one vector a row, for algorithms that keep their blocks there. A block costs one
    pass of the network's linear parts, forward or backward; large ones go through in parts.

    Attributes:
        network: the network whose Jacobian it is.
        pattern: active neurons of its ReLU layers: the linear region.
        n_products: how many vectors were multiplied by J and by J' so far, as one number.
    """

    def __init__(self, network: Network, pattern: ActivationPattern) -> None:
        """Make one; `jacobian_operator` finds the pattern at a point."""
        super().__init__(np.dtype(np.float64), (network.output_size, network.input_size))
        self.network = network
        self.pattern = pattern
        self.n_products = 0
        widest = max(math.prod(node.shape) for node in network.nodes)
        self._part = max(1, CHUNK_BYTES // (8 * widest))

    def products(self, vectors: Tensor) -> Tensor:
        """`J v` for each row v: (k, d) -> (k, m), on the network's device."""
        self.n_products += len(vectors)
        if not len(vectors):
            return vectors.new_zeros(0, self.shape[0])
        entry = self.network.nodes[0]
        start = Start(len(vectors), {entry.name: Tangents(vectors, entry.shape)})
        blocks = collect(self.network, self.pattern, start, self.network.outputs)
        return torch.cat([blocks[name].full() for name in self.network.outputs], dim=1)

    def adjoint_products(self, vectors: Tensor) -> Tensor:
        """`J' u` for each row u: (k, m) -> (k, d), on the network's device."""
        self.n_products += len(vectors)
        if not len(vectors):
            return vectors.new_zeros(0, self.shape[1])
        return torch.cat([pull(self.network, self.pattern, part) for part in vectors.split(self._part)])

    def _matmat(self, X: np.ndarray) -> np.ndarray:
        return self.products(self._rows(X)).T.cpu().numpy()

    def _rmatmat(self, X: np.ndarray) -> np.ndarray:
        return self.adjoint_products(self._rows(X)).T.cpu().numpy()

    def _matvec(self, x: np.ndarray) -> np.ndarray:
        return self._matmat(x.reshape(-1, 1))[:, 0]

    def _rmatvec(self, x: np.ndarray) -> np.ndarray:
        return self._rmatmat(x.reshape(-1, 1))[:, 0]

    def _rows(self, X: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(X.T, dtype=np.float64)).to(self.network.device)


def jacobian_operator(prefix: Network, at: Array, relu: bool = True) -> JacobianOperator:
    """The Jacobian of a network at a point as an operator.

    >>> from unrelu.network.graph import Network
    >>> net = Network.from_layers([(np.diag([3.0, 2.0]), np.zeros(2)), (np.eye(2), np.zeros(2))])
    >>> J = jacobian_operator(net.upto("relu1"), at=np.array([1.0, -1.0]))
    >>> (J @ np.array([1.0, 1.0])).tolist(), (J.T @ np.array([1.0, 1.0])).tolist()
    ([3.0, 0.0], [3.0, 0.0])

    Args:
        prefix: a network, usually `net.upto("relu3")`; it may end in any node, or in several, joined.
        at: the point, of the network's input shape.
        relu: False to leave out the ReLU that the prefix ends in.

    Raises:
        InputError: if the point has another shape or is not finite, or if `relu` is False and the prefix
            does not end in a ReLU.
        ModelError: if a pre-activation overflows.
    """
    expect_network(prefix)
    network = prefix if relu else without_last_relu(prefix)
    return JacobianOperator(network, forward_pass(network, at).pattern)
