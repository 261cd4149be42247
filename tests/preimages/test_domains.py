"""Domains and tolerance: known answers, and random small systems against exact rational ones."""

from __future__ import annotations

import numpy as np
import pytest

import unrelu as ur
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


@pytest.mark.parametrize("seed", range(3))
def test_a_range_of_its_own_for_each_input_is_a_unit_box_in_its_own_units(seed: int) -> None:
    """All questions: with `x = low + width t`, widths powers of two, they are those of `A diag(width)` on [0, 1]^d.

    ACAS Xu has five different intervals: distances, angles and speeds in their own units.
    """
    rng = np.random.default_rng(seed)
    d, m = 3, 6
    width, low = 2.0 ** rng.integers(-3, 4, d), rng.integers(-4, 5, d) / 2
    W, b = rng.integers(-3, 4, (m, d)) * 1.0, rng.integers(-2, 3, m) * 1.0
    t = rng.integers(0, 5, (4, d)) / 4
    unit, plain = ur.Box(0, 1), ur.ReLULayer(W * width, W @ low + b)
    box, layer = ur.Box(low, low + width), ur.ReLULayer(W, b)
    x = low + width * t
    deep = [
        ur.Network.from_layers([each, (np.ones((2, m)), np.ones(2))]) for each in ((W * width, W @ low + b), (W, b))
    ]
    pairs = [(plain, unit, t, layer, box, x), (deep[0], unit, t, deep[1], box, x)]
    for one, here, at, other, there, point in pairs:
        kinds = [
            [each.kind for each in ur.classify(which, points, domain=domain, progress=False)]
            for which, domain, points in ((one, here, at), (other, there, point))
        ]
        assert list(kinds[0]) == list(kinds[1])
        alike = [ur.preimage(one, at=at[0], domain=here), ur.preimage(other, at=point[0], domain=there)]
        assert (alike[0].kind, alike[0].dimension) == (alike[1].kind, alike[1].dimension)
        assert alike[1].certificate.verify()
        ranges = [each.region.ranges(progress=False) for each in alike]
        np.testing.assert_allclose(low + width * ranges[0].lower, ranges[1].lower, atol=1e-7)
        np.testing.assert_allclose(low + width * ranges[0].upper, ranges[1].upper, atol=1e-7)
    features = np.maximum(W @ x[0] + b, 0)
    given = [ur.preimage(plain, features=features, domain=unit), ur.preimage(layer, features=features, domain=box)]
    assert given[0].kind == given[1].kind
    sets = [ur.admissible_sets(each, domain, progress=False) for each, domain in ((plain, unit), (layer, box))]
    np.testing.assert_array_equal(sets[0].inactive, sets[1].inactive)
    inactive = np.flatnonzero(W @ x[1] + b <= 0)
    admitted = [ur.admissibility(each, inactive, domain) for each, domain in ((plain, unit), (layer, box))]
    assert [each.admissible for each in admitted] == [True, True]
    pair = [
        ur.far_pairs(net, at, 2, apart=0.25, domain=domain, progress=False)
        for net, at, domain in ((deep[0], t[0], unit), (deep[1], x[0], box))
    ]
    assert all(((low <= each.x) & (each.x <= low + width)).all() for each in pair[1])
    stable = ur.inverse_lipschitz(layer, box, progress=False)
    assert stable.lower <= stable.upper
    near = ur.metamer(layer, at=x[0], target=x[2], domain=box)
    same = ur.metamer(plain, at=t[0], target=t[2], domain=unit, norm=np.inf)
    assert ((low <= near.x) & (near.x <= low + width)).all()
    assert ((same.x >= 0) & (same.x <= 1)).all()
    found = [
        ur.invert(net, np.asarray(net(at[None]))[0], domain=domain, progress=False)
        for net, at, domain in ((deep[0], t[3], unit), (deep[1], x[3], box))
    ]
    assert [each.complete for each in found] == [True, True]
    assert len(found[0].solutions) == len(found[1].solutions)
