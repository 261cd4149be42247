"""A metamer and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.metamerism.judge import Classes, SeenDifference
from unrelu.network.arrays import Array
from unrelu.solvers.status import Status


@dataclass(frozen=True, eq=False)
class Metamer:
    """An input with the same features as another one, as near as can be to a third.

    Arrays are of the kind of the original that was given (NumPy, or torch on its device) and of the network's
    input shape, always in float64: rounding the metamer to a shorter type would change its features.

    Attributes:
        x: the metamer; it keeps the bounds of the domain exactly.
        original: the input whose features it has.
        target: the input it should look like.
        distance: `||x - target||` in the norm.
        norm: 1, 2 or inf.
        objective: "nearest" or "farthest".
        tolerance: by how much each feature was allowed to differ, at most.
        search: "layer", the program over one layer's preimage (or its piece); "walk", "region" or "exact".
        feature_error: largest difference between the features of `x` and of the original in float64.
        largest_feature: the largest magnitude of a feature of the original.
        forward_error: the same in the user's own forward pass, in its dtype and on its device, into which both
            inputs are rounded; None where there is no such model.
        radius: an exact metamer (no feature differs at all, or by more than the tolerance, in exact arithmetic on the
            layer's stored numbers) is proved to lie within this L2 distance of `x`; inf where that is not proved.
        bound: no exact metamer is nearer to the target than this (or farther, where that is the
            objective). It is computed from the solver's multipliers by
            weak duality with all roundings accounted for, so it rests on no solver's word. Where `regional`, it
            is about the metamers in the original's linear region only, and about the linearization as computed.
        regional: whether only the closed linear region of the original was searched, or its piece of a preimage of
            several; metamers elsewhere may be nearer.
        bypassed_by: names of the nodes by which the output of the network that the prefix is taken from can depend on
            the input past these features (`Network.bypassed_by`); None for a layer by itself, of which no network is
            known.
        status: how the search stopped; INACCURATE where a solver was done, but `x` is not optimal in the sense of
            `optimal`, LOCAL where no step of a walk leads on.
        steps: how many a walk took.
        crossed: on them, units whose branch changed, counted each time.
        waypoints: (k, *shape) float64, where a walk went, from the original on, each near an input with its features;
            see `metamer_path`. Empty of other searches.
        changed: by node, how many units of the prefix are on another branch than at the original; nodes without any
            are left out, and of one layer nothing is told.
        seen_by: the nodes of the network behind the features that still see a difference; a cut lets nothing through.
        classes: what the network says in float64; None where it has a single output or is not known.
        own_classes: the same in the user's own forward pass; None where there is no such model.
        unique: whether `x` is the original, and proved to be the only input in the domain that has its features.
    """

    x: Array
    original: Array
    target: Array
    distance: float
    norm: float
    objective: str
    tolerance: float
    search: str
    feature_error: float
    largest_feature: float
    forward_error: float | None
    radius: float
    bound: float
    regional: bool
    bypassed_by: tuple[str, ...] | None
    status: Status
    steps: int
    crossed: int
    waypoints: np.ndarray
    changed: dict[str, int]
    seen_by: tuple[SeenDifference, ...]
    classes: Classes | None
    own_classes: Classes | None
    unique: bool

    @property
    def optimal(self) -> bool:
        """Whether distance and bound meet (`polyhedra.nearest.OPTIMALITY_TOLERANCE`): the status OPTIMAL."""
        return self.status is Status.OPTIMAL

    @property
    def relative_error(self) -> float:
        """`feature_error` as a part of the largest feature."""
        return self.feature_error / self.largest_feature if self.largest_feature else self.feature_error

    @property
    def gap(self) -> float:
        """How much better another could be at most, as a part of the distance; nan where that is 0."""
        return abs(self.distance - self.bound) / self.distance if self.distance else float("nan")

    @property
    def at_cut(self) -> bool | None:
        """Whether the network's output depends on the input through these features alone (`Network.cuts`).

        If so, inputs with exactly these features have exactly the original's output in exact arithmetic, whatever comes
        after them; `x` has them up to `feature_error`, and its output differs by what the rest of the network makes of
        that. If not, the nodes `bypassed_by` may see the difference, and the network may say anything. The network is
        the one on which `upto` was called; one that is no prefix keeps its own output. None for a layer by itself.
        """
        return None if self.bypassed_by is None else not self.bypassed_by
