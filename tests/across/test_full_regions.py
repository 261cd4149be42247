from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from unrelu.across.full_regions import full_regions, require_interior
from unrelu.errors import DomainError, TooLarge
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box, Nonnegative
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.progress import Silent

SPACE = Polyhedron(origin=np.zeros(2))


def regions_of(layer, domain=SPACE, limit=1000):
    return full_regions(layer, domain, limit=limit, progress=Silent())


def by_brute_force(A, b, lower, upper):
    """Every sign vector that leaves room: one linear program each, rows of zeros apart."""
    found = set()
    zero = ~A.any(axis=1)
    for signs in product([True, False], repeat=len(A)):
        if any(zero[k] and side != (b[k] > 0) for k, side in enumerate(signs)):
            continue
        s = np.where(signs, 1.0, -1.0)[~zero]
        # maximise t <= 1: s (A x + b) >= t, and room t to all bounds
        rows = np.column_stack([-s[:, None] * A[~zero], np.ones(len(s))])
        values = s * b[~zero]
        d = A.shape[1]
        units = np.column_stack([np.eye(d), np.ones(d)]), np.column_stack([-np.eye(d), np.ones(d)])
        rows = np.vstack([rows, units[0], units[1]])
        values = np.concatenate([values, np.full(d, upper), np.full(d, -lower)])
        done = linprog(np.append(np.zeros(d), -1.0), rows, values, bounds=[(None, None)] * d + [(None, 1.0)])
        if done.x[-1] > 1e-9:
            found.add(signs)
    return found


@st.composite
def small_layers(draw):
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    m, d = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    return random.integers(-2, 3, (m, d)).astype(float), random.integers(-2, 3, m).astype(float)


@settings(max_examples=40)
@given(small_layers(), st.sampled_from([(-1.0, 2.0), (0.0, 1.0), (-50.0, 50.0)]))
def test_the_regions_are_those_of_brute_force(case, box):
    A, b = case
    lower, upper = box
    found = regions_of(ReLULayer(A, b), Box(lower, upper).in_space(A.shape[1]))
    assert found.complete
    assert len({tuple(row) for row in found.active.tolist()}) == len(found.regions)
    assert {tuple(row) for row in found.active.tolist()} == by_brute_force(A, b, lower, upper)


def test_a_region_on_hyperplanes_only_is_none():
    """Both inactive at 0 only: an admissible set, but no region."""
    layer = ReLULayer(np.array([[1.0], [-1.0]]), np.zeros(2))
    found = regions_of(layer, Polyhedron(origin=np.zeros(1)))
    assert found.active.tolist() == [[True, False], [False, True]]
    assert not found.always_active.any()


def test_the_domain_leaves_regions_out():
    found = regions_of(ReLULayer(np.eye(2), np.zeros(2)), Nonnegative().in_space(2))
    assert found.active.tolist() == [[True, True]]
    assert found.always_active.all()
    # within rows too: x + y <= -1 leaves no room for both to be positive
    below = Polyhedron(A_ub=np.ones((1, 2)), b_ub=np.array([-1.0]))
    assert sorted(regions_of(ReLULayer(np.eye(2), np.zeros(2)), below).active.tolist()) == [
        [False, False],
        [False, True],
        [True, False],
    ]


def test_rows_whose_sign_never_changes_are_not_branched_on():
    random = np.random.default_rng(0)
    layer = ReLULayer(random.standard_normal((200, 5)), random.standard_normal(200))
    x = random.standard_normal(5)
    tiny = regions_of(layer, Box(x - 1e-3, x + 1e-3).in_space(5), limit=50)
    inside = random.uniform(x - 1e-3, x + 1e-3, (500, 5))
    seen = {tuple(row) for row in (inside @ layer.dense_weight.T + layer.bias > 0).tolist()}
    assert seen <= {tuple(row) for row in tiny.active.tolist()}


def test_too_many_regions_are_refused():
    layer = ReLULayer(np.random.default_rng(0).standard_normal((9, 3)), np.ones(9))
    with pytest.raises(TooLarge, match=r"the first \d of 9 features .* more than 10 regions"):
        regions_of(layer, Polyhedron(origin=np.zeros(3)), limit=10)
    wide = ReLULayer(np.random.default_rng(0).standard_normal((3500, 784)), np.ones(3500))
    with pytest.raises(TooLarge, match=r"^3500 features .* more than 1000 regions"):
        regions_of(wide, Polyhedron(origin=np.zeros(784)))


def test_a_domain_without_interior_is_refused():
    for flat in (
        Polyhedron(lower=np.zeros(2), upper=np.array([0.0, 1.0])),
        Polyhedron(A_eq=np.ones((1, 2)), b_eq=np.zeros(1)),
        Polyhedron(A_ub=np.array([[1.0, 0.0], [-1.0, 0.0]]), b_ub=np.zeros(2)),
    ):
        with pytest.raises(DomainError, match="no interior"):
            require_interior(flat)
    require_interior(Polyhedron(A_ub=np.ones((1, 2)), b_ub=np.zeros(1)))
    require_interior(Polyhedron(A_ub=np.array([[1.0, 0.0], [-1.0, 0.0]]), b_ub=np.ones(2)))
