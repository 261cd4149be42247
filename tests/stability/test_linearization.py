# SciPy's types let an operator times an array be an operator.
# pyright: reportArgumentType=false, reportCallIssue=false

import math

import numpy as np
import pytest
import torch

from stability.reference_networks import REFERENCES, Graph, normal, one_layer
from unrelu.errors import InputError, ModelError, ShapeError, TooLarge, UnsupportedOperator
from unrelu.network.graph import Network
from unrelu.operators import Dense, Elementwise, Operator, ReLU
from unrelu.stability import jacobian
from unrelu.stability.linearization import linearize, linearize_many
from unrelu.stability.pattern import activation_pattern

CASES = [(kind, layer) for kind, make in REFERENCES.items() for layer in make().network.layers]


def ends(network, layer):
    """The layer without its ReLU, and with it: names of the nodes."""
    return {False: network.node(layer).inputs[0], True: layer}


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(("kind", "layer"), CASES)
def test_matrix_is_the_jacobian_of_the_reference(kind, layer, relu):
    reference = REFERENCES[kind]()
    x = normal(99, *reference.network.input_shape)
    end = ends(reference.network, layer)[relu]
    expected = torch.func.jacrev(lambda v: reference.values(v)[end].flatten())(x).reshape(-1, x.numel())
    lin = linearize(reference.network.upto(layer), at=x, relu=relu)
    np.testing.assert_allclose(lin.matrix, expected.numpy(), rtol=0, atol=1e-13 * float(expected.abs().max()))
    assert lin.shape == tuple(expected.shape)
    assert (lin.layer, lin.relu) == (layer, relu)


@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(("kind", "layer"), CASES)
def test_the_map_is_exact_on_the_region_as_far_as_its_radius(kind, layer, relu):
    reference = REFERENCES[kind]()
    x = normal(99, *reference.network.input_shape)
    lin = linearize(reference.network.upto(layer), at=x, relu=relu)
    end = ends(reference.network, layer)[relu]
    reach = min(lin.radius, 1.0)
    value = reference.values(x)[end].flatten().numpy()
    for seed in range(20):
        direction = normal(seed, *x.shape)
        dx = 0.999 * reach * direction / direction.norm()
        moved = reference.values(x + dx)
        assert lin.same_region(x + dx)
        for name in lin.pattern.layers:
            np.testing.assert_array_equal((moved[name] > 0).numpy(), lin.pattern.active(name))
        expected = moved[end].flatten().numpy()
        np.testing.assert_allclose(value + lin.matrix @ dx.numpy().ravel(), expected, atol=1e-13 * np.abs(value).max())
        np.testing.assert_allclose(lin((x + dx).numpy()[None])[0], expected, atol=1e-13 * np.abs(value).max())


@pytest.mark.parametrize("kind", REFERENCES)
def test_the_neuron_at_the_boundary_flips_just_beyond_the_radius(kind):
    reference = REFERENCES[kind]()
    net = reference.network
    x = normal(99, *net.input_shape)
    lin = linearize(net, at=x)
    layer, neuron = lin.boundary.layer, lin.boundary.neuron
    gradient = linearize(net.upto(layer), at=x, relu=False).matrix[neuron].reshape(x.shape)
    away = -1 if lin.pattern.active(layer).flat[neuron] else 1
    toward = torch.from_numpy(gradient * away / np.linalg.norm(gradient))
    assert lin.same_region(x + 0.999 * lin.radius * toward)
    beyond = activation_pattern(net, x + 1.001 * lin.radius * toward)
    assert beyond.active(layer).flat[neuron] != lin.pattern.active(layer).flat[neuron]
    assert not lin.same_region(x + 1.001 * lin.radius * toward)


@pytest.mark.parametrize("kind", REFERENCES)
def test_the_linf_radius_is_that_of_the_worst_corner(kind):
    net = REFERENCES[kind]().network
    x = normal(99, *net.input_shape)
    lin = linearize(net, at=x)
    layer, neuron = lin.boundary_linf.layer, lin.boundary_linf.neuron
    assert (lin.boundary.norm, lin.boundary_linf.norm) == (2.0, math.inf)
    assert lin.radius / math.sqrt(net.input_size) <= lin.radius_linf <= lin.radius
    gradient = linearize(net.upto(layer), at=x, relu=False).matrix[neuron].reshape(x.shape)
    toward = torch.from_numpy(np.sign(gradient) * (-1 if lin.pattern.active(layer).flat[neuron] else 1))
    assert lin.same_region(x + 0.999 * lin.radius_linf * toward)
    assert not lin.same_region(x + 1.001 * lin.radius_linf * toward)
    for seed in range(20):
        assert lin.same_region(x + 0.999 * lin.radius_linf * normal(seed, *x.shape).sign())


