"""Both ends of spectra: against complete decompositions, closed forms, and what each value proves."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse.linalg import ArpackNoConvergence

from flushing import flushing
from stability.prescribed_values import prescribed
from stability.reference_networks import REFERENCES, Graph, circular_pad, convolution, normal, one_layer
from unrelu.errors import InputError
from unrelu.operators import Add, Convolution, Dense, MaxPool, Pad, ReLU, Reshape
from unrelu.stability.extremes import banded, extreme_values, krylov
from unrelu.stability.extremes.banded import band_plan, local_rows, proved_floor
from unrelu.stability.extremes.extreme_values import extreme_singular_values
from unrelu.stability.extremes.receptive_fields import receptive_fields
from unrelu.stability.extremes.result import Claim
from unrelu.stability.linearization import linearize
from unrelu.stability.operator import jacobian_operator

W1, B1 = normal(0, 8, 2, 3, 3) / 3, normal(1, 8) + 1
W2, B2 = normal(2, 40, 8, 3, 3) / 5, normal(3, 40)
POOL = MaxPool((2, 2), (2, 2), ((0, 0), (0, 0)), (1, 1))


def pictures(kind: str):
    """Two convolutions on 2 x 12 x 10, wide enough that no structural zeros are left but with "pooled"."""
    graph = Graph(2, 12, 10)
    if kind == "circular":
        graph.add("pad", Pad(((1, 1), (1, 1)), mode="circular")).add("conv1", convolution(W1, B1))
    else:
        graph.add("conv1", convolution(W1, B1, padding=1))
    graph.add("relu1", ReLU())
    if kind == "pooled":
        graph.add("pool", POOL)
    if kind == "residual":
        graph.add("inner", convolution(normal(6, 8, 8, 3, 3) / 9, normal(7, 8), padding=1))
        graph.add("sum", Add(), "inner", "relu1")
    second = convolution(W2, B2, stride=2 if kind == "strided" else 1, padding=int(kind == "pooled"))
    return graph.add("conv2", second).add("relu2", ReLU()).network()


KINDS = ["plain", "circular", "strided", "residual", "pooled"]
X = normal(5, 2, 12, 10)


@pytest.fixture
def matrix_free(monkeypatch):
    """No decomposition of the whole matrix, however small."""
    monkeypatch.setattr(extreme_values, "DENSE_SIDE", 0)


def exact(net, x) -> np.ndarray:
    return np.linalg.svd(linearize(net, x).matrix, compute_uv=False)


def check_residuals(found, J) -> None:
    for triplet in (*found.largest, *found.smallest):
        first = np.linalg.norm(J.T @ triplet.left - triplet.value * triplet.right)
        second = np.linalg.norm(J @ triplet.right - triplet.value * triplet.left)
        assert triplet.left_residual == pytest.approx(first, abs=1e-12)
        assert triplet.right_residual == pytest.approx(second, abs=1e-12)
        assert np.linalg.norm(triplet.right) == pytest.approx(1)
        assert np.linalg.norm(triplet.left) == pytest.approx(1)
        assert np.abs(np.linalg.svd(J, compute_uv=False) - triplet.value).min() <= triplet.distance + 1e-12


@pytest.mark.parametrize("kind", KINDS)
def test_both_ends_of_convolutional_networks(kind, matrix_free):
    net = pictures(kind)
    found = extreme_singular_values(net, X, k=3, rtol=1e-8)
    values = exact(net, X)[: found.structural_rank]
    np.testing.assert_allclose([t.value for t in found.largest], values[:3], rtol=1e-10)
    np.testing.assert_allclose([t.value for t in found.smallest], values[::-1][:3], rtol=1e-10)
    assert all(t.converged for t in (*found.largest, *found.smallest))
    check_residuals(found, linearize(net, X).matrix)
    assert {t.claim for t in found.largest} == {Claim.AT_LEAST}
    assert found.condition_number == pytest.approx(values[0] / values[-1])
    if found.structural_rank == net.input_size:
        assert "ARPACK on the inverse" in found.method
        assert {t.claim for t in found.smallest} == {Claim.AT_MOST}
        assert found.floor is not None
        assert 0.98 * values[-1] < found.floor <= values[-1]
    else:
        assert found.floor is None


def whole_band(rows) -> np.ndarray:
    """The matrix in a band, in C order of the input."""
    plan, band = rows.plan, rows.gram()
    found = np.zeros((plan.n, plan.n))
    for j in range(plan.n):
        count = min(len(band), plan.n - j)
        found[j : j + count, j] = found[j, j : j + count] = band[:count, j]
    order = plan.ordered(np.arange(plan.n))
    back = np.empty_like(found)
    back[np.ix_(order, order)] = found
    return back


@pytest.mark.parametrize("kind", ["plain", "circular", "strided", "residual"])
def test_bands_hold_the_gram_matrix(kind):
    net = pictures(kind)
    plan = band_plan(net)
    assert plan is not None
    rows = local_rows(jacobian_operator(net, X), plan, lambda _: None)
    J = linearize(net, X).matrix
    np.testing.assert_allclose(whole_band(rows), J.T @ J, atol=1e-12)
    smallest = np.linalg.svd(J, compute_uv=False)[-1]
    assert proved_floor(rows, 0.999 * smallest) == pytest.approx(0.999 * smallest, rel=1e-5)
    assert (proved_floor(rows, 0.999 * smallest) or 0) < 0.999 * smallest
    assert proved_floor(rows, 1.001 * smallest) is None
    assert proved_floor(rows, 1e-7 * smallest) is None  # rounding may hide it


@st.composite
def local_networks(draw):
    """One or two convolutions on signals or pictures of any shape: a network, and the same with its axes exchanged."""
    dims = draw(st.sampled_from([1, 2, 2]))
    size = tuple(draw(st.integers(3, 14 if axis else 6)) for axis in range(dims))
    channels, generator = draw(st.integers(1, 2)), np.random.default_rng(draw(st.integers(0, 2**32)))
    one, other = Graph(channels, *size), Graph(channels, *((1, size[0])[::-1] if dims == 1 else size[::-1]))
    for k in range(draw(st.integers(1, 2))):
        sides = [draw(st.integers(1, min(3, length))) for length in one.shapes[one.nodes[-1].name][1:]]
        before = one.shapes[one.nodes[-1].name]
        spread = [draw(st.integers(1, 2)) for _ in sides]
        room = [length - (side - 1) * step for length, side, step in zip(before[1:], sides, spread, strict=True)]
        pads = [(max(draw(st.integers(0, 1)), 1 - free), draw(st.integers(0, 1))) for free in room]
        steps = [draw(st.integers(1, 2)) for _ in sides]
        weight = torch.from_numpy(generator.normal(size=(4 * before[0], before[0], *sides)))
        bias = torch.from_numpy(generator.normal(size=4 * before[0]) + 4)
        one.add(f"conv{k}", Convolution(weight, bias, tuple(steps), tuple(pads), tuple(spread)))
        if dims == 1:
            weight, steps, pads, spread = weight[:, :, None], [1, *steps], [(0, 0), *pads], [1, *spread]
        parts = tuple(steps[::-1]), tuple(pads[::-1]), tuple(spread[::-1])
        other.add(f"conv{k}", Convolution(weight.mT.contiguous(), bias, *parts))
        for graph in (one, other):
            graph.add(f"relu{k}", ReLU())
    x = generator.normal(size=(channels, *size))
    return one.network(), x, other.network(), (x[:, None] if dims == 1 else x).swapaxes(1, 2)


@settings(max_examples=60)
@given(local_networks())
def test_pictures_on_their_side_are_as_quick_and_right(case):
    """Strides, dilations, uneven padding, signals; both have the same band, in the order of the shorter side."""
    one, x, other, turned = case
    plan, twin = band_plan(one), band_plan(other)
    assert plan is not None
    assert twin is not None
    assert (plan.band, plan.probes, plan.flops) == (twin.band, twin.probes, twin.flops)
    by_rows = plan.shape[0] * plan.height * plan.shape[2]
    by_columns = plan.shape[0] * plan.width * plan.shape[1]
    assert plan.band + 1 == min(by_rows, by_columns)
    for network, point, its in ((one, x, plan), (other, turned, twin)):
        J = linearize(network, point).matrix
        rows = local_rows(jacobian_operator(network, point), its, lambda _: None)
        np.testing.assert_allclose(whole_band(rows), J.T @ J, atol=1e-12 * float(np.linalg.norm(J)) ** 2)
        v = np.arange(its.n)
        np.testing.assert_array_equal(its.restored(its.ordered(v)), v)


def test_windows_that_lie_in_the_padding_alone_see_nothing(matrix_free):
    weight, shift = torch.ones(1, 1, 2, 1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
    skipping = Convolution(weight, shift, (1, 1), ((1, 1), (0, 0)), (2, 1))
    net = Graph(1, 1, 5).add("conv", skipping).network()
    fields = receptive_fields(net)
    assert fields is not None
    assert fields[0].width == 1
    found = extreme_singular_values(net, np.ones((1, 1, 5)), k=1)
    assert (found.largest[0].value, found.smallest[0].value, found.floor) == (0.0, 0.0, None)


def test_a_jacobian_of_zeros_has_ends_without_a_matrix():
    # The first layer is dead at x; what is structural does not see that, since another x would revive it.
    for shape in ((1, 3, 3), (1, 3, 4)):
        first, second = (torch.full((4, c, 2, 2), 1.0, dtype=torch.float64) for c in (1, 4))
        low, high = (torch.full((4,), value, dtype=torch.float64) for value in (-1e3, 1.0))
        graph = Graph(*shape).add("conv0", convolution(first, low)).add("relu0", ReLU())
        net = graph.add("conv1", convolution(second, high)).add("relu1", ReLU()).network()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(extreme_values, "DENSE_SIDE", 0)
            found = extreme_singular_values(net, np.ones(shape), k=2, progress=False)
        assert {triplet.value for triplet in (*found.largest, *found.smallest)} <= {0.0}


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_values_that_no_structure_shows_to_be_zero_are_zeros_all_the_same(k, matrix_free):
    """10 - 4 - 10 with four equal units: sizes allow rank 4, and it is 1.

    As many values as asked for come at either end; of the zeros those are shown that others do not fill the list with.
    """
    first, second = normal(0, 1, 10).expand(4, 10).contiguous(), normal(1, 10, 4)
    net = Graph(10).add("down", Dense(first, normal(2, 4))).add("up", Dense(second, normal(3, 10))).network()
    found = extreme_singular_values(net, normal(4, 10), k=k)
    assert found.structural_rank == 4
    value = float(torch.linalg.matrix_norm(second @ first, 2))
    for end, expected in ((found.largest, [value, 0, 0, 0][:k]), (found.smallest, [0] * (k - 1) + [value])):
        np.testing.assert_allclose([t.value for t in end], expected, rtol=1e-10, atol=1e-12)
    assert {t.claim for t in found.smallest} == {Claim.NEAR}
    check_residuals(found, (second @ first).numpy())


@pytest.mark.parametrize("turned", [False, True])
def test_values_are_zeros_where_windows_of_the_second_layer_lie_in_its_padding(turned, matrix_free):
    """Strides and dilations leave it a picture of 1 x 2, on which its windows of two rows see the rows about it."""
    steps, spread = (2, 1), (1, 2)
    weight, shift = normal(0, 4, 1, 3, 2), torch.full((4,), 99.0, dtype=torch.float64)
    again = normal(1, 16, 4, 2, 1)
    turn = (lambda each: each[::-1]) if turned else (lambda each: each)
    if turned:
        weight, again = weight.mT.contiguous(), again.mT.contiguous()
    graph = Graph(1, *turn((3, 4))).add(
        "conv0", Convolution(weight, shift, turn(steps), ((0, 0), (0, 0)), turn(spread))
    )
    padding = turn(((1, 1), (0, 0)))
    second = Convolution(again, normal(2, 16), (1, 1), padding, turn((2, 1)))
    net = graph.add("relu0", ReLU()).add("conv1", second).network()
    assert net.output_shape == (16, *turn((1, 2)))
    found = extreme_singular_values(net, np.ones((1, *turn((3, 4)))), k=2)
    assert found.structural_rank == 8
    assert [t.value for t in (*found.largest, *found.smallest)] == [0.0] * 4
    assert found.condition_number == math.inf


def test_all_values_of_few_columns_are_found_without_a_matrix(matrix_free):
    """As many as there are columns, which ARPACK does not give."""
    graph = Graph(1, 1, 2).add("conv", convolution(normal(0, 3, 1, 1, 2), normal(1, 3) + 9, padding=1))
    net = graph.network()
    values = exact(net, np.ones((1, 1, 2)))
    found = extreme_singular_values(net, np.ones((1, 1, 2)), k=2)
    np.testing.assert_allclose([t.value for t in found.smallest], values[::-1], rtol=1e-10)


def test_what_the_inverse_does_not_give_is_made_up_by_bounds(matrix_free, monkeypatch):
    def stopping(_, k, **__):
        raise ArpackNoConvergence("stopped", np.zeros(k - 2), np.eye(240)[:, : k - 2])

    monkeypatch.setattr(extreme_values, "eigsh", stopping)
    found = extreme_singular_values(pictures("plain"), X, k=3)
    values = exact(pictures("plain"), X)
    assert len(found.smallest) == 3
    for triplet, value in zip(found.smallest, values[::-1][:3], strict=True):
        assert triplet.value >= value * (1 - 1e-12)


def test_a_search_that_starts_at_zero_ends():
    for largest in (True, False):
        found = krylov.search_end(
            lambda v: 0 * v,
            torch.zeros(3, 5, dtype=torch.float64),
            2,
            largest=largest,
            rtol=1e-6,
            deadline=math.inf,
            advance=lambda _: None,
        )
        assert found.vectors.shape == (2, 5)
        torch.testing.assert_close(found.vectors @ found.vectors.T, torch.eye(2, dtype=torch.float64))


@settings(max_examples=25)
@given(local_networks())
def test_ends_of_pictures_on_their_side(case):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extreme_values, "DENSE_SIDE", 0)
        both = [extreme_singular_values(network, x, k=2, progress=False) for network, x in (case[:2], case[2:])]
    values = exact(*case[:2])
    for found in both:
        rank = found.structural_rank
        expected = values[:rank][::-1][:2]
        for triplet, value in zip(found.smallest, expected, strict=True):
            if values[rank - 1] > 1e-6 * values[0]:
                assert triplet.value == pytest.approx(value, rel=1e-9)
            assert triplet.value >= value - 1e-7 * values[0]  # of several zeros one may be all that is found
    assert both[0].method == both[1].method


@pytest.mark.parametrize("size", [(20000,), (1, 20000), (20000, 1)])
def test_a_long_signal_has_a_narrow_band_whichever_way_it_lies(size):
    kernel = torch.ones(1, 1, *(3 if length > 1 else 1 for length in size), dtype=torch.float64)
    graph = Graph(1, *size).add("conv", convolution(kernel, torch.ones(1, dtype=torch.float64)))
    plan = band_plan(graph.network())
    assert plan is not None
    assert (plan.n, plan.band, plan.probes) == (20000, 2, 3)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("size", [(1, 60), (5, 12)])
def test_second_differences_have_their_closed_form(size, turned, matrix_free):
    """With zeros around, n of them have `4 sin(i pi / (2 n + 2))^2`; on pictures those of both axes add up."""
    second, middle = (torch.tensor(row, dtype=torch.float64) for row in ((-1.0, 2.0, -1.0), (0.0, 1.0, 0.0)))
    squares = [4 * np.sin(np.arange(1, n + 1) * np.pi / (2 * n + 2)) ** 2 if n > 1 else np.zeros(1) for n in size]
    values = np.add.outer(*squares).ravel()
    kernel = torch.outer(middle, second) + (size[0] > 1) * torch.outer(second, middle)
    kernel = kernel[None, None]
    kernel, shape = (kernel.mT.contiguous(), size[::-1]) if turned else (kernel, size)
    shift = torch.full((1,), 9.0, dtype=torch.float64)
    net = Graph(1, *shape).add("conv", convolution(kernel, shift, padding=1)).add("relu", ReLU()).network()
    found = extreme_singular_values(net, np.zeros((1, *shape)), k=3)
    assert f"a band of {2 if 1 in size else 14} of" in found.method
    np.testing.assert_allclose([t.value for t in found.smallest], np.sort(values)[:3], rtol=1e-11)
    assert all(t.converged for t in found.smallest)
    assert found.floor is not None
    assert 0.98 * values.min() < found.floor <= values.min()


def test_receptive_fields_of_a_chain_by_hand():
    graph = Graph(1, 9, 8).add("conv", convolution(torch.ones(1, 1, 3, 3).double(), torch.zeros(1).double(), padding=1))
    net = graph.add("pool", POOL).network()
    fields = receptive_fields(net)
    assert fields is not None
    rows, columns = fields
    assert rows.first.tolist() == [0, 1, 3, 5]
    assert rows.last.tolist() == [2, 4, 6, 8]
    assert columns.last.tolist() == [2, 4, 6, 7]
    assert (rows.width, columns.width) == (4, 4)
    assert receptive_fields(one_layer(np.eye(3))) is None
    flat = Graph(1, 2, 2).add("flat", Reshape((4,))).network()
    assert receptive_fields(flat) is None
    assert band_plan(flat) is None


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular", "constant"])
def test_what_no_receptive_field_holds_has_no_influence(mode):
    graph = Graph(1, 7, 6).add("pad", Pad(((1, 2), (2, 1)), mode))
    net = graph.add("conv", convolution(normal(0, 1, 1, 3, 3), normal(1, 1), stride=2)).network()
    fields = receptive_fields(net)
    assert fields is not None
    J = linearize(net, normal(3, 1, 7, 6)).matrix.reshape(*net.output_shape[1:], 7, 6)
    for place in np.argwhere(J != 0):
        for axis, reach in enumerate(fields):
            assert reach.first[place[axis]] <= place[axis + 2] <= reach.last[place[axis]]


@pytest.mark.parametrize("name", ["dense", "convolutional", "residual"])
def test_ends_of_the_reference_networks(name, matrix_free):
    net = REFERENCES[name]().network
    x = normal(99, *net.input_shape)
    for layer in net.layers:
        prefix = net.upto(layer)
        found = extreme_singular_values(prefix, x, k=2, rtol=1e-8)
        J = linearize(prefix, x).matrix
        values = np.linalg.svd(J, compute_uv=False)[: found.structural_rank]
        np.testing.assert_allclose([t.value for t in found.largest], values[:2], rtol=1e-9)
        np.testing.assert_allclose([t.value for t in found.smallest], values[::-1][:2], rtol=1e-9)
        check_residuals(found, J)


def test_a_small_jacobian_is_decomposed_whole():
    net = REFERENCES["dense"]().network
    x = normal(99, 12)
    found = extreme_singular_values(net, x, k=3)
    values = exact(net, x)[: found.structural_rank]
    np.testing.assert_allclose([t.value for t in found.smallest], values[::-1][:3], rtol=1e-12)
    assert {t.claim for t in (*found.largest, *found.smallest)} == {Claim.COMPLETE}
    without = extreme_singular_values(net, x, k=1, relu=False)
    assert without.largest[0].value == pytest.approx(
        np.linalg.svd(linearize(net, x, relu=False).matrix, compute_uv=False)[0]
    )


EPSILON = float(np.finfo(float).eps)


@settings(max_examples=60)
@given(st.data())
def test_what_a_complete_decomposition_gets_right_it_calls_converged(data):
    """Values that are known exactly, down to 2^-40 of the largest; zero rows between."""
    m, d = data.draw(st.sampled_from([(1, 1), (2, 2), (2, 8), (8, 4), (8, 8), (16, 4), (4, 32)]))
    exponents = data.draw(st.lists(st.integers(0, 40), min_size=min(m, d), max_size=min(m, d)))
    A, values = prescribed(data.draw(st.integers(0, 2**32)), m, d, exponents)
    padded = np.zeros((m + 3, d))
    live = np.sort(np.random.default_rng(data.draw(st.integers(0, 99))).permutation(m + 3)[:m])
    padded[live] = A
    bias = np.where(np.isin(np.arange(m + 3), live), 100.0, -1.0)
    k = data.draw(st.integers(1, 4))
    found = extreme_singular_values(one_layer(padded, bias), np.zeros(d), k=k)
    assert len(found.smallest) == len(found.largest) == min(k, m, d)
    noise = 64 * EPSILON * values[0]
    for triplet, value in zip((*found.largest, *found.smallest), (*values[:k], *values[::-1][:k]), strict=True):
        assert triplet.claim == Claim.COMPLETE
        assert abs(triplet.value - value) <= noise
        assert max(triplet.left_residual, triplet.right_residual) <= noise
        assert triplet.converged or 1e-6 * value <= noise
    check_residuals(found, padded)


@pytest.mark.parametrize("condition", [1e6, 1e7, 1e8])
def test_high_conditions_converge_by_a_complete_decomposition(condition):
    """Rotations by 3-4-5 triangles, as in `A = Q diag(1, 1 / condition) P`: a small residual on both sides."""
    Q, P = np.array([[0.8, -0.6], [0.6, 0.8]]), np.array([[0.6, 0.8], [-0.8, 0.6]])
    found = extreme_singular_values(one_layer(Q @ np.diag([1.0, 1 / condition]) @ P, 9.0), np.zeros(2), k=1)
    (smallest,) = found.smallest
    assert smallest.value == pytest.approx(1 / condition, rel=4 * EPSILON * condition)
    assert smallest.converged
    assert smallest.distance <= 4 * EPSILON


def test_removed_rows_are_not_counted_as_zeros(matrix_free):
    """Six of nine rows removed: of eight columns only three values are not structural."""
    A = normal(0, 9, 8).numpy()
    bias = np.where(np.arange(9) % 3 == 0, 1.0, -1.0)
    found = extreme_singular_values(one_layer(A, bias), np.zeros(8), k=5)
    assert found.structural_rank == 3
    expected = np.linalg.svd(A[::3], compute_uv=False)
    np.testing.assert_allclose([t.value for t in found.largest], expected, rtol=1e-12)
    np.testing.assert_allclose([t.value for t in found.smallest], expected[::-1], rtol=1e-12)
    assert {t.claim for t in found.smallest} == {Claim.AT_MOST}
    assert all(t.left[np.arange(9) % 3 != 0].any() == np.False_ for t in found.largest)


def test_a_network_that_is_narrow_inside_gives_no_structural_zero(matrix_free):
    """10 - 4 - 10: the Gram matrix has six zeros on either side, which no value found is."""
    first, second = normal(0, 4, 10), normal(1, 10, 4)
    net = Graph(10).add("down", Dense(first, normal(2, 4))).add("up", Dense(second, normal(3, 10))).network()
    found = extreme_singular_values(net, normal(4, 10), k=4, rtol=1e-9)
    expected = np.linalg.svd((second @ first).numpy(), compute_uv=False)[:4]
    assert found.structural_rank == 4
    np.testing.assert_allclose([t.value for t in found.smallest], expected[::-1], rtol=1e-9)
    assert {t.claim for t in found.smallest} == {Claim.NEAR}


def test_orthogonal_layers_have_one_value_many_times(matrix_free):
    Q = np.linalg.qr(normal(0, 30, 30).numpy()).Q
    found = extreme_singular_values(one_layer(Q, 100.0), np.zeros(30), k=3)
    for triplet in (*found.largest, *found.smallest):
        assert triplet.value == pytest.approx(1, rel=1e-12)


def test_circulant_convolutions_have_the_transform_of_their_kernel(matrix_free):
    kernel = normal(0, 1, 1, 3, 3)
    net = (
        Graph(1, 8, 9)
        .add("pad", circular_pad(3))
        .add("conv", convolution(kernel, torch.full((1,), 100.0, dtype=torch.float64)))
        .add("relu", ReLU())
    ).network()
    found = extreme_singular_values(net, np.zeros((1, 8, 9)), k=1)
    expected = abs(np.fft.fft2(kernel[0, 0].numpy(), (8, 9)))
    assert found.largest[0].value == pytest.approx(expected.max(), rel=1e-10)
    assert found.smallest[0].value == pytest.approx(expected.min(), rel=1e-8)


def test_small_values_are_those_of_the_matrix_and_not_of_its_square(matrix_free):
    """Channels mixed by a matrix with values 1 and 1e-6 to 3e-6: their squares are known to four digits at best."""
    values = np.array([1.0, 0.5, 3e-6, 1e-6])
    U, V = (np.linalg.qr(np.random.default_rng(seed).normal(size=(4, 4))).Q for seed in (0, 1))
    mixing = torch.from_numpy((U * values) @ V.T)[:, :, None, None]
    shift = torch.full((4,), 100.0, dtype=torch.float64)
    net = Graph(4, 5, 6).add("conv", convolution(mixing, shift)).add("relu", ReLU()).network()
    found = extreme_singular_values(net, np.zeros((4, 5, 6)), k=2, rtol=1e-8)
    assert "ARPACK" in found.method
    for triplet in found.smallest:
        assert triplet.converged
        assert triplet.value == pytest.approx(1e-6, rel=1e-9)


@pytest.mark.parametrize("condition", [1e2, 1e4, 1e6])
def test_log_spaced_spectra(condition, matrix_free):
    """Each end of 200 values between 1 and 1 / condition; the smallest from its own residual, not from a square."""
    rng = np.random.default_rng(0)
    values = np.logspace(0, -math.log10(condition), 200)
    U, V = (np.linalg.qr(rng.normal(size=(200, 200))).Q for _ in range(2))
    found = extreme_singular_values(one_layer((U * values) @ V.T, 100.0), np.zeros(200), k=2, rtol=1e-9)
    assert found.largest[0].value == pytest.approx(1.0, rel=1e-12)
    assert found.smallest[0].value == pytest.approx(1 / condition, rel=1e-15 * condition**2 + 1e-9)
    assert found.smallest[0].value >= 1 / condition * (1 - 1e-15 * condition)


def test_what_is_stopped_by_its_budget_says_so_and_is_still_a_bound(matrix_free):
    """A clustered lower end, a thousandth apart: after no time nothing has converged."""
    rng = np.random.default_rng(1)
    values = np.concatenate([np.linspace(1, 10, 300), 0.01 + 1e-5 * np.arange(100)])
    U, V = (np.linalg.qr(rng.normal(size=(400, 400))).Q for _ in range(2))
    net = one_layer((U * values) @ V.T, 1000.0)
    found = extreme_singular_values(net, np.zeros(400), k=2, budget=1e-9)
    assert "stopped by the budget" in found.method
    assert not any(t.converged for t in found.smallest)
    for index, triplet in enumerate(found.smallest):
        assert triplet.claim == Claim.AT_MOST
        assert triplet.value >= np.sort(values)[index] - 1e-12
    for index, triplet in enumerate(found.largest):
        assert triplet.claim == Claim.AT_LEAST
        assert triplet.value <= np.sort(values)[::-1][index] + 1e-12
    check_residuals(found, linearize(net, np.zeros(400)).matrix)


def test_a_converged_value_of_a_cluster_may_not_be_the_smallest_and_claims_no_more(matrix_free):
    """Ten equal values at the end: the three smallest are all the same, and each one found is an upper bound."""
    values = np.concatenate([np.full(10, 0.1), np.linspace(1, 2, 50)])
    Q = np.linalg.qr(np.random.default_rng(2).normal(size=(60, 60))).Q
    found = extreme_singular_values(one_layer(Q * values, 100.0), np.zeros(60), k=3)
    for triplet in found.smallest:
        assert triplet.claim == Claim.AT_MOST
        assert triplet.value >= 0.1 - 1e-12
        assert triplet.value == pytest.approx(0.1, rel=1e-6)


def test_a_residual_that_rounding_forbids_ends_the_search(matrix_free, monkeypatch):
    """Told to reach residuals of 1e-40, it stops where it gets no further and says so."""
    monkeypatch.setattr(krylov, "_ROUNDING", 1e-40)
    monkeypatch.setattr(krylov, "BASIS_VECTORS", 40)
    A = normal(0, 150, 100).numpy()
    found = extreme_singular_values(one_layer(A, 100.0), np.zeros(100), k=2, rtol=1e-30)
    assert "by rounding" in found.method
    values = np.linalg.svd(A, compute_uv=False)
    np.testing.assert_allclose([t.value for t in found.smallest], values[::-1][:2], rtol=1e-8)
    assert not any(t.converged for t in found.smallest)


def test_without_time_for_the_factor_lanczos_is_taken(matrix_free):
    found = extreme_singular_values(pictures("plain"), X, k=1, budget=1e-6)
    assert found.method.startswith("block Lanczos")
    long = extreme_singular_values(pictures("plain"), X, k=1, budget=1e4)
    assert long.method.startswith("ARPACK")


def test_a_singular_gram_matrix_is_shifted_and_gives_a_value_near_zero(matrix_free):
    """Two channels read alike: half of the values are 0, which no size tells."""
    weight = torch.cat([W1[:, :1], W1[:, :1]], dim=1)
    net = Graph(2, 6, 6).add("conv", convolution(weight, B1 + 100, padding=1)).add("relu", ReLU()).network()
    found = extreme_singular_values(net, normal(0, 2, 6, 6), k=2)
    assert found.structural_rank == 72
    assert "shifted" in found.method
    assert found.floor is None
    for triplet in found.smallest:
        assert triplet.value < 1e-7
        assert triplet.claim == Claim.AT_MOST


def test_a_band_that_does_not_fit_is_not_planned(monkeypatch):
    monkeypatch.setattr(banded, "DENSE_LIMIT", 100)
    assert band_plan(pictures("plain")) is None


def test_a_dead_layer_has_no_values():
    found = extreme_singular_values(one_layer(np.eye(3), -1.0), np.zeros(3))
    assert (found.structural_rank, found.largest, found.smallest) == (0, (), ())
    assert math.isnan(found.condition_number)


@pytest.mark.parametrize("arguments", [{"k": 0}, {"rtol": 0.0}, {"rtol": 1.0}, {"budget": 0.0}])
def test_arguments_out_of_range_are_refused(arguments):
    with pytest.raises(InputError, match=r"k must be at least 1, rtol in \(0, 1\) and budget positive"):
        extreme_singular_values(one_layer(np.eye(3)), np.ones(3), **arguments)


@pytest.mark.parametrize("exponent", [-600, -530, -500, -300, 0, 300, 500, 600])
def test_a_floor_is_below_the_smallest_value_whatever_the_scale(exponent):
    net = pictures("plain")
    plan = band_plan(net)
    assert plan is not None
    rows = local_rows(jacobian_operator(net, X), plan, lambda _: None)
    smallest = float(np.linalg.svd(linearize(net, X).matrix, compute_uv=False)[-1])
    scaled = replace(rows, entries=np.ldexp(rows.entries, exponent))
    floor = proved_floor(scaled, math.ldexp(0.999 * smallest, exponent))
    assert floor is None or math.ldexp(floor, -exponent) < smallest
    assert (floor is not None) == (abs(exponent) <= 500)
    assert proved_floor(scaled, math.ldexp(1.001 * smallest, exponent)) is None
    with flushing():
        assert proved_floor(scaled, math.ldexp(0.999 * smallest, exponent)) is None
