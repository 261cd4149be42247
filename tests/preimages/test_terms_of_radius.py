"""Each term of the radius within which inputs with nearly the same features lie, against the worst input."""

from __future__ import annotations

import math

import numpy as np
import pytest

from flushing import flushing
from unrelu.cones.cone import Cone, ConeCertificate
from unrelu.cones.decision import decided, still_open
from unrelu.cones.proofs import Counting, Enclosed, ExactMultipliers, FullRank, Multipliers
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages import stability_radius as module
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.stability_radius import _enclosed_radius, _radius_of_noise, stability_radius
from unrelu.rigor.scaled_rows import ScaledRows


def cone(rows: list[list[float]], equal: list[int]) -> Cone:
    equalities = np.isin(np.arange(len(rows)), equal)
    return Cone(ScaledRows(np.array(rows)), equalities, ~equalities)


def radius(about: Cone, certificate: ConeCertificate, noise: list[float]) -> float:
    return _radius_of_noise(about, certificate, np.array(noise))


ORTHOGONAL = [[0.75, 0.5], [-0.5, 0.75]]
LENGTH = math.hypot(0.75, 0.5)


@pytest.mark.parametrize("noise", [[0.5, 0.25], [0.0, 2.0], [1.0, 0.0], [3.0, 3.0]])
@pytest.mark.parametrize("scales", [(1.0, 1.0), (2.0, 2.0), (4.0, 4.0)])
def test_by_rank_the_radius_is_the_noise_over_the_singular_value(
    noise: list[float], scales: tuple[float, float]
) -> None:
    rows = [[scale * number for number in row] for scale, row in zip(scales, ORTHOGONAL, strict=True)]
    exact = math.hypot(*(n / scale for n, scale in zip(noise, scales, strict=True))) / LENGTH
    found = radius(cone(rows, [0, 1]), FullRank(), noise)
    assert exact <= found <= exact / 0.9


def test_a_rank_that_is_not_proved_gives_no_radius() -> None:
    for certificate in (FullRank(), Multipliers(np.ones(2))):
        assert radius(cone([[1.0, 1.0], [2.0, 2.0]], [0, 1]), certificate, [1.0, 1.0]) == math.inf
    line = cone([[0.0, 1.0], [0.0, -1.0]], [])
    assert radius(line, Multipliers(np.ones(2)), [1.0, 1.0]) == math.inf
    for certificate in (Counting(), ExactMultipliers((1, 1))):
        assert radius(cone([[1.0], [-1.0]], []), certificate, [1.0, 1.0]) == math.inf


# Three rows (scaled to 1/2 each) in the plane that sum to 0 with multipliers 1, of which some are equalities.
TRIANGLE = [[0.5, 0.0], [0.0, 0.5], [-0.5, -0.5]]
SIGMA = 0.5


@pytest.mark.parametrize("equal", [[], [0], [0, 1], [2]])
@pytest.mark.parametrize("factor", [1.0, 4.0])
@pytest.mark.parametrize("noise", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.5, 1.0, 2.0]])
def test_by_multipliers_both_terms_count(equal: list[int], factor: float, noise: list[float]) -> None:
    about = cone(TRIANGLE, equal)
    values = np.full(3, factor)
    of_equalities = math.hypot(*(noise[k] for k in equal)) if equal else 0.0
    # sum |mu| n over B and twice sum lam n over G, divided by the least of lam, which is what they all are
    pushed = sum(noise[k] for k in equal) + 2 * sum(n for k, n in enumerate(noise) if k not in equal)
    exact = math.hypot(of_equalities, pushed) / SIGMA
    found = radius(about, Multipliers(values), noise)
    assert exact <= found <= exact / 0.9


@pytest.mark.parametrize("signs", [1.0, -1.0])
def test_multipliers_of_equalities_count_by_their_size(signs: float) -> None:
    rows = [[-0.5 * signs, 0.0], [0.5, 0.0], [0.0, 0.5], [0.0, -0.5]]
    about, values = cone(rows, [0]), np.array([3.0 * signs, 3.0, 1.0, 1.0])
    sigma = math.sqrt(0.5)
    for noise in ([1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]):
        pushed = noise[0] * 3 + 2 * (noise[1] * 3 + noise[2])
        exact = math.hypot(noise[0], pushed) / sigma
        assert exact <= radius(about, Multipliers(values), noise) <= exact / 0.9


