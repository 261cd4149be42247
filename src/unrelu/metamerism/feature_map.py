"""What a metamer keeps: the features of a layer or of a whole prefix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from unrelu.errors import InputError
from unrelu.metamerism.constraints import FeatureConstraints, layer_constraints, region_constraints
from unrelu.network.graph import INPUT, Network
from unrelu.network.layer import ReLULayer
from unrelu.network.operators import Shape
from unrelu.polyhedra.polyhedron import Polyhedron


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """The map from inputs to the features that a metamer keeps.

    Attributes:
        layer: the one ReLU layer that it is; None where there are more, or other maps after it.
        prefix: the network; None where the layer was given by itself.
    """

    layer: ReLULayer | None
    prefix: Network | None

    @property
    def input_shape(self) -> Shape:
        """Sample shape of the inputs."""
        if self.prefix is not None:
            return self.prefix.input_shape
        assert self.layer is not None
        return self.layer.input_shape

    def __call__(self, batch: np.ndarray) -> np.ndarray:
        """Features in float64: (n, *input_shape) -> (n, m)."""
        if self.prefix is not None:
            return np.asarray(self.prefix(batch)).reshape(len(batch), -1)
        assert self.layer is not None
        return np.maximum(batch.reshape(len(batch), -1) @ self.layer.weight.T + self.layer.bias, 0.0)

    def own(self, batch: np.ndarray) -> np.ndarray | None:
        """Features in the user's own forward pass, (n, m) float64; None where there is no such model."""
        if self.prefix is None or self.prefix.source is None:
            return None
        names = self.prefix.outputs
        values = self.prefix.source.values(torch.from_numpy(batch), names)
        parts = [values[name].detach().to("cpu", torch.float64).reshape(len(batch), -1) for name in names]
        return torch.cat(parts, dim=1).numpy()

    def constraints(self, at: np.ndarray, domain: Polyhedron, tolerance: float) -> FeatureConstraints:
        """The inputs in a domain that have the features of a point (d,)."""
        if self.layer is not None:
            return layer_constraints(self.layer, at, domain, tolerance)
        assert self.prefix is not None
        return region_constraints(self.prefix, at, domain, tolerance)


def feature_map(prefix: Network | ReLULayer) -> FeatureMap:
    """The features of a network prefix, or of a layer.

    Raises:
        InputError: if it is neither.
        TooLarge: if the matrix of its one layer would take more memory than allowed.
    """
    if isinstance(prefix, ReLULayer):
        return FeatureMap(prefix, None)
    if not isinstance(prefix, Network):
        raise InputError(
            f"metamers keep the features of a network or of a ReLULayer, not of a {type(prefix).__name__}; "
            'give net.upto("relu1").'
        )
    last = prefix.node(prefix.outputs[0])
    single = len(prefix.outputs) == 1 and last.is_relu and prefix.affine_sources(last.inputs[0]) == (INPUT,)
    return FeatureMap(prefix.layer(last.name) if single else None, prefix)
