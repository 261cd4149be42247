"""The affine map that a network is on a piece, with rows of its outputs and guards as they are asked for."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.stability.adjoint import pull
from unrelu.stability.pattern import ActivationPattern
from unrelu.stability.region import values_on

if TYPE_CHECKING:
    from unrelu.network.graph import Network
    from unrelu.operators.guards import Guards

_Cotangents = Callable[[slice], np.ndarray]

PART_BYTES = 4 * 2**20
"""Bytes that the widest node may take while rows are carried back: about what stays in a processor's cache."""


class OutOfTime(Exception):
    """Rows were asked for that took until after the deadline."""


class LocalModel:
    """A network on the closed piece of some branches, about a point of it.

    Its *rows* are the outputs, then the guards of all units in the network's order: `value >= 0` on the piece.

    Attributes:
        network: of m outputs and g guards.
        pattern: the branches.
        at: (d,) the point.
        values: (m + g,) of the rows at the point.
    """

    def __init__(
        self,
        network: Network,
        pattern: ActivationPattern,
        at: np.ndarray,
        deadline: float = math.inf,
        rough: Network | None = None,
    ) -> None:
        """Make one, whose rows may be computed until a deadline of `time.monotonic`.

        Rows come from `rough` where it is given, the same network in float32; values always from the network itself.
        """
        self._rough = rough
        self._carrying = pattern if rough is None else pattern.single(rough.device)
        self.network, self.pattern, self.at, self.deadline = network, pattern, at, deadline
        self._nodes = [node for node in network.nodes if node.is_piecewise_linear]
        self._guards: list[Guards] = [pattern.guards(node.name) for node in self._nodes]
        self.values = self.values_at(at)
        self._kept: dict[int, np.ndarray] = {}

    @property
    def n_outputs(self) -> int:
        """M."""
        return self.network.output_size

    @cached_property
    def starts(self) -> np.ndarray:
        """Where the guards of each piecewise linear node begin among the rows, and their end."""
        return self.n_outputs + np.cumsum([0, *(len(each) for each in self._guards)])

    @cached_property
    def units(self) -> list[tuple[str, np.ndarray]]:
        """By piecewise linear node, its name and the unit that each of its guards is about."""
        return [(node.name, guards.units) for node, guards in zip(self._nodes, self._guards, strict=True)]

    def values_at(self, x: np.ndarray) -> np.ndarray:
        """The rows at any point (d,), by the affine maps of this piece: (m + g,)."""
        batch = torch.from_numpy(x.reshape(1, *self.network.input_shape)).to(self.network.device)
        known = values_on(self.network, self.pattern, batch)
        flat = lambda name: known[name].reshape(-1).cpu().numpy()  # noqa: E731
        parts = [flat(name) for name in self.network.outputs]
        for node, guards in zip(self._nodes, self._guards, strict=True):
            parts.append(guards.margins(np.concatenate([flat(name) for name in node.inputs])))
        return np.concatenate(parts)

    def rows(self, places: np.ndarray) -> np.ndarray:
        """The gradients of some rows: (k, d).

        Raises:
            OutOfTime: if there was no time for it.
        """
        missing = np.array([place for place in places.tolist() if place not in self._kept], dtype=np.int64)
        here = missing[missing < self.n_outputs]
        self._keep(
            here, self._carried(self._rough or self.network, here.size, lambda part: _units(here[part], self.n_outputs))
        )
        for node, guards, start, end in zip(self._nodes, self._guards, self.starts, self.starts[1:], strict=False):
            here = missing[(missing >= start) & (missing < end)]
            if here.size:
                self._keep(here, self._guard_rows(node.inputs, guards, here - start))
        d = self.network.input_size
        return np.stack([self._kept[place] for place in places.tolist()]) if places.size else np.zeros((0, d))

    def _guard_rows(self, fed: tuple[str, ...], guards: Guards, places: np.ndarray) -> np.ndarray:
        chosen = np.zeros(len(guards), dtype=bool)
        chosen[places] = True
        taken = guards.of(chosen)
        back = np.argsort(np.argsort(places))
        prefix = (self._rough or self.network).upto(*dict.fromkeys(fed))
        sizes = [math.prod(self.network.node(name).shape) for name in fed]
        total = sum(sizes)

        def cotangents(part: slice) -> np.ndarray:
            here = np.arange(len(taken))[part]
            found = np.zeros((len(here), total))
            for sign, of, slopes in ((1.0, taken.plus, taken.plus_slopes), (-1.0, taken.minus, taken.minus_slopes)):
                there = np.flatnonzero(of[here] >= 0)
                factor = np.full(len(there), sign) if slopes is None else sign * slopes[here[there]]
                np.add.at(found, (there, of[here[there]]), factor)
            if len(set(fed)) == len(fed):
                return found
            joined = {name: np.zeros((len(here), size)) for name, size in zip(fed, sizes, strict=True)}
            for name, block in zip(fed, np.split(found, np.cumsum(sizes)[:-1], axis=1), strict=True):
                joined[name] += block
            return np.concatenate([joined[name] for name in dict.fromkeys(fed)], axis=1)

        return self._carried(prefix, len(taken), cotangents)[back]

    def _carried(self, prefix: Network, count: int, cotangents: _Cotangents) -> np.ndarray:
        widest = max(math.prod(node.shape) for node in prefix.nodes)
        size = max(8, PART_BYTES // (8 * widest))
        parts = [np.zeros((0, prefix.input_size))]
        for start in range(0, count, size):
            if time.monotonic() > self.deadline:
                raise OutOfTime
            u = torch.from_numpy(cotangents(slice(start, min(count, start + size)))).to(prefix.device)
            u = u if self._rough is None else u.to(torch.float32)
            parts.append(pull(prefix, self._carrying, u).cpu().numpy().astype(np.float64, copy=False))
        return np.concatenate(parts)

    def _keep(self, places: np.ndarray, rows: np.ndarray) -> None:
        self._kept.update(zip(places.tolist(), rows, strict=True))


def _units(places: np.ndarray, size: int) -> np.ndarray:
    found = np.zeros((len(places), size))
    found[np.arange(len(places)), places] = 1.0
    return found