@pytest.mark.parametrize("excess", [0.0, 0.25, 0.5, 0.9, 1.5, 3.0])
@pytest.mark.parametrize("noise", [[1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0]])
def test_multipliers_that_are_off_are_corrected(excess: float, noise: list[float]) -> None:
    rows = [[0.5, 0.5], [0.5, 0.0], [-0.5, 0.0], [0.0, 0.5], [0.0, -0.5]]
    about = cone(rows, [0])
    sigma = float(np.linalg.svd(np.array(rows), compute_uv=False)[-1])
    values = np.array([0.0, 1.0 + excess, 1.0, 1.0, 1.0])
    off = 0.5 * excess / sigma
    found = radius(about, Multipliers(values), noise)
    if off >= 1:
        assert found == math.inf
        return
    lam = [0.0, 1.0 + excess, 1.0, 1.0, 1.0]
    pushed = (off * noise[0] + 2 * sum((v + off) * n for v, n in zip(lam[1:], noise[1:], strict=True))) / (1 - off)
    exact = math.hypot(noise[0], pushed) / sigma
    assert exact <= found
    worse = off / 0.9  # with a singular value of nine tenths
    if worse < 1:
        pushed = (worse * noise[0] + 2 * sum((v + worse) * n for v, n in zip(lam[1:], noise[1:], strict=True))) / (
            1 - worse
        )
        assert found <= math.hypot(noise[0], pushed) / sigma / 0.9


def test_by_enclosure_each_coordinate_counts_the_nearer_rows_of_both_sides() -> None:
    rows = [[2.0, 0.0], [-4.0, 0.0], [8.0, 0.0], [0.0, 0.5], [0.0, -1.0], [1.0, 1.0]]
    noise = np.array([1.0, 1.0, 1.0, 2.0, 3.0, 100.0])
    about = Cone(ScaledRows(np.array(rows)), np.zeros(6, dtype=bool), np.ones(6, dtype=bool))
    scaled = noise * about.rows.scales
    exact = math.hypot(max(min(1 / 2, 1 / 8), 1 / 4), max(4.0, 3.0))
    assert exact <= _enclosed_radius(about, scaled) <= exact * (1 + 1e-12)
    assert exact <= radius(about, Enclosed(), noise.tolist()) <= exact * (1 + 1e-12)
    # An equality bounds both sides, and a row without noise by nothing.
    for equal in (np.arange(6) == 0, np.arange(6) == 1):
        held = Cone(about.rows, equal, ~equal)
        of_first = 1 / 4  # the lower side by row 1, or by row 0 if that is an equality, which says less
        exact = math.hypot(of_first, 4.0)
        assert exact <= _enclosed_radius(held, scaled) <= exact * (1 + 1e-12)
    noise[[0, 1]] = 0.0
    assert math.hypot(0.0, 4.0) <= _enclosed_radius(about, noise * about.rows.scales) <= 4.0 * (1 + 1e-12)
    few = Cone(about.rows, np.zeros(6, dtype=bool), np.arange(6) != 4)
    assert _enclosed_radius(few, scaled) == math.inf
    tiny = np.array([2.0**-1074, 0.0, 2.0**-1074, 0.0, 0.0, 0.0])
    assert _enclosed_radius(about, tiny) >= 2.0**-1074


def test_noise_that_overflows_when_scaled_gives_no_radius() -> None:
    assert radius(cone([[2.0**-1000, 0.0], [0.0, 1.0]], [0, 1]), FullRank(), [2.0**900, 1.0]) == math.inf
    assert math.isfinite(radius(cone([[2.0**-1000, 0.0], [0.0, 1.0]], [0, 1]), FullRank(), [2.0**-900, 1.0]))


