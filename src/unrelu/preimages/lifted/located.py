"""A point in a network: which branches its units take there, and which of their guards hold with equality, exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch

from unrelu.errors import ModelError
from unrelu.network.affine_rows import AffineRows, affine_rows, check_numbers
from unrelu.network.graph import Network
from unrelu.network.interpreter import interpret
from unrelu.network.node import Node
from unrelu.operators import Shape
from unrelu.operators.guards import Guards
from unrelu.operators.selected_map import SelectedMap
from unrelu.preimages.lifted.exact_values import ExactValues, OutOfWork
from unrelu.rigor.matrices import most_terms
from unrelu.rigor.rounding import UNDERFLOW, UNIT, gamma, lost


@dataclass(frozen=True, eq=False)
class Enclosure:
    """Numbers of a node, flattened, and how far each may be from the exact one.

    Attributes:
        value: (m,) float64.
        error: (m,) float64.
    """

    value: np.ndarray
    error: np.ndarray


@dataclass(frozen=True, eq=False)
class LocatedUnits:
    """The units of one piecewise linear node at a point.

    Attributes:
        branches: (*shape) int64; of several branches that meet there, the first.
        chosen: the affine map that they make the node.
        guards: what holds on their piece, and only there.
        tight: (g,) bool, the guards that hold with equality at the point.
        unsure: (g,) bool, the guards of which it is open whether they do, or hold at all.
    """

    branches: np.ndarray
    chosen: SelectedMap
    guards: Guards
    tight: np.ndarray
    unsure: np.ndarray


@dataclass(frozen=True, eq=False)
class Located:
    """What a network does at a point, in exact arithmetic on its stored rows.

    Attributes:
        values: by node, as computed from the stored rows, with error.
        units: by piecewise linear node.
        exact: exact numbers on demand.
    """

    values: dict[str, Enclosure]
    units: dict[str, LocatedUnits]
    exact: ExactValues

    @property
    def is_sure(self) -> bool:
        """Whether all branches are those of exact arithmetic, and all guards decided."""
        return not any(bool(each.unsure.any()) for each in self.units.values())

    def signs(self, network: Network, name: str, less: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The signs of the numbers of a node less others, exactly.

        Args:
            network: the network.
            name: the node.
            less: (m,) float64, what to take from its numbers.

        Returns:
            (m,) int8, and (m,) bool, which of them are open.
        """
        found = self.values[name]
        with np.errstate(invalid="ignore", over="ignore"):
            gap = found.value - less
            doubt = found.error * (1 + 4 * UNIT) + 4 * UNIT * (np.abs(found.value) + np.abs(less)) + UNDERFLOW
            unsure = np.flatnonzero(~(np.abs(gap) > doubt))
        signs, left = np.sign(gap).astype(np.int8), np.zeros(len(gap), dtype=bool)
        try:
            numbers, common = self.exact.of(name, unsure)
        except OutOfWork:
            left[unsure] = True
            return signs, left
        for place, number in zip(unsure.tolist(), numbers, strict=True):
            other = Fraction(float(less[place]))
            total = number * other.denominator - other.numerator * common
            signs[place] = (total > 0) - (total < 0)
        return signs, left


def locate(network: Network, point: np.ndarray) -> Located:
    """A point (d,) in a network.

    Values are computed from the stored rows, each with a bound of its rounding errors; where that leaves the sign of a
    guard open, the numbers that it compares are computed exactly.

    Raises:
        TooLarge: if the stored rows would take more memory than allowed.
        ModelError: if a value overflows.
        UnsupportedOperator: if a node is neither affine nor piecewise linear.
    """
    check_numbers(network)
    exact = ExactValues(network, point)
    units: dict[str, LocatedUnits] = {}

    def step(node: Node, operands: list[Enclosure]) -> Enclosure:
        if node.is_affine:
            found = _affine(affine_rows(network, node.name), _joined(operands))
        else:
            shapes = [network.node(name).shape for name in node.inputs]
            units[node.name] = _units(node, shapes, operands, exact)
            exact.choose(node.name, units[node.name].chosen)
            found = _passed(node, shapes, operands)
        if not bool(np.isfinite(found.value).all()):
            raise ModelError(
                f"the values of node {node.name!r} overflow float64 at this point; scale the weights down."
            )
        return found

    entry = network.nodes[0].name
    known = {entry: Enclosure(point, np.zeros(point.size))}
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused, or decided exactly
        values = interpret(network.nodes[1:], step, known)
    return Located(values, units, exact)


def _joined(operands: Sequence[Enclosure]) -> Enclosure:
    if len(operands) == 1:
        return operands[0]
    return Enclosure(
        np.concatenate([operand.value for operand in operands]), np.concatenate([operand.error for operand in operands])
    )


def _affine(rows: AffineRows, fed: Enclosure) -> Enclosure:
    moves = rows.moves
    if moves is not None and not rows.constants.any():
        value, error = (np.append(part, 0.0)[moves] for part in (fed.value, fed.error))
        return Enclosure(value, error)
    sizes = abs(rows.matrix) @ np.column_stack([fed.error, np.abs(fed.value)])
    value = rows.matrix @ fed.value + rows.constants
    n = most_terms(rows.matrix)
    largest = float(np.abs(rows.matrix.data).max(initial=0.0))
    rounding = gamma(n + 6) * (sizes[:, 1] + np.abs(rows.constants))
    little = lost(n, largest, float(np.abs(fed.value).max(initial=0.0)))
    error = (sizes[:, 0] + 2 * rounding) * (1 + 4 * gamma(n + 6)) + 2 * little
    if rows.divisors is None:
        return Enclosure(value, error)
    quotient = value / rows.divisors
    return Enclosure(
        quotient, error / np.abs(rows.divisors) * (1 + 4 * UNIT) + 2 * UNIT * np.abs(quotient) + 2 * UNDERFLOW
    )


