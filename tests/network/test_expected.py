import numpy as np
import pytest

import unrelu as ur

NET = ur.Network.from_layers([(np.eye(2), np.zeros(2)), (np.eye(2), np.zeros(2))])
LAYER = NET.layer("relu1")
X = np.ones(2)


@pytest.mark.parametrize(
    "call",
    [
        lambda given: ur.classify(given, X[None]),
        lambda given: ur.preimage(given, at=X),
    ],
)
@pytest.mark.parametrize("given", ["relu1", None])
def test_what_is_no_layer_is_refused_with_the_way_to_one(call, given) -> None:
    with pytest.raises(ur.errors.InputError, match=r"a ReLULayer is needed here, not \w+; give net.layer\(name\)"):
        call(given)


@pytest.mark.parametrize("call", [lambda given: ur.classify(given, X[None]), lambda given: ur.preimage(given, at=X)])
@pytest.mark.parametrize("names", [("dense1",), ("relu1", "dense1"), ("dense2",), ("relu1", "dense2")])
def test_a_network_that_is_not_one_layer_is_refused_with_what_to_ask_instead(call, names) -> None:
    with pytest.raises(ur.errors.InputError, match=rf"the network up to {', '.join(names)} is not one ReLU layer"):
        call(NET.upto(*names))


def test_what_that_message_names_answers_for_a_deeper_prefix() -> None:
    prefix = ur.Network.from_layers([(np.eye(2), np.zeros(2))] * 3).upto("relu2")
    with pytest.raises(ur.errors.InputError) as refused:
        ur.preimage(prefix, at=X)
    for call in ("net.layer(name)", "ur.metamer(prefix, at=x, target=t)", "ur.linearize(prefix, at=x).region"):
        assert call in str(refused.value)
    assert ur.preimage(prefix.layer("relu2"), at=prefix.layer_input("relu2", X[None])[0]).kind is ur.Kind.SINGLETON
    found = ur.metamer(prefix, at=np.array([0.0, 0.5]), target=np.ones(2), domain=ur.Box(-1, 1))
    np.testing.assert_allclose(found.x, [0.0, 0.5], atol=1e-12)
    assert ur.linearize(prefix, at=X).region.contains(X)


@pytest.mark.parametrize(
    "call",
    [
        lambda given: ur.linearize(given, at=X),
        lambda given: next(ur.linearize_many(given, X[None])),
        lambda given: ur.jacobian_operator(given, at=X),
        lambda given: ur.spectrum(given, at=X),
        lambda given: ur.spectra(given, X[None]),
        lambda given: ur.tradeoff(given, X[None]),
        lambda given: ur.spectrum_cost(given, at=X),
        lambda given: ur.extreme_singular_values(given, at=X),
        lambda given: ur.spectral_density(given, at=X),
        lambda given: ur.follow(given, at=X),
        lambda given: ur.analyze(given, X[None]),
    ],
)
def test_what_is_no_network_is_refused_with_the_way_to_one(call) -> None:
    with pytest.raises(ur.errors.InputError, match=r"a Network is needed here, not ReLULayer; give net.upto\(name\)"):
        call(LAYER)


def test_what_is_no_domain_is_refused() -> None:
    with pytest.raises(ur.errors.DomainError, match=r"a domain is needed, not tuple; give Box\(lower, upper\)"):
        ur.preimage(LAYER, at=X, domain=(0, 1))  # pyright: ignore[reportArgumentType, reportCallIssue]


def test_what_is_printed_is_one_line() -> None:
    assert repr(NET) == "Network((2,) to dense2; ReLU layers: relu1)"
    assert repr(LAYER) == "ReLULayer('relu1': 2 features of 2 inputs)"
    found = ur.classify(LAYER, np.array([[1.0, 1.0], [-1.0, -1.0]]), progress=False)
    assert repr(found) == "Classification(2 inputs of layer relu1: 1 singleton, 1 unbounded)"
    assert repr(found[0].certificate) == "PreimageCertificate(singleton: Enclosed, Enclosed)"
