"""Finding the metamer nearest to a target."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from unrelu.errors import InputError, ShapeError, SolverFailure
from unrelu.metamers.feature_map import FeatureMap, feature_map
from unrelu.metamers.result import Metamer
from unrelu.network.arrays import Array, as_numpy
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box, Domain, resolve
from unrelu.polyhedra.nearest import NearestPoint, check_norm, nearest_point
from unrelu.rigor.singular import proves_full_rank
from unrelu.solvers.status import Status

PICTURES = Box(0, 1)
"""Pictures with values in [0, 1], the default domain of metamers."""


def metamer(
    prefix: Network | ReLULayer,
    *,
    at: Array,
    target: Array,
    objective: str = "nearest",
    norm: float = 1,
    domain: Domain | None = PICTURES,
    tolerance: float = 0.0,
    time_limit: float = math.inf,
) -> Metamer:
    """The input nearest to a target among all that have the same features as `at`.

    For one layer this is the linear or quadratic program of Behrmann et al., appendix A7, over the whole preimage. For
    a prefix with several ReLU layers the closed linear region of `at` is searched, in which the preimage is one
    polyhedron; the result says so (`regional`). Where the features are a cut of the network, it cannot tell inputs with
    the same features apart; otherwise it may, and the result says by which nodes (`at_cut`, `bypassed_by`).

    >>> layer = ReLULayer(np.array([[1.0, 1.0]]), np.zeros(1))
    >>> found = metamer(layer, at=np.array([1.0, 0.0]), target=np.array([0.0, 0.5]), norm=1)
    >>> found.x.round(9), round(found.distance, 9), found.optimal
    (array([0.5, 0.5]), 0.5, True)

    Args:
        prefix: a network whose output are the features, usually `net.upto("relu1")`, or a layer by itself.
        at: the original, of the input's sample shape, in the domain.
        target: what the metamer should come near to, of the same shape; it need not be in the domain.
        objective: "nearest".
        norm: of the distance: 1, 2 or `math.inf`.
        domain: where metamers may lie; pictures in [0, 1] by default (other than for `preimage`), None for the whole
            space.
        tolerance: by how much each feature may differ.
        time_limit: seconds the solver may take; where it finds nothing in time, the metamer is the original itself.

    Raises:
        InputError: if an argument does not fit; the message says which and what to do.
        DomainError: if the original lies outside the domain.
        TooLarge: if the layer or the Jacobians would take more memory than allowed.
        SolverFailure: if the solver finds no point, though the original is one.
    """
    if objective != "nearest":
        raise InputError(
            f'the objective {objective!r} is not known; only "nearest" is built, farthest metamers come in a later '
            "version."
        )
    return find_metamer(
        feature_map(prefix),
        at,
        target,
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
    tolerance: float,
    time_limit: float = math.inf,
) -> Metamer:
    """`metamer` for a feature map that was made once for many originals."""
    check_norm(norm)
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise InputError(f"the tolerance must be a number of at least 0, not {tolerance!r}.")
    if not (isinstance(time_limit, int | float) and time_limit >= 0):
        raise InputError(f"the time limit must be a number of seconds, math.inf for none, not {time_limit!r}.")
    original = _sample(at, features, "the original `at`")
    wanted = _sample(target, features, "the target")
    polyhedron = resolve(domain, original.size)
    constraints = features.constraints(original, polyhedron, tolerance)
    if len(constraints.polyhedron.A_eq) >= original.size and proves_full_rank(constraints.polyhedron.A_eq):
        # No other input has these features, and a solver would only meet rounding.
        distance = float(np.linalg.norm(original - wanted, ord=norm))
        found = NearestPoint(original, distance, distance, 0.0, Status.OPTIMAL)
    else:
        found = nearest_point(
            constraints.polyhedron, wanted, norm, ub_error=constraints.ub_error, time_limit=time_limit
        )
    x = _point(found, original)
    distance = float(np.linalg.norm(x - wanted, ord=norm))
    pair = np.stack([original, x]).reshape(2, *features.input_shape)
    own = features.own(pair)
    return Metamer(
        x=_as_given(x, features, at),
        original=_as_given(original, features, at),
        target=_as_given(wanted, features, at),
        distance=distance,
        norm=float(norm),
        objective="nearest",
        tolerance=float(tolerance),
        feature_error=_difference(features(pair)),
        forward_error=None if own is None else _difference(own),
        radius=_radius(found, x, original, exact=constraints.exact),
        bound=found.bound,
        optimal=found.status is Status.OPTIMAL,
        regional=features.layer is None,
        bypassed_by=None if features.prefix is None else features.prefix.bypassed_by,
        status=found.status,
    )


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


def _radius(found: NearestPoint, x: np.ndarray, original: np.ndarray, *, exact: bool) -> float:
    if np.array_equal(x, original):
        return 0.0
    return found.radius if exact else math.inf


def _difference(pair: np.ndarray) -> float:
    return float(np.abs(pair[0] - pair[1]).max(initial=0.0))


def _as_given(values: np.ndarray, features: FeatureMap, kind: Array) -> Array:
    """A float64 array of the sample shape, as NumPy or torch, wherever the given one is."""
    shaped = values.reshape(features.input_shape)
    return torch.tensor(shaped, device=kind.device) if isinstance(kind, Tensor) else shaped.copy()
