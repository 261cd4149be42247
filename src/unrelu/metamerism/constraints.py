"""The inputs that keep the features of a point, as a polyhedron."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from unrelu.errors import DomainError
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.rounding import gamma
from unrelu.rigor.signs import exact_signs
from unrelu.stability.comparisons import comparisons
from unrelu.stability.linearization import linearize
from unrelu.stability.pattern import activation_pattern

DOMAIN_TOLERANCE = 1e-9
"""How far a point may break a general row of its domain, relative to the row's numbers; bounds it must keep exactly."""


@dataclass(frozen=True, eq=False)
class FeatureConstraints:
    """The inputs in a domain that have the features of a point x0.

    Attributes:
        polyhedron: the set, of dimension d, centred at x0, which is a member.
        ub_error: (k,) how far each of its `b_ub` may be from the exact number, for rounding.
        exact: whether the rows are exactly those of the layer as stored; False where they are a linearization
            that was computed in float64.
    """

    polyhedron: Polyhedron
    ub_error: np.ndarray
    exact: bool


def layer_constraints(layer: ReLULayer, at: np.ndarray, domain: Polyhedron, tolerance: float) -> FeatureConstraints:
    """The preimage of one layer at a point: `|ReLU(a_i.x + b_i) - y_i| <= tolerance` for every i.

    Args:
        layer: the layer (A, b).
        at: x0, (d,).
        domain: where inputs may lie.
        tolerance: 0 for exactly the same features.

    Raises:
        DomainError: if the point is not in the domain.
    """
    A, b = layer.dense_weight, layer.bias
    # Signs are exact: a row at exactly zero stays an inequality, and one a rounding error above it an equality.
    signs = exact_signs(A, b, at)
    active = signs > 0
    values = A @ at + b
    rounding = 2 * gamma(layer.n_inputs + 4) * (np.abs(A) @ np.abs(at) + np.abs(b)) + tolerance * 2.0**-52
    slack = np.where(signs < 0, np.maximum(-values, 0.0) + tolerance, tolerance)
    rows = _Rows(at)
    rows.keep(A[active], values[active], tolerance)
    rows.at_most(A[~active], slack[~active], np.where(signs < 0, rounding, 0.0)[~active])
    rows.within(domain)
    return rows.constraints(domain, exact=True)


def region_constraints(prefix: Network, at: np.ndarray, domain: Polyhedron, tolerance: float) -> FeatureConstraints:
    """The part of a network's preimage that lies in the closed linear region of a point.

    There `F(x) = F(x0) + J (x - x0)`: equality rows are those of J (of active neurons, where the prefix ends in
    a ReLU), every neuron of every layer keeps its side of zero, and every max pooling what it selects.

    Args:
        prefix: the network; its features are its output.
        at: x0, (d,).
        domain: where inputs may lie.
        tolerance: 0 for the same features.

    Raises:
        DomainError: if the point is not in the domain.
        TooLarge: if the Jacobians would take more memory than allowed.
    """
    fed = {node.name: node.inputs[0] for node in prefix.nodes if node.is_relu}
    pooled = {node.name: node.inputs[0] for node in prefix.nodes if node.is_max_pool}
    ends = [name for name in prefix.outputs if name not in fed]
    names = list(dict.fromkeys([*fed.values(), *pooled.values(), *ends]))
    point = at.reshape(prefix.input_shape)
    jacobian = linearize(prefix.upto(*names), point).matrix
    pattern = activation_pattern(prefix, point)
    sizes = [math.prod(prefix.node(name).shape) for name in names]
    blocks = dict(zip(names, np.split(jacobian, np.cumsum(sizes)[:-1]), strict=True))
    # A batch of one, as in the linearization, so that both see the same pattern.
    passed = prefix.values(torch.as_tensor(point, device=prefix.device)[None], names)
    values = {name: passed[name].reshape(-1).cpu().numpy() for name in names}
    rows = _Rows(at)
    for relu, origin in fed.items():
        active = values[origin] > 0
        rows.at_most(blocks[origin][~active], -values[origin][~active])
        if relu in prefix.outputs:
            rows.keep(blocks[origin][active], values[origin][active], tolerance)
        if relu not in prefix.outputs or tolerance > 0:
            rows.at_most(-blocks[origin][active], values[origin][active])
    for pool, origin in pooled.items():
        compared = comparisons(prefix.node(pool), prefix.node(origin).shape, pattern)
        differences = blocks[origin][compared.others] - blocks[origin][compared.winners]
        gaps = values[origin][compared.winners] - values[origin][compared.others]
        moving = differences.any(axis=1)  # two inactive neurons of a ReLU stay equal
        rows.at_most(differences[moving], gaps[moving])
    for name in prefix.outputs:
        if name not in fed:
            rows.keep(blocks[name], np.full(len(blocks[name]), math.inf), tolerance)
    rows.within(domain)
    return rows.constraints(domain, exact=False)


