"""Finding the metamer nearest to a target."""

from __future__ import annotations

import math
import time

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from unrelu.cones.decide import decide_cone
from unrelu.errors import InputError, ShapeError, SolverFailure
from unrelu.metamerism.feature_map import FeatureMap, feature_map
from unrelu.metamerism.found import Found
from unrelu.metamerism.result import Metamer
from unrelu.network.arrays import Array, as_numpy, unit_roundoff
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box, Domain, resolve
from unrelu.polyhedra.nearest import NearestPoint, check_norm, nearest_point
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.layer_system import resolve_tolerance
from unrelu.preimages.same_features import SameFeatures
from unrelu.rigor.singular import proves_full_rank
from unrelu.solvers.status import Status

PICTURES = Box(0, 1)
"""Pictures with values in [0, 1], the default domain of metamers."""

OBJECTIVES = ("nearest", "farthest")


def metamer(
    prefix: Network | ReLULayer,
    *,
    at: Array,
    target: Array,
    objective: str = "nearest",
    norm: float = 1,
    domain: Domain | None = PICTURES,
    tolerance: ArrayLike = 0.0,
    time_limit: float = math.inf,
) -> Metamer:
    """The input nearest to a target among all that have the same features as `at`.

    For one layer this is the linear or quadratic program of Behrmann et al., appendix A7, over the whole preimage. For
    a prefix with several ReLU layers the closed linear region of `at` is searched, in which the preimage is one
    polyhedron; the result says so (`regional`). So it does of a layer whose units have a feature on several pieces, as
    |t| has: there the piece of `at` is searched.

    Where the features are a cut of the network, it cannot tell inputs with
    the same features apart; otherwise it may, and the result says by which nodes (`at_cut`, `bypassed_by`).

    >>> layer = ReLULayer(np.array([[1.0, 1.0]]), np.zeros(1))
    >>> found = metamer(layer, at=np.array([1.0, 0.0]), target=np.array([0.0, 0.5]), norm=1)
    >>> found.x.round(9), round(found.distance, 9), found.optimal
    (array([0.5, 0.5]), 0.5, True)

    Args:
        prefix: a network whose output are the features, usually `net.upto("relu1")`, or a layer by itself.
        at: the original, of the input's sample shape, in the domain.
        target: what the metamer should come near to, or stay away from, of the same shape, in the domain or not.
        objective: "nearest" to the target, or "farthest" from it; farthest in L-infinity exactly, in L1 and L2 the best
            that is found, with a bound.
        norm: of the distance: 1, 2 or `math.inf`.
        domain: where metamers may lie; pictures in [0, 1] by default (other than for `preimage`), None for the whole
            space.
        tolerance: by how much each feature may differ: one number, or one for each feature.
        time_limit: seconds the solver may take; where it finds nothing in time, the metamer is the original itself.

    Raises:
        InputError: if an argument does not fit, or the farthest metamer is infinitely far; the message says which and
            what to do.
        DomainError: if the original lies outside the domain.
        TooLarge: if the layer or the Jacobians would take more memory than allowed.
        SolverFailure: if the solver finds no point, though the original is one.
    """
    return find_metamer(
        feature_map(prefix),
        at,
        target,
        objective=objective,
        norm=norm,
        domain=domain,
        tolerance=tolerance,
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
        time_limit: seconds the solver may take.
        unit: unit roundoff of the dtype in which the original was first given; that of `at` if None.
    """
    check_norm(norm)
    if objective not in OBJECTIVES:
        raise InputError(f"the objective of a metamer is {' or '.join(map(repr, OBJECTIVES))}, not {objective!r}.")
    if not (isinstance(time_limit, int | float) and time_limit >= 0):
        raise InputError(f"the time limit must be a number of seconds, math.inf for none, not {time_limit!r}.")
    original = _sample(at, features, "the original `at`")
    wanted = _sample(target, features, "the target")
    eps = resolve_tolerance(tolerance, features.n_features)
    same = features.same_features(
        original, resolve(domain, original.size), eps, unit=unit_roundoff(at) if unit is None else unit
    )
    body = _body(same)
    found = _search(body, same, original, wanted, objective, norm, time_limit)
    x = found.point
    pair = np.stack([original, x]).reshape(2, *features.input_shape)
    own = features.own(pair)
    is_original = np.array_equal(x, original)
    return Metamer(
        x=_as_given(x, features, at),
        original=_as_given(original, features, at),
        target=_as_given(wanted, features, at),
        distance=found.distance,
        norm=float(norm),
        objective=objective,
        tolerance=float(eps.max(initial=0.0)),
        feature_error=_difference(features(pair)),
        forward_error=None if own is None else _difference(own),
        radius=0.0 if is_original else found.radius if isinstance(same, SameFeatures) else math.inf,
        bound=found.bound,
        optimal=found.status is Status.OPTIMAL,
        regional=not (isinstance(same, SameFeatures) and same.is_whole),
        bypassed_by=None if features.prefix is None else features.prefix.bypassed_by,
        status=found.status,
        unique=is_original and isinstance(same, SameFeatures) and _is_unique(same),
    )


def _body(same: SameFeatures | Polyhedron) -> Polyhedron:
    """The set; a single point by its bounds, where a solver would only meet rounding."""
    P = same.polyhedron if isinstance(same, SameFeatures) else same
    if len(P.A_eq) >= P.n_coordinates and not P.b_eq.any() and proves_full_rank(P.A_eq):
        return Polyhedron(lower=P.origin, upper=P.origin, origin=P.origin)
    return P


def _search(
    body: Polyhedron,
    same: SameFeatures | Polyhedron,
    original: np.ndarray,
    wanted: np.ndarray,
    objective: str,
    norm: float,
    time_limit: float,
) -> Found:
    if objective == "farthest":
        deadline = time.monotonic() + time_limit
        far = body.farthest(wanted, norm, time_limit=time_limit)
        if math.isinf(far.distance):
            raise InputError(
                "metamers of this original lie arbitrarily far away, so there is no farthest; bound them by a domain "
                "such as Box(0, 1)."
            )
        late = time.monotonic() >= deadline
        if far.point is None and late:
            distance = float(np.linalg.norm(original - wanted, ord=norm))
            return Found(original.copy(), distance, max(far.bound, distance), 0.0, Status.TIME_LIMIT)
        if far.point is None:
            raise SolverFailure("no metamer was found, though the original is one; give another norm or domain.")
        open_status = Status.TIME_LIMIT if late else Status.INACCURATE
        status = Status.OPTIMAL if far.optimal else open_status
        return Found(far.point, far.distance, far.bound, far.radius, status)
    is_member = same.contains(wanted) if isinstance(same, SameFeatures) else False
    found = nearest_point(body, wanted, norm, time_limit=time_limit, is_member=is_member)
    x = _point(found, original)
    distance = float(np.linalg.norm(x - wanted, ord=norm))
    return Found(x, distance, min(found.bound, distance), found.radius, found.status)


def _is_unique(same: SameFeatures) -> bool:
    """Whether the original is proved to be the only input with its features."""
    cone = same.enclosing_tangent_cone
    decision = decide_cone(cone)
    return decision.holds is True and decision.certificate is not None and decision.certificate.verify(cone)


def _sample(values: Array, features: FeatureMap, what: str) -> np.ndarray:
    sample = as_numpy(values, what)
    if sample.shape != features.input_shape:
        raise ShapeError(
            f"{what} has shape {sample.shape}, but the network takes samples of shape {features.input_shape}; "
            "give one sample, without a batch axis."
        )
    return sample.reshape(-1)


def _point(found: NearestPoint, original: np.ndarray) -> np.ndarray:
    if found.point is not None:
        return found.point
    if found.status in {Status.TIME_LIMIT, Status.ITERATION_LIMIT}:
        return original.copy()
    raise SolverFailure(f"no metamer was found, though the original is one: {found.status.advice}")


def _difference(pair: np.ndarray) -> float:
    return float(np.abs(pair[0] - pair[1]).max(initial=0.0))


def _as_given(values: np.ndarray, features: FeatureMap, kind: Array) -> Array:
    """A float64 array of the sample shape, as NumPy or torch, wherever the given one is."""
    shaped = values.reshape(features.input_shape)
    return torch.tensor(shaped, device=kind.device) if isinstance(kind, Tensor) else shaped.copy()
