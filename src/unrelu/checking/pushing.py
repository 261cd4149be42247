"""What it takes to push directions through a network, from a few of them that are pushed here and now."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import torch

from unrelu.checking.speed import speed
from unrelu.network.graph import Network
from unrelu.network.interpreter import interpret
from unrelu.network.node import Node
from unrelu.operators.patch import Patch
from unrelu.operators.tangents import Tangents
from unrelu.stability.jacobian import CHUNK_BYTES, Start, boundary_on_way, nodes_between, through
from unrelu.stability.linear_maps import tangent_step
from unrelu.stability.parts import Part, in_order, in_tiles, push_work, tiled_parts
from unrelu.stability.pattern import ActivationPattern

_FEW, _MANY = 8, 512  # directions that are pushed

_WORK = 3e8  # multiplications that this may take, about

_SHORT = 0.1  # seconds

_TILED = 3  # prefixes that are pushed in tiles; the others are taken to be as fast for their work


class Pushing:
    """Times of pushes from the input, for one network on the linear region of one input."""

    def __init__(self, network: Network, pattern: ActivationPattern) -> None:
        self._network, self._pattern = network, pattern
        self._carry = tangent_step(network, pattern)
        self._units = torch.arange(network.input_size)
        steps = list(network.nodes[1:])
        each = sum(node.operator.terms * math.prod(node.shape) for node in steps)
        widest = max(math.prod(node.shape) for node in network.nodes)
        most = min(_MANY, CHUNK_BYTES // (8 * widest), int(_WORK // max(each, 1)))
        self._k = min(network.input_size, max(_FEW, most))
        middle = (network.input_size - self._k) // 2
        rows = self._units[middle : middle + self._k]
        (part,) = in_order(network, rows, {}, self._k, self._k)
        self._whole = self._timed(part, steps)
        self._at_once: dict[str, int] = {}
        self._tiled: dict[str, tuple[float, float]] = {}

    def seconds(self, target: str, *, compress: bool) -> float:
        """Processor seconds to push all unit vectors to a node; `compress` as for `unrelu.stability.jacobian.push`."""
        r, known, total, first = self._network.input_size, {self._network.nodes[0].name}, 0.0, True
        while True:
            steps = nodes_between(self._network, known, [target])
            end = boundary_on_way(steps, Start(r), set(), self._pattern) if compress else None
            names = through(steps, end)
            part = [node for node in steps if node.name in names]
            total += r * (self._from_input(part) if first else sum(self._whole[node.name] for node in part))
            if end is None:
                return total
            k = self._pattern.n_active(end)
            total += max(0.0, r * k * k - k**3 / 3) / speed().factored
            r, known, first = max(k, 1), {end}, False

    def directions(self, target: str) -> tuple[int, int]:
        """How many directions are left at a node, where they may be changed to fewer on the way.

        With them the numbers of the largest matrix that is factored for that.
        """
        r, known, largest = self._network.input_size, {self._network.nodes[0].name}, 0
        while True:
            steps = nodes_between(self._network, known, [target])
            end = boundary_on_way(steps, Start(r), set(), self._pattern)
            if end is None:
                return r, largest
            k = max(self._pattern.n_active(end), 1)
            r, known, largest = k, {end}, max(largest, r * k)

    def at_once(self, target: str) -> int:
        """How many unit vectors go through together at most, on the way to a node; asked after `seconds`."""
        return self._at_once.get(target, self._network.input_size)

    def _from_input(self, steps: Sequence[Node]) -> float:
        """Seconds for one of all unit vectors of the input."""
        if not steps:
            return 0.0
        work = push_work(self._network, self._units, steps, CHUNK_BYTES)
        tiles = tiled_parts(self._network, self._units, steps, CHUNK_BYTES)
        if tiles is None:
            return sum(self._whole[node.name] for node in steps)
        self._at_once[steps[-1].name] = max(map(len, tiles))
        if len(self._tiled) >= _TILED and steps[-1].name not in self._tiled:
            at, seconds = min(self._tiled.values(), key=lambda each: abs(math.log(each[0] / work)))
            return seconds / at * work
        if steps[-1].name not in self._tiled:
            # one in a corner, which reaches least, and one in the middle
            some = [tile[: max(_FEW, self._k)] for tile in (tiles[0], tiles[len(tiles) // 2])]
            parts = in_tiles(self._network, self._units, some)
            taken = [sum(self._timed(part, steps).values()) for part in parts]
            self._tiled[steps[-1].name] = work, sum(taken) / len(taken)
        return self._tiled[steps[-1].name][1]

    def _timed(self, part: Part, steps: Sequence[Node]) -> dict[str, float]:
        """Seconds a direction for each step; the better of two, where they are short: the first one prepares."""
        taken: dict[str, float] = {}

        def step(node: Node, operands: list[Tangents | Patch]) -> Tangents | Patch:
            start = time.process_time()
            tangents = self._carry(node, operands)
            seconds = (time.process_time() - start) / len(part.rows)
            taken[node.name] = min(seconds, taken.get(node.name, seconds))
            return tangents

        start = time.process_time()
        interpret(steps, step, dict(part.known), keep=())
        if time.process_time() - start < _SHORT:
            interpret(steps, step, dict(part.known), keep=())
        return taken
