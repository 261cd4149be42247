"""What several questions need of a network and its inputs, computed once."""

from __future__ import annotations

import math
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np
import torch

from unrelu.errors import UnreluError
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.study.material import Material

if TYPE_CHECKING:
    from unrelu.study.question import Question

MadeT = TypeVar("MadeT")

BLOCK = 256
"""Inputs pushed through the network at once, at most."""

KEPT = 512 * 2**20
"""Bytes of values of nodes that are kept for the next question."""

LAYERS_KEPT = 2 * 2**30
"""Bytes of composed layers that are kept."""

OUTPUT = "output"
"""Stands for all outputs of the network, joined."""


class Context:
    """The layers of a network on their own inputs, and the values of its nodes, each computed once while they fit.

    Values are computed for the same blocks of inputs whoever asks first, so that they do not depend on who that is.

    Attributes:
        material: the network and its inputs.
        counts: how many layers were composed ("folds") and how many blocks went through the network ("passes").
    """

    def __init__(self, material: Material) -> None:
        """Nothing is computed yet."""
        self.material = material
        self.counts: Counter[str] = Counter()
        self._layers: OrderedDict[str, ReLULayer | UnreluError] = OrderedDict()
        self._blocks: OrderedDict[tuple[int, str], np.ndarray] = OrderedDict()
        self._folding, self._passing = threading.Lock(), threading.RLock()
        self._made: dict[object, object] = {}

    @property
    def net(self) -> Network:
        """The network."""
        return self.material.net

    @property
    def labels(self) -> np.ndarray | None:
        """(n,) classes as given, or None."""
        return self.material.labels

    def inputs(self, chosen: Sequence[int]) -> np.ndarray:
        """(k, *input_shape) float64."""
        return self.material.x[chosen]

    def layer(self, name: str) -> ReLULayer:
        """The layer of that name on its own input; see `Network.layer`, whose errors it raises, each found out once."""
        with self._folding:
            if name not in self._layers:
                self.counts["folds"] += 1
                try:
                    self._layers[name] = self.net.layer(name)
                except UnreluError as error:
                    self._layers[name] = error
                while len(self._layers) > 1 and sum(map(_size, self._layers.values())) > LAYERS_KEPT:
                    self._layers.popitem(last=False)
            self._layers.move_to_end(name)
            found = self._layers[name]
        if isinstance(found, UnreluError):
            raise found
        return found

    def layer_input(self, name: str, chosen: Sequence[int]) -> np.ndarray:
        """What the layer of that name is fed at some inputs, (k, *shape); the layer has a single input."""
        (source,) = self.net.affine_sources(self.net.node(name).inputs[0])
        return self.values(source, chosen)

    def values(self, node: str, chosen: Sequence[int]) -> np.ndarray:
        """The values of a node, or of all outputs (`OUTPUT`), at some inputs: (k, *shape)."""
        size = self._block_size
        wanted = np.asarray(chosen, dtype=np.int64)
        found: np.ndarray | None = None
        for block in np.unique(wanted // size):
            mine = wanted // size == block
            values = self._block(int(block), node)
            if found is None:
                found = np.empty((len(wanted), *values.shape[1:]))
            found[mine] = values[wanted[mine] - block * size]
        return np.empty((0,)) if found is None else found

    def predicted(self, chosen: Sequence[int]) -> np.ndarray | None:
        """(k,) indices of the largest output, or None for a network with a single one."""
        if self.net.output_size < 2:
            return None
        return self.values(OUTPUT, chosen).reshape(len(chosen), -1).argmax(axis=1)

    def made(self, question: Question, key: object, make: Callable[[], MadeT]) -> MadeT:
        """What `make()` gives, made once for a question with its settings and a key: what it needs at every task.

        A worker keeps its context for the next study of the same network and inputs, whose question may have the same
        name and other settings.
        """
        own = (question.settings_sha256(self.net.input_size), key)
        with self._passing:
            if own not in self._made:
                self._made[own] = make()
            return cast("MadeT", self._made[own])

    @cached_property
    def _block_size(self) -> int:
        """The same for all: as many inputs as leave room for several blocks of them, their values and those between."""
        net = self.net
        sizes = {node.name: math.prod(node.shape) for node in net.nodes}
        between = max(sizes[node.name] + sum(sizes[name] for name in node.inputs) for node in net.nodes)
        numbers = net.input_size + between + sum(math.prod(self._shape(name)) for name in self.material.nodes)
        return min(BLOCK, max(1, KEPT // (4 * 8 * numbers)))

    def _shape(self, name: str) -> tuple[int, ...]:
        return self.net.output_shape if name == OUTPUT else self.net.node(name).shape

    def _block(self, block: int, node: str) -> np.ndarray:
        with self._passing:
            key = (block, node)
            if key not in self._blocks:
                self.counts["passes"] += 1
                size = self._block_size
                names = dict.fromkeys((*self.material.nodes, node))
                batch = self.inputs(range(block * size, min((block + 1) * size, len(self.material))))
                for name, values in self._passed(batch, tuple(names)).items():
                    self._blocks[block, name] = values
                while len({at for at, _ in self._blocks}) > 1 and sum(v.nbytes for v in self._blocks.values()) > KEPT:
                    self._blocks.popitem(last=False)
            self._blocks.move_to_end(key)
            return self._blocks[key]

    def _passed(self, batch: np.ndarray, names: tuple[str, ...]) -> dict[str, np.ndarray]:
        net = self.net
        outputs = net.outputs if OUTPUT in names else ()
        nodes = {net.node(name).name for name in (*names, *outputs) if name != OUTPUT}
        found = net.values(torch.from_numpy(np.ascontiguousarray(batch)).to(net.device), nodes)
        arrays = {name: values.detach().cpu().numpy() for name, values in found.items()}
        if outputs:
            parts = [arrays[name] for name in outputs]
            joined = parts[0] if len(parts) == 1 else np.concatenate([part.reshape(len(part), -1) for part in parts], 1)
            arrays[OUTPUT] = joined
        return {name: arrays[net.node(name).name if name != OUTPUT else name] for name in names}


def _size(layer: ReLULayer | UnreluError) -> int:
    if isinstance(layer, UnreluError):
        return 0
    weight = layer.weight
    return weight.nbytes if isinstance(weight, np.ndarray) else weight.data.nbytes + weight.indices.nbytes
