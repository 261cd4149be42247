import numpy as np
import pytest
import torch

from stability.reference_networks import REFERENCES, Graph, normal, one_layer
from unrelu.errors import InputError, ModelError, ShapeError, UnknownNode
from unrelu.network.graph import Network
from unrelu.operators import MaxPool, ReLU
from unrelu.stability.pattern import ActivationPattern, activation_pattern, forward_pass


@pytest.mark.parametrize("kind", REFERENCES)
def test_pattern_is_where_the_reference_is_positive(kind):
    reference = REFERENCES[kind]()
    x = normal(99, *reference.network.input_shape)
    pattern = activation_pattern(reference.network, x)
    values = reference.values(x)
    assert pattern.layers == reference.network.layers
    for layer in pattern.layers:
        assert 0 < pattern.n_active(layer) < values[layer].numel(), "the case should have both kinds of neurons"
        np.testing.assert_array_equal(pattern.active(layer), (values[layer] > 0).numpy())


def test_branches_make_the_pattern_and_the_pattern_holds_them():
    net = Graph(1, 4).add("relu", ReLU()).add("pool", MaxPool((2,), (2,), ((0, 0),), (1,))).network()
    found = activation_pattern(net, np.array([[-1.0, 2.0, 4.0, 3.0]]))
    assert {name: branches.tolist() for name, branches in found.branches.items()} == {
        "relu": [[0, 1, 1, 1]],
        "pool": [[1, 0]],
    }
    assert found.active("relu").tolist() == [[False, True, True, True]]
    assert found.selection("pool").tolist() == [[1, 2]]
    assert (found.names, found.layers, found.choices) == (("relu", "pool"), ("relu",), ("pool",))
    made = ActivationPattern.of(net, {"pool": np.array([[1, 0]]), "relu": np.array([[False, True, True, True]])})
    assert made.same_as(found)
    assert made.digest(["relu", "pool"]) == found.digest(["relu", "pool"])
    assert not ActivationPattern.of(net, {**found.branches, "pool": np.array([[0, 0]])}).same_as(found)
    with pytest.raises(ValueError, match="read-only"):
        found.branches["relu"][0, 0] = 1
    with pytest.raises(UnknownNode, match="no ReLU layer 'pool'; it has relu"):
        found.active("pool")


def test_pre_activation_of_exactly_zero_is_inactive():
    pattern = activation_pattern(one_layer(np.array([[1.0], [-1.0], [0.0]])), at=np.zeros(1))
    assert pattern.active("relu1").tolist() == [False, False, False]


def test_smallest_positive_number_is_active():
    pattern = activation_pattern(one_layer(np.array([[1.0]])), at=np.array([5e-324]))
    assert pattern.active("relu1").tolist() == [True]


def test_one_neuron_makes_another_pattern():
    net = Network.from_layers([(np.eye(2), np.zeros(2)), (np.eye(2), np.array([0.0, -1.5])), (np.eye(2), np.zeros(2))])
    here, there, same = (activation_pattern(net, np.array(x)) for x in ([1.0, 1.0], [1.0, 2.0], [3.0, 1.0]))
    assert here.same_as(same)
    assert not here.same_as(there)
    assert here.digest(net.layers) == same.digest(net.layers) != there.digest(net.layers)
    assert here.digest(["relu1"]) == there.digest(["relu1"])
    assert here.restricted(["relu1"]).same_as(there.restricted(["relu1"]))
    assert not here.restricted(["relu1"]).same_as(here)
    assert "relu2" in here
    assert "relu2" not in here.restricted(["relu1"])


def test_digest_tells_layers_of_equal_pattern_apart():
    net = Network.from_layers([(np.eye(2), np.zeros(2))] * 3)
    pattern = activation_pattern(net, np.array([1.0, -1.0]))
    assert pattern.digest(["relu1"]) != pattern.digest(["relu2"])


def test_pattern_of_a_network_without_relu_is_empty():
    net = Network.from_layers([(np.eye(2), np.zeros(2))])
    assert activation_pattern(net, np.zeros(2)).layers == ()


def test_float32_and_float64_tensors_and_arrays_are_taken():
    net = one_layer(np.eye(2))
    for at in (torch.tensor([1.0, -1.0]), np.array([1, -1]), torch.tensor([1.0, -1.0], dtype=torch.float64)):
        assert activation_pattern(net, at).active("relu1").tolist() == [True, False]


def test_a_batch_is_refused():
    with pytest.raises(ShapeError, match="without a batch axis"):
        activation_pattern(one_layer(np.eye(2)), np.zeros((1, 2)))


def test_a_point_that_is_not_finite_is_refused():
    with pytest.raises(InputError, match="NaN or infinite"):
        activation_pattern(one_layer(np.eye(2)), np.array([0.0, np.nan]))


def test_an_overflowing_pre_activation_is_refused():
    with pytest.raises(ModelError, match="'relu1' overflows float64"):
        forward_pass(one_layer(np.full((1, 1), 1e200)), np.array([1e200]))


def test_an_unknown_layer_is_refused():
    with pytest.raises(UnknownNode, match="no ReLU layer 'relu9'; it has relu1"):
        activation_pattern(one_layer(np.eye(2)), np.zeros(2)).active("relu9")
