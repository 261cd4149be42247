"""Finding the metamer nearest to a target, or farthest from it."""

from __future__ import annotations

import math
import time
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from unrelu.errors import InputError, ShapeError
from unrelu.metamerism.exact.exact_metamer import exact_metamer
from unrelu.metamerism.exact.proved_radius import proved_radius
from unrelu.metamerism.feature_map import FeatureMap, feature_map
from unrelu.metamerism.found import Found
from unrelu.metamerism.in_depth import metamer_by_walk, metamer_in_region, outward
from unrelu.metamerism.judge import classes, own_classes, seen_behind
from unrelu.metamerism.on_layer import metamer_on_layer
from unrelu.metamerism.result import Metamer
from unrelu.metamerism.unique import is_unique
from unrelu.metamerism.walk.statement import WalkStatement
from unrelu.metamerism.walk.walk_end import WalkEnd
from unrelu.metamerism.walk.walking import is_better, start_of
from unrelu.network.arrays import Array, as_numpy, unit_roundoff
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box, Domain, resolve
from unrelu.polyhedra.nearest import check_norm
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.layer_system import resolve_tolerance
from unrelu.progress import Progress, resolve_progress
from unrelu.solvers.status import Status
from unrelu.stability.pattern import activation_pattern

PICTURES = Box(0, 1)
"""Pictures with values in [0, 1], the default domain of metamers."""

OBJECTIVES = ("nearest", "farthest")

_OF_TIME = 0.1
"""The part of the time that a walk may take before an exact search."""

STARTS = 1e-6
"""The features of a start are off by no more than this part of the largest: what Newton steps take back."""

SEARCHES = ("walk", "region", "exact")


def metamer(
    prefix: Network | ReLULayer,
    *,
    at: Array,
    target: Array | None = None,
    objective: str = "nearest",
    norm: float = 1,
    domain: Domain | None = PICTURES,
    tolerance: ArrayLike = 0.0,
    mask: ArrayLike | None = None,
    search: str | None = None,
    start: Array | None = None,
    progress: Progress | bool | None = None,
    time_limit: float = math.inf,
) -> Metamer:
    """The input nearest to a target among all that have the same features as `at`.

    For one layer this is the linear or quadratic program of Behrmann et al., appendix A7, over the whole preimage, with
    a bound that proves it. Beyond, a *walk* goes along the preimage from `at`, from one linear region to the next, to
    where no step leads nearer: its features are those of `at` to rounding, and nothing is said of what is farther away.

    Where the features are a cut of the network, it cannot tell inputs with
    the same features apart; otherwise it may, and the result says by which nodes (`at_cut`, `bypassed_by`, `seen_by`).

    >>> layer = ReLULayer(np.array([[1.0, 1.0]]), np.zeros(1))
    >>> found = metamer(layer, at=np.array([1.0, 0.0]), target=np.array([0.0, 0.5]), norm=1)
    >>> found.x.round(9), round(found.distance, 9), found.optimal
    (array([0.5, 0.5]), 0.5, True)

    Args:
        prefix: a network whose output are the features, usually `net.upto("relu3")`, or a layer by itself.
        at: the original, of the input's sample shape, in the domain.
        target: what the metamer should come near to, or stay away from, of the same shape, in the domain or not; may be
            left out for the farthest, which then goes away from the original.
        objective: "nearest" to the target, or "farthest" from it; farthest in L-infinity exactly, in L1 and L2 the best
            that is found, with a bound.
        norm: of the distance: 1, 2 or `math.inf`.
        domain: where metamers may lie; pictures in [0, 1] by default (other than for `preimage`), None for the whole
            space.
        tolerance: by how much each feature may differ: one number, or one for each feature.
        mask: bool, of the sample shape: True where the metamer may differ from the original, which it does not
            elsewhere; None for everywhere.
        search: "walk", any depth and size; "region", the best in the linear region of the original, with a bound for
            that region; "exact", with a bound for all metamers, for small networks; None for the program that decides
            it where the prefix is one layer, and for "walk" beyond.
        start: another input with the features of `at`, from which the search goes on too, such as a metamer through an
            earlier layer; it is put back onto the features, and what is found is no worse than that. Not for "region".
        progress: see `unrelu.progress.resolve_progress`.
        time_limit: seconds that the search may take; where it finds nothing in time, the metamer is the original.

    Raises:
        InputError: if an argument does not fit, or the farthest metamer is infinitely far; the message says which and
            what to do.
        DomainError: if the original lies outside the domain.
        TooLarge: if the layer or the rows of a piece would take more memory than allowed.
        SolverFailure: if the solver finds no point, though the original is one.
        UnsupportedOperator: if a node is one that the search cannot pass.
    """
    if target is None and objective != "farthest":
        raise InputError("the nearest metamer needs a target to come near to; give target=, or objective='farthest'.")
    return find_metamer(
        feature_map(prefix),
        at,
        at if target is None else target,
        objective=objective,
        norm=norm,
        domain=domain,
        tolerance=tolerance,
        mask=mask,
        search=search,
        start=start,
        progress=progress,
        time_limit=time_limit,
    )


