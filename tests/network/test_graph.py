"""The graph: parts, cuts, layers and their inputs, shapes, errors."""

from typing import Any

import numpy as np
import pytest
import torch

from unrelu.errors import InputError, JoinedLayer, NonFiniteWeights, ShapeError, UnknownNode
from unrelu.network.graph import Network
from unrelu.network.node import Node
from unrelu.operators import Add, Dense, Input, Permute, ReLU, Reshape

RNG = np.random.default_rng(11)


def dense(name: str, source: str, m: int, d: int) -> Node:
    return Node(
        name, Dense(torch.from_numpy(RNG.normal(size=(m, d))), torch.from_numpy(RNG.normal(size=m))), (source,), (m,)
    )


@pytest.fixture
def residual() -> Network:
    """fc1 -> relu1, then relu2(relu1 + fc2(relu1)): affine in relu1 alone; then relu3(relu2 + relu1): in both."""
    nodes = (
        Node("input", Input((3,)), (), (3,)),
        dense("fc1", "input", 4, 3),
        Node("relu1", ReLU(), ("fc1",), (4,)),
        dense("fc2", "relu1", 4, 4),
        Node("add1", Add(), ("relu1", "fc2"), (4,)),
        Node("relu2", ReLU(), ("add1",), (4,)),
        Node("add2", Add(), ("relu2", "relu1"), (4,)),
        Node("relu3", ReLU(), ("add2",), (4,)),
        dense("out", "relu3", 2, 4),
    )
    return Network(nodes, ("out",))


def weights(network: Network, name: str) -> tuple[np.ndarray, np.ndarray]:
    operator: Any = network.node(name).operator
    return operator.weight.numpy(), operator.bias.numpy()


def test_residual_network_computes_its_formula(residual):
    x = RNG.normal(size=(7, 3))
    (W1, b1), (W2, b2), (W3, b3) = (weights(residual, name) for name in ("fc1", "fc2", "out"))
    h1 = np.maximum(x @ W1.T + b1, 0)
    h2 = np.maximum(h1 + h1 @ W2.T + b2, 0)
    np.testing.assert_allclose(residual(x), np.maximum(h2 + h1, 0) @ W3.T + b3, rtol=1e-12)
    np.testing.assert_allclose(residual.upto("relu2")(x), h2, rtol=1e-12)


def test_values_of_nodes_on_the_way(residual):
    x = torch.from_numpy(RNG.normal(size=(2, 3)))
    values = residual.values(x, ("relu1", "add1"))
    assert set(values) == {"relu1", "add1"}
    assert torch.equal(values["add1"], residual.upto("add1")(x))


def test_cuts_separate_input_from_output(residual):
    assert residual.cuts == ("input", "fc1", "relu1", "add2", "relu3", "out")
    assert residual.upto("relu2").cuts == ("input", "fc1", "relu1", "add1", "relu2")
    assert residual.upto("relu1", "relu2").cuts == ("input", "fc1", "relu1")


def test_cuts_determine_the_output(residual):
    """What comes after a cut, computed from its value alone, gives the output: the definition."""
    x = torch.from_numpy(RNG.normal(size=(3, 3)))
    for cut in residual.cuts:
        value = residual.upto(cut)(x)
        known = {cut: value}
        for node in residual.nodes:
            if node.name != cut and node.inputs and all(name in known for name in node.inputs):
                known[node.name] = node.operator.apply(*(known[name] for name in node.inputs))
        torch.testing.assert_close(known["out"], residual(x))


def test_layer_of_a_residual_block_is_one_matrix(residual):
    assert residual.layers == ("relu1", "relu2", "relu3")
    layer = residual.layer("relu2")
    W2, b2 = weights(residual, "fc2")
    np.testing.assert_allclose(layer.weight, np.eye(4) + W2, rtol=1e-15)
    np.testing.assert_allclose(layer.bias, b2)
    x = RNG.normal(size=(5, 3))
    h = residual.layer_input("relu2", x)
    np.testing.assert_array_equal(h, residual.upto("relu1")(x))
    np.testing.assert_allclose(np.maximum(h @ layer.weight.T + layer.bias, 0), residual.upto("relu2")(x), rtol=1e-12)
    assert (layer.name, layer.input_shape, layer.output_shape) == ("relu2", (4,), (4,))


