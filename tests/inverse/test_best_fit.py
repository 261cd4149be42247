"""The least misfit over a box: in closed form, against many points, and its bounds in exact arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

import unrelu as ur
from inverse_cases import inverse_case
from unrelu.frontier.subproblems import Subproblems
from unrelu.inverse.misfits import Misfits
from unrelu.preimages.search.examined import examine
from unrelu.preimages.search.statement import InverseStatement
from whole_sets import values_at

ABSOLUTE = ur.Network.from_layers([(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))])


def misfit(net: ur.Network, y: np.ndarray, sigma: np.ndarray, x: np.ndarray) -> Fraction:
    """In rational arithmetic."""
    outputs = values_at(net, [Fraction(v) for v in x.tolist()])
    terms = zip(outputs, y.tolist(), sigma.tolist(), strict=True)
    return sum((((value - Fraction(a)) / Fraction(s)) ** 2 for value, a, s in terms), Fraction(0))


@pytest.mark.parametrize(("y", "sigma", "least"), [(-1.0, 0.5, 4.0), (0.5, 0.1, 0.0), (5.0, 1.5, 4.0)])
def test_the_magnitude_in_closed_form(y: float, sigma: float, least: float) -> None:
    found = ur.invert(ABSOLUTE, np.array([y]), domain=ur.Box(-1, 2), noise=0.1).best_fit(sigma, progress=False)
    assert found.reached
    assert found.least <= least <= found.misfit
    assert found.misfit - found.least <= max(0.01 * least, 1e-6) * 1.001
    assert (found.lower <= found.point).all()
    assert (found.point <= found.upper).all()
    assert found.gap == found.misfit - found.least
    assert f"misfit {found.misfit:.4g}" in repr(found)


def test_of_an_affine_map_it_is_least_squares() -> None:
    rng = np.random.default_rng(0)
    A, b, y, sigma = rng.standard_normal((5, 2)), rng.standard_normal(5), rng.standard_normal(5), rng.uniform(0.5, 2, 5)
    wide = np.vstack([A, -A]), np.concatenate([b, -b])
    net = ur.Network.from_layers(
        [wide, (np.hstack([np.eye(5), -np.eye(5)]), np.zeros(5))]
    )  # v = max(v, 0) - max(-v, 0)
    x, least = np.linalg.lstsq(A / sigma[:, None], (y - b) / sigma)[:2]
    found = ur.invert(net, y, domain=ur.Box(-5, 5), noise=0.1).best_fit(sigma, within=1e-3, progress=False)
    assert found.misfit == pytest.approx(float(least[0]), rel=1e-9)
    assert found.point == pytest.approx(x, abs=1e-6)
    assert found.least <= float(least[0]) * (1 + 1e-12)
    assert found.least >= 0.999 * float(least[0]) - 1e-6
    assert found.upper - found.lower == pytest.approx([0, 0], abs=0.5)


@pytest.mark.parametrize("seed", range(12))
def test_no_point_is_better_than_the_proof_says(seed: int) -> None:
    case = inverse_case(seed, most_units=10)
    rng = np.random.default_rng(seed)
    y = case.measured + rng.choice([0.0, 0.5, -1.0], case.measured.size)
    sigma = rng.choice([0.25, 1.0, 4.0], y.size)
    noisy = ur.invert(case.network, y, domain=ur.Box(case.lower, case.upper), noise=[[0.5, 1.0]] * y.size)  # y counts
    found = noisy.best_fit(sigma, time_limit=1.0, progress=False)
    assert found.reached or found.stopped == "time limit"
    points = case.lower + (case.upper - case.lower) * rng.integers(0, 9, (200, case.lower.size)) / 8
    values = [misfit(case.network, y, sigma, x) for x in points]
    assert found.least <= min(values)
    assert found.misfit >= misfit(case.network, y, sigma, found.point) >= found.least
    assert found.misfit <= float(min(values)) + 1e-6
    for value, x in zip(values, points, strict=True):
        if value <= Fraction(found.misfit):
            assert ((found.lower <= x) & (x <= found.upper)).all()


def test_bounds_on_boxes_are_below_all_exact_misfits() -> None:
    positive = 0
    for seed in range(30):
        case = inverse_case(seed, most_units=10)
        rng = np.random.default_rng(seed)
        y = torch.from_numpy(case.measured + rng.choice([0.0, 1.0, -3.0], case.measured.size))
        sigma = torch.from_numpy(rng.choice([0.25, 1.0, 4.0], len(y)))
        lower, upper = torch.from_numpy(case.lower), torch.from_numpy(case.upper)
        statement = InverseStatement(case.network, lower, upper, y, 100 * sigma)
        a = lower + (upper - lower) * torch.from_numpy(rng.integers(0, 4, len(lower)) / 8)
        b = torch.minimum(a + (upper - lower) / 8, upper)
        seen = examine(statement, Subproblems.root(a, b, statement.bounded.n_units))
        least, at = Misfits(statement, sigma).least(seen, a[None], b[None])
        assert ((a <= at) & (at <= b)).all()
        positive += bool(least > 0)
        for t in rng.integers(0, 5, (20, len(a))) / 4:
            x = (a + (b - a) * torch.from_numpy(t)).numpy()
            assert Fraction(float(least)) <= misfit(case.network, y.numpy(), sigma.numpy(), x)
    assert positive > 10


def test_a_proof_out_of_time_and_misuse() -> None:
    rng = np.random.default_rng(1)
    sizes = [(24, 3), (24, 24), (5, 24)]
    net = ur.Network.from_layers([(rng.standard_normal(s) / s[1] ** 0.5, rng.standard_normal(s[0])) for s in sizes])
    found = ur.invert(net, rng.standard_normal(5), domain=ur.Box(-1, 1), noise=1.0)
    told = found.best_fit(0.1, time_limit=0.0, progress=False)
    assert (told.stopped, told.reached) == ("time limit", False)
    assert 0 <= told.least <= told.misfit
    assert told.lower.tolist() == [-1.0] * 3
    for sigma in (0.0, -1.0, math.nan, math.inf):
        with pytest.raises(ur.errors.InputError, match="not above 0"):
            found.best_fit(sigma)
    with pytest.raises(ur.errors.ShapeError, match="one for each of the 5 measured ones"):
        found.best_fit(np.ones(4))
    with pytest.raises(ur.errors.InputError, match="within is a share above 0"):
        found.best_fit(1.0, within=0.0)
