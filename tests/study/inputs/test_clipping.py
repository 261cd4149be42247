"""Inputs that miss a bound by rounding are moved onto it, and all others are left for the domain to refuse."""

from __future__ import annotations

import numpy as np
import pytest

import unrelu as ur
from unrelu.errors import DomainError, ShapeError
from unrelu.network.graph import Network
from unrelu.study.inputs.clipping import ROUNDINGS, clipped_to
from unrelu.study.inputs.read import read_samples

ONE = np.float32(1)
ABOVE = np.nextafter(ONE, np.float32(2))  # 1.0000001


def read(*values: float, kind: type = np.float32) -> ur.Inputs:
    return read_samples(np.array([values], dtype=kind), (len(values),))


def test_a_rounding_beyond_is_clipped_and_it_is_said():
    found = clipped_to(read(ABOVE, -3e-8, 0.5, 1.0), ur.Box(0, 1))
    assert found.values.tolist() == [[1, 0, 0.5, 1]]
    assert found.notes == (
        "2 numbers were outside of their bounds by rounding, by 1.2e-07 at most, and were set to them (inputs "
        "with such numbers: 1).",
    )


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_the_last_number_that_is_clipped_and_the_first_that_is_not(kind: type):
    unit = float(np.finfo(kind).eps) / 2
    inside, outside = 1 + ROUNDINGS * unit, 1 + (ROUNDINGS + 2) * unit  # neighbours in the dtype above 1
    assert np.nextafter(kind(inside), kind(2)) == outside
    assert clipped_to(read(inside, 0.5, kind=kind), ur.Box(0, 1)).values[0, 0] == 1
    beyond = read(outside, 0.5, kind=kind)
    assert clipped_to(beyond, ur.Box(0, 1)) is beyond
    below = read(-ROUNDINGS * unit, 0.5, kind=kind)
    assert clipped_to(below, ur.Box(0, 1)).values[0, 0] == 0
    assert clipped_to(read(-ROUNDINGS * unit * 1.01, 0.5, kind=kind), ur.Box(0, 1)).values[0, 0] < 0


def test_float64_is_held_to_its_own_rounding():
    beyond = read(float(ABOVE), 0.5, kind=np.float64)
    assert clipped_to(beyond, ur.Box(0, 1)) is beyond
    net = Network.from_layers([(np.eye(2), np.zeros(2)), (np.eye(2), np.zeros(2))])
    with pytest.raises(DomainError):
        ur.preimage(net.layer("relu1"), at=beyond.values[0], domain=ur.Box(0, 1))
    clipped = clipped_to(read(ABOVE, 0.5), ur.Box(0, 1)).values[0]
    assert ur.preimage(net.layer("relu1"), at=clipped, domain=ur.Box(0, 1)).singleton


def test_pictures_taken_back_from_normalised_ones_lie_in_the_box():
    """What the count of roundings is for: all bytes, by the numbers of ImageNet and CIFAR-10, in float32."""
    for mean, std in (
        (0.485, 0.229),
        (0.456, 0.224),
        (0.406, 0.225),
        (0.4914, 0.247),
        (0.4465, 0.2616),
        (0.1307, 0.3081),
    ):
        m, s = np.float32(mean), np.float32(std)
        pictures = np.arange(256, dtype=np.float32) / np.float32(255)
        back = (pictures - m) / s * s + m
        found = clipped_to(read_samples(back[None], (256,)), ur.Box(0, 1)).values
        assert found.min() >= 0
        assert found.max() <= 1
        assert np.abs(found - pictures).max() <= ROUNDINGS * 2.0**-24


def test_bounds_of_their_own_for_each_coordinate():
    low, high = np.array([0.0, -np.inf, 10.0]), np.array([1.0, 1.0, 1000.0])
    given = read(ABOVE, ABOVE, np.nextafter(np.float32(1000), np.float32(2000)))
    found = clipped_to(given, ur.Box(low, high))
    # where there is no other end nobody knows how large numbers are
    assert found.values.tolist() == [[1, float(ABOVE), 1000]]


def test_domains_that_are_no_boxes_are_left_to_themselves():
    given = read(ABOVE, 0.5)
    for domain in (None, ur.Nonnegative(), ur.Polyhedron(A_ub=np.ones((1, 2)), b_ub=np.ones(1), lower=0.0, upper=1.0)):
        assert clipped_to(given, domain) is given
    both = clipped_to(given, ur.Intersection(ur.Box(0, 2), ur.Box(-1, 1)))
    assert both.values.tolist() == [[1, 0.5]]
    inside = read(0.0, 1.0)
    assert clipped_to(inside, ur.Box(0, 1)) is inside
    with pytest.raises(ShapeError):
        clipped_to(given, ur.Box([0, 0, 0], [1, 1, 1]))
