"""The oracle for inverse problems against closed forms, plain arithmetic, dense grids and Newton's method."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from exact_inversion import ExactSolutions, exact_solutions, holds_none, least_noise, missed
from inverse_cases import InverseCase, inverse_case
from known_preimages import (
    Known,
    all_known,
    conditional,
    magnitudes,
    one_ulp_apart,
    parallel_lines,
    point_beside_flat,
    tents,
)
from unrelu.network.graph import Network
from unrelu.operators import Absolute, Clamp, Dense, LeakyReLU, Maximum, MaxPool, ReLU, Reshape

KNOWN = all_known()

CASES = 150
"""Random networks in each test here; 2,000 take ten seconds."""


def solved(case: InverseCase | Known) -> ExactSolutions:
    return exact_solutions(case.network, case.measured, case.lower, case.upper)


def plain(network: Network, point: list[Fraction]) -> list[Fraction]:
    """The network at a point in fractions, by the definition of each operator."""
    known = {"input": point}
    for node in network.nodes[1:]:
        h, f = known[node.inputs[0]], node.operator
        if isinstance(f, Dense):
            rows = zip(f.weight.tolist(), f.bias.tolist(), strict=True)
            found = [sum((Fraction(w) * v for w, v in zip(row, h, strict=True)), Fraction(b)) for row, b in rows]
        elif isinstance(f, ReLU):
            found = [max(v, Fraction(0)) for v in h]
        elif isinstance(f, Absolute):
            found = [abs(v) for v in h]
        elif isinstance(f, LeakyReLU):
            slopes = np.broadcast_to(f.slope.numpy(), len(h)).tolist()
            found = [v if v > 0 else Fraction(s) * v for v, s in zip(h, slopes, strict=True)]
        elif isinstance(f, Clamp):
            ends = zip(f.lower.tolist(), f.upper.tolist(), strict=True)
            found = [min(max(v, Fraction(a)), Fraction(b)) for v, (a, b) in zip(h, ends, strict=True)]
        elif isinstance(f, Maximum):
            found = [max(pair) for pair in zip(*(known[name] for name in node.inputs), strict=True)]
        elif isinstance(f, MaxPool):
            size = f.kernel[0]
            found = [max(h[k : k + size]) for k in range(0, len(h), size)]
        else:
            assert isinstance(f, Reshape)
            found = h
        known[node.name] = found
    return known[network.outputs[0]]


def in_box(case: InverseCase | Known, x: tuple[Fraction, ...]) -> bool:
    return all(
        Fraction(a) <= v <= Fraction(b) for a, v, b in zip(case.lower.tolist(), x, case.upper.tolist(), strict=True)
    )


def newton(case: InverseCase, starts: int, seed: int) -> np.ndarray:
    """Solutions that Newton's method finds in floats, by the Jacobian of each start's own piece."""
    x = np.random.default_rng(seed).uniform(case.lower, case.upper, (starts, case.lower.size))
    step = 1e-6 * (case.upper - case.lower)
    free = np.flatnonzero(step)
    for _ in range(20 if free.size else 0):
        values = np.asarray(case.network(x))
        moved = np.stack([x + np.where(np.arange(x.shape[1]) == j, step, 0.0) for j in free], axis=1)
        slopes = np.asarray(case.network(moved.reshape(-1, x.shape[1]))).reshape(*moved.shape[:2], -1) - values[:, None]
        J = slopes / step[free][None, :, None]
        move = np.einsum("nij,nj->ni", np.linalg.pinv(np.swapaxes(J, 1, 2), rcond=1e-6), case.measured - values)
        x[:, free] = np.clip(x[:, free] + move, case.lower[free], case.upper[free])
    values = np.asarray(case.network(x))
    return x[np.abs(values - case.measured).max(axis=1) <= 1e-12]


@pytest.mark.parametrize("case", KNOWN, ids=lambda case: case.name)
def test_closed_forms_are_found_and_nothing_else(case: Known) -> None:
    corners = [x for flat in case.flats for x in flat]
    for x in [*case.points, *corners]:
        assert in_box(case, x)
        assert plain(case.network, list(x)) == [Fraction(v) for v in case.measured.tolist()]
    if case.lower.size > 5:
        return  # too many cells
    truth = solved(case)
    assert set(truth.points) == case.points
    assert (truth.dimension, truth.n_parts) == (case.dimension, case.n_parts)
    for flat in case.flats:
        assert all(truth.contains(x) for x in flat)
    found = {tuple(corner) for flat in truth.flats for corner in flat.points.corners}
    assert set(corners) <= found
    for x in truth.samples():
        assert plain(case.network, list(x)) == [Fraction(v) for v in case.measured.tolist()]


def test_what_is_found_solves_the_problem_and_what_made_it_is_found() -> None:
    seen: Counter[int] = Counter()
    for seed in range(CASES):
        case = inverse_case(seed)
        truth = solved(case)
        seen[truth.dimension] += 1
        for x in truth.samples():
            assert in_box(case, x)
            assert plain(case.network, list(x)) == [Fraction(v) for v in case.measured.tolist()]
            assert truth.contains(x)
        if case.point is not None:
            assert truth.contains([Fraction(v) for v in case.point.tolist()])
    assert min(seen[k] for k in (-1, 0, 1, 2, 3)) >= 5


def test_every_point_of_a_dense_grid_is_told_right() -> None:
    hits = 0
    for seed in range(CASES):
        case = inverse_case(seed, most_inputs=2)
        truth = solved(case)
        axes = [np.arange(17) / 16 * (b - a) + a for a, b in zip(case.lower, case.upper, strict=True)]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, case.lower.size)
        # Of such small dyadic numbers float64 rounds none.
        solve = (np.asarray(case.network(grid)) == case.measured).all(axis=1)
        hits += int(solve.sum())
        inside = [k for k, x in enumerate(grid.tolist()) if truth.contains([Fraction(v) for v in x])]
        assert np.array_equal(np.flatnonzero(solve), inside)
    assert hits > 300


def test_newton_finds_nothing_that_is_not_listed() -> None:
    found = 0
    for seed in range(CASES):
        case = inverse_case(seed)
        truth = solved(case)
        for x in newton(case, 40, seed):
            found += 1
            assert not holds_none(truth, x - 1e-9, x + 1e-9)
    assert found > CASES


def test_parts_are_counted_where_they_touch() -> None:
    assert solved(parallel_lines()).n_parts == 2
    whole = conditional(0.0)
    assert exact_solutions(whole.network, np.zeros(1), whole.lower, whole.upper, outputs=[0]).n_parts == 1
    beside = solved(point_beside_flat())
    assert (len(beside.points), len(beside.flats), beside.n_parts) == (1, 1, 2)


def test_outputs_that_were_not_measured_ask_nothing() -> None:
    case = magnitudes(2)
    truth = exact_solutions(case.network, case.measured[1:], case.lower, case.upper, outputs=[1])
    assert (truth.dimension, truth.n_parts) == (1, 2)
    both = exact_solutions(case.network, case.measured[::-1], case.lower, case.upper, outputs=[1, 0])
    assert set(both.points) == case.points


def test_noise_makes_intervals() -> None:
    case = tents(2, 0.75)
    truth = exact_solutions(case.network, case.measured, case.lower, case.upper, noise=0.125)
    assert (truth.points, truth.dimension, truth.n_parts) == ((), 1, 4)
    ends = {x[0] for flat in truth.flats for x in map(tuple, flat.points.corners)}
    assert ends == {Fraction(k + s * y) / 4 for k, s in ((0, 1), (2, -1), (2, 1), (4, -1)) for y in (0.625, 0.875)}
    whole = exact_solutions(case.network, case.measured, case.lower, case.upper, noise=0.25)
    assert whole.n_parts == 2


def test_boxes_hold_what_they_hold() -> None:
    case = magnitudes(2)
    truth = solved(case)
    points = np.array([[float(v) for v in x] for x in sorted(case.points)])
    assert missed(truth, points, points) == []
    assert missed(truth, points[1:], points[1:]) == [min(case.points)]
    assert missed(truth, np.full((1, 2), -0.5), np.full((1, 2), 0.5)) == []
    assert len(missed(truth, np.full((1, 2), -0.5), np.full((1, 2), np.nextafter(0.5, 0)))) == 2
    assert missed(truth, np.zeros((0, 2)), np.zeros((0, 2))) == sorted(case.points)
    far = 2.0**-20
    assert not holds_none(truth, points[0], points[0] + far)
    assert holds_none(truth, points[0] + far, points[0] + 2 * far)


def test_boxes_on_flats_hold_what_they_hold() -> None:
    truth = solved(parallel_lines())
    on, far = np.array([1.0, 2.0]), 2.0**-20
    assert not holds_none(truth, on, on)
    assert holds_none(truth, on + far, on + 2 * far)
    assert not holds_none(truth, on - far, on + far / 2)
    assert missed(truth, np.full((1, 2), -8.0), np.full((1, 2), 5.0)) == []
    assert missed(truth, np.array([[5.0, 0.0]]), np.array([[5.0, 0.0]])) != []


def test_the_least_noise_is_known() -> None:
    known = {each.name: each for each in KNOWN}
    expected = {
        "one ulp apart": Fraction(1, 2**53),
        "never reached": Fraction(1, 8),
        "tents 4 at 1.5": Fraction(1, 2),
        "conditional 1.0": Fraction(1, 2),
        "constant 3 missed": Fraction(1, 2**52),
        "parallel lines": Fraction(0),
        "tents 3 at 1.0": Fraction(0),
    }
    for name, least in expected.items():
        case = known[name]
        assert least_noise(case.network, case.measured, case.lower, case.upper) == least


def test_the_least_noise_is_the_first_that_has_a_solution() -> None:
    case = one_ulp_apart()
    least = float(least_noise(case.network, case.measured, case.lower, case.upper))
    found = exact_solutions(case.network, case.measured, case.lower, case.upper, noise=least)
    assert found.points == ((1 + Fraction(1, 2**53),),)
    below = exact_solutions(case.network, case.measured, case.lower, case.upper, noise=np.nextafter(least, 0))
    assert below.dimension == -1
    reached = 0
    for seed in range(40):
        small = inverse_case(seed, most_units=6)
        least = least_noise(small.network, small.measured, small.lower, small.upper)
        assert (least == 0) == (solved(small).dimension >= 0)
        if Fraction(float(least)) == least > 0:
            reached += 1
            at = [float(least) * factor for factor in (1.0, 1 - 2.0**-50)]
            found = [exact_solutions(small.network, small.measured, small.lower, small.upper, noise=e) for e in at]
            assert found[0].dimension >= 0 > found[1].dimension
    assert reached > 3