def test_joined_layer_has_no_single_input_and_upto_has(residual):
    assert residual.affine_sources("add2") == ("relu1", "relu2")
    for ask in (residual.layer, lambda name: residual.layer_input(name, np.ones((1, 3)))):
        with pytest.raises(JoinedLayer, match=r"'relu3' depends on several nodes.*relu1, relu2.*net.upto\('relu3'\)"):
            ask("relu3")
    assert residual.upto("relu3").output_shape == (4,)


def test_affine_sources(residual):
    assert residual.affine_sources("fc1") == ("input",)
    assert residual.affine_sources("relu1") == ("relu1",)
    assert residual.affine_sources("output") == ("relu3",)


def test_prefix_through_several_nodes_flattens_and_joins(residual):
    prefix = residual.upto("relu2", "fc1")
    x = torch.from_numpy(RNG.normal(size=(2, 3)))
    both = torch.cat([residual.upto("relu2")(x), residual.upto("fc1")(x)], dim=1)
    assert torch.equal(prefix(x), both)
    assert (prefix.output_shape, prefix.output_size, prefix.outputs) == ((8,), 8, ("relu2", "fc1"))
    assert prefix.upto("output").outputs == prefix.outputs
    assert residual.upto("output").outputs == ("out",)
    assert residual.upto("input")(x) is not None
    assert [node.name for node in residual.upto("relu1").nodes] == ["input", "fc1", "relu1"]


def test_relu_called_several_times_is_several_layers():
    class Twice(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second, self.act = torch.nn.Linear(3, 3), torch.nn.Linear(3, 2), torch.nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.act(self.second(self.act(self.first(x))))

    module = Twice()
    network = Network.from_torch(module, torch.ones(1, 3))
    assert network.layers == ("act", "act#2")
    np.testing.assert_array_equal(network.layer("act#2").weight, module.second.weight.detach().numpy())
    np.testing.assert_array_equal(network.layer("act").weight, module.first.weight.detach().numpy())


def test_relu_of_a_relu_is_a_layer_with_the_identity():
    nodes = (
        Node("input", Input((2,)), (), (2,)),
        Node("a", ReLU(), ("input",), (2,)),
        Node("b", ReLU(), ("a",), (2,)),
    )
    layer = Network(nodes, ("b",)).layer("b")
    np.testing.assert_array_equal(layer.weight, np.eye(2))
    assert (layer.bias.tolist(), layer.folding_error) == ([0.0, 0.0], 0.0)


def test_arrays_come_out_as_they_came_in(residual):
    x = RNG.normal(size=(2, 3))
    assert isinstance(residual(x), np.ndarray)
    assert residual(x.astype(np.float32)).dtype == np.float32
    assert residual(torch.from_numpy(x)).dtype == torch.float64
    assert residual(torch.from_numpy(x).float()).dtype == torch.float32
    assert residual(np.ones((2, 3), dtype=np.int64)).dtype == np.float64
    assert residual(torch.ones(2, 3, dtype=torch.uint8)).dtype == torch.float64


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.ones((2, 4)), ShapeError, r"takes samples of shape \(3,\), not \(4,\); give a batch of shape \(n, 3\)"),
        (np.array([[1.0, np.nan, 0.0]]), InputError, "the input holds NaN"),
        (np.array([["a", "b", "c"]]), InputError, "the input must be a NumPy array"),
        (np.ones((2, 3), dtype=complex), InputError, "must be real"),
    ],
)
def test_wrong_inputs(residual, x, error, message):
    with pytest.raises(error, match=message):
        residual(x)


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda n: n.node("relu9"), "there is no node 'relu9'; the network has input, fc1, relu1"),
        (lambda n: n.upto("relu9"), "there is no node 'relu9'"),
        (lambda n: n.upto(), "needs the name of at least one node"),
        (lambda n: n.layer("fc1"), "'fc1' is not a ReLU layer; the network's layers are relu1, relu2, relu3"),
        (lambda n: n.layer_input("fc1", np.ones((1, 3))), "'fc1' is not a ReLU layer"),
        (lambda n: Network(n.nodes, ("relu9",)), "there is no node 'relu9'"),
        (lambda n: n.upto("relu1", "relu2").node("output"), "there is no node 'output'"),
    ],
)
def test_unknown_names(residual, ask, message):
    with pytest.raises(UnknownNode, match=message):
        ask(residual)