def find_metamer(
    features: FeatureMap,
    at: Array,
    target: Array,
    *,
    norm: float,
    domain: Domain | None,
    tolerance: ArrayLike,
    objective: str = "nearest",
    mask: ArrayLike | None = None,
    search: str | None = None,
    start: Array | None = None,
    progress: Progress | bool | None = None,
    time_limit: float = math.inf,
    unit: float | None = None,
) -> Metamer:
    """`metamer` for a feature map that was made once for many originals; see there.

    Args:
        features: the map.
        at: the original.
        target: the target.
        norm: of the distance.
        domain: where metamers may lie.
        tolerance: by how much each feature may differ.
        objective: "nearest" or "farthest".
        mask: where it may differ.
        search: how to look for it.
        start: where to go on from too.
        progress: where to show it.
        time_limit: seconds the search may take.
        unit: unit roundoff of the dtype in which the original was first given; that of `at` if None.
    """
    check_norm(norm)
    if objective not in OBJECTIVES:
        raise InputError(f"the objective of a metamer is {' or '.join(map(repr, OBJECTIVES))}, not {objective!r}.")
    if not (isinstance(time_limit, int | float) and time_limit >= 0):
        raise InputError(f"the time limit must be a number of seconds, math.inf for none, not {time_limit!r}.")
    how = _search(search, features)
    original = _sample(at, features, "the original `at`")
    wanted = _sample(target, features, "the target")
    eps = resolve_tolerance(tolerance, features.n_features)
    D = _masked(resolve(domain, original.size), mask, original, features)
    unit = unit_roundoff(at) if unit is None else unit
    told = resolve_progress(progress)
    began = time.monotonic()
    statement = features.walk_statement(original, wanted, D, eps, unit=unit, objective=objective, norm=norm)
    begin = None if start is None else _start(start, how, features, statement, began + time_limit)
    if how == "layer":
        same = features.same_features(original, D, eps, unit=unit)
        found = metamer_on_layer(same, original, wanted, objective=objective, norm=norm, time_limit=time_limit)
        if begin is not None and found.status is not Status.OPTIMAL and is_better(statement, begin, found):
            radius = proved_radius(features, original, begin.x, domain=D, eps=eps)
            found = replace(found, point=begin.x, distance=begin.distance, radius=radius)
    elif how == "region":
        found = metamer_in_region(statement, time_limit)
    else:
        found = metamer_by_walk(statement, time_limit * (_OF_TIME if how == "exact" else 1), told, begin)
        if how == "exact" and found.status is not Status.INTERRUPTED:
            left = max(0.0, began + time_limit - time.monotonic())
            found = exact_metamer(
                features,
                original,
                wanted,
                objective=objective,
                norm=norm,
                domain=D,
                eps=eps,
                start=found.point,
                time_limit=left,
                progress=told,
            )
    if how in {"walk", "region"}:
        found = replace(found, radius=proved_radius(features, original, found.point, domain=D, eps=eps))
    if how != "layer" and np.array_equal(found.point, original):
        left = began + time_limit - time.monotonic()
        alone = is_unique(features.as_prefix, original, domain=D, eps=eps, time_limit=left)
        found = replace(found, unique=alone, status=Status.OPTIMAL if alone else found.status)
        if alone:
            found = replace(found, bound=outward(found.distance, original.size, objective))
    return _metamer(features, found, how, at, original, wanted, objective, float(norm), eps)


