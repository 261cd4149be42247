"""What a metamer keeps: the features of a layer or of a whole prefix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike

from unrelu.errors import InputError
from unrelu.metamerism.walk.statement import WalkStatement
from unrelu.network.as_network import as_network
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.network.single_layer import single_layer
from unrelu.operators import Shape
from unrelu.polyhedra.domain_at import the_domain_at
from unrelu.polyhedra.domain_rows import DomainRows
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.row_collection import RowCollection
from unrelu.preimages.layer_system import LayerSystem, resolve_tolerance
from unrelu.preimages.same_features import SameFeatures

OUTSIDE = "the original lies outside the domain"


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
        return self.layer(batch.reshape(len(batch), -1))

    def own(self, batch: np.ndarray) -> np.ndarray | None:
        """Features in the user's own forward pass, (n, m) float64; None where there is no such model."""
        if self.prefix is None or self.prefix.source is None:
            return None
        names = self.prefix.outputs
        values = self.prefix.source.values(torch.from_numpy(batch), names)
        parts = [values[name].detach().to("cpu", torch.float64).reshape(len(batch), -1) for name in names]
        return torch.cat(parts, dim=1).numpy()

    @property
    def as_prefix(self) -> Network:
        """The prefix, or the layer as a network."""
        if self.prefix is not None:
            return self.prefix
        assert self.layer is not None
        return as_network(self.layer)

    @property
    def n_features(self) -> int:
        """M."""
        if self.layer is not None:
            return self.layer.n_outputs
        assert self.prefix is not None
        return self.prefix.output_size

    def same_features(
        self, at: np.ndarray, domain: Polyhedron, tolerance: ArrayLike, *, unit: float, exact: bool = False
    ) -> SameFeatures:
        """The inputs in a domain that have the features of a point, of one layer: the statement about it.

        Args:
            at: (d,) x0.
            domain: where inputs may lie.
            tolerance: one number, or one for each feature.
            unit: unit roundoff of the dtype in which x0 was given.
            exact: whether no row of the domain may be moved through x0.

        Raises:
            DomainError: if x0 lies outside the domain.
            InputError: if a tolerance is negative or not finite.
        """
        assert self.layer is not None
        system = LayerSystem(self.layer, domain, resolve_tolerance(tolerance, self.n_features), unit, exact)
        return SameFeatures.of(system, at, system.pattern(at, OUTSIDE))

    def walk_statement(
        self,
        at: np.ndarray,
        target: np.ndarray,
        domain: Polyhedron,
        tolerance: ArrayLike,
        *,
        unit: float,
        objective: str = "nearest",
        norm: float = 1,
    ) -> WalkStatement:
        """The same for prefixes of any depth, with a target.

        Args:
            at: (d,) x0.
            target: (d,).
            domain: where inputs may lie.
            tolerance: one number, or one for each feature.
            unit: unit roundoff of the dtype in which x0 was given.
            objective: "nearest" or "farthest".
            norm: 1, 2 or inf.

        Raises:
            DomainError: if x0 lies outside the domain.
            InputError: if a tolerance is negative or not finite.
        """
        rows = RowCollection(at)
        rows.within(the_domain_at(DomainRows.of(domain), at, unit=unit, exact=False, what=OUTSIDE))
        there = rows.polyhedron()
        return WalkStatement.of(
            self.as_prefix,
            at,
            target,
            domain=there,
            tolerance=resolve_tolerance(tolerance, self.n_features),
            objective=objective,
            norm=norm,
        )


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
    return FeatureMap(single_layer(prefix), prefix)
