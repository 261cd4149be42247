"""Neural networks of scikit-learn, with their scalers, are the functions that scikit-learn computes."""

import copy
import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest
import torch

import unrelu as ur
from network.onnx_builder import OnnxBuilder
from unrelu.errors import HeadWarning, IntakeMismatch, ModelError, UnknownNode, UnsupportedOperator

REGRESSORS = 31
SMOOTH = {"no hidden layer", "tanh", "logistic", "identity"}


@pytest.fixture(scope="module")
def cases() -> Any:
    """Importing scikit-learn takes a second, which other tests should not pay for."""
    from network import sklearn_cases

    return sklearn_cases


def same(ours: Any, theirs: Any) -> None:
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12 * abs(theirs).max())


@pytest.mark.parametrize("k", range(REGRESSORS))
def test_a_regressor_is_what_it_predicts(cases, k):
    name, make = list(cases.REGRESSORS.items())[k]
    model = cases.fitted(make())
    network = ur.Network.from_sklearn(model)
    x = np.concatenate([cases.INPUTS, 2 * cases.INPUTS[:20] + 1])  # beyond what clipping scalers have seen, too
    same(network(x)[:, 0], model.predict(x.copy()))
    assert network.layers[-2:] == (() if name in SMOOTH else ("relu1", "relu2"))
    # and its source is scikit-learn itself, node by node
    assert network.source is not None
    values = network.source.values(torch.from_numpy(x), network.source.nodes)
    for node, theirs in values.items():
        same(network.upto(node)(x), theirs)
    assert {"dense1", network.outputs[0]} <= set(values)


def test_all_regressors_are_tried(cases):
    assert len(cases.REGRESSORS) == REGRESSORS


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
def test_a_classifier_ends_in_its_logits(cases, activation):
    a, b = cases.TARGET > 3, cases.INPUTS[:, 1] > 5
    for target, head in ((a, "logistic"), (a + 2 * b, "softmax"), (np.stack([a, b], axis=1), "logistic")):
        model = cases.fitted(
            cases.make_pipeline(cases.StandardScaler(), cases.classifier(activation=activation)), target
        )
        with pytest.warns(HeadWarning, match=f"ends in '{head}'") as said:
            network = ur.Network.from_sklearn(model)
        assert said[0].filename == __file__
        assert (network.outputs, network.head) == (("dense3",), head)
        chances = model.predict_proba(cases.INPUTS)
        logits = np.asarray(network(cases.INPUTS))
        if head == "softmax":  # equal up to a number added to all
            logs = np.log(chances)
            same(logits - logits[:, :1], logs - logs[:, :1])
            assert (model.classes_[logits.argmax(axis=1)] == model.predict(cases.INPUTS)).all()
        else:
            chance = chances[:, 1:] if target.ndim == 1 else chances
            np.testing.assert_allclose(1 / (1 + np.exp(-logits)), chance, rtol=1e-12)
            assert ((logits > 0).squeeze() == model.predict(cases.INPUTS)).all()
        kept = ur.Network.from_sklearn(model, upto=head)
        same(kept(cases.INPUTS), chances[:, -kept.output_size :])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_numbers_of_either_precision_are_taken_as_they_are(cases, kind):
    model = cases.fitted(cases.regressor(), inputs=cases.INPUTS.astype(kind))
    assert model.coefs_[0].dtype == kind
    network = ur.Network.from_sklearn(model)
    assert (np.asarray(network.node("dense1").affine.tensors()[0]) == model.coefs_[0].T).all()
    same(network(cases.INPUTS)[:, 0], model.predict(cases.INPUTS))


def test_the_jacobian_is_the_product_of_the_weights_that_are_on(cases):
    model = cases.fitted(cases.REGRESSORS["target by StandardScaler()"]())
    network = ur.Network.from_sklearn(model)
    (scaler, mlp), target = model.regressor_, model.transformer_
    for x in cases.INPUTS[:5]:
        h, jacobian = (x - scaler.mean_) / scaler.scale_, np.diag(1 / scaler.scale_)
        for k, (W, b) in enumerate(zip(mlp.coefs_, mlp.intercepts_, strict=True), start=1):
            h = h @ W + b
            on = h > 0 if k < len(mlp.coefs_) else np.ones(len(h))
            h, jacobian = h * on, on[:, None] * (W.T @ jacobian)
        same(ur.linearize(network, at=x).matrix, target.scale_ * jacobian)