@pytest.mark.parametrize("kind", REFERENCES)
def test_the_region_holds_exactly_the_points_of_the_pattern(kind):
    net = REFERENCES[kind]().network
    x = normal(99, *net.input_shape)
    lin = linearize(net, at=x)
    region = lin.region
    sides = 1.0 / np.linalg.norm(region.A_ub, axis=1)
    assert (region.b_ub * sides).min() == pytest.approx(lin.radius, rel=1e-12)
    inside = 0
    for seed in range(60):
        point = x + 3 * lin.radius * seed / 60 * normal(seed, *x.shape)
        slack = region.b_ub - region.A_ub @ (point - x).numpy().ravel()
        assert lin.same_region(point) == bool((slack > 0).all())
        inside += lin.same_region(point)
    assert 0 < inside < 60


def test_a_region_without_walls():
    lin = linearize(one_layer(np.eye(3)), at=np.ones(3), relu=False)
    assert lin.region.A_ub.shape == (0, 3)


@pytest.mark.parametrize("kind", REFERENCES)
def test_the_operator_is_the_matrix(kind):
    net = REFERENCES[kind]().network
    lin = linearize(net, at=normal(99, *net.input_shape))
    np.testing.assert_allclose(lin.operator @ np.eye(net.input_size), lin.matrix, rtol=0, atol=1e-13)
    np.testing.assert_allclose(lin.operator.T @ np.eye(net.output_size), lin.matrix.T, rtol=0, atol=1e-13)


def test_many_inputs_one_after_the_other():
    net = REFERENCES["residual"]().network
    x = normal(7, 3, *net.input_shape)
    found = linearize_many(net, x, progress=False)
    for point, lin in zip(x, found, strict=True):
        np.testing.assert_array_equal(lin.matrix, linearize(net, point).matrix)
    with pytest.raises(ShapeError, match=r"the inputs must have shape \(n, 2, 4, 4\), not \(2, 4, 4\)"):
        linearize_many(net, x[0])


def test_beyond_a_crossing_with_a_live_path_the_map_fails_by_the_slope_that_changed():
    reference = REFERENCES["dense"]()
    net = reference.network
    x = normal(99, *net.input_shape)
    lin = linearize(net, at=x, relu=False)
    layer, neuron = lin.boundary.layer, lin.boundary.neuron
    gradient = linearize(net.upto(layer), at=x, relu=False).matrix[neuron]
    toward = gradient * (-1 if lin.pattern.active(layer).flat[neuron] else 1) / np.linalg.norm(gradient)
    beyond = linearize(net, at=x + torch.from_numpy(1.0001 * lin.radius * toward), relu=False)
    change = (beyond.matrix - lin.matrix) @ toward
    assert np.abs(change).max() > 1e-3, "the neuron has a live path to the output"
    step = min(1e-3, beyond.radius)
    point = x + torch.from_numpy((1.0001 * lin.radius + step) * toward)
    failure = reference.values(point)["dense3"].numpy() - lin(point[None])[0]
    np.testing.assert_allclose(failure, (0.0001 * lin.radius + step) * change, rtol=0, atol=1e-13)


def test_beyond_a_crossing_the_map_fails_by_exactly_what_the_relu_cut():
    A = np.array([[1.0, 0.0], [0.0, 2.0]])
    net = one_layer(A, np.array([1.0, -8.0]))
    lin = linearize(net, at=np.array([1.0, 1.0]))
    assert (lin.boundary.layer, lin.boundary.neuron, lin.radius) == ("relu1", 0, 2.0)
    point = np.array([[-3.0, 5.0]])  # pre-activations -2 and 2: the first died, the second woke up
    np.testing.assert_array_equal(lin(point), [[-2.0, 0.0]])
    np.testing.assert_array_equal(net(point), [[0.0, 2.0]])


def test_crossing_a_neuron_without_a_live_path_leaves_the_map_right():
    net = Network.from_layers([(np.eye(2), np.zeros(2)), (np.array([[1.0, 0.0]]), np.zeros(1))])
    lin = linearize(net, at=np.array([1.0, 1.0]))
    point = np.array([[2.0, -1.0]])
    assert not lin.same_region(point[0])
    np.testing.assert_array_equal(lin(point), net(point))


def test_at_a_zero_pre_activation_the_map_is_that_of_the_inactive_side():
    net = one_layer(np.array([[1.0]]))
    lin = linearize(net, at=np.zeros(1))
    assert lin.matrix.tolist() == [[0.0]]
    assert lin.radius == 0.0
    assert lin(np.array([[-1.0]])) == net(np.array([[-1.0]]))


