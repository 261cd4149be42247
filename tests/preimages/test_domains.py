"""Domains and tolerance: known answers, and random small systems against exact rational ones."""

from __future__ import annotations

import numpy as np
import pytest

from exact_oracle import cone_is_trivial, fractions
from unrelu.cones.proofs import Enclosed
from unrelu.errors import DomainError, InputError, ShapeError
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box, Nonnegative
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.kind import Kind, kind_of
from unrelu.preimages.questions import classify, preimage


def test_a_picture_at_the_corner_can_be_the_only_valid_one() -> None:
    # x1 + x2 = 0 within [0, 1]^2 leaves the origin alone, although one row is far from full rank.
    layer = ReLULayer(np.array([[1.0, 1.0]]), np.array([1.0]))
    assert preimage(layer, at=np.zeros(2)).kind is Kind.UNBOUNDED
    found = preimage(layer, at=np.zeros(2), domain=Box(0, 1))
    assert found.kind is Kind.SINGLETON
    assert found.certificate.verify()
    inside = preimage(layer, at=np.full(2, 0.5), domain=Box(0, 1))
    assert inside.kind is Kind.BOUNDED
    assert inside.certificate.verify()
    assert isinstance(inside.certificate.bounded, Enclosed)


def test_one_sided_bounds_bound_what_they_should() -> None:
    layer = ReLULayer(np.array([[1.0, 1.0]]), np.array([1.0]))
    at = np.array([1.0, 2.0])
    assert preimage(layer, at=at, domain=Nonnegative()).kind is Kind.BOUNDED
    assert preimage(layer, at=at, domain=Box(lower=[0.0, -np.inf])).kind is Kind.UNBOUNDED
    assert preimage(layer, at=at, domain=Box(upper=[1.0, np.inf])).kind is Kind.UNBOUNDED
    assert preimage(layer, at=at, domain=Box(upper=5.0)).kind is Kind.BOUNDED


def test_a_hidden_layer_over_what_a_relu_can_give() -> None:
    layer = ReLULayer(np.array([[1.0, 2.0, 3.0]]), np.array([0.0]))
    for at, kind in ((np.zeros(3), Kind.UNBOUNDED), (np.ones(3), Kind.UNBOUNDED)):
        assert preimage(layer, at=at).kind is kind
    assert preimage(layer, at=np.ones(3), domain=Nonnegative()).kind is Kind.BOUNDED
    at_zero = preimage(layer, at=np.zeros(3), domain=Nonnegative())
    assert at_zero.kind is Kind.SINGLETON
    assert at_zero.certificate.verify()


def test_equalities_of_a_domain_count() -> None:
    plane = Polyhedron(A_eq=np.ones((1, 2)), b_eq=np.ones(1))
    layer = ReLULayer(np.array([[1.0, -1.0]]), np.array([1.0]))
    found = preimage(layer, at=np.array([0.25, 0.75]), domain=plane)
    assert found.kind is Kind.SINGLETON
    assert found.certificate.verify()


def test_tolerance_thickens_a_point() -> None:
    layer = ReLULayer(np.eye(3), np.zeros(3))
    at = np.ones(3)
    assert preimage(layer, at=at).kind is Kind.SINGLETON
    thick = preimage(layer, at=at, tolerance=0.1)
    assert thick.kind is Kind.BOUNDED
    assert thick.certificate.verify()
    assert (thick.dimension.lower, thick.dimension.upper) == (3, 3)
    # A feature no larger than the tolerance can vanish, and its row then goes on without end.
    gone = preimage(layer, at=at, tolerance=1.0)
    assert gone.kind is Kind.UNBOUNDED
    assert gone.certificate.verify()


def test_tolerance_is_compared_exactly() -> None:
    # 0.1 + 0.2 is not the float 0.3: the exact sum of the floats exceeds 0.3 and 0.30000000000000004 exceeds the sum.
    layer = ReLULayer(np.array([[1.0]]), np.array([0.2]))
    assert preimage(layer, at=np.array([0.1]), tolerance=0.3).n_active == 1
    assert preimage(layer, at=np.array([0.1]), tolerance=0.30000000000000004).n_active == 0


