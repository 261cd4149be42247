"""Preimages of layers and of prefixes are asked the same questions, and so is one that a search may find."""

from __future__ import annotations

import inspect
from dataclasses import dataclass

import numpy as np
import pytest

import unrelu as ur
from unrelu.network.arrays import Array
from unrelu.operators import Absolute
from unrelu.preimages.prefix_certificate import PrefixCertificate

ABSOLUTE = ur.Network.from_layers([(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))])
"""|x| by two ReLUs."""

QUESTIONS = [name for name, member in vars(ur.Preimage).items() if isinstance(member, property)]


def several() -> list[ur.Preimage]:
    """Of one layer: a point, a half-line, nothing, a union; of a prefix: a point, an interval, and a union."""
    layer, x = ur.ReLULayer(np.eye(2), np.zeros(2)), np.ones(2)
    magnitude = ur.ReLULayer(np.eye(1), np.zeros(1), activation=Absolute())
    net = ur.Network.from_layers([(np.eye(2), np.zeros(2))] * 3).upto("relu2")
    return [
        ur.preimage(layer, at=x),
        ur.preimage(layer, at=np.array([1.0, -1.0])),
        ur.preimage(layer, features=-x),
        ur.preimage(magnitude, at=np.ones(1)),
        ur.preimage(net, at=x),
        ur.preimage(net, at=np.array([1.0, -1.0]), domain=ur.Box(-2, 2)),
        ur.preimage(ABSOLUTE, at=np.ones(1)),
    ]


def test_the_same_is_asked_of_all_and_the_answers_fit_together() -> None:
    kinds = set()
    for found in several():
        assert isinstance(found, ur.Preimage)
        for name in QUESTIONS:
            if name == "at" and found.kind is ur.Kind.EMPTY:
                continue
            if (name == "region" and not found.pieces) or (name == "polyhedron" and not found.complete):
                continue
            getattr(found, name)
        assert found.kind is found.certificate.kind
        assert found.certificate.verify() is (found.kind is not ur.Kind.UNDECIDED)
        assert (found.reason == "") is (found.kind is not ur.Kind.UNDECIDED)
        assert found.dimension.lower <= found.dimension.upper
        if found.complete and found.pieces:
            assert found.contains(found.at)
            assert found.pieces == (found.region,)
            assert found.polyhedron is found.region
        if found.kind is ur.Kind.SINGLETON:
            assert found.dimension == ur.DimensionInterval(0, 0)
        assert repr(found).startswith(f"{type(found).__name__}({found.kind.value}: {found.n_active} of ")
        kinds.add((type(found), found.kind))
    of_layers = {kind for each, kind in kinds if each is ur.LayerPreimage}
    assert of_layers == {ur.Kind.SINGLETON, ur.Kind.UNBOUNDED, ur.Kind.EMPTY, ur.Kind.BOUNDED}
    assert {kind for each, kind in kinds if each is ur.PrefixPreimage} == {
        ur.Kind.SINGLETON,
        ur.Kind.BOUNDED,
        ur.Kind.UNDECIDED,
    }


@dataclass(frozen=True, eq=False, repr=False)
class BothSides(ur.Preimage):
    """|x| = 1 with both of its pieces, as a search would hand them out."""

    found: tuple[ur.Polyhedron, ...]

    @property
    def pieces(self) -> tuple[ur.Polyhedron, ...]:
        return self.found

    @property
    def complete(self) -> bool:
        return True

    @property
    def bounded(self) -> bool:
        return True

    @property
    def singleton(self) -> bool:
        return False

    @property
    def kind(self) -> ur.Kind:
        return ur.Kind.BOUNDED

    @property
    def reason(self) -> str:
        return ""

    @property
    def margin(self) -> float:
        return 1.0

    @property
    def dimension(self) -> ur.DimensionInterval:
        return ur.DimensionInterval(0, 0)

    @property
    def region(self) -> ur.Polyhedron:
        return next(piece for piece in self.pieces if piece.contains(self.at))

    @property
    def polyhedron(self) -> ur.Polyhedron:
        raise ur.errors.InputError("the preimage has 2 pieces: ask each of pre.pieces.")

    @property
    def certificate(self) -> PrefixCertificate:
        raise NotImplementedError

    def contains(self, x: Array) -> bool:
        return any(piece.contains(x) for piece in self.pieces)


def test_a_search_has_to_say_only_what_it_found() -> None:
    one = ur.preimage(ABSOLUTE, at=np.ones(1))
    points = [ur.Polyhedron(lower=np.array([v]), upper=np.array([v])) for v in (-1.0, 1.0)]
    both = BothSides(one.statement, tuple(points))
    assert repr(both) == "BothSides(bounded: 1 of 1 features active on 1 inputs)"
    assert (both.at, both.system, both.rows_moved) == (one.at, one.system, 0)
    assert both.region is points[1]
    many = ur.Classification(both.system, (one, both), np.arange(2), {})
    assert many.kind.tolist() == [ur.Kind.UNDECIDED, ur.Kind.BOUNDED]
    assert many.dimension_upper.tolist() == [one.dimension.upper, 0]
    assert inspect.isabstract(ur.Preimage)
    with pytest.raises(TypeError, match="abstract"):
        ur.Preimage(one.statement)  # pyright: ignore[reportAbstractUsage]