class _Rows:
    """Rows of a polyhedron centred at a point, collected one block after the other."""

    def __init__(self, origin: np.ndarray) -> None:
        d = origin.size
        self.origin = origin
        self.equal: list[np.ndarray] = [np.zeros((0, d))]
        self.below: list[np.ndarray] = [np.zeros((0, d))]
        self.right: list[np.ndarray] = [np.zeros(0)]
        self.error: list[np.ndarray] = [np.zeros(0)]

    def at_most(self, rows: np.ndarray, right: np.ndarray, error: np.ndarray | None = None) -> None:
        """`rows z <= right`, with right-hand sides known up to an error."""
        self.below.append(rows)
        self.right.append(right)
        self.error.append(np.zeros(len(right)) if error is None else error)

    def keep(self, rows: np.ndarray, values: np.ndarray, tolerance: float) -> None:
        """Features of these positive values stay, within the tolerance; a ReLU lets none fall below 0."""
        if tolerance == 0:
            self.equal.append(rows)
            return
        self.at_most(rows, np.full(len(rows), tolerance))
        lower = values > tolerance
        self.at_most(-rows[lower], np.full(int(lower.sum()), tolerance))

    def within(self, domain: Polyhedron) -> None:
        """The domain's own rows, centred anew."""
        check_member(domain, self.origin)
        shift = self.origin - domain.origin
        d = self.origin.size
        magnitude = np.abs(domain.A_ub) @ np.abs(shift) + np.abs(domain.b_ub)
        right = domain.b_ub - domain.A_ub @ shift
        # The point is in the domain, so that what is below zero is rounding.
        self.at_most(domain.A_ub, np.maximum(right, 0.0), 2 * gamma(d + 4) * magnitude)
        self.equal.append(domain.A_eq)

    def constraints(self, domain: Polyhedron, *, exact: bool) -> FeatureConstraints:
        equal = np.vstack(self.equal)
        return FeatureConstraints(
            Polyhedron(
                A_ub=np.vstack(self.below),
                b_ub=np.concatenate(self.right),
                A_eq=equal,
                b_eq=np.zeros(len(equal)),
                lower=domain.lower,
                upper=domain.upper,
                origin=self.origin,
            ),
            np.concatenate(self.error),
            exact,
        )


def check_member(domain: Polyhedron, point: np.ndarray) -> None:
    """Raise unless a point lies in a domain.

    Raises:
        DomainError: if it does not; the message says by how much.
    """
    outside = np.maximum(domain.lower - point, point - domain.upper)
    worst = int(np.argmax(outside))
    if outside[worst] > 0:
        raise DomainError(
            f"the original lies outside the domain: coordinate {worst} is {point[worst]:g}, not within "
            f"[{domain.lower[worst]:g}, {domain.upper[worst]:g}]; clip it, or give a domain that contains it "
            "(domain=None is the whole space)."
        )
    z = point - domain.origin
    for rows, right, two_sided in ((domain.A_ub, domain.b_ub, False), (domain.A_eq, domain.b_eq, True)):
        residual = rows @ z - right
        broken = np.abs(residual) if two_sided else residual
        allowed = DOMAIN_TOLERANCE * (np.abs(rows) @ np.abs(z) + np.abs(right))
        if bool(np.any(broken > allowed)):
            raise DomainError(
                f"the original lies outside the domain: it breaks {'an equality' if two_sided else 'an inequality'} "
                f"by {float(broken.max()):g}; give an original inside it."
            )
