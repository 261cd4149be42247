"""Random questions about small sets, with the answer that exact arithmetic gives."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import numpy as np
import torch
from scipy import sparse

from exact_sets import ExactSet, Row, constraints, dot, exact_features, exact_set, feature_rows, fractions_of
from small_systems import SmallSystem, small_system
from unrelu.network.graph import Network
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.polyhedron import Polyhedron

Way = Literal["dense", "sparse", "convolution"]

ROUNDED = Fraction(1, 2**40)
"""Slacks below this, relative to their terms, are rounding: here others are at least 2^-30."""


@dataclass(frozen=True)
class OracleCase:
    """One question, and the kind that is its answer.

    Attributes:
        seed: it was drawn from.
        what: how it was changed.
        layer: as it is asked about.
        system: layer, domain, features, tolerance and point, the layer dense.
        by_point: whether the point is given, or the features.
        exact: whether no row of the domain may be moved.
        truth: the set; None where the point lies outside the domain.
    """

    seed: int
    what: tuple[str, ...]
    layer: ReLULayer
    system: SmallSystem
    by_point: bool
    exact: bool
    truth: ExactSet | None


def oracle_case(seed: int) -> OracleCase:
    """A case with ranks that drop, ties, flat and empty sets and near misses; some of any scale, some off by an ulp.

    Args:
        seed: of everything.
    """
    rng = np.random.default_rng([seed, 29])
    by_point = bool(rng.random() < 0.6)
    way: Way = rng.choice(["dense", "sparse", "convolution"], p=[0.6, 0.35, 0.05])
    system = small_system(seed, 4, of_a_point=by_point)
    layer = None
    if way == "convolution":
        layer = _convolution(rng)
        system = _of_layer(rng, layer)
    what: list[str] = [way, "at" if by_point else "features"]
    if layer is None:
        for name, change in (("rows scaled", _rows_scaled), ("columns scaled", _columns_scaled), ("an ulp", _moved)):
            if rng.random() < 0.3:
                system, what = change(rng, system), [*what, name]
        layer = system.layer
        if way != "dense":
            layer = ReLULayer(sparse.csr_array(layer.weight), layer.bias)
    if by_point and rng.random() < 0.1:
        system, what = _shut_out(rng, system), [*what, "shut out"]
    exact = bool(rng.random() < 0.3)
    return OracleCase(seed, tuple(what), layer, system, by_point, exact, _truth(system, by_point=by_point, exact=exact))


def _truth(system: SmallSystem, *, by_point: bool, exact: bool) -> ExactSet | None:
    D = system.polyhedron
    at_least: list[Row] = []
    equal: list[Row] = []
    if D is not None:
        at_least, equal = constraints(D)
        if by_point:
            if ((system.point < D.lower) | (system.point > D.upper)).any():
                return None
            x = fractions_of(system.point.tolist())
            slacks = [dot(a, x) + c for a, c in at_least + equal]
            near = [Fraction(0)] * len(slacks) if exact else _roundings(D, system.point)
            k = len(at_least)
            if any(s < -t for s, t in zip(slacks[:k], near[:k], strict=True)):
                return None
            if any(abs(s) > t for s, t in zip(slacks[k:], near[k:], strict=True)):
                return None
            moved = [
                (a, c - s if abs(s) <= t else c) for (a, c), s, t in zip(at_least + equal, slacks, near, strict=True)
            ]
            at_least, equal = moved[:k], moved[k:]
    y = exact_features(system.layer, system.point) if by_point else fractions_of(system.features.tolist())
    return exact_set(system.layer.n_inputs, [*feature_rows(system.layer, y, system.tolerance), *at_least], equal)


def _roundings(D: Polyhedron, point: np.ndarray) -> list[Fraction]:
    """How large a slack counts as rounding, for each row in the order of `constraints`; none of a bound does."""

    def of(rows: np.ndarray, values: np.ndarray) -> list[Fraction]:
        reach = fractions_of((np.abs(point) + np.abs(D.origin)).tolist())
        return [
            ROUNDED * (dot(fractions_of(row), reach) + Fraction(value))
            for row, value in zip(np.abs(rows).tolist(), np.abs(values).tolist(), strict=True)
        ]

    bounds = int(np.isfinite(D.lower).sum() + np.isfinite(D.upper).sum())
    return [*of(D.A_ub, D.b_ub), *[Fraction(0)] * bounds, *of(D.A_eq, D.b_eq)]


def _rows_scaled(rng: np.random.Generator, system: SmallSystem) -> SmallSystem:
    """Each feature in a unit of its own, and each row of the domain."""
    layer, D = system.layer, system.domain
    r = 2.0 ** rng.integers(-60, 61, layer.n_outputs)
    if isinstance(D, Polyhedron):
        s, t = 2.0 ** rng.integers(-60, 61, len(D.A_ub)), 2.0 ** rng.integers(-60, 61, len(D.A_eq))
        D = replace(D, A_ub=D.A_ub * s[:, None], b_ub=D.b_ub * s, A_eq=D.A_eq * t[:, None], b_eq=D.b_eq * t)
    scaled = ReLULayer(layer.dense_weight * r[:, None], layer.bias * r)
    return replace(system, layer=scaled, domain=D, features=system.features * r, tolerance=system.tolerance * r)


def _columns_scaled(rng: np.random.Generator, system: SmallSystem) -> SmallSystem:
    """Each input in a unit of its own."""
    layer, D = system.layer, system.polyhedron
    c = 2.0 ** rng.integers(-60, 61, layer.n_inputs)
    if D is not None:
        D = Polyhedron(D.A_ub * c, D.b_ub, D.A_eq * c, D.b_eq, D.lower / c, D.upper / c, D.origin / c)
    return replace(system, layer=ReLULayer(layer.dense_weight * c, layer.bias), domain=D, point=system.point / c)


def _moved(rng: np.random.Generator, system: SmallSystem) -> SmallSystem:
    """One number of the layer, the point, the features or the domain moved to a neighbour."""

    def moved(values: np.ndarray) -> np.ndarray:
        changed = np.array(values, dtype=np.float64)
        if changed.size:
            index = np.unravel_index(int(rng.integers(changed.size)), changed.shape)
            changed[index] = np.nextafter(changed[index], rng.choice([-np.inf, np.inf]))
        return changed

    layer, D = system.layer, system.domain
    which = rng.integers(0, 6)
    # Zeros have neighbours of 5e-324; those of other numbers are what a user meets.
    tame = [values for values in (layer.dense_weight, layer.bias) if values.any()]
    if which < 2 and len(tame) == 2:
        A = np.where(layer.dense_weight == 0, 0.0, moved(layer.dense_weight))
        b = np.where(layer.bias == 0, 0.0, moved(layer.bias))
        return replace(system, layer=ReLULayer(A, layer.bias) if which else ReLULayer(layer.dense_weight, b))
    if which == 2:
        return replace(system, point=np.where(system.point == 0, 0.0, moved(system.point)))
    if which == 3:
        return replace(system, features=np.where(system.features == 0, 0.0, moved(system.features)))
    if isinstance(D, Polyhedron) and len(D.A_ub):
        if which == 4:
            return replace(system, domain=replace(D, b_ub=np.where(D.b_ub == 0, 0.0, moved(D.b_ub))))
        return replace(system, domain=replace(D, A_ub=np.where(D.A_ub == 0, 0.0, moved(D.A_ub))))
    return system


def _shut_out(rng: np.random.Generator, system: SmallSystem) -> SmallSystem:
    """One row of the domain, or one bound, moved inwards, mostly past the point."""
    D = system.polyhedron
    if D is None:
        return system
    by = float(rng.choice([1.0, 2.0**-20]))
    if len(D.A_ub):
        b = D.b_ub.copy()
        i = int(rng.integers(b.size))
        b[i] -= by * np.abs(D.A_ub[i]).max() * np.abs(system.point).max(initial=0.0)
        return replace(system, domain=replace(D, b_ub=b))
    lower = D.lower.copy()
    j = int(rng.integers(lower.size))
    lower[j] = min(lower[j] + by * abs(system.point[j]), D.upper[j])
    return replace(system, domain=replace(D, lower=lower))


def _convolution(rng: np.random.Generator) -> ReLULayer:
    """The first layer of a network: a convolution of a signal, or of a picture of two by two pixels."""
    channels = int(rng.integers(1, 4))
    if rng.random() < 0.5:
        module, shape = torch.nn.Conv1d(1, channels, 2, padding=int(rng.integers(0, 2))), (1, 1, 4)
    else:
        module, shape = torch.nn.Conv2d(1, channels, 2, padding=int(rng.integers(0, 2))), (1, 1, 2, 2)
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(rng.integers(-2, 3, module.weight.shape).astype(np.float32)))
        assert module.bias is not None
        module.bias.copy_(torch.from_numpy(rng.integers(-2, 3, channels).astype(np.float32)))
    network = Network.from_torch(torch.nn.Sequential(module, torch.nn.ReLU()).eval(), torch.zeros(shape))
    return copy.copy(network.layer("1"))


def _of_layer(rng: np.random.Generator, layer: ReLULayer) -> SmallSystem:
    dense = ReLULayer(layer.dense_weight, layer.bias)
    x = rng.integers(-2, 3, layer.n_inputs) / rng.choice([1, 2])
    y = np.maximum(dense.weight @ x + dense.bias, 0.0)
    D = None if rng.random() < 0.5 else Polyhedron(lower=np.minimum(x, -1.0), upper=np.maximum(x, 1.0), origin=x)
    tolerance = np.where(rng.random(y.size) < 0.2, 0.5, 0.0)
    return SmallSystem(dense, D, y, tolerance, x)
