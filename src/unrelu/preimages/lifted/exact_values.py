"""What nodes give at a point, exactly, on demand: integers over a common denominator."""

from __future__ import annotations

import math
from fractions import Fraction
from operator import mul

import numpy as np
from numpy.typing import NDArray

from unrelu.network.affine_rows import AffineRows, affine_rows
from unrelu.network.graph import Network
from unrelu.network.node import Node
from unrelu.operators.selected_map import SelectedMap
from unrelu.rigor.arithmetic import require_ieee

WORK = 2e8
"""Products of numbers of 1024 bits, about, that exact values may take before they are given up: up to a minute."""

_LONGEST = 2**14  # bits of a common denominator


class OutOfWork(Exception):
    """Exact values would take too long."""


class ExactValues:
    """The numbers of all nodes at a point, in integers, each computed when it is asked for and then kept.

    A number is a sum over what it depends on, traced back to the input along the branches that units take; numbers that
    nothing asks for are not computed.
    """

    def __init__(self, network: Network, point: np.ndarray, work: float = WORK) -> None:
        """Begin at a point (d,) of finite floats."""
        require_ieee()
        self._network, self._left = network, work
        self._maps: dict[str, SelectedMap] = {}
        self._numbers: dict[str, np.ndarray] = {}
        self._known: dict[str, np.ndarray] = {}
        self._denominators: dict[str, int] = {}
        entry = network.nodes[0].name
        shift = _shift(point)
        self._numbers[entry] = _objects(_integers(point, shift))
        self._known[entry] = np.ones(point.size, dtype=bool)
        self._denominators[entry] = 1 << shift

    def choose(self, name: str, chosen: SelectedMap) -> None:
        """Say which branches the units of a node take; before anything behind it is asked for."""
        self._maps[name] = chosen

    def give_up(self) -> None:
        """Compute no further numbers, since a branch is open."""
        self._left = -1.0

    def of(self, name: str, places: np.ndarray) -> tuple[list[int], int]:
        """Numbers of a node: numerators and the common denominator, which is positive.

        Raises:
            OutOfWork: if they take too long.
        """
        if not places.size:
            return [], 1
        self._compute(name, places)
        return self._numbers[name][places].tolist(), self._denominator(name)

    def of_operands(self, node: Node, places: np.ndarray) -> tuple[list[int], int]:
        """Numbers of what a node takes, flattened and joined.

        Raises:
            OutOfWork: if they take too long.
        """
        starts = np.cumsum([0, *(self._size(name) for name in node.inputs)])
        found = np.empty(len(places), dtype=object)
        parts = []
        for name, start, stop in zip(node.inputs, starts, starts[1:], strict=False):
            inside = (places >= start) & (places < stop)
            if inside.any():
                parts.append((inside, *self.of(name, places[inside] - start)))
        common = math.lcm(*(denominator for _, _, denominator in parts))
        for inside, numbers, denominator in parts:
            found[inside] = [number * (common // denominator) for number in numbers]
        return found.tolist(), common

    def _size(self, name: str) -> int:
        return math.prod(self._network.node(name).shape)

    def _compute(self, name: str, places: np.ndarray) -> None:
        """Trace back what is needed and is not known, then compute it forward."""
        wanted: dict[str, np.ndarray] = {name: np.zeros(self._size(name), dtype=bool)}
        wanted[name][places] = True
        steps: list[tuple[Node, np.ndarray]] = []
        for node in reversed(self._network.nodes):
            if node.name not in wanted:
                continue
            known = self._known.get(node.name)
            missing = np.flatnonzero(wanted[node.name] if known is None else wanted[node.name] & ~known)
            if not missing.size:
                continue
            steps.append((node, missing))
            needed = np.split(self._sources(node, missing), np.cumsum([self._size(each) for each in node.inputs])[:-1])
            for each, mask in zip(node.inputs, needed, strict=True):
                wanted[each] = wanted[each] | mask if each in wanted else mask
        for node, missing in reversed(steps):
            if node.name not in self._known:
                self._known[node.name] = np.zeros(self._size(node.name), dtype=bool)
                self._numbers[node.name] = np.zeros(self._size(node.name), dtype=object)
            numbers = self._affine(node, missing) if node.is_affine else self._selected(node, missing)
            self._numbers[node.name][missing] = _objects(numbers)
            self._known[node.name][missing] = True

    def _sources(self, node: Node, places: np.ndarray) -> np.ndarray:
        """Which numbers of the operands, joined, these numbers depend on: (n,) bool."""
        needed = np.zeros(sum(self._size(name) for name in node.inputs), dtype=bool)
        if node.is_affine:
            needed[affine_rows(self._network, node.name).matrix[places].indices] = True
            return needed
        sources, slopes, _ = _parts(self._maps[node.name], places)
        needed[sources[slopes != 0]] = True
        return needed

    def _denominator(self, name: str) -> int:
        """The common denominator of a node's numbers, the same whichever of them are asked for, and when."""
        if name not in self._denominators:
            node = self._network.node(name)
            common = math.lcm(*(self._denominator(each) for each in node.inputs))
            self._denominators[name] = common * self._factor(node)
        return self._denominators[name]

    def _factor(self, node: Node) -> int:
        """By what the denominator of a node's operands is multiplied."""
        if not node.is_affine:
            return 1 << self._shift_of(node)
        rows = affine_rows(self._network, node.name)
        if rows.moves is not None and not rows.constants.any():
            return 1
        return (1 << _shift(np.concatenate([rows.matrix.data, rows.constants]))) * _divisors(rows)[0]

    def _shift_of(self, node: Node) -> int:
        """Of the slopes and offsets of all units of a node, whatever is asked of it."""
        whole = self._maps[node.name]
        _, slopes, offsets = _parts(whole, np.arange(len(whole.slopes)))
        return _shift(np.concatenate([slopes, offsets]))

    def _joined(self, node: Node) -> tuple[NDArray[np.object_], int]:
        """All numbers of the operands that are known, over one denominator; 0 where one is not."""
        common = math.lcm(*(self._denominator(name) for name in node.inputs))
        parts = []
        for name in node.inputs:
            factor = common // self._denominator(name)
            numbers = self._numbers.get(name, np.zeros(self._size(name), dtype=object))
            parts.append(numbers if factor == 1 else numbers * factor)
        return np.concatenate(parts), common

    def _spend(self, count: int, bits: int) -> None:
        self._left -= count * (0.5 + bits / 1024)
        if self._left < 0 or bits > _LONGEST:
            raise OutOfWork

    def _affine(self, node: Node, places: np.ndarray) -> list[int]:
        rows = affine_rows(self._network, node.name)
        h, common = self._joined(node)
        moves = rows.moves
        if moves is not None and not rows.constants.any():
            return [int(h[source]) if source >= 0 else 0 for source in moves[places].tolist()]
        shift = _shift(np.concatenate([rows.matrix.data, rows.constants]))
        _, times = _divisors(rows)
        alive = h != 0
        found = []
        for place in places.tolist():
            part = slice(rows.matrix.indptr[place], rows.matrix.indptr[place + 1])
            columns, numbers = rows.matrix.indices[part], rows.matrix.data[part]
            used = alive[columns]
            operands = h[columns[used]].tolist()
            self._spend(len(operands) + 1, common.bit_length())
            total = sum(map(mul, _integers(numbers[used], shift), operands))
            total += _integers(rows.constants[place : place + 1], shift)[0] * common
            found.append(total if times is None else total * times[place])
        return found

    def _selected(self, node: Node, places: np.ndarray) -> list[int]:
        h, common = self._joined(node)
        sources, slopes, offsets = _parts(self._maps[node.name], places)
        self._spend(len(places), common.bit_length())
        shift = self._shift_of(node)
        return [
            slope * h[source] + offset * common
            for source, slope, offset in zip(
                sources.tolist(), _integers(slopes, shift), _integers(offsets, shift), strict=True
            )
        ]


def _parts(chosen: SelectedMap, places: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sources, slopes and offsets of some numbers of a node."""
    sources = places if chosen.coordinates is None else chosen.coordinates.cpu().numpy()[places]
    offsets = np.zeros(len(places)) if chosen.offsets is None else chosen.offsets.reshape(-1).cpu().numpy()[places]
    return sources, chosen.slopes.cpu().numpy()[places], offsets


def _objects(numbers: list[int]) -> np.ndarray:
    found = np.empty(len(numbers), dtype=object)
    found[:] = numbers
    return found


def _shift(values: np.ndarray) -> int:
    """The least k of at least 0 with which all `values 2^k` are whole numbers."""
    used = values[values != 0]
    if not used.size:
        return 0
    mantissas, exponents = np.frexp(used)
    whole = np.ldexp(mantissas, 53).astype(np.int64)
    lowest = np.frexp((whole & -whole).astype(np.float64))[1] - 1
    return max(0, -int((exponents - 53 + lowest).min()))


def _integers(values: np.ndarray, shift: int) -> list[int]:
    """`values 2^shift`, which are whole."""
    if shift <= 900 and bool((np.abs(values) < 2.0**100).all()):  # powers of two change no digit
        return list(map(int, np.ldexp(values, shift).tolist()))
    return [int(Fraction(value) * (1 << shift)) for value in values.tolist()]


def _divisors(rows: AffineRows) -> tuple[int, list[int] | None]:
    """The least common multiple of the divisors' numerators, and by what each row is then multiplied."""
    if rows.divisors is None:
        return 1, None
    ratios = {value: value.as_integer_ratio() for value in np.unique(rows.divisors).tolist()}
    common = math.lcm(*(numerator for numerator, _ in ratios.values()))
    if common.bit_length() > _LONGEST:
        raise OutOfWork
    times = {value: common // numerator * denominator for value, (numerator, denominator) in ratios.items()}
    return common, [times[value] for value in rows.divisors.tolist()]
