"""Keras models are the functions that Keras computes, and their nodes have the values of its layers."""

import os
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import unrelu as ur
from network.onnx_builder import OnnxBuilder
from unrelu.errors import HeadWarning, ModelError, UnknownNode, UnsupportedOperator

LAYERS = 55


@pytest.fixture(scope="module")
def cases() -> Any:
    """Importing Keras takes seconds, which other tests should not pay for."""
    from network import keras_cases

    return keras_cases


@pytest.mark.parametrize("k", range(LAYERS))
def test_a_layer_is_what_it_computes(cases, k):
    shape, make = list(cases.LAYERS.values())[k]
    x = cases.numbers(*shape)
    with cases.double():
        model = cases.built(shape, make)
        network = ur.Network.from_keras(model)
        expected = cases.computed(model, x)
    assert network.output_shape == expected.shape[1:]
    np.testing.assert_allclose(network(x), expected, rtol=1e-12, atol=1e-12)
    # the node with its value goes by its name
    assert network.outputs[0] in (model.layers[-1].name, "input")
    if k % 5:
        return
    # and what is read in float32 is the same network
    single = ur.Network.from_keras(cases.built(shape, make))
    np.testing.assert_allclose(single(x), expected, rtol=1e-5, atol=1e-5)
    assert [node.name for node in single.nodes] == [node.name for node in network.nodes]


def test_all_layers_are_tried(cases):
    assert len(cases.LAYERS) == LAYERS


@pytest.fixture(scope="module")
def residual(cases) -> Any:
    with cases.double():
        return cases.trained()


