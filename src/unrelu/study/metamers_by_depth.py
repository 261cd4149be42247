"""The same original and target through one layer after another: how much further deeper layers let it go."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unrelu.errors import InputError, ModelError, SolverFailure, TooLarge
from unrelu.metamerism.metamer import metamer
from unrelu.network.graph import OUTPUT
from unrelu.solvers.status import Status

if TYPE_CHECKING:
    from unrelu.metamerism.result import Metamer
    from unrelu.network.graph import Network
    from unrelu.polyhedra.domains import Domain
    from unrelu.progress import Progress


@dataclass(frozen=True, eq=False)
class MetamersAsked:
    """What is asked of each layer.

    Attributes:
        net: the network.
        original: (*input_shape), in the dtype in which it was given.
        target: the same.
        objective: "nearest" or "farthest".
        norm: of the distance: 1, 2 or inf.
        domain: where metamers may lie.
        tolerance: by how much each feature may differ.
        mask: bool, of the input's shape: where they may differ from the original; None for everywhere.
        search: how to look for them; None for each layer's own way.
        time_limit: seconds for each layer.
    """

    net: Network
    original: np.ndarray
    target: np.ndarray
    objective: str
    norm: float
    domain: Domain | None
    tolerance: float
    mask: np.ndarray | None
    search: str | None
    time_limit: float

    @property
    def before(self) -> float:
        """The distance of the original from the target."""
        return float(np.linalg.norm((self.original.astype(np.float64) - self.target).ravel(), ord=self.norm))


@dataclass(frozen=True, eq=False)
class LayerMetamer:
    """The metamer of one layer.

    Attributes:
        layer: its name.
        found: the metamer; None where the layer was refused.
        refused: why, in a sentence; "" where there is a metamer.
        seconds: what it took.
        before: the distance of the original from the target.
        after: names of the earlier layers on which this one depends as on nothing else: its metamers are nested
            in their order, so that what has their features has this one's.
    """

    layer: str
    found: Metamer | None
    refused: str
    seconds: float
    before: float
    after: tuple[str, ...]

    @property
    def part_of_way(self) -> float | None:
        """What part of the way to the target it came; None for the farthest, and where there is no way to go."""
        if self.found is None or self.found.objective != "nearest" or not self.before:
            return None
        return max(0.0, (self.before - self.found.distance) / self.before)

    @property
    def own_error(self) -> float | None:
        """The feature error in the user's own forward pass as a part of the largest feature; None if there is none."""
        if self.found is None or self.found.forward_error is None:
            return None
        return self.found.forward_error / (self.found.largest_feature or 1.0)

    @property
    def has_target(self) -> bool:
        """Whether the target is another input than the original."""
        return self.found is None or not np.array_equal(self.found.target, self.found.original)

    @property
    def stays(self) -> bool:
        """Whether the metamer is the original."""
        return self.found is not None and bool(np.array_equal(self.found.x, self.found.original))

    @property
    def finished(self) -> bool:
        """Whether there is a metamer, and the search for a better one did not run out of time."""
        return self.found is not None and self.found.status not in {Status.TIME_LIMIT, Status.ITERATION_LIMIT}


def layers_by_depth(net: Network, names: Sequence[str] = ()) -> tuple[str, ...]:
    """Layers in their order, each once.

    Args:
        net: the network.
        names: of nodes, in any order; if there are none, all that lie on every path from the input to the output and
            are piecewise linear, and the end.

    Raises:
        UnknownNode: if there is no node of a name.

    >>> from unrelu.network.graph import Network
    >>> net = Network.from_layers([(np.eye(2), np.zeros(2))] * 3)
    >>> layers_by_depth(net), layers_by_depth(net, ["relu2", "output", "relu1", "relu2"])
    (('relu1', 'relu2', 'dense3'), ('relu1', 'relu2', 'dense3'))
    """
    several = len(net.outputs) > 1
    if names:
        chosen = {OUTPUT if several and name == OUTPUT else net.node(name).name for name in names}
    else:
        chosen = {name for name in net.cuts if net.node(name).is_piecewise_linear}
        chosen |= {OUTPUT} if several else set(net.outputs)
    ordered = [node.name for node in net.nodes if node.name in chosen]
    return (*ordered, *(name for name in chosen if name not in ordered))


def metamers_by_depth(asked: MetamersAsked, layers: Sequence[str], *, progress: Progress) -> Iterator[LayerMetamer]:
    """The metamer of each layer in turn.

    What has the features of a layer has those of the layers that depend on nothing else, so their searches go on from
    its metamer too: a metamer of a deeper one is no worse.

    A layer that is too large, through which the search cannot pass, or where the farthest is infinitely far, is
    refused, and the next one follows.

    Args:
        asked: the question.
        layers: names, as from `layers_by_depth`.
        progress: where to tell how far each search is.

    Raises:
        InputError: if an argument does not fit.
        DomainError: if the original lies outside the domain.
    """
    nothing_yet = True
    earlier: dict[str, np.ndarray] = {}
    for number, layer in enumerate(layers):
        begin = time.monotonic()
        found, refused = None, ""
        prefix = asked.net.upto(layer)
        after = tuple(name for name in layers[:number] if name in prefix.cuts)
        begin_at = next((earlier[name] for name in reversed(after) if name in earlier), None)
        try:
            found = metamer(
                prefix,
                at=asked.original,
                target=asked.target,
                objective=asked.objective,
                norm=asked.norm,
                domain=asked.domain,
                tolerance=asked.tolerance,
                mask=asked.mask,
                search=asked.search,
                start=None if asked.search == "region" else begin_at,
                progress=progress,
                time_limit=asked.time_limit,
            )
        except (TooLarge, ModelError, SolverFailure) as error:
            refused = str(error)
        except InputError as error:
            # What is wrong with an argument is wrong for all layers, and shows at the first. Farthest metamers can be
            # infinitely far from one layer on.
            if nothing_yet or asked.objective != "farthest":
                raise
            refused = str(error)
        nothing_yet &= found is None
        if found is not None:
            earlier[layer] = np.asarray(found.x)
        yield LayerMetamer(layer, found, refused, time.monotonic() - begin, asked.before, after)


def distance_is_better(objective: str, one: float, other: float) -> bool:
    """Whether a distance from the target is better than another by more than rounding.

    >>> distance_is_better("nearest", 1.0, 2.0), distance_is_better("farthest", 1.0, 2.0)
    (True, False)
    """
    gain = other - one if objective == "nearest" else one - other
    return gain > 1e-6 * max(one, other)
