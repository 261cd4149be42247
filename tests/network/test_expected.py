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
    with pytest.raises(ur.errors.InputError, match=r"a ReLULayer or a Network is needed here, not \w+; give net"):
        call(given)


@pytest.mark.parametrize("names", [("dense1",), ("relu1", "dense1"), ("dense2",), ("input",)])
def test_any_prefix_is_answered(names) -> None:
    """The identity, then a ReLU, then the identity: at a positive point nothing else looks the same."""
    found = ur.preimage(NET.upto(*names), at=X)
    assert (found.kind, found.certificate.verify()) == (ur.Kind.SINGLETON, True)
    assert ur.classify(NET.upto(*names), X[None], progress=False).kind.tolist() == [ur.Kind.SINGLETON]


def test_a_part_of_a_network_is_asked_by_itself() -> None:
    net = ur.Network.from_layers([(np.eye(2), np.zeros(2)), (np.array([[1.0, 1.0]]), np.zeros(1)), (np.eye(1), X[:1])])
    block = net.between("relu1", "relu2")
    assert block.layers == ("relu2",)
    h = net.upto("relu1")(X[None])
    np.testing.assert_array_equal(block(h), net.upto("relu2")(X[None]))
    assert ur.preimage(block, at=h[0]).kind is ur.Kind.UNBOUNDED
    assert ur.preimage(block, at=h[0], domain=ur.Nonnegative()).kind is ur.Kind.BOUNDED
    whole = net.between("input", "output")
    np.testing.assert_array_equal(whole(X[None]), net(X[None]))
    assert whole.bypassed_by == ()


def test_a_part_cannot_begin_where_a_path_leads_past() -> None:
    with pytest.raises(ur.errors.UnknownNode, match="runs through 'relu2'; a part can begin at input, dense1, relu1"):
        ur.Network.from_layers([(np.eye(2), np.zeros(2))] * 3).between("relu2", "dense2")
    with pytest.raises(ur.errors.UnknownNode, match="there is no node 'relu9'"):
        NET.between("relu9", "relu1")


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
