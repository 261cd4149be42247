"""Whether each input is the only valid one with its features, as records."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from unrelu.errors import DomainError, InputError
from unrelu.network.graph import INPUT, Network
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.describe import describe_domain
from unrelu.polyhedra.domain_at import domain_at
from unrelu.polyhedra.domains import Domain
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.layer_decision import classify_points
from unrelu.preimages.layer_system import LayerSystem
from unrelu.progress import Progress
from unrelu.study.gaussian_uniqueness import gaussian_uniqueness


@dataclass(frozen=True, eq=False)
class Prior:
    """What inputs are valid, and the layer that is asked about them.

    Attributes:
        domain: the valid inputs.
        system: the same, and the first ReLU layer that is fed by the network's input.
    """

    domain: Domain
    system: LayerSystem

    @property
    def layer(self) -> ReLULayer:
        """The layer."""
        return self.system.layer

    @property
    def polyhedron(self) -> Polyhedron:
        """The valid inputs, in the coordinates of the network's input."""
        assert self.system.domain is not None
        return self.system.domain

    @classmethod
    def of(cls, net: Network, x: np.ndarray, domain: Domain, unit: float) -> Prior:
        """The prior of a network, of which all inputs must be members.

        Args:
            net: the network.
            x: (n, *input_shape) inputs.
            domain: the valid inputs.
            unit: unit roundoff of the dtype in which the inputs were given.

        Raises:
            InputError: if no ReLU layer is fed by the network's input alone.
            DomainError: if an input does not lie in the domain, or the domain is empty or does not fit the network.
            TooLarge: if the layer does not fit in memory as a dense matrix.
        """
        name = next((name for name in net.layers if net.affine_sources(net.node(name).inputs[0]) == (INPUT,)), None)
        if name is None:
            raise InputError(
                "a prior is about the first ReLU layer, but no ReLU layer is fed by the network's input alone; "
                "leave the prior out."
            )
        system = LayerSystem.ask(net.layer(name), domain, 0.0, unit=unit)
        assert system.domain_rows is not None
        for index, found in enumerate(domain_at(system.domain_rows, x.reshape(len(x), -1), unit=unit)):
            if isinstance(found, DomainError):
                raise DomainError(f"input {index} does not lie in the prior ({describe_domain(domain)}): {found}")
        return cls(domain, system)


def prior_rows(
    prior: Prior, x: np.ndarray, *, verify: bool, progress: Progress, workers: int | None
) -> list[dict[str, object]]:
    """A row per input (`schemas.PRIORS`).

    Args:
        prior: the valid inputs and the layer.
        x: (n, *input_shape) valid inputs.
        verify: whether to check the certificates.
        progress: where to show progress.
        workers: threads; all cores if None.
    """
    points = x.reshape(len(x), -1)
    shown = _InThePrior(progress)
    found = classify_points(prior.system, points, {}, progress=shown, workers=workers)
    proved = found.verify(progress=shown, workers=workers) if verify else None
    unique, bounded, n_active = found.singleton, found.bounded, found.n_active
    lower, upper = prior.polyhedron.lower, prior.polyhedron.upper
    is_box = not (len(prior.polyhedron.A_ub) or len(prior.polyhedron.A_eq)) and prior.layer.is_rectifier
    rows: list[dict[str, object]] = []
    for index, point in enumerate(points):
        n_inside = int(((lower < point) & (point < upper)).sum())
        n_at_bounds = int((((point == lower) | (point == upper)) & (lower < upper)).sum())
        rows.append(
            {
                "layer": prior.layer.name,
                "input": index,
                "n_active": int(n_active[index]),
                "n_inside": n_inside,
                "n_at_bounds": n_at_bounds,
                "unique": unique[index],
                "bounded": bounded[index],
                "proved": None if proved is None else bool(proved[index]),
                "expected": gaussian_uniqueness(int(n_active[index]), n_inside, n_at_bounds) if is_box else None,
            }
        )
    return rows


@dataclass(frozen=True)
class _InThePrior:
    """Progress that tells these verdicts from those over all of space."""

    progress: Progress

    def stage(self, what: str, total: int | None) -> AbstractContextManager[Callable[[int], None]]:
        return self.progress.stage(f"{what} in the prior", total)
