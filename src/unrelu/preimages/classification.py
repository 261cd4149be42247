"""Many inputs of one layer, classified at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import overload

import numpy as np
import torch

from unrelu.devices import resolve_device
from unrelu.errors import InputError, ShapeError
from unrelu.network.arrays import Array, as_numpy
from unrelu.network.expected import expect_layer
from unrelu.network.layer import ReLULayer
from unrelu.parallel import in_threads, share_workers
from unrelu.polyhedra.domains import Domain
from unrelu.preimages.certificates import Cone
from unrelu.preimages.cone_decision import by_structure, decide_cone, decide_cones, is_crowded
from unrelu.preimages.facts import Fact, decided
from unrelu.preimages.feature_preimage import FeaturePreimage, feature_preimage
from unrelu.preimages.layer_preimage import LayerPreimage
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.pattern import LayerPattern
from unrelu.progress import Progress, resolve_progress
from unrelu.solvers.gram_rows import GramRows

BLOCK = 64
"""Inputs that share their products with all rows, at most; products with fewer at a time are slower for each."""

PATTERN_BLOCK = 1024
"""Inputs whose pre-activations are held in memory at a time: 29 MB an array for 3,500 features."""


@dataclass(frozen=True, eq=False)
class Classification:
    """What the preimages of many inputs of one layer are.

    Attributes:
        system: the layer, the domain and the tolerance.
        preimages: one an input, in order.
    """

    system: LayerSystem
    preimages: tuple[LayerPreimage, ...]

    @property
    def layer(self) -> ReLULayer:
        """The layer."""
        return self.system.layer

    def __len__(self) -> int:
        return len(self.preimages)

    def __getitem__(self, index: int) -> LayerPreimage:
        return self.preimages[index]

    @property
    def kind(self) -> np.ndarray:
        """(n,) of `Kind`."""
        return self._collect(lambda preimage: preimage.kind, object)

    @property
    def bounded(self) -> np.ndarray:
        """(n,) of True, False, None."""
        return self._collect(lambda preimage: preimage.bounded, object)

    @property
    def singleton(self) -> np.ndarray:
        """(n,) of True, False, None."""
        return self._collect(lambda preimage: preimage.singleton, object)

    @property
    def n_active(self) -> np.ndarray:
        """(n,) int64, numbers of positive features."""
        return self._collect(lambda preimage: preimage.n_active, np.int64)

    @property
    def dimension_lower(self) -> np.ndarray:
        """(n,) int64, proved lower bounds of the dimension."""
        return self._collect(lambda preimage: preimage.dimension.lower, np.int64)

    @property
    def dimension_upper(self) -> np.ndarray:
        """(n,) int64, proved upper bounds of the dimension; each costs a factorisation of the active rows."""
        return self._collect(lambda preimage: preimage.dimension.upper, np.int64)

    @property
    def margin(self) -> np.ndarray:
        """(n,) float64, how clearly boundedness was decided; NaN where counting or rank decided it."""
        return self._collect(lambda preimage: preimage.margin, np.float64)

    def __repr__(self) -> str:
        """A line with the number of inputs of each kind."""
        kinds, counts = np.unique([kind.value for kind in self.kind], return_counts=True)
        told = ", ".join(f"{count} {kind}" for kind, count in zip(kinds, counts, strict=True))
        return f"Classification({len(self)} inputs of {_title(self.layer)}: {told})"

    def verify(self, progress: Progress | bool | None = None, workers: int | None = None) -> np.ndarray:
        """Check the certificates of all inputs without a solver.

        Returns:
            (n,) bool: whether the kind is proved.
        """
        proved = np.zeros(len(self), dtype=bool)
        with resolve_progress(progress).stage(f"proofs of {_title(self.layer)}", len(self)) as advance:
            checks = in_threads(lambda preimage: preimage.certificate.verify(), self.preimages, workers=workers)
            for index, verified in enumerate(checks):
                proved[index] = verified
                advance(1)
        return proved

    def _collect(self, value: Callable[[LayerPreimage], object], dtype: type) -> np.ndarray:
        collected = np.empty(len(self), dtype=dtype)
        for index, preimage in enumerate(self.preimages):
            collected[index] = value(preimage)
        return collected


def classify(
    layer: ReLULayer,
    inputs: Array,
    *,
    domain: Domain | None = None,
    tolerance: float = 0.0,
    progress: Progress | bool | None = None,
    workers: int | None = None,
    device: torch.device | str | None = None,
) -> Classification:
    """Say for many inputs of a layer whether the inputs with the same features are one point, bounded or unbounded.

    Args:
        layer: the layer.
        inputs: (n, *shape), what the layer is fed; any shape with d numbers a sample.
        domain: where inputs may lie, e.g. `Box(0, 1)` for pictures or `Nonnegative()` for what a ReLU gives; the whole
            space by default.
        tolerance: how much each feature may differ, in the features' own units.
        progress: where to show progress.
        workers: threads; by default one a core. BLAS is kept to one thread in each.
        device: where products that all inputs share are computed, e.g. "cuda"; the processor by default. What belongs
            to one input is always computed on the processor, and so are the proofs.

    Raises:
        InputError: if the inputs do not fit the layer or are not finite, the tolerance is negative, or there is no such
            device.
        DomainError: if an input lies outside the domain, or the domain is empty or does not fit the layer.

    >>> layer = ReLULayer(np.array([[1.0], [-1.0]]), np.array([-1.0, -1.0]))
    >>> [kind.value for kind in classify(layer, np.array([[0.0], [3.0]])).kind]
    ['bounded', 'singleton']
    """
    expect_layer(layer)
    points = _points(layer, inputs)
    system = LayerSystem.ask(layer, domain, tolerance)
    shared = GramRows(system.rows, resolve_device(device))
    patterns: list[LayerPattern] = []
    for start in range(0, len(points), PATTERN_BLOCK):
        patterns.extend(system.patterns(points[start : start + PATTERN_BLOCK]))
    cones = [system.recession_cone(pattern) for pattern in patterns]
    hard = [cone.equalities for cone in cones if not is_crowded(cone)]
    if len(hard) > 1:
        shared.prepare(np.stack(hard))

    def block(indices: list[int]) -> list[LayerPreimage]:
        return _classify_block(system, shared, points[indices], [patterns[index] for index in indices])

    size = min(BLOCK, -(-len(points) // share_workers(workers, len(points)).tasks))
    blocks = [list(range(len(points)))[start : start + size] for start in range(0, len(points), size)]
    preimages: list[LayerPreimage] = []
    with resolve_progress(progress).stage(f"preimages of {_title(layer)}", len(points)) as advance:
        for part in in_threads(block, blocks, workers=workers):
            preimages.extend(part)
            advance(len(part))
    return Classification(system, tuple(preimages))


@overload
def preimage(layer: ReLULayer, *, at: Array, domain: Domain | None = None, tolerance: float = 0.0) -> LayerPreimage: ...


@overload
def preimage(
    layer: ReLULayer, *, features: Array, domain: Domain | None = None, tolerance: float = 0.0
) -> FeaturePreimage: ...


def preimage(
    layer: ReLULayer,
    *,
    at: Array | None = None,
    features: Array | None = None,
    domain: Domain | None = None,
    tolerance: float = 0.0,
) -> LayerPreimage | FeaturePreimage:
    """The set of all inputs of a layer that have the same features as `at`, or that have given features.

    Args:
        layer: the layer.
        at: one input of the layer, of its sample shape (or any shape with d numbers).
        features: instead of `at`: m features; a point is found, or the set is proved EMPTY.
        domain: where inputs may lie; the whole space by default.
        tolerance: how much each feature may differ, in the features' own units.

    Raises:
        InputError: if not one of `at` and `features` is given, it does not fit the layer or is not finite, or the
            tolerance is negative.
        DomainError: if `at` lies outside the domain, or the domain is empty or does not fit the layer.

    >>> preimage(ReLULayer(np.array([[1.0], [-1.0]]), np.array([-1.0, -1.0])), at=np.array([0.0])).kind
    <Kind.BOUNDED: 'bounded'>
    >>> preimage(ReLULayer(np.eye(1), np.zeros(1)), features=np.array([-1.0])).kind
    <Kind.EMPTY: 'empty'>
    """
    if (at is None) == (features is None):
        raise InputError("preimage needs one of `at` (an input of the layer) and `features`, not both.")
    expect_layer(layer)
    if features is not None:
        values = as_numpy(features, "the features").reshape(-1)
        return feature_preimage(LayerSystem.ask(layer, domain, tolerance), values)
    assert at is not None
    point = as_numpy(at, "the point `at`")
    if point.size != layer.n_inputs:
        raise ShapeError(
            f"`at` has {point.size} numbers, but {_title(layer)} takes {layer.n_inputs}; give one input of the layer "
            "(net.layer_input(name, x)[i])."
        )
    points = point.reshape(1, -1)
    return classify(layer, points, domain=domain, tolerance=tolerance, progress=False, workers=1)[0]


def _points(layer: ReLULayer, inputs: Array) -> np.ndarray:
    batch = as_numpy(inputs, "the inputs")
    if batch.ndim < 2 or batch.size != len(batch) * layer.n_inputs or len(batch) == 0:
        raise ShapeError(
            f"inputs of shape {batch.shape} do not fit {_title(layer)}: it needs (n, *shape) with n >= 1 samples of "
            f"{layer.n_inputs} numbers each."
        )
    return batch.reshape(len(batch), layer.n_inputs)


def _title(layer: ReLULayer) -> str:
    return f"layer {layer.name}" if layer.name else "the layer"


def _classify_block(
    system: LayerSystem, shared: GramRows, points: np.ndarray, patterns: list[LayerPattern]
) -> list[LayerPreimage]:
    singleton = [decide_cone(system.tangent_cone(pattern)) for pattern in patterns]
    recession = [system.recession_cone(pattern) for pattern in patterns]
    bounded: dict[int, Fact] = {}
    for index, (pattern, cone, fact) in enumerate(zip(patterns, recession, singleton, strict=True)):
        if fact.value is True or _is_same(cone, system.tangent_cone(pattern)):
            # A single point is bounded; and where every inequality is tight, both questions are about one cone.
            bounded[index] = fact
            continue
        structural = by_structure(cone)
        if structural is not None:
            bounded[index] = structural
    hard = [index for index in range(len(patterns)) if index not in bounded]
    bounded.update(zip(hard, decide_cones(shared, [recession[index] for index in hard]), strict=True))
    return [
        LayerPreimage(system, point, pattern, bounded[index], _refuted(singleton[index], bounded[index]))
        for index, (point, pattern) in enumerate(zip(points, patterns, strict=True))
    ]


def _is_same(first: Cone, second: Cone) -> bool:
    return np.array_equal(first.equalities, second.equalities) and np.array_equal(
        first.inequalities, second.inequalities
    )


def _refuted(singleton: Fact, bounded: Fact) -> Fact:
    """An open question of uniqueness is answered where the preimage is unbounded."""
    if singleton.value is None and bounded.value is False and bounded.certificate is not None:
        return decided(bounded.certificate)
    return singleton
