"""What the questions of a study are about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unrelu.frozen_arrays import FrozenArrays
from unrelu.network.fingerprints import array_sha256, json_sha256, weights_sha256
from unrelu.network.graph import Network
from unrelu.study.inputs.samples import Samples


@dataclass(frozen=True, eq=False)
class Material(FrozenArrays):
    """A network and its inputs.

    Attributes:
        net: the network, with the model that it was read from where there is one.
        x: the inputs, (n, *input_shape) float64 wherever they are used.
        labels: (n,) int64, their classes as given, or None.
        unit: unit roundoff of the dtype in which the inputs were given.
        nodes: names of nodes whose values questions need, computed together in one pass.
    """

    net: Network
    x: Samples
    labels: np.ndarray | None
    unit: float
    nodes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.x)

    @cached_property
    def network_sha256(self) -> str:
        """The network's name; see `fingerprints.weights_sha256`."""
        return weights_sha256(self.net)

    @cached_property
    def model(self) -> str:
        """A name for the network, and for the kind of model behind it, whose own forward pass some rows speak of."""
        return json_sha256([self.network_sha256, _forward_pass(self.net.source)])

    @cached_property
    def data_sha256(self) -> str:
        """A name for the inputs, as float64 in C order."""
        return self.x.sha256

    @cached_property
    def _labels_sha256(self) -> str | None:
        return None if self.labels is None else json_sha256(self.labels.tolist())

    def sha256(self, *, labels: bool = True) -> str:
        """A name for all of it that can change a row, with the labels or without."""
        return json_sha256([self.model, self.data_sha256, self._labels_sha256 if labels else None, self.unit.hex()])

    def part_sha256(self, inputs: tuple[int, ...], *, labels: bool = True) -> str:
        """A name for some inputs, with their places, and with their labels or without."""
        given = None if self.labels is None or not labels else self.labels[list(inputs)].tolist()
        return json_sha256([inputs, [self._input_sha256(index) for index in inputs], given])

    def _input_sha256(self, index: int) -> str:
        """A name for one input, computed once: every layer has tasks about it."""
        if index not in self._names:
            self._names[index] = array_sha256(self.x[[index]][0])
        return self._names[index]

    @cached_property
    def _names(self) -> dict[int, str]:
        return {}


def _forward_pass(source: object) -> object:
    """What tells one model's forward pass from another's with the same numbers: which library, in which dtype."""
    if source is None:
        return None
    parts = getattr(source, "parts", {})
    return [
        type(source).__qualname__,
        str(getattr(source, "dtype", "")),
        [_forward_pass(parts[name]) for name in parts],
    ]
