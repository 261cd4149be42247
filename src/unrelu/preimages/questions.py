"""Asking for preimages: of one input, of given features, of many inputs."""

from __future__ import annotations

from typing import Literal, overload

import numpy as np
import torch
from numpy.typing import ArrayLike

from unrelu.errors import DomainError, InputError, ShapeError, TooLarge
from unrelu.network.arrays import Array, as_numpy, unit_roundoff
from unrelu.network.expected import expect_layer_or_network
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Domain
from unrelu.preimages.classification import Classification
from unrelu.preimages.feature_decision import preimage_of_features
from unrelu.preimages.kind import Kind
from unrelu.preimages.layer_decision import classify_points, decide_point
from unrelu.preimages.layer_preimage import LayerPreimage
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.prefix_decision import decide_prefix
from unrelu.preimages.prefix_preimage import PrefixPreimage
from unrelu.preimages.prefix_statement import PrefixStatement
from unrelu.preimages.prefix_system import PrefixSystem
from unrelu.preimages.preimage import Preimage
from unrelu.preimages.union.given_features import GivenFeatures
from unrelu.preimages.union.searching import TIME_LIMIT, search_features, search_others
from unrelu.progress import Progress, resolve_progress
from unrelu.rigor.rounding import UNIT


@overload
def classify(
    layer: ReLULayer,
    inputs: Array,
    *,
    domain: Domain | None = None,
    tolerance: ArrayLike = 0.0,
    exact: bool = False,
    on_bad: Literal["raise", "skip"] = "raise",
    progress: Progress | bool | None = None,
    workers: int | None = None,
    device: torch.device | str | None = None,
) -> Classification[LayerPreimage]: ...
@overload
def classify(
    layer: Network,
    inputs: Array,
    *,
    domain: Domain | None = None,
    tolerance: ArrayLike = 0.0,
    exact: bool = False,
    on_bad: Literal["raise", "skip"] = "raise",
    progress: Progress | bool | None = None,
    workers: int | None = None,
    device: torch.device | str | None = None,
) -> Classification[Preimage]: ...
def classify(
    layer: ReLULayer | Network,
    inputs: Array,
    *,
    domain: Domain | None = None,
    tolerance: ArrayLike = 0.0,
    exact: bool = False,
    on_bad: Literal["raise", "skip"] = "raise",
    progress: Progress | bool | None = None,
    workers: int | None = None,
    device: torch.device | str | None = None,
) -> Classification[Preimage]:
    """Say for many inputs of a layer whether the inputs with the same features are one point, bounded or unbounded.

    Args:
        layer: the layer, or a prefix of a network of any depth, such as `net.upto("relu3")`; of one that is deeper than
            one ReLU layer the piece of each input is decided, see `PrefixPreimage`.
        inputs: (n, *shape), what the layer is fed; any shape with d numbers a sample. What their dtype rounds counts as
            rounding where they meet the rows of a domain; see `unrelu.polyhedra.domain_at.DomainAt`.
        domain: where inputs may lie, e.g. `Box(0, 1)` for pictures or `Nonnegative()` for what a ReLU gives; the whole
            space by default.
        tolerance: how much each feature may differ, in the features' own units: one number, or one for each feature.
        exact: whether rows of the domain hold as they are stored, without being moved through an input that keeps them
            up to rounding.
        on_bad: what becomes of inputs that are not finite or lie outside the domain: "raise" ends the call, "skip"
            leaves them out and says why in `skipped`.
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
    asked = expect_layer_or_network(layer)
    if on_bad not in {"raise", "skip"}:
        raise InputError(f'on_bad is "raise" or "skip", not {on_bad!r}.')
    unit, skip = unit_roundoff(inputs), on_bad == "skip"
    if isinstance(asked, Network):
        of_prefix = PrefixSystem.ask(asked, domain, tolerance, unit=unit, exact=exact)
        points, skipped = _points(of_prefix.title, asked.input_size, inputs, skip=skip)
        return _classify_prefix(of_prefix, points, skipped, skip=skip, progress=progress)
    system = LayerSystem.ask(asked, domain, tolerance, unit=unit, exact=exact)
    points, skipped = _points(system.title, asked.n_inputs, inputs, skip=skip)
    return classify_points(system, points, skipped, skip=skip, progress=progress, workers=workers, device=device)


def _classify_prefix(
    system: PrefixSystem,
    points: np.ndarray,
    skipped: dict[int, str],
    *,
    skip: bool,
    progress: Progress | bool | None,
) -> Classification[PrefixPreimage]:
    """`classify` for points (n, d) of a prefix, one after the other, as each has large rows of its own."""
    preimages: list[PrefixPreimage] = []
    kept: list[int] = []
    with resolve_progress(progress).stage(f"preimages of {system.title}", len(points)) as advance:
        for index, point in enumerate(points):
            advance(1)
            if index in skipped:
                continue
            try:
                preimages.append(decide_prefix(PrefixStatement(system, point)))
            except DomainError as error:
                if not skip:
                    raise DomainError(f"input {index}: {error}") from error
                skipped[index] = str(error)
                continue
            kept.append(index)
    return Classification(system, tuple(preimages), np.array(kept, dtype=np.int64), dict(sorted(skipped.items())))


@overload
def preimage(
    layer: ReLULayer,
    *,
    at: Array | None = None,
    features: Array | None = None,
    domain: Domain | None = None,
    tolerance: ArrayLike = 0.0,
    exact: bool = False,
    time_limit: float = TIME_LIMIT,
    progress: Progress | bool | None = None,
) -> LayerPreimage: ...
@overload
def preimage(
    layer: Network,
    *,
    at: Array | None = None,
    features: Array | None = None,
    domain: Domain | None = None,
    tolerance: ArrayLike = 0.0,
    exact: bool = False,
    time_limit: float = TIME_LIMIT,
    progress: Progress | bool | None = None,
) -> Preimage: ...
def preimage(
    layer: ReLULayer | Network,
    *,
    at: Array | None = None,
    features: Array | None = None,
    domain: Domain | None = None,
    tolerance: ArrayLike = 0.0,
    exact: bool = False,
    time_limit: float = TIME_LIMIT,
    progress: Progress | bool | None = None,
) -> Preimage:
    """The set of all inputs of a layer that have the same features as `at`, or that have given features.

    Of a prefix deeper than one ReLU layer it is a union of polyhedra. The piece of `at` is decided first
    (`PrefixPreimage`); where that leaves others possible and the domain is a box with finite ends, they are searched
    for (`UnionPreimage`), until all are found or the time is up.

    Args:
        layer: the layer, or a prefix of a network of any depth, such as `net.upto("relu3")`.
        at: one input of the layer, of its sample shape (or any shape with d numbers). What its dtype rounds counts as
            rounding where it meets the rows of a domain; see `unrelu.polyhedra.domain_at.DomainAt`.
        features: instead of `at`: m features; a point is found, or the set is proved EMPTY.
        domain: where inputs may lie; the whole space by default.
        tolerance: how much each feature may differ, in the features' own units: one number, or one for each feature.
        exact: whether rows of the domain hold as they are stored, without being moved through `at` where it keeps them
            up to rounding.
        time_limit: seconds to search for the pieces of a prefix; 0 for the piece of `at` alone. What is known then is
            the result, and `UnionPreimage.go_on` searches on, as after an interrupt (Ctrl-C).
        progress: where to show how far the search is.

    Raises:
        InputError: if not one of `at` and `features` is given, it does not fit the layer or is not finite, or the
            tolerance is negative.
        DomainError: if `at` lies outside the domain, or the domain is empty or does not fit the layer, or features of a
            prefix are given without a box.
        TooLarge: if features are given for a network that is too large to be searched.

    >>> preimage(ReLULayer(np.array([[1.0], [-1.0]]), np.array([-1.0, -1.0])), at=np.array([0.0])).kind
    <Kind.BOUNDED: 'bounded'>
    >>> preimage(ReLULayer(np.eye(1), np.zeros(1)), features=np.array([-1.0])).kind
    <Kind.EMPTY: 'empty'>
    """
    if (at is None) == (features is None):
        raise InputError("preimage needs one of `at` (an input of the layer) and `features`, not both.")
    asked = expect_layer_or_network(layer)
    if isinstance(asked, Network):
        return _preimage_of_prefix(asked, at, features, domain, tolerance, exact, time_limit, progress)
    if features is not None:
        values = as_numpy(features, "the features").reshape(-1)
        found = preimage_of_features(LayerSystem.ask(asked, domain, tolerance), values)
    else:
        assert at is not None
        system = LayerSystem.ask(asked, domain, tolerance, unit=unit_roundoff(at), exact=exact)
        point = _point(system.title, asked.n_inputs, at, "one input of the layer (net.layer_input(name, x)[i])")
        found = decide_point(system, point)
    if found.complete or found.kind is not Kind.UNDECIDED or not isinstance(layer, Network) or not time_limit > 0:
        return found
    try:  # of a layer whose units have one feature on several pieces
        return _preimage_of_prefix(layer, at, features, domain, tolerance, exact, time_limit, progress)
    except (DomainError, TooLarge):
        return found


def _preimage_of_prefix(
    prefix: Network,
    at: Array | None,
    features: Array | None,
    domain: Domain | None,
    tolerance: ArrayLike,
    exact: bool,
    time_limit: float,
    progress: Progress | bool | None,
) -> Preimage:
    unit = UNIT if at is None else unit_roundoff(at)
    system = PrefixSystem.ask(prefix, domain, tolerance, unit=unit, exact=exact)
    if at is None:
        assert features is not None
        given = GivenFeatures(system, as_numpy(features, "the features").reshape(-1))
        return search_features(given, time_limit=time_limit, progress=progress)
    point = _point(system.title, prefix.input_size, at, f"one sample of shape {prefix.input_shape}")
    try:
        piece = decide_prefix(PrefixStatement(system, point))
    except DomainError as error:
        raise DomainError(f"the point `at` lies outside the domain: {error}") from error
    return search_others(piece, time_limit=time_limit, progress=progress)


def _point(title: str, size: int, at: Array, advice: str) -> np.ndarray:
    """(d,) the point `at`."""
    point = as_numpy(at, "the point `at`")
    if point.size != size:
        raise ShapeError(f"`at` has {point.size} numbers, but {title} takes {size}; give {advice}.")
    return point.reshape(-1)


def _points(title: str, size: int, inputs: Array, *, skip: bool) -> tuple[np.ndarray, dict[int, str]]:
    """The inputs as rows, and those of them that are not finite."""
    batch = as_numpy(inputs, "the inputs", finite=not skip)
    if batch.ndim < 2 or batch.size != len(batch) * size or len(batch) == 0:
        raise ShapeError(
            f"inputs of shape {batch.shape} do not fit {title}: it needs (n, *shape) with n >= 1 samples of "
            f"{size} numbers each."
        )
    points = batch.reshape(len(batch), size)
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1)).tolist() if skip else []
    return points, dict.fromkeys(bad, "it holds NaN or infinite values; clean it first.")