ENTRY = Node("input", Input((3,)), (), (3,))


@pytest.mark.parametrize(
    ("nodes", "outputs", "error", "message"),
    [
        ((), ("input",), InputError, "first node of a network must be its input"),
        ((Node("x", Input((3,)), (), (3,)),), ("x",), InputError, "called 'input'"),
        ((ENTRY,), (), InputError, "at least one output node"),
        ((ENTRY, ENTRY), ("input",), InputError, "two nodes are called 'input'"),
        ((ENTRY, Node("output", ReLU(), ("input",), (3,))), ("output",), InputError, "a node is called 'output'"),
        ((ENTRY, Node("a", ReLU(), ("b",), (3,))), ("a",), InputError, "takes 'b', which does not come before it"),
        ((ENTRY, Node("a", ReLU(), ("input",), (4,))), ("a",), ShapeError, r"'a' gives samples of shape \(3,\), not"),
        ((ENTRY, Node("a", Reshape((4,)), ("input",), (4,))), ("a",), ShapeError, "node 'a': .* cannot be reshaped"),
        ((ENTRY, Node("a", Permute((1,)), ("input",), (3,))), ("a",), ShapeError, "node 'a': .* has no axes"),
    ],
)
def test_graphs_that_are_none(nodes, outputs, error, message):
    with pytest.raises(error, match=message):
        Network(nodes, outputs)


def test_from_layers_copies_and_checks():
    weight, bias = np.eye(2), np.zeros(2)
    network = Network.from_layers([(torch.from_numpy(weight), bias), (weight, bias)])
    weight[0, 0] = 5
    assert network(np.ones((1, 2))).tolist() == [[1.0, 1.0]]
    assert [node.name for node in network.nodes] == ["input", "dense1", "relu1", "dense2"]
    with pytest.raises(InputError, match="at least one layer"):
        Network.from_layers([])
    with pytest.raises(ShapeError, match=r"layer 2 needs a weight \(m, d\) and a bias"):
        Network.from_layers([(np.eye(2), np.zeros(2)), (np.eye(2), np.zeros(3))])
    with pytest.raises(ShapeError, match="node 'dense2'"):
        Network.from_layers([(np.eye(2), np.zeros(2)), (np.eye(3), np.zeros(3))])
    with pytest.raises(InputError, match="the weight of layer 1 holds NaN"):
        Network.from_layers([(np.full((2, 2), np.nan), np.zeros(2))])


def test_nan_in_an_operator_is_named():
    node = Node("fc", Dense(torch.full((1, 3), torch.nan).double(), torch.zeros(1).double()), ("input",), (1,))
    with pytest.raises(NonFiniteWeights, match="node 'fc'"):
        Network((ENTRY, node), ("fc",))


def test_moving_keeps_names_operators_and_numbers(residual):
    moved = residual.to("cpu")
    assert [node.name for node in moved.nodes] == [node.name for node in residual.nodes]
    assert moved(np.ones((1, 3))).tolist() == residual(np.ones((1, 3))).tolist()
    operator = residual.node("fc1").operator.to("meta")
    assert [values.device.type for values in operator.tensors()] == ["meta", "meta"]
    assert type(operator) is Dense
    assert Network((ENTRY,), ("input",)).device == torch.device("cpu")
