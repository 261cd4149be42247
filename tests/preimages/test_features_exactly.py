"""What is said of the inputs with given features, against exact arithmetic on small systems."""

from __future__ import annotations

import numpy as np
import pytest

from exact_oracle import cone_is_trivial
from exact_sets import ExactSet, constraints, dot, exact_set, fractions_of, same_features
from small_systems import SmallSystem, small_system
from strict_oracle import constraint, has_solution
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box, Domain, Nonnegative
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.layer_preimage import LayerPreimage
from unrelu.preimages.questions import preimage


def truth(system: SmallSystem) -> ExactSet:
    return same_features(system.layer, fractions_of(system.features.tolist()), system.tolerance, system.polyhedron)


def expect_the_truth(found: LayerPreimage, exact: ExactSet) -> None:
    """Nothing is wrong, nothing is left open, and what is said is proved."""
    assert found.kind.value == exact.kind, found
    assert found.reason == ""
    assert found.bounded is exact.bounded
    assert found.singleton is exact.singleton
    assert found.empty is exact.empty
    assert exact.dimension in found.dimension
    assert found.certificate.verify()


@pytest.mark.parametrize("seed", range(120))
def test_small_systems_are_decided(seed: int) -> None:
    system = small_system(seed, 5)
    found = preimage(system.layer, features=system.features, domain=system.domain, tolerance=system.tolerance)
    expect_the_truth(found, truth(system))


def layer(rows: list[list[float]], bias: list[float]) -> ReLULayer:
    return ReLULayer(np.array(rows), np.array(bias))


PLANE = layer([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0])


def at_most(row: list[float], value: float, origin: float = 0.0) -> Polyhedron:
    return Polyhedron(np.array([row]), np.array([value]), origin=np.full(len(row), origin))


def box(lower: list[float], upper: list[float], origin: list[float]) -> Polyhedron:
    return Polyhedron(lower=lower, upper=upper, origin=np.array(origin))


@pytest.mark.parametrize(
    ("asked", "features", "tolerance", "domain", "kind"),
    [
        # one point and flat sets by rows that face each other
        (layer([[1.0], [-1.0]], [-1.0, 1.0]), [0.0, 0.0], [0.0, 0.0], None, "singleton"),
        (layer([[3.0], [-1.0]], [-1.0, 0.25]), [0.0, 0.0], [0.0, 0.0], None, "bounded"),  # 1/4 <= x <= 1/3
        (layer([[3.0, 0.0], [-6.0, 0.0]], [-1.0, 2.0]), [0.0, 0.0], [0.0, 0.0], Box(0, 1), "bounded"),  # x1 = 1/3
        (layer([[3.0], [-9.0]], [-1.0, 3.0]), [0.0, 0.0], [0.0, 0.0], None, "singleton"),  # 1/3, which is no float
        (layer([[3.0], [-9.0]], [-1.0, 3.0]), [0.0, 0.0], [0.0, 0.0], box([0.5], [2.0], [7.0]), "empty"),
        # a dead row of zeros
        (layer([[0.0]], [0.0]), [0.0], [0.0], None, "unbounded"),
        (layer([[0.0]], [0.0]), [0.0], [0.0], Box(3, 3), "singleton"),
        (layer([[0.0], [1.0]], [0.0, 0.0]), [0.0, 2.0], [0.0, 0.0], None, "singleton"),
        (layer([[0.0]], [5e-324]), [0.0], [0.0], None, "empty"),
        (layer([[0.0]], [1.0]), [1.0], [0.0], None, "unbounded"),
        # domains about an origin, which is a member or not
        (layer([[1.0]], [0.0]), [1.0], [0.0], box([0.0], [2.0], [5.0]), "singleton"),
        (layer([[1.0]], [0.0]), [1.0], [0.0], box([6.0], [6.0], [5.0]), "empty"),
        (
            layer([[1.0]], [0.0]),
            [1.0],
            [0.0],
            at_most([1.0], -4.0, 5.0),
            "singleton",
        ),
        (layer([[1.0]], [0.0]), [1.0], [0.0], at_most([1.0], -4.5, 5.0), "empty"),
        # tolerances: a feature at its tolerance is not fixed from below, one that is fixed exactly is an equality
        (layer([[1.0]], [0.0]), [1.0], [1.0], None, "unbounded"),
        (layer([[1.0]], [0.0]), [1.0], [float(np.nextafter(1.0, 0.0))], None, "bounded"),
        (layer([[1.0]], [0.0]), [-1.0], [1.0], None, "unbounded"),
        (layer([[1.0]], [0.0]), [-1.0], [float(np.nextafter(1.0, 0.0))], None, "empty"),
        (PLANE, [1.0, 1.0], [0.0, 0.5], None, "bounded"),
        (PLANE, [1.0, 1.0], [0.0, 1.0], Nonnegative(), "bounded"),
        (PLANE, [1.0, 0.0], [0.0, 0.0], Nonnegative(), "singleton"),
        # 1/3 rounded is not 1/3
        (layer([[1.0]], [1.0]), [1 + 1 / 3], [0.0], Polyhedron(A_eq=np.array([[3.0]]), b_eq=np.ones(1)), "empty"),
        # far from 0 and at the ends of the floats
        (
            layer([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0]),
            [1e16 + 2, 1e16],
            [0.0, 0.0],
            at_most([1.0, -1.0], 0.0),
            "empty",
        ),
        (layer([[1.0]], [0.0]), [2.0], [0.0], at_most([1e308], 0.0), "empty"),
        (layer([[1.0]], [0.0]), [0.0], [0.0], Polyhedron(np.array([[1e308]]), np.zeros(1), lower=0.0), "singleton"),
        (layer([[1.0, 0.0]], [0.0]), [2.0], [0.0], at_most([1e308, 0.0], 0.0), "empty"),
    ],
)
def test_what_was_wrong_or_left_open(
    asked: ReLULayer, features: list[float], tolerance: list[float], domain: Domain | None, kind: str
) -> None:
    system = SmallSystem(asked, domain, np.array(features), np.array(tolerance), np.zeros(asked.n_inputs))
    exact = truth(system)
    assert exact.kind == kind
    found = preimage(asked, features=system.features, domain=domain, tolerance=system.tolerance)
    expect_the_truth(found, exact)


@pytest.mark.parametrize("seed", range(40))
def test_the_oracle_agrees_with_plainer_ones(seed: int) -> None:
    """Its members are members, Fourier and Motzkin find one where it does, and its cone is {0} where all rays fail."""
    system = small_system(seed, 3)
    exact = truth(system)
    at_least = [
        (fractions_of(row), value) for row, value in zip([[1.0], [-1.0]], fractions_of([0.0, 1.0]), strict=True)
    ]
    assert exact_set(1, at_least, []).kind == "bounded"  # 0 <= x <= 1
    domain = system.polyhedron or Polyhedron(origin=np.zeros(exact.n))
    inside = exact_set(exact.n, *constraints(domain))
    at_least, equal = constraints(domain)
    signs = [constraint(a, c, False) for a, c in at_least]
    signs += [constraint([s * v for v in a], s * c, False) for a, c in equal for s in (1, -1)]
    assert inside.empty is not has_solution(signs)
    for member in inside.corners:
        assert all(dot(a, member) + c >= 0 for a, c in at_least)
        assert all(dot(a, member) + c == 0 for a, c in equal)
    if not inside.empty:
        cone = [[-v for v in a] for a, _ in at_least]
        assert inside.bounded is cone_is_trivial([a for a, _ in equal], cone, exact.n)