def test_without_its_relu_a_first_layer_is_affine_everywhere():
    A, b = normal(0, 5, 3).numpy(), normal(1, 5).numpy()
    lin = linearize(one_layer(A, b), at=np.zeros(3), relu=False)
    assert lin.pattern.layers == ()
    assert lin.radius == math.inf
    assert (lin.boundary.layer, lin.boundary.neuron) == ("", -1)
    np.testing.assert_array_equal(lin.matrix, A)
    np.testing.assert_array_equal(lin.offset, b)


def test_neurons_that_cannot_move_do_not_bound_the_region():
    lin = linearize(one_layer(np.array([[0.0], [0.0], [2.0]]), np.array([0.0, 1e-9, 6.0])), at=np.zeros(1))
    assert (lin.radius, lin.boundary.neuron) == (3.0, 2)


def test_offset_has_no_cancellation():
    net = one_layer(np.array([[1.0]]), 1e-3)
    assert linearize(net, at=np.array([1e15])).offset[0] == 1e-3


def test_any_node_and_several_at_once_can_end_the_prefix():
    reference = REFERENCES["residual"]()
    net = reference.network
    x = normal(99, *net.input_shape)
    both = linearize(net.upto("relu4", "relu2"), at=x)
    expected = [linearize(net.upto(name), at=x) for name in ("relu4", "relu2")]
    np.testing.assert_array_equal(both.matrix, np.vstack([lin.matrix for lin in expected]))
    np.testing.assert_array_equal(both.offset, np.concatenate([lin.offset for lin in expected]))
    assert both.layer == "relu4, relu2"
    assert not linearize(net.upto("sum"), at=x).relu
    np.testing.assert_array_equal(linearize(net.upto("input"), at=x).matrix, np.eye(net.input_size))
    bare = linearize(net.upto("relu4", "relu3"), at=x, relu=False)
    np.testing.assert_array_equal(bare.matrix, linearize(net.upto("dense", "sum"), at=x).matrix)


@pytest.mark.parametrize("kind", REFERENCES)
def test_pushing_in_parts_changes_nothing(kind, monkeypatch):
    net = REFERENCES[kind]().network
    x = normal(99, *net.input_shape)
    whole = linearize(net, at=x)
    monkeypatch.setattr(jacobian, "CHUNK_BYTES", 8 * 200)
    parts = linearize(net, at=x)
    np.testing.assert_allclose(parts.matrix, whole.matrix, atol=1e-14)
    assert parts.radius == pytest.approx(whole.radius, rel=1e-13)


def test_a_relu_on_the_input_itself_counts():
    net = Graph(3).add("relu", ReLU()).network()
    lin = linearize(net, at=np.array([1.0, -2.0, 3.0]))
    np.testing.assert_array_equal(lin.matrix, np.diag([1.0, 0.0, 1.0]))
    assert (lin.radius, lin.boundary.neuron) == (1.0, 0)


def test_results_are_read_only():
    lin = linearize(one_layer(np.eye(2)), at=np.ones(2))
    for array in (lin.matrix, lin.offset, lin.at):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_relu_false_needs_a_relu_at_the_end():
    net = Network.from_layers([(np.eye(2), np.zeros(2)), (np.eye(2), np.zeros(2))])
    with pytest.raises(InputError, match="ends in 'dense2', which is not a ReLU"):
        linearize(net, at=np.zeros(2), relu=False)


def test_a_jacobian_that_does_not_fit_is_refused_before_it_is_computed():
    net = Graph(200, 200).add("scale", Elementwise(torch.ones(()), torch.zeros(()))).network()
    with pytest.raises(TooLarge, match=r"40000 x 40000\) would take 11.9 GiB \(limit 4 GiB\); ask about a smaller"):
        linearize(net, at=np.zeros((200, 200)))


def test_an_overflowing_jacobian_is_refused():
    big = np.full((1, 1), 1e200)
    net = Network.from_layers([(big, np.ones(1)), (big, np.zeros(1))])
    with pytest.raises(ModelError, match="Jacobian at 'dense2' overflows"):
        linearize(net, at=np.zeros(1))


def test_points_of_another_shape_are_refused():
    lin = linearize(one_layer(np.eye(2)), at=np.ones(2))
    with pytest.raises(ShapeError, match=r"shape \(n, \*\(2,\)\), not \(2,\)"):
        lin(np.ones(2))


class Sign(Operator):
    """Neither affine nor piecewise linear, as it jumps."""

    def output_shape(self, *shapes):
        return shapes[0]

    def apply(self, *inputs):
        return torch.sign(inputs[0])

    def error(self, values, errors, unit=0.0):
        return errors[0]


def test_an_operator_without_a_rule_is_refused_by_name():
    net = Graph(2).add("dense", Dense(normal(0, 2, 2), normal(1, 2))).add("sign", Sign()).network()
    with pytest.raises(
        UnsupportedOperator, match=r"node 'sign' \(Sign\) is neither affine, piecewise linear nor smooth"
    ):
        linearize(net, at=np.zeros(2))
