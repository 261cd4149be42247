"""What is asked about for a check: random inputs, and how the network behaves there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from unrelu.checking.pushing import Pushing
from unrelu.checking.speed import seconds_of
from unrelu.network.graph import Network
from unrelu.stability.pattern import ActivationPattern, forward_pass

FEW = 8
"""Random inputs."""


@dataclass(frozen=True, eq=False)
class Sample:
    """A network at random inputs, uniform in [0, 1].

    Attributes:
        network: with one output.
        inputs: (8, *input_shape).
    """

    network: Network
    inputs: np.ndarray

    @classmethod
    def of(cls, network: Network) -> Sample:
        """The same inputs each time."""
        return cls(network, np.random.default_rng(0).random((FEW, *network.input_shape)))

    @property
    def x(self) -> np.ndarray:
        """One of the inputs."""
        return self.inputs[0]

    @cached_property
    def forward(self) -> float:
        """Processor seconds of a forward pass of one input."""
        self.network(self.inputs[:1])
        return sorted(seconds_of(lambda: self.network(self.inputs[:1])) for _ in range(5))[2]

    @cached_property
    def pattern(self) -> ActivationPattern:
        """The units that are active there."""
        return forward_pass(self.network, self.x).pattern

    @cached_property
    def pushing(self) -> Pushing:
        """Times of pushes through the network."""
        return Pushing(self.network, self.pattern)