def test_a_domain_of_one_point_is_a_single_point_for_any_tolerance() -> None:
    layer = ReLULayer(np.array([[1.0, 1.0]]), np.array([-1.0]))
    at = np.array([0.5, 0.25])
    found = preimage(layer, at=at, domain=Box(at, at), tolerance=2.0)
    assert found.kind is Kind.SINGLETON
    assert found.certificate.verify()


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize("tolerance", [0.0, 1.0])
def test_no_verdict_within_a_domain_is_wrong(seed: int, tolerance: float) -> None:
    rng = np.random.default_rng([seed, int(tolerance)])
    for _ in range(40):
        d, m = int(rng.integers(1, 4)), int(rng.integers(1, 6))
        A, x = rng.integers(-2, 3, (m, d)), rng.integers(0, 3, d)
        b = np.where(rng.random(m) < 0.4, -(A @ x), rng.integers(-2, 3, m))
        lower = np.where(rng.random(d) < 0.6, x - rng.integers(0, 2, d), -np.inf)
        upper = np.where(rng.random(d) < 0.6, x + rng.integers(0, 2, d), np.inf)
        rows = rng.integers(-2, 3, (int(rng.integers(0, 3)), d))
        limits = rows @ x + rng.integers(0, 2, len(rows))
        equal = rng.integers(-2, 3, (int(rng.integers(0, 2)), d))
        domain = Polyhedron(rows, limits, equal, equal @ x, lower, upper, origin=np.zeros(d))
        found = preimage(
            ReLULayer(A.astype(float), b.astype(float)), at=x.astype(float), domain=domain, tolerance=tolerance
        )

        values, unit = A @ x + b, np.eye(d)
        low, high = np.isfinite(lower), np.isfinite(upper)
        bounded = cone_is_trivial(
            fractions(np.vstack([A[values > tolerance], equal])),
            fractions(np.vstack([A[values <= tolerance], rows, -unit[low], unit[high]])),
            d,
        )
        tight = A[values == 0] if tolerance == 0 else A[:0]
        held = A[values > 0] if tolerance == 0 else A[:0]
        point = cone_is_trivial(
            fractions(np.vstack([held, equal])),
            fractions(np.vstack([tight, rows[limits == rows @ x], -unit[x == lower], unit[x == upper]])),
            d,
        )
        assert found.kind is kind_of(bounded, point), (A, b, x, lower, upper, rows, limits, equal)
        assert found.certificate.verify()
        assert found.polyhedron.violation(x[None].astype(float))[0] == 0.0


@pytest.mark.parametrize(
    ("keywords", "error", "words"),
    [
        (
            {"domain": Box(0, 1)},
            DomainError,
            r"^input 0: coordinate 1 is 2\.0, which exceeds its upper bound 1 by 1\.0; clip it, or",
        ),
        ({"domain": Box(1, 0)}, DomainError, "the domain is empty"),
        ({"domain": Box(np.nan, 1)}, DomainError, "NaN"),
        ({"domain": Box([0, 0, 0], 5)}, ShapeError, "do not fit 2 coordinates"),
        ({"domain": Polyhedron(np.ones((1, 3)), np.ones(1))}, DomainError, "has 3 coordinates, the input 2"),
        (
            {"domain": Polyhedron(np.ones((1, 2)), np.ones(1))},
            DomainError,
            r"^input 0: it breaks inequality row 0 of the domain by 1\.5, where",
        ),
        (
            {"domain": Polyhedron(A_eq=np.ones((1, 2)), b_eq=np.ones(1))},
            DomainError,
            r"^input 0: it breaks equality row 0 of the domain by 1\.5, where",
        ),
        ({"tolerance": -1.0}, InputError, "at least 0"),
        ({"tolerance": np.nan}, InputError, "at least 0"),
        ({"tolerance": np.inf}, InputError, "finite"),
    ],
)
def test_misuse_gets_one_sentence(keywords: dict, error: type[Exception], words: str) -> None:
    layer = ReLULayer(np.eye(2), np.zeros(2))
    with pytest.raises(error, match=words):
        classify(layer, np.array([[0.5, 2.0]]), **keywords)
