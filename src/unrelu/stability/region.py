"""The linear region of a point as a polyhedron."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.stability.comparisons import comparisons
from unrelu.stability.linearization import linearize
from unrelu.stability.pattern import forward_pass

if TYPE_CHECKING:
    from unrelu.network.graph import Network


def linear_region(network: Network, at: np.ndarray) -> Polyhedron:
    """The closed region on which all neurons keep their side of zero and all max poolings what they select.

    Rows that the input cannot move are left out, as they hold everywhere.

    >>> from unrelu.network.graph import Network
    >>> net = Network.from_layers([(np.array([[2.0], [-1.0]]), np.array([1.0, 3.0])), (np.ones((1, 2)), np.zeros(1))])
    >>> region = linear_region(net, at=np.array([1.0]))
    >>> region.A_ub.tolist(), region.b_ub.tolist()
    ([[-2.0], [1.0]], [3.0, 2.0])

    Args:
        network: any network; all of its ReLUs and poolings count.
        at: a point of its input shape.

    Returns:
        The region in the flattened input, centred at the point, up to rounding in float64.

    Raises:
        InputError: if the point has another shape, or numbers that are not finite.
        TooLarge: if its rows would take more memory than allowed.
    """
    forward = forward_pass(network, at)
    origins = {node.name: node.inputs[0] for node in network.nodes if node.is_relu or node.is_max_pool}
    d = network.input_size
    rows, right = [np.zeros((0, d))], [np.zeros(0)]
    names = list(dict.fromkeys(origins.values()))
    if names:
        matrix = linearize(network.upto(*names), at).matrix
        ends = np.cumsum([math.prod(network.node(name).shape) for name in names])
        gradients = dict(zip(names, np.split(matrix, ends[:-1]), strict=True))
        for relu, values in forward.preactivations.items():
            flat = values.reshape(-1).cpu().numpy()
            sides = np.where(flat > 0, -1.0, 1.0)
            rows.append(sides[:, None] * gradients[origins[relu]])
            right.append(-sides * flat)
        for pool, values in forward.pooled.items():
            flat = values.reshape(-1).cpu().numpy()
            compared = comparisons(network.node(pool), network.node(origins[pool]).shape, forward.pattern)
            gradient = gradients[origins[pool]]
            rows.append(gradient[compared.others] - gradient[compared.winners])
            right.append(flat[compared.winners] - flat[compared.others])
    A, b = np.vstack(rows), np.concatenate(right)
    moving = A.any(axis=1)
    return Polyhedron(A[moving], b[moving], origin=np.asarray(forward.at[0].cpu().numpy()).reshape(-1))