def test_every_intake_gives_the_same_verdicts(cases, tmp_path):
    mlp = cases.fitted(cases.regressor(hidden_layer_sizes=(9, 9)))
    layers = [(W.T.astype(np.float32), b.astype(np.float32)) for W, b in zip(mlp.coefs_, mlp.intercepts_, strict=True)]
    mlp.coefs_, mlp.intercepts_ = [W.T for W, _ in layers], [b for _, b in layers]
    module = torch.nn.Sequential()
    builder, value = OnnxBuilder((4,)), "x"
    for k, (W, b) in enumerate(layers):
        value = builder.node("Gemm", value, builder.weight(W), builder.weight(b), transB=1)
        linear = torch.nn.Linear(*W.shape[::-1])
        linear.weight.data, linear.bias.data = torch.from_numpy(W.copy()), torch.from_numpy(b.copy())
        module.append(linear)
        if k < 2:
            value = builder.node("Relu", value)
            module.append(torch.nn.ReLU())
    networks = [
        ur.Network.from_sklearn(mlp),
        ur.Network.from_layers(layers),
        ur.Network.from_torch(module, torch.ones(1, 4)),
        ur.load(builder.save(tmp_path, value)),
    ]
    for x in cases.INPUTS[:12]:
        found = [
            (pre.kind, pre.dimension)
            for network in networks
            for pre in [ur.preimage(network.layer(network.layers[0]), at=x)]
        ]
        assert found == found[:1] * 4


def test_a_transformer_that_is_not_what_its_class_says_is_a_mismatch(cases):
    class Other(cases.StandardScaler):
        def transform(self, X: Any, copy: Any = None) -> Any:
            return super().transform(X, copy) + 1

    model = cases.fitted(cases.make_pipeline(Other(), cases.regressor()))
    with pytest.raises(IntakeMismatch, match="node 'other'"):
        ur.Network.from_sklearn(model)


def test_a_target_that_is_undone_otherwise_is_a_mismatch(cases):
    class Other(cases.StandardScaler):
        def inverse_transform(self, X: Any, copy: Any = None) -> Any:
            return 2 * super().inverse_transform(X, copy)

    model = cases.TransformedTargetRegressor(cases.regressor(), transformer=Other(), check_inverse=False)
    with pytest.raises(IntakeMismatch, match="node 'target'"):
        ur.Network.from_sklearn(cases.fitted(model))


def test_the_estimator_stays_as_it_is_and_later_changes_are_not_seen(cases):
    model = cases.fitted(cases.make_pipeline(cases.StandardScaler(), cases.regressor()))
    held = copy.deepcopy(model)
    network = ur.Network.from_sklearn(model)
    x = torch.from_numpy(cases.INPUTS)
    before, name = network(x), network.outputs[0]
    assert (model.predict(cases.INPUTS) == held.predict(cases.INPUTS)).all()
    for W in model[-1].coefs_:
        W *= 3
    model[0].mean_ += 1
    assert torch.equal(network(x), before)
    assert network.source is not None
    same(network.source.values(x, (name,))[name], before)
    with pytest.raises(UnknownNode, match=r"computes no node 'standardscaler\.center', but input"):
        network.source.values(x, ("standardscaler.center",))