def test_nodes_go_by_the_layers_whose_values_they_have(cases, residual):
    x = cases.numbers(6, 6, 1)
    with cases.double():
        with pytest.warns(HeadWarning, match="ends in 'head', a Softmax.*the node 'head.add'") as said:
            network = ur.Network.from_keras(residual)
        assert said[0].filename == __file__
        chances = cases.computed(residual, x)
        inner = cases.keras.Model(residual.inputs, [residual.get_layer(name).output for name in ("sum", "pool")])
        sums, pooled = inner(torch.from_numpy(x))
    assert (network.head, network.outputs, network.layers) == ("head", ("head.add",), ("relu", "relu#2"))
    logits = np.asarray(network(x))
    np.testing.assert_allclose(np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True), chances, rtol=1e-12)
    np.testing.assert_allclose(network.upto("sum")(x), sums.detach(), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(network.upto("pool")(x), pooled.detach(), rtol=1e-12, atol=1e-12)
    names = [node.name for node in network.nodes]
    assert {"scale", "stem", "block/conv", "block/bn", "flat", "head.matmul"} < set(names)
    assert "drop" not in names  # which does nothing
    assert network.upto("block/bn").output_shape == (6, 6, 3)
    with cases.double():
        assert ur.Network.from_keras(residual, upto="block/conv").outputs == ("block/conv",)
        with pytest.raises(UnknownNode, match="no node 'drop' to read the model up to"):
            ur.Network.from_keras(residual, upto="drop")


def test_the_jacobian_is_that_of_the_model(cases, residual):
    x = cases.numbers(6, 6, 1)[:1]
    with cases.double():
        network = ur.Network.from_keras(residual, upto="flat")
        flat = cases.keras.Model(residual.inputs, residual.get_layer("flat").output)
        jacobian = torch.autograd.functional.jacobian(lambda v: flat(v[None])[0], torch.from_numpy(x[0]))
    theirs = np.asarray(jacobian).reshape(network.output_size, -1)
    np.testing.assert_allclose(ur.linearize(network, at=x[0]).matrix, theirs, rtol=1e-12, atol=1e-12)


def test_every_intake_gives_the_same_verdicts(cases, tmp_path):
    model = cases.built((4,), lambda: cases.layers.Dense(9, activation="relu"), lambda: cases.layers.Dense(3))
    W, b, V, c = (w.value.detach().numpy() for w in model.weights)
    builder = OnnxBuilder((4,))
    hidden = builder.node("Relu", builder.node("Gemm", "x", builder.weight(W), builder.weight(b)))
    module = torch.nn.Sequential(torch.nn.Linear(4, 9), torch.nn.ReLU(), torch.nn.Linear(9, 3))
    module.load_state_dict(dict(zip(module.state_dict(), map(torch.tensor, (W.T, b, V.T, c)), strict=True)))
    networks = [
        ur.Network.from_keras(model),
        ur.Network.from_layers([(W.T, b), (V.T, c)]),
        ur.Network.from_torch(module, torch.ones(1, 4)),
        ur.load(builder.save(tmp_path, builder.node("Gemm", hidden, builder.weight(V), builder.weight(c)))),
    ]
    assert networks[0].layers == ("dense",)
    for x in cases.numbers(4):
        found = [
            (pre.kind, pre.dimension)
            for network in networks
            for pre in [ur.preimage(network.layer(network.layers[0]), at=x)]
        ]
        assert found == found[:1] * 4


def test_shared_and_subclassed_layers_have_names_too(cases):
    keras, layers = cases.keras, cases.layers

    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.again = layers.Dense(4, name="first"), layers.Dense(4, activation="relu", name="again")

        def call(self, inputs: Any) -> Any:
            return self.again(self.again(self.first(inputs))) + 1

    model = Own()
    x = torch.ones(2, 4)
    with pytest.raises(ModelError, match="has no weights yet; give it an Input, or call it once"):
        ur.Network.from_keras(model)
    model(x)
    with pytest.raises(ModelError, match=r"does not tell the shape of its inputs; .*example_input"):
        ur.Network.from_keras(model)
    network = ur.Network.from_keras(model, example_input=x)
    steps = ["again.matmul", "again.add", "again", "again.matmul#2", "again.add#2", "again#2"]
    assert [node.name for node in network.nodes] == ["input", "first.matmul", "first", *steps, "add"]
    np.testing.assert_allclose(network(x.double()), model(x).detach(), rtol=1e-5)


def test_the_model_stays_as_it_is_and_later_changes_are_not_seen(cases):
    model = cases.built((4,), lambda: cases.layers.Dense(3), lambda: cases.layers.BatchNormalization())
    x = torch.ones(2, 4)
    before = [w.value.detach().numpy().copy() for w in model.weights]
    modes = {name: part.training for name, part in model.named_modules()}
    network = ur.Network.from_keras(model)
    given = network(x.double())
    assert all((w.value.detach().numpy() == held).all() for w, held in zip(model.weights, before, strict=True))
    assert modes == {name: part.training for name, part in model.named_modules()}
    model.weights[0].assign(3 * before[0])
    assert torch.equal(network(x.double()), given)
    assert network.source is not None
    name = network.outputs[0]
    torch.testing.assert_close(network.source.values(x, (name,))[name].double(), given, rtol=1e-5, atol=1e-5)


def _two_inputs(cases) -> Any:
    a, b = cases.layers.Input((2,)), cases.layers.Input((2,))
    return cases.keras.Model([a, b], cases.layers.Add()([a, b]))


def _several_precisions(cases) -> Any:
    return cases.keras.Sequential([cases.layers.Input((4,)), cases.layers.Dense(3, dtype="mixed_float16", name="a")])


def _quantized(cases) -> Any:
    model = cases.built((4,), lambda: cases.layers.Dense(3, name="a"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Keras
        model.quantize("int8")
    return model


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda c: c.keras.Sequential, "takes a model, not the class Sequential"),
        (lambda c: "model.keras", r"load it with keras\.models\.load_model\('model\.keras'\)"),
        (lambda c: torch.nn.Linear(2, 2), "takes a model of Keras 3, not a Linear"),
        (lambda c: c.layers.Dense(2), "takes a model of Keras 3, not a Dense"),
        (lambda c: c.keras.Sequential([c.layers.Dense(2)]), "has no weights yet"),
        (_two_inputs, "takes 2 inputs; make one of it that takes one"),
        (_several_precisions, "layer 'a' computes in float16 with weights in float32"),
        (_quantized, "layer 'a' is quantized: it rounds"),
        (lambda c: c.built((None, 4), lambda: c.layers.Dense(2)), "does not tell the shape of its inputs"),
        (
            lambda c: c.keras.Sequential([c.layers.Input((3,), dtype="int32"), c.layers.Embedding(5, 2)]),
            "takes int32s; hand over the part behind",
        ),
        (lambda c: c.built((4,), lambda: c.layers.ReLU(threshold=1.0, name="a")), "node 'a.greater' is greater, which"),
        (lambda c: c.built((4, 2), lambda: c.layers.LSTM(2, name="a")), "'a"),
    ],
)
def test_what_is_not_read_is_said_in_one_sentence(cases, make, message):
    with pytest.raises(ModelError, match=message) as caught:
        ur.Network.from_keras(make(cases))
    assert "\n" not in str(caught.value)


def test_a_layer_that_rounds_is_named(cases):
    cases.keras.config.set_dtype_policy("float64")  # and Keras multiplies matrices in float32
    try:
        model = cases.keras.Sequential([cases.layers.Input((4,), dtype="float64"), cases.layers.Dense(3, name="a")])
    finally:
        cases.keras.config.set_dtype_policy("float32")
    with pytest.raises(UnsupportedOperator, match=r"node 'a.*' rounds .*of Keras, take a model in float32"):
        ur.Network.from_keras(model)


def test_keras_is_imported_by_its_users_only_and_needs_its_pytorch_back_end(tmp_path):
    code = (
        "import sys, types, torch, unrelu as ur\n"
        "ur.Network.from_torch(torch.nn.Linear(2, 2), torch.ones(1, 2))\n"
        "try:\n    ur.Network.from_keras(torch.nn.Linear(2, 2))\n"
        "except ur.errors.ModelError:\n    print('keras' in sys.modules)\n"
        "import keras\n"
        "model = keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(2)])\n"
        "keras.config.backend = lambda: 'jax'\n"
        "try:\n    ur.Network.from_keras(model)\n"
        "except ur.errors.ModelError as error:\n    print(error)"
    )
    variables = {**os.environ, "KERAS_BACKEND": "torch", "KERAS_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=variables)
    first, second = done.stdout.splitlines()
    assert first == "False"
    assert "Keras computes with jax here" in second
    assert "KERAS_BACKEND=torch" in second
