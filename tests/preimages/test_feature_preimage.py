"""Preimages of given features: a member found, or emptiness proved."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from unrelu.errors import InputError, ShapeError
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box, Nonnegative
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.kind import Kind
from unrelu.preimages.preimage_certificate import PreimageCertificate
from unrelu.preimages.questions import preimage
from unrelu.preimages.same_features import SameFeatures

SQUARE = ReLULayer(np.vstack([np.eye(2), -np.eye(2)]), np.array([-1.0, -1.0, -1.0, -1.0]))


@pytest.mark.parametrize(
    ("layer", "features", "keywords", "kind"),
    [
        (SQUARE, np.zeros(4), {}, Kind.BOUNDED),
        (SQUARE, np.array([1.0, 2.0, 0.0, 0.0]), {}, Kind.SINGLETON),
        (SQUARE, np.array([1.0, 0.0, 0.0, 0.0]), {}, Kind.BOUNDED),
        (SQUARE, np.array([1.0, 0.0, 1.0, 0.0]), {}, Kind.EMPTY),  # x1 = 2 and x1 = -2
        (SQUARE, np.array([1.0, 0.0, 0.0, 0.0]), {"domain": Box(-1, 1)}, Kind.EMPTY),
        (SQUARE, np.array([1.0, 0.0, 0.0, 0.0]), {"tolerance": 0.5}, Kind.BOUNDED),
        (SQUARE, np.array([-0.1, 0.0, 0.0, 0.0]), {}, Kind.EMPTY),
        (SQUARE, np.array([-0.1, 0.0, 0.0, 0.0]), {"tolerance": 0.2}, Kind.BOUNDED),
        (ReLULayer(np.ones((1, 2)), np.zeros(1)), np.ones(1), {}, Kind.UNBOUNDED),
        (ReLULayer(np.ones((1, 2)), np.zeros(1)), np.ones(1), {"domain": Box(-9, 9)}, Kind.BOUNDED),
        (
            ReLULayer(np.ones((1, 2)), np.zeros(1)),
            np.ones(1),
            {"domain": Polyhedron(np.array([[1.0, -1.0], [-1.0, 1.0]]), np.ones(2))},
            Kind.BOUNDED,
        ),
    ],
)
def test_known_answers(layer: ReLULayer, features: np.ndarray, keywords: dict, kind: Kind) -> None:
    found = preimage(layer, features=features, **keywords)
    assert found.kind is kind
    assert found.certificate.verify()
    if kind is not Kind.EMPTY and found.point is not None:
        assert found.polyhedron.violation(found.point[None])[0] <= 1e-12
    assert found.bounded is (kind is not Kind.UNBOUNDED)
    assert found.singleton is (kind is Kind.SINGLETON)


@pytest.mark.parametrize("seed", range(5))
def test_features_of_a_point_have_the_kind_of_its_preimage(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layer = ReLULayer(rng.standard_normal((40, 12)), rng.standard_normal(40) - 3.0)
    x = rng.standard_normal(12)
    at = preimage(layer, at=x)
    y = np.maximum(layer.weight @ x + layer.bias, 0.0)
    found = preimage(layer, features=y)
    assert at.n_active == found.n_active < 12
    assert found.kind is at.kind
    assert found.certificate.verify()
    assert found.point is not None
    np.testing.assert_allclose(np.maximum(layer.weight @ found.point + layer.bias, 0.0), y, atol=1e-12)


def test_rounded_features_of_an_overdetermined_layer_are_nobodys() -> None:
    rng = np.random.default_rng(9)
    A, x = rng.standard_normal((8, 3)), rng.standard_normal(3)
    layer = ReLULayer(A, 5.0 + np.zeros(8))
    y = np.maximum(A @ x + layer.bias, 0.0)
    assert (y > 0).all()
    exactly = preimage(layer, features=y)
    assert exactly.kind is Kind.EMPTY
    assert exactly.certificate.verify()
    nearly = preimage(layer, features=y, tolerance=1e-9)
    assert nearly.kind is Kind.BOUNDED
    assert nearly.certificate.verify()
    assert nearly.point is not None
    np.testing.assert_allclose(nearly.point, x, atol=1e-8)


def test_a_set_without_room_is_decided_exactly() -> None:
    # x1 + x2 = 0 on the orthant is the origin alone, but no inequality has room there.
    layer = ReLULayer(np.array([[-1.0, -1.0], [1.0, 1.0]]), np.array([1.0, 1.0]))
    found = preimage(layer, features=np.ones(2), domain=Nonnegative())
    assert found.kind is Kind.SINGLETON
    assert found.certificate.verify()
    assert not found.reason
    assert found.point is not None
    np.testing.assert_array_equal(found.point, np.zeros(2))


def test_a_proof_for_other_features_does_not_verify() -> None:
    certificate = preimage(SQUARE, features=np.array([1.0, 0.0, 1.0, 0.0])).certificate
    assert certificate.kind is Kind.EMPTY
    assert certificate.verify()
    at_zero = SameFeatures(certificate.statement.system, features=np.zeros(4))
    other = replace(certificate, statement=at_zero)
    assert other.kind is Kind.EMPTY
    assert not other.verify()
    nothing = PreimageCertificate(at_zero, None, None)
    assert nothing.kind is Kind.UNDECIDED
    assert not nothing.verify()


def test_misuse() -> None:
    with pytest.raises(ShapeError, match="has 4 features, but 3"):
        preimage(SQUARE, features=np.zeros(3))
    with pytest.raises(InputError, match="one of `at`"):
        preimage(SQUARE, at=np.zeros(2), features=np.zeros(4))  # pyright: ignore[reportCallIssue]
    with pytest.raises(InputError, match="one of `at`"):
        preimage(SQUARE)  # pyright: ignore[reportCallIssue]


def test_members_beyond_floats_are_proved_all_the_same() -> None:
    # 2^-60 x = 2^1000, and x = 2 * 1.7e308, a sum that overflows: no float is near the only member.
    small = preimage(ReLULayer(np.array([[2.0**-60]]), np.zeros(1)), features=np.array([2.0**1000]))
    large = preimage(ReLULayer(np.eye(2), np.array([-1.7e308, 0.0])), features=np.array([1.7e308, 1.0]))
    for found in (small, large):
        assert found.kind is Kind.SINGLETON
        assert found.certificate.verify()
        assert found.point is None
    # Two such summands that cancel are no reason to give up.
    found = preimage(ReLULayer(np.ones((1, 1)), np.array([1.7e308])), features=np.array([1.7e308]))
    assert found.kind is Kind.SINGLETON
    assert found.certificate.verify()
    np.testing.assert_array_equal(found.point, np.zeros(1))


def test_rows_that_say_nothing_leave_all_of_space() -> None:
    # The row of zeros is 0 whatever x is, so that the strict system has no row at all.
    found = preimage(ReLULayer(np.zeros((1, 2)), np.zeros(1)), features=np.zeros(1))
    assert found.kind is Kind.UNBOUNDED
    assert found.certificate.verify()
    assert (found.dimension.lower, found.dimension.upper) == (2, 2)