def test_frames_with_named_columns_are_read_without_a_word(cases):
    import pandas as pd

    model = cases.fitted(
        cases.make_pipeline(cases.StandardScaler(), cases.regressor()).set_output(transform="pandas"),
        inputs=pd.DataFrame(cases.INPUTS, columns=list("abcd")),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network = ur.Network.from_sklearn(model)
    same(network(cases.INPUTS)[:, 0], model.predict(pd.DataFrame(cases.INPUTS, columns=list("abcd"))))


def test_a_network_read_from_an_estimator_is_saved_and_read(cases, tmp_path):
    model = cases.fitted(cases.REGRESSORS["min max, clipped"]())
    network = ur.Network.from_sklearn(model)
    network.save(tmp_path / "n.unrelu")
    assert torch.equal(
        ur.load(tmp_path / "n.unrelu")(torch.from_numpy(cases.INPUTS)), network(torch.from_numpy(cases.INPUTS))
    )


def test_upto_reads_what_lies_before_a_node(cases):
    model = cases.fitted(cases.regressor(loss="poisson"), target=abs(cases.TARGET))
    with pytest.raises(UnsupportedOperator, match=r"node 'exp' is an activation.*\(upto='dense3'\)"):
        ur.Network.from_sklearn(model)
    same(ur.Network.from_sklearn(model, upto="dense3")(cases.INPUTS)[:, 0], np.log(model.predict(cases.INPUTS)))
    behind = cases.fitted(cases.make_pipeline(cases.StandardScaler(), cases.Normalizer(), cases.regressor()))
    assert ur.Network.from_sklearn(behind, upto="standardscaler").outputs == ("standardscaler",)
    with pytest.raises(UnsupportedOperator, match="step 'normalizer'"):
        ur.Network.from_sklearn(behind, upto="relu1")
    with pytest.raises(UnknownNode, match="no node 'relu9' to read the model up to; it has input, dense1, relu1"):
        ur.Network.from_sklearn(cases.fitted(cases.regressor()), upto="relu9")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda c: c.regressor(), "the MLPRegressor is not fitted; call its fit first"),
        (lambda c: c.make_pipeline(c.StandardScaler(), c.regressor()), "the Pipeline is not fitted"),
        (lambda c: c.MLPRegressor, "not the class MLPRegressor; make one and call its fit"),
        (lambda c: torch.nn.Linear(2, 2), "takes a fitted estimator of scikit-learn, not a Linear"),
        (
            lambda c: c.fitted(c.StandardScaler()),
            "a StandardScaler is not read, but MLPClassifier",
        ),
        (lambda c: c.fitted(c.searched()), "a GridSearchCV chooses .* hand over the one it chose, its best_estimator_"),
        (
            lambda c: c.fitted(c.make_pipeline(c.StandardScaler(), c.Normalizer(), c.regressor())),
            r"step 'normalizer', a Normalizer, divides each sample by its norm.*\(pipeline\[k:\]",
        ),
        (lambda c: c.fitted(c.by_columns()), "step 'columntransformer', .* treats some columns otherwise"),
        (
            lambda c: c.fitted(c.make_pipeline(c.FunctionTransformer(np.tanh), c.regressor())),
            "step 'functiontransformer', a FunctionTransformer, is not read",
        ),
        (
            lambda c: c.fitted(
                c.TransformedTargetRegressor(c.regressor(), func=np.log1p, inverse_func=np.expm1), abs(c.TARGET)
            ),
            "the target goes through a FunctionTransformer, .* hand over the regressor_ alone",
        ),
    ],
)
def test_what_is_not_read_is_said_in_one_sentence(cases, make, message):
    with pytest.raises(ModelError, match=message) as caught:
        ur.Network.from_sklearn(make(cases))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bias", [False, True])
def test_polynomials_of_degree_one_are_the_inputs_and_a_constant(cases, bias):
    from sklearn.preprocessing import PolynomialFeatures

    def made(degree: int):
        return cases.fitted(cases.make_pipeline(PolynomialFeatures(degree, include_bias=bias), cases.regressor()))

    model = made(1)
    same(ur.Network.from_sklearn(model)(cases.INPUTS)[:, 0], model.predict(cases.INPUTS))
    with pytest.raises(UnsupportedOperator, match="multiplies inputs with each other"):
        ur.Network.from_sklearn(made(2))


def test_the_advice_about_a_step_that_is_not_read_is_good(cases):
    model = cases.fitted(cases.make_pipeline(cases.StandardScaler(), cases.Normalizer(), cases.regressor()))
    rest = ur.Network.from_sklearn(model[2:])
    same(rest(model[:2].transform(cases.INPUTS))[:, 0], model.predict(cases.INPUTS))


def test_scikit_learn_is_imported_by_its_users_only():
    code = (
        "import sys, torch, unrelu as ur\n"
        "ur.Network.from_torch(torch.nn.Linear(2, 2), torch.ones(1, 2))\n"
        "try:\n    ur.Network.from_sklearn(torch.nn.Linear(2, 2))\n"
        "except ur.errors.ModelError:\n    print('sklearn' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
