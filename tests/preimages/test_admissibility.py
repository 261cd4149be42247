"""Definition 7: single sets, against exact elimination, and certificates that prove nothing false."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strict_oracle import is_admissible
from unrelu.errors import DomainError, InputError, ShapeError
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domains import Box, Domain, Nonnegative, resolve
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.admissibility import admissibility
from unrelu.preimages.certificates.motzkin import ExactMotzkin, Motzkin
from unrelu.preimages.certificates.sign_system import SignSystem
from unrelu.preimages.certificates.witness import ExactWitness, Witness


def random_question(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray, Domain | None]:
    """Small integers: hyperplanes repeat, meet in one point or are parallel, and rows vanish, often."""
    d, m = int(rng.integers(1, 4)), int(rng.integers(1, 6))
    A = rng.integers(-2, 3, (m, d)).astype(float)
    b = np.zeros(m) if rng.random() < 0.3 else rng.integers(-2, 3, m).astype(float)
    if m > 1 and rng.random() < 0.4:
        i, j = rng.choice(m, 2, replace=False)
        A[i], b[i] = -A[j], -b[j]
    flat = Polyhedron(
        A_ub=rng.integers(-2, 3, (1, d)).astype(float),
        b_ub=rng.integers(-1, 2, 1).astype(float),
        A_eq=rng.integers(-2, 3, (1, d)).astype(float),
        b_eq=rng.integers(-1, 2, 1).astype(float),
        lower=-1.0,
        # an origin whose products are rounded in floats
        origin=rng.integers(-1, 2, d) / 3,
    )
    domains = [None, None, Box(0, 1), Nonnegative(), Box(None, np.arange(d) - 1.0), flat]
    return A, b, rng.random(m) < rng.choice([0.3, 0.5, 0.9]), domains[rng.integers(len(domains))]


@pytest.mark.parametrize("seed", range(8))
def test_no_answer_is_wrong_or_open_and_all_are_proved(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(60):
        A, b, inactive, domain = random_question(rng)
        found = admissibility(ReLULayer(A, b), inactive, domain)
        truth = is_admissible(A, b, inactive, resolve(domain, A.shape[1]))
        assert found.admissible is truth, (A, b, inactive, domain)
        assert found.verify()
        if found.admissible and isinstance(found.certificate, Witness) and found.certificate.is_exact(_system(found)):
            np.testing.assert_array_equal(A @ found.certificate.point + b <= 0, inactive)


def _system(found) -> SignSystem:
    return SignSystem(found.layer.weight, found.layer.bias, found.inactive, found.domain)


NEURON = ReLULayer(np.array([[2.0, 0.0]]), np.array([-1.0]))


@pytest.mark.parametrize(
    ("domain", "active", "inactive"),
    [
        (None, True, True),
        (Box(0, 1), True, True),
        (Box(0, 0.5), False, True),  # 2x - 1 = 0 at x = 1/2 is inactive
        (Box(0, np.nextafter(0.5, 1)), True, True),
        (Box(0.5, 1), True, True),
        (Box(np.nextafter(0.5, 1), 1), True, False),
        (Box(np.array([0.5, -1]), np.array([0.5, 1])), False, True),
    ],
)
def test_a_single_neuron(domain: Domain | None, active: bool, inactive: bool) -> None:
    for chosen, truth in (([], active), ([0], inactive)):
        found = admissibility(NEURON, chosen, domain)
        assert found.admissible is truth
        assert found.verify()
        assert (found.witness is not None) is truth
        assert (found.multipliers is not None) is not truth


def test_a_dead_neuron_and_one_that_never_rests() -> None:
    constant = ReLULayer(np.zeros((2, 1)), np.array([-1.0, 1.0]))
    assert admissibility(constant, [0]).admissible is True
    for chosen in ([], [1], [0, 1]):
        found = admissibility(constant, chosen)
        assert found.admissible is False
        assert found.verify()


def test_what_holds_only_at_a_point_that_no_float_has() -> None:
    # 3x - 1 <= 0 and 1 - 3x <= 0 together mean x = 1/3.
    layer = ReLULayer(np.array([[3.0], [-3.0]]), np.array([-1.0, 1.0]))
    found = admissibility(layer, [0, 1])
    assert found.admissible is True
    assert found.verify()
    assert found.witness == pytest.approx(1 / 3)
    assert not isinstance(found.certificate, Witness) or not found.certificate.is_exact(_system(found))
    assert admissibility(layer, []).admissible is False


def test_a_witness_is_proved_beside_a_float_point() -> None:
    # On the line x + y = 0.1 of the domain the first row is positive by 1 or so.
    domain = Polyhedron(A_eq=np.ones((1, 2)), b_eq=np.array([0.1]))
    system = SignSystem(np.array([[1.0, 0.0]]), np.zeros(1), np.array([False]), domain)
    assert Witness(np.array([1.0, -0.9])).verify(system)
    assert not Witness(np.array([1.0, -0.9])).is_exact(system)
    assert not Witness(np.array([-1.0, 1.1])).verify(system)
    # 1e-17 is less than how far the point may be from the line.
    assert not Witness(np.array([1e-17, 0.1])).verify(system)


def test_a_domain_without_points_admits_nothing() -> None:
    nowhere = Polyhedron(A_ub=np.array([[1.0], [-1.0]]), b_ub=np.array([0.0, -1.0]))
    torn = Polyhedron(A_eq=np.array([[1.0], [1.0]]), b_eq=np.array([0.0, 1.0]))
    for domain in (nowhere, torn):
        for chosen in ([], [0]):
            found = admissibility(ReLULayer(np.ones((1, 1)), np.zeros(1)), chosen, domain)
            assert found.admissible is False
            assert found.verify()


@pytest.mark.parametrize("error", [1e-3, 1e-10])
def test_equalities_that_contradict_each_other_are_refuted_by_their_residual(error: float) -> None:
    rng = np.random.default_rng(5)
    A, x = rng.standard_normal((80, 50)), rng.standard_normal(50)
    torn = Polyhedron(A_eq=A, b_eq=A @ x + error * rng.standard_normal(80))
    found = admissibility(ReLULayer(np.zeros((1, 50)), -np.ones(1)), [0], torn)  # always inactive
    assert found.admissible is False
    assert isinstance(found.certificate, Motzkin)
    assert found.verify()


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_equalities_that_miss_the_box_are_refuted_by_floats(sign: float) -> None:
    rng = np.random.default_rng(5)
    A = sign * rng.standard_normal((20, 50))
    out_of_reach = Polyhedron(A_eq=A, b_eq=A @ np.full(50, 0.5), lower=2.0, upper=3.0)
    found = admissibility(ReLULayer(np.ones((1, 50)), np.zeros(1)), [], out_of_reach)
    assert found.admissible is False
    assert isinstance(found.certificate, Motzkin)
    assert found.verify()
    assert found.margin < 0
    within_reach = Polyhedron(A_eq=A, b_eq=A @ np.full(50, 2.5), lower=2.0, upper=3.0)
    reached = admissibility(ReLULayer(np.ones((1, 50)), np.zeros(1)), [], within_reach)
    assert reached.admissible is True
    assert reached.verify()


@pytest.mark.parametrize("domain", [None, Box(0, 1), Nonnegative()])
@pytest.mark.parametrize("central", [False, True])
def test_layers_beyond_integers_are_decided_by_floats(domain: Domain | None, central: bool) -> None:
    rng = np.random.default_rng(3)
    A, b = rng.standard_normal((150, 50)), np.zeros(150) if central else rng.standard_normal(150)
    layer, x = ReLULayer(A, b), rng.random(50)
    met = admissibility(layer, A @ x + b <= 0, domain)
    assert met.admissible is True
    assert met.verify()
    assert met.witness is not None
    np.testing.assert_array_equal(A @ met.witness + b <= 0, A @ x + b <= 0)
    # 150 random half-spaces in 50 dimensions have a common point with probability below 1e-5 (Wendel).
    missed = admissibility(layer, np.arange(150) < 75, domain)
    assert missed.admissible is False
    assert isinstance(missed.certificate, Motzkin)
    assert missed.verify()


def test_too_large_for_integers_and_too_narrow_for_floats_is_open() -> None:
    # 3 r3 = r0 + 5 r1 + 7 r2 exactly: with r0, r1, r2 inactive r3 cannot be active, but thirds are no floats.
    rng = np.random.default_rng(4)
    A = rng.integers(-9, 10, (4, 60)).astype(float)
    A[0] = 3 * A[3] - 5 * A[1] - 7 * A[2]
    found = admissibility(ReLULayer(A, np.zeros(4)), [0, 1, 2])
    assert found.admissible is None
    assert "which rounding keeps from being proved" in found.reason
    assert "open" in repr(found)
    assert not found.verify()
    small = admissibility(ReLULayer(A[:, :30], np.zeros(4)), [0, 1, 2])
    assert small.admissible is False
    assert small.verify()


def system_of(rows: list[list[float]], constants: list[float], domain: Domain | None = None) -> SignSystem:
    """All rows strictly positive."""
    A = np.array(rows)
    return SignSystem(A, np.array(constants), np.zeros(len(A), dtype=bool), resolve(domain, A.shape[1]))


@pytest.mark.parametrize(("excess", "proved"), [(0.0, False), (2.0**-53, False), (2.0**-52, False), (2.0**-46, True)])
def test_a_residual_is_absorbed_by_the_box_and_no_further(excess: float, proved: bool) -> None:
    # The rows add up to 2^-52 y - excess > 0, which some y <= 1 fulfils exactly if the excess is below 2^-52.
    system = system_of([[1.0, 1.0 + 2.0**-52], [-1.0, -1.0]], [0.0, -excess], Box(-1, 1))
    assert Motzkin(np.ones(2)).verify(system) is proved
    assert is_admissible(system.weight, system.bias, system.inactive, system.domain) is (excess < 2.0**-52)
    unbounded = system_of([[1.0, 1.0 + 2.0**-52], [-1.0, -1.0]], [0.0, -excess])
    assert not Motzkin(np.ones(2)).verify(unbounded)


@pytest.mark.parametrize("slope", [1.0, 2.0**-20, 2.0**-40])
def test_a_residual_is_corrected_as_far_as_the_multipliers_allow(slope: float) -> None:
    apart = system_of([[1.0, 0.0], [-1.0, slope], [-1.0, -slope]], [0.0, 0.0, 0.0])
    assert Motzkin(np.array([2.0 + slope / 8, 1.0, 1.0])).verify(apart)
    # Both lean to one side: for large y all three are positive, though the sum is as small as slope.
    together = system_of([[1.0, 0.0], [-1.0, slope], [-1.0, slope / 2]], [0.0, 0.0, 0.0])
    assert not Motzkin(np.array([2.0, 1.0, 1.0])).verify(together)
    # The correction may cost as much as the constants say.
    assert Motzkin(np.array([2.0, 1.0, 1.0 + slope / 8])).verify(system_of(apart.weight.tolist(), [-1.0, 0.1, 0.1]))
    # Multipliers (2, 1, 1) leave -2 + 2.5 > 0, so there are solutions; these, on rows scaled by 1/2, 1/4 and 1/2, are
    # (2, 3/4, 5/4), leave -1/8, and have to change.
    solvable = system_of(apart.weight.tolist(), [-1.0, 2.5, 0.0])
    assert is_admissible(solvable.weight, solvable.bias, solvable.inactive, solvable.domain)
    assert not Motzkin(np.array([4.0, 3.0, 2.5])).verify(solvable)


@pytest.mark.parametrize(
    ("row", "constant", "multiplier", "domain"),
    [
        (-1.0, -1.0, 1.0, Box(None, 1)),  # x < -1
        (1.0, -1.0, 1.0, Box(0, None)),  # x > 1
        (1.0, -1.0, 1.0, None),
        (1.0, 1.0, -1.0, Box(0, 1)),  # x > -1, with a multiplier of the wrong sign
    ],
)
def test_solvable_systems_of_one_row(row: float, constant: float, multiplier: float, domain: Domain | None) -> None:
    system = system_of([[row]], [constant], domain)
    assert not Motzkin(np.array([multiplier])).verify(system)
    n = len(system.exact_rows)
    for first in (-1, 1):
        for rest in range(-2, 3):
            assert not ExactMotzkin((first, *[rest] * (n - 1))).verify(system)


def test_a_rounded_constant_of_the_domain_proves_nothing() -> None:
    # x + y + z > 1/2 and x + y + z <= 2^60 + 1 - 2^60, which floats may take for 0.
    domain = Polyhedron(A_ub=np.ones((1, 3)), b_ub=np.zeros(1), origin=np.array([2.0**60, 1.0, -(2.0**60)]))
    system = system_of([[1.0, 1.0, 1.0]], [-0.5], domain)
    assert not Motzkin(np.ones(2)).verify(system)
    found = admissibility(ReLULayer(system.weight, system.bias), [], domain)
    assert found.admissible is True
    assert found.verify()
    assert admissibility(ReLULayer(system.weight, system.bias - 0.5), [], domain).admissible is False


def test_witnesses_must_lie_in_the_domain() -> None:
    domain = Polyhedron(A_ub=np.array([[1.0]]), b_ub=np.array([0.25]), origin=np.array([0.5]), lower=0.0, upper=2.0)
    system = system_of([[1.0]], [2.0], domain)
    for point, inside in ((0, True), (3 / 4, True), (-1, False), (1, False), (3, False)):
        assert Witness(np.array([float(point)])).is_exact(system) is inside
        assert ExactWitness((int(4 * point),), 4).verify(system) is inside
    # Beyond the row, but a point on it is near and a solution; beyond a bound nothing is looked for.
    assert Witness(np.array([1.0])).verify(system)
    assert not Witness(np.array([-0.25])).verify(system)


def test_exact_and_oriented_rows_say_the_same() -> None:
    rng = np.random.default_rng(2)
    domain = Polyhedron(
        A_ub=rng.standard_normal((3, 4)),
        b_ub=rng.standard_normal(3),
        A_eq=rng.standard_normal((2, 4)),
        b_eq=rng.standard_normal(2),
        lower=np.array([-np.inf, 0.0, -1.5, -np.inf]),
        upper=np.array([2.0, np.inf, 1.0, np.inf]),
        origin=rng.standard_normal(4),
    )
    system = SignSystem(rng.standard_normal((5, 4)), rng.standard_normal(5), rng.random(5) < 0.5, domain)
    x = rng.standard_normal(4)
    rows = system.oriented
    exact = np.array([[float(number) for number in row] for row in system.exact_rows])
    assert exact.shape == (5 + 3 + 2 + 4, 5)
    scaled = exact[:10] / np.abs(exact[:10, :-1]).max(axis=1)[:, None]
    own = np.column_stack([rows.matrix, rows.constants])
    np.testing.assert_allclose(scaled, own / np.abs(own[:, :-1]).max(axis=1)[:, None], rtol=1e-12)
    signs = np.concatenate(
        [
            np.where(system.inactive, -1, 1) * np.sign(system.weight @ x + system.bias),
            np.sign(domain.b_ub - domain.A_ub @ (x - domain.origin)),
            np.sign(domain.b_eq - domain.A_eq @ (x - domain.origin)),
            np.sign([x[1] - 0.0, x[2] + 1.5, 2.0 - x[0], 1.0 - x[2]]),
        ]
    )
    np.testing.assert_array_equal(np.sign(exact @ np.append(x, 1.0)), signs)
    assert rows.strict.tolist() == [*(~system.inactive).tolist(), *[False] * 5]
    assert rows.equal.tolist() == [False] * 8 + [True] * 2


@pytest.mark.parametrize(
    ("chosen", "error", "words"),
    [
        ([2], InputError, "there is no feature 2; the layer has 1"),
        ([-1], InputError, "there is no feature -1"),
        ([0.5], InputError, "whole numbers"),
        ([[0]], InputError, "whole numbers"),
        (np.array([True, False]), ShapeError, "bool mask of shape \\(1,\\)"),
    ],
)
def test_what_is_no_set_of_features(chosen, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        admissibility(NEURON, chosen)


def test_a_domain_of_another_dimension() -> None:
    with pytest.raises(DomainError, match="3 coordinates"):
        admissibility(NEURON, [], Polyhedron(lower=np.zeros(3)))


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.one_of(st.integers(-3, 3).map(float), st.floats(-4, 4)), min_size=12, max_size=12),
)
def test_no_certificate_proves_what_is_false(seed: int, numbers: list[float]) -> None:
    A, b, inactive, domain = random_question(np.random.default_rng(seed))
    system = SignSystem(A, b, inactive, resolve(domain, A.shape[1]))
    truth = is_admissible(A, b, inactive, system.domain)
    n, n_exact, d = len(system.oriented.strict), len(system.exact_rows), A.shape[1]
    values = np.resize(numbers, n)
    whole = [round(value) for value in np.resize(numbers, n_exact)]
    for certificate in (
        Motzkin(values),
        Motzkin(np.where(system.oriented.equal, values, np.abs(values))),
        ExactMotzkin(tuple(whole)),
        ExactMotzkin(tuple(abs(value) for value in whole)),
        Witness(np.resize(numbers, d)),
        ExactWitness(tuple(round(value) for value in numbers[:d]), abs(round(numbers[-1]))),
    ):
        assert not certificate.verify(system) or certificate.admissible is truth
    for damaged in (Motzkin(np.full(n, np.nan)), Motzkin(np.zeros(n)), Motzkin(np.ones(n + 1)), ExactMotzkin(())):
        assert not damaged.verify(system)
    for damaged in (Witness(np.full(d, np.inf)), Witness(np.zeros(d + 1)), ExactWitness((0,) * d, 0)):
        assert not damaged.verify(system)


def test_a_proof_of_one_set_proves_no_other() -> None:
    rng = np.random.default_rng(6)
    for _ in range(40):
        A, b, inactive, domain = random_question(rng)
        found = admissibility(ReLULayer(A, b), inactive, domain)
        other = rng.random(inactive.size) < 0.5
        claim = replace(found, inactive=other)
        assert not claim.verify() or is_admissible(A, b, other, found.domain) is claim.admissible
        assert not replace(found, admissible=not found.admissible).verify()
        assert not replace(found, certificate=None).verify()