def _tensors(parts: Sequence[np.ndarray], shapes: Sequence[Shape]) -> list[torch.Tensor]:
    return [torch.from_numpy(part).reshape(1, *shape) for part, shape in zip(parts, shapes, strict=True)]


def _passed(node: Node, shapes: Sequence[Shape], operands: Sequence[Enclosure]) -> Enclosure:
    operator = node.piecewise.to("cpu")
    values = _tensors([operand.value for operand in operands], shapes)
    errors = _tensors([operand.error for operand in operands], shapes)
    error = operator.error(values, errors, UNIT).reshape(-1).numpy()
    error = np.where(error == 0, 0.0, error * (1 + 16 * UNIT) + UNDERFLOW)
    return Enclosure(operator.apply(*values).reshape(-1).numpy(), error)


def _units(node: Node, shapes: list[Shape], operands: list[Enclosure], exact: ExactValues) -> LocatedUnits:
    operator = node.piecewise.to("cpu")
    branches = operator.branches(*_tensors([operand.value for operand in operands], shapes))[0].numpy().astype(np.int64)
    fed = _joined(operands)
    guards = operator.guards(branches, shapes)
    doubted = np.flatnonzero(~_clear(guards, fed))
    signs = _signs(node, guards, doubted, exact)
    if signs is not None and bool((signs <= 0).any()):
        again = np.unique(guards.units[doubted[signs <= 0]])
        branches = _first_branches(node, shapes, branches, again, exact)
        guards = operator.guards(branches, shapes)
        doubted = np.flatnonzero(~_clear(guards, fed))
        signs = _signs(node, guards, doubted, exact)
    tight, unsure = np.zeros(len(guards), dtype=bool), np.zeros(len(guards), dtype=bool)
    if signs is None:
        unsure[doubted] = True
    else:
        tight[doubted], unsure[doubted] = signs == 0, signs < 0
    if unsure.any():
        exact.give_up()
    chosen = operator.selected(torch.from_numpy(branches), shapes)
    return LocatedUnits(branches, chosen, guards, tight, unsure)


def _first_branches(
    node: Node, shapes: list[Shape], branches: np.ndarray, units: np.ndarray, exact: ExactValues
) -> np.ndarray:
    """The branches, those of some units replaced by the first one all of whose guards hold exactly."""
    operator = node.piecewise.to("cpu")
    exist = operator.candidates(shapes, torch.device("cpu")).exist.numpy()
    found, left = branches.reshape(-1).copy(), units
    for branch in range(exist.shape[1]):
        tried = left[exist[left, branch]]
        if not tried.size:
            continue
        trial = branches.reshape(-1).copy()
        trial[tried] = branch
        guards = operator.guards(trial.reshape(branches.shape), shapes)
        of_tried = np.flatnonzero(np.isin(guards.units, tried))
        signs = _signs(node, guards, of_tried, exact)
        if signs is None:
            break
        good = np.setdiff1d(tried, guards.units[of_tried[signs < 0]])
        found[good] = branch
        left = np.setdiff1d(left, good)
    return found.reshape(branches.shape)


def _clear(guards: Guards, fed: Enclosure) -> np.ndarray:
    """(g,) bool, the guards that hold strictly, whatever the errors."""
    error = np.zeros(len(guards))
    size = np.abs(guards.offsets)
    for places, slopes in ((guards.plus, guards.plus_slopes), (guards.minus, guards.minus_slopes)):
        there = places >= 0
        factor = 1.0 if slopes is None else np.abs(slopes[there])
        error[there] += factor * fed.error[places[there]]
        size[there] += factor * np.abs(fed.value[places[there]])
    return guards.margins(fed.value) > error * (1 + 16 * UNIT) + 16 * UNIT * size + 4 * UNDERFLOW


def _signs(node: Node, guards: Guards, chosen: np.ndarray, exact: ExactValues) -> np.ndarray | None:
    """The exact signs of some guards' left sides: int8; None where they take too long."""
    if not chosen.size:
        return np.zeros(0, dtype=np.int8)
    over, under = [0] * len(chosen), [1] * len(chosen)  # the sum so far as a fraction that is not reduced
    try:
        for sign, places, slopes in ((1, guards.plus, guards.plus_slopes), (-1, guards.minus, guards.minus_slopes)):
            there = np.flatnonzero(places[chosen] >= 0)
            if not there.size:
                continue
            numbers, common = exact.of_operands(node, places[chosen[there]])
            factors = [1.0] * len(there) if slopes is None else slopes[chosen[there]].tolist()
            for k, number, factor in zip(there.tolist(), numbers, factors, strict=True):
                times, divisor = factor.as_integer_ratio()
                over[k], under[k] = _sum(over[k], under[k], sign * number * times, common * divisor)
    except OutOfWork:
        return None
    for k, offset in enumerate(guards.offsets[chosen].tolist()):
        over[k], under[k] = _sum(over[k], under[k], *offset.as_integer_ratio())
    return np.array([(value > 0) - (value < 0) for value in over], dtype=np.int8)


def _sum(a: int, b: int, c: int, d: int) -> tuple[int, int]:
    """`a / b + c / d`, not reduced; all divisors are positive."""
    if b == d:
        return a + c, b
    return (a * d + c * b, b * d) if c else (a, b)