def system(weight: list[list[float]], bias: list[float], domain: Polyhedron | None = None) -> LayerSystem:
    return LayerSystem(ReLULayer(np.array(weight), np.array(bias)), domain, np.zeros(len(bias)))


def test_without_any_noise_the_radius_is_nothing_or_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    one = system([[1.0, 1.0], [1.0, -1.0]], [1.0, 1.0])
    assert stability_radius(one, np.zeros(2), 0.0).radius == 0.0
    assert stability_radius(system([[1.0, 1.0]], [1.0]), np.zeros(2), 0.0).radius == math.inf
    assert stability_radius(one, np.zeros(2), 0.5).constant == stability_radius(one, np.zeros(2), 0.5).radius / 0.5
    assert stability_radius(one, np.zeros(2), 0.0).constant == math.inf
    # Only a proof that holds counts, also where it comes with an answer.
    for found in (decided(Enclosed()), still_open("nothing")):
        monkeypatch.setattr(module, "decide_cone", lambda _, found=found: found)
        assert stability_radius(one, np.zeros(2), 0.0).radius == math.inf
        assert stability_radius(one, np.zeros(2), 0.5).radius == math.inf
    monkeypatch.setattr(module, "decide_cone", lambda _: decided(Counting()))
    assert stability_radius(one, np.zeros(2), 0.5).radius == math.inf
    monkeypatch.setattr(module, "decide_cone", lambda _: decided(FullRank()))
    assert stability_radius(one, np.zeros(2), 0.0).radius == 0.0


def test_a_thread_that_flushes_gets_no_radius() -> None:
    one = system([[1.0, 1.0], [1.0, -1.0]], [1.0, 1.0])
    with flushing():
        assert stability_radius(one, np.zeros(2), 0.5).radius == math.inf


@pytest.mark.parametrize("eps", [0.5, 0.9, 1.0])
def test_features_that_noise_may_hide_are_left_out(eps: float) -> None:
    found = stability_radius(system([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [2.0, 1.0, -9.0]), np.zeros(2), eps)
    assert found.n_features == (2 if eps < 1.0 else 1)
    assert math.isfinite(found.radius) == (eps < 1.0)
    # Rows that are exactly at the kink take part.
    found = stability_radius(system([[1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [2.0, 0.0, 0.0]), np.zeros(2), eps)
    assert found.n_features == 3
    assert math.isfinite(found.radius)


def test_rows_of_the_domain_that_were_moved_count_by_their_shift() -> None:
    """Both coordinates are rounded to float32, and the row of the domain is moved through them."""
    third = float(np.float32(1 / 3))
    point = np.array([third, third])
    shift = abs(2 * third - 2 / 3)
    for domain in (
        Polyhedron(A_eq=np.array([[1.0, 1.0]]), b_eq=np.array([2 / 3])),
        Polyhedron(A_ub=np.array([[1.0, 1.0], [-1.0, -1.0]]), b_ub=np.array([2 / 3, -2 / 3])),
        Polyhedron(A_ub=np.array([[1.0, 1.0], [-1.0, -1.0]]), b_ub=np.array([2 / 3, -2 * third])),
    ):
        layer = ReLULayer(np.array([[1.0, -1.0]]), np.array([1.0]))
        about = LayerSystem(layer, domain, np.zeros(1), unit=2.0**-24)
        found = stability_radius(about, point, 0.0)
        # x_0 = x_1 and |x_0 + x_1 - 2 third| <= shift
        assert shift / math.sqrt(2) <= found.radius <= 3 * shift
    # Inequalities that were moved, one side of a triangle.
    corner = Polyhedron(A_ub=np.array([[1.0, 1.0]]), b_ub=np.array([2 / 3]), lower=np.array([third, third]))
    found = stability_radius(
        LayerSystem(ReLULayer(np.array([[0.0, 0.0]]), np.array([1.0])), corner, np.zeros(1), unit=2.0**-24), point, 0.0
    )
    assert 0 < shift / math.sqrt(2) <= found.radius <= 30 * shift
    box = Box(0.0, 1.0).in_space(2)
    assert stability_radius(system([[1.0, 1.0]], [1.0], box), np.zeros(2), 0.0).radius == 0.0