def _metamer(
    features: FeatureMap,
    found: Found,
    how: str,
    at: Array,
    original: np.ndarray,
    wanted: np.ndarray,
    objective: str,
    norm: float,
    eps: np.ndarray,
) -> Metamer:
    """The result, with what the network says to it."""
    x, prefix = found.point, features.prefix
    triple = np.stack([original, wanted, x]).reshape(3, *features.input_shape)
    values = features(triple[[0, 2]])
    own = features.own(triple[[0, 2]])
    whole = None if prefix is None else prefix if prefix.whole is None else prefix.whole
    return Metamer(
        x=_as_given(x, features, at),
        original=_as_given(original, features, at),
        target=_as_given(wanted, features, at),
        distance=found.distance,
        norm=norm,
        objective=objective,
        tolerance=float(eps.max(initial=0.0)),
        search=how,
        feature_error=_difference(values),
        largest_feature=float(np.abs(values[0]).max(initial=0.0)),
        forward_error=None if own is None else _difference(own),
        radius=found.radius,
        bound=found.bound,
        regional=found.regional,
        bypassed_by=None if prefix is None else prefix.bypassed_by,
        status=found.status,
        unique=found.unique,
        steps=found.steps,
        crossed=found.crossed,
        waypoints=found.waypoints.reshape(len(found.waypoints), *features.input_shape),
        changed=_changed(prefix, triple) if how != "layer" else {},
        seen_by=() if prefix is None else seen_behind(prefix, triple[[0, 2]]),
        classes=None if whole is None else classes(whole, triple),
        own_classes=None if whole is None else own_classes(whole, triple),
    )


def _search(search: str | None, features: FeatureMap) -> str:
    if search is not None and search not in SEARCHES:
        raise InputError(f"a search for a metamer is {', '.join(map(repr, SEARCHES))} or None, not {search!r}.")
    if features.layer is not None and search in {None, "region"}:
        return "layer"
    return search or "walk"


def _start(start: Array, how: str, features: FeatureMap, statement: WalkStatement, deadline: float) -> WalkEnd | None:
    """Where a search goes on from, put back onto the features; None where rounding leaves nothing to go on from.

    Raises:
        InputError: if it is not of the features, or outside of the domain, or nothing goes on from it.
    """
    if how == "region":
        raise InputError("the best in the original's region needs no start=; leave it out, or use search='walk'.")
    x = _sample(start, features, "the start")
    size = float(np.maximum(np.abs(x), np.abs(statement.origin)).max(initial=0.0))
    if float(statement.domain.unit_rows.violation(x[None])[0]) > STARTS * size:
        raise InputError("start= lies outside the domain, or differs from `at` where the mask forbids it.")
    u = statement.walked(x)
    off = statement.off(statement.outputs(u))
    if off > STARTS:
        raise InputError(
            f"start= has other features than `at`: the worst is off by {off:.1e} of the largest, more than {STARTS:g}; "
            "give an input with the same features, such as a metamer through an earlier layer."
        )
    return start_of(statement, u, deadline)


def _masked(D: Polyhedron, mask: ArrayLike | None, original: np.ndarray, features: FeatureMap) -> Polyhedron:
    """The domain in which nothing moves but where a mask says so."""
    if mask is None:
        return D
    free = np.asarray(mask)
    if free.dtype != bool or free.shape != features.input_shape:
        raise InputError(
            f"a mask is an array of bool of the shape {features.input_shape}, True where the metamer may differ, not "
            f"of {free.dtype} and {free.shape}."
        )
    free = free.reshape(-1)
    return replace(D, lower=np.where(free, D.lower, original), upper=np.where(free, D.upper, original))


def _changed(prefix: Network | None, triple: np.ndarray) -> dict[str, int]:
    """How many units of each node are on another branch than at the original."""
    if prefix is None:
        return {}
    one, other = (activation_pattern(prefix, triple[place]) for place in (0, 2))
    counts = {name: int((one.branches[name] != other.branches[name]).sum()) for name in one.names}
    return {name: count for name, count in counts.items() if count}


def _sample(values: Array, features: FeatureMap, what: str) -> np.ndarray:
    sample = as_numpy(values, what)
    if sample.shape != features.input_shape:
        raise ShapeError(
            f"{what} has shape {sample.shape}, but the network takes samples of shape {features.input_shape}; "
            "give one sample, without a batch axis."
        )
    return sample.reshape(-1)


def _difference(pair: np.ndarray) -> float:
    return float(np.abs(pair[0] - pair[1]).max(initial=0.0))


def _as_given(values: np.ndarray, features: FeatureMap, kind: Array) -> Array:
    """A float64 array of the sample shape, as NumPy or torch, wherever the given one is."""
    shaped = values.reshape(features.input_shape)
    return torch.tensor(shaped, device=kind.device) if isinstance(kind, Tensor) else shaped.copy()
