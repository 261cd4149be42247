"""Smooth operators: a linearization and a spectrum at a point, and no region."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from stability.reference_networks import Graph, normal
from unrelu.errors import UnsupportedOperator
from unrelu.metamerism.metamer import metamer
from unrelu.network.graph import Network
from unrelu.operators import (
    ELU,
    GELU,
    Convolution,
    Dense,
    GroupNorm,
    Hardswish,
    LayerNorm,
    LogSoftmax,
    Operator,
    Product,
    ReLU,
    Reshape,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from unrelu.preimages.questions import preimage
from unrelu.stability.following.follow import follow
from unrelu.stability.linearization import linearize
from unrelu.stability.operator import jacobian_operator
from unrelu.stability.region import linear_region
from unrelu.stability.spectra import spectra
from unrelu.stability.spectrum import spectrum

WEIGHT, BIAS = normal(2, 3, 4), normal(3, 3)

CASES: dict[str, tuple[Operator, Callable[[Tensor], Tensor]]] = {
    "sigmoid": (Sigmoid(), torch.sigmoid),
    "tanh": (Tanh(), torch.tanh),
    "softplus": (Softplus(2.0), lambda h: functional.softplus(h, beta=2.0)),
    "gelu": (GELU(), functional.gelu),
    "gelu by tanh": (GELU("tanh"), lambda h: functional.gelu(h, approximate="tanh")),
    "silu": (SiLU(), functional.silu),
    "elu": (ELU(0.7), lambda h: functional.elu(h, 0.7)),
    "selu": (ELU(1.6732632423543772, 1.0507009873554805), functional.selu),
    "celu": (ELU(0.7, 1.0, 1 / 0.7), lambda h: functional.celu(h, 0.7)),
    "hardswish": (Hardswish(), functional.hardswish),
    "softmax": (Softmax(0), lambda h: torch.softmax(h, 0)),
    "log softmax": (LogSoftmax(1), lambda h: torch.log_softmax(h, 1)),
    "layer norm": (LayerNorm((1,), WEIGHT[0], BIAS[:, None], 1e-5), lambda h: _normalised(h)),
    "group norm": (
        GroupNorm(1, BIAS, BIAS - 1, 1e-3),
        lambda h: functional.group_norm(h[None], 1, BIAS, BIAS - 1, 1e-3)[0],
    ),
}


def _grouped(h: Tensor) -> Tensor:
    return functional.group_norm(h[None], 1, BIAS, BIAS - 1, 1e-3)[0]


def _normalised(h: Tensor) -> Tensor:
    return functional.layer_norm(h, (4,), eps=1e-5) * WEIGHT[0] + BIAS[:, None]


FIRST, LAST = (normal(5, 12, 5), normal(6, 12)), (normal(7, 6, 12), normal(8, 6))


def network(operator: Operator) -> Network:
    graph = Graph(5).add("dense1", Dense(*FIRST)).add("relu1", ReLU()).add("shape", Reshape((3, 4)))
    graph.add("smooth", operator).add("flat", Reshape((12,))).add("dense2", Dense(*LAST)).add("relu2", ReLU())
    return graph.network()


def reference(plain: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def value(x: Tensor) -> Tensor:
        h = torch.relu(FIRST[0] @ x + FIRST[1]).reshape(3, 4)
        return torch.relu(LAST[0] @ plain(h).reshape(-1) + LAST[1])

    return value


X = torch.from_numpy(np.random.default_rng(1).uniform(size=5))


@pytest.mark.parametrize("name", CASES)
def test_values_jacobians_and_spectra_at_a_point(name):
    operator, plain = CASES[name]
    net, value = network(operator), reference(plain)
    np.testing.assert_allclose(net(X[None])[0], value(X), rtol=0, atol=1e-12)
    J = torch.func.jacrev(value)(X).numpy()
    lin = linearize(net, X)
    np.testing.assert_allclose(lin.matrix, J, rtol=0, atol=1e-12)
    np.testing.assert_allclose(lin(X[None])[0], value(X), rtol=0, atol=1e-12)
    assert (lin.radius, lin.boundary.layer) == (0.0, "smooth")
    operator_ = jacobian_operator(net, X)
    np.testing.assert_allclose(operator_.matmat(np.eye(5)), J, rtol=0, atol=1e-12)
    np.testing.assert_allclose(operator_.T @ np.eye(6), J.T, rtol=0, atol=1e-12)
    np.testing.assert_allclose(spectrum(net, X).values, np.linalg.svd(J, compute_uv=False), rtol=0, atol=1e-12)


def test_a_product_of_two_signals():
    graph = Graph(4).add("gate", Dense(normal(0, 3, 4), normal(1, 3))).add("sigmoid", Sigmoid())
    net = graph.add("value", Dense(normal(2, 3, 4), normal(3, 3)), "input").add("gated", Product(), "sigmoid", "value")
    value = lambda x: torch.sigmoid(normal(0, 3, 4) @ x + normal(1, 3)) * (normal(2, 3, 4) @ x + normal(3, 3))  # noqa: E731
    x = normal(4, 4)
    lin = linearize(net.network(), x)
    np.testing.assert_allclose(lin.matrix, torch.func.jacrev(value)(x), rtol=0, atol=1e-13)


def test_spectra_of_many_inputs_are_not_mixed_up():
    """Two inputs with the same active neurons have the same branches, and other derivatives."""
    net = Graph(2).add("dense", Dense(torch.eye(2).double(), torch.zeros(2).double())).add("tanh", Tanh()).network()
    inputs = np.array([[0.5, 1.0], [1.0, 2.0], [0.5, 1.0]])
    found = spectra(net, inputs, layers=["tanh"])
    for x, each in zip(inputs, found, strict=True):
        np.testing.assert_allclose(np.sort(each.values), np.sort(1 - np.tanh(x) ** 2), rtol=1e-13)


@pytest.mark.parametrize("name", CASES)
def test_what_needs_a_region_is_refused_with_the_reason(name):
    net = network(CASES[name][0])
    kind = type(CASES[name][0]).__name__
    for ask in (
        lambda: linear_region(net, X.numpy()),
        lambda: linearize(net, X).region,
        lambda: follow(net, X.numpy(), n_regions=3),
        lambda: metamer(net, at=X.numpy(), target=np.zeros(5), norm=2, search="region"),
    ):
        with pytest.raises(UnsupportedOperator, match=rf"node 'smooth' \({kind}\) is smooth"):
            ask()


def test_everything_before_and_behind_works():
    net = network(Sigmoid())
    assert len(linear_region(net.upto("relu1"), X.numpy()).b_ub) == 12
    assert net.layers == ("relu1", "relu2")
    behind = preimage(net.layer("relu2"), at=net.layer_input("relu2", X[None])[0])
    assert behind.bounded is False


def test_a_convolution_behind_a_smooth_one():
    conv = Convolution(normal(0, 2, 1, 3, 3), normal(1, 2), (1, 1), ((1, 1), (1, 1)), (1, 1))
    net = Graph(1, 8, 8).add("silu", SiLU()).add("conv", conv).add("relu", ReLU()).network()
    x = normal(2, 1, 8, 8)

    def value(z: Tensor) -> Tensor:
        bent = functional.silu(z)[None]
        return torch.relu(functional.conv2d(bent, normal(0, 2, 1, 3, 3), normal(1, 2), padding=1))

    J = torch.func.jacrev(value)(x).reshape(128, 64)
    np.testing.assert_allclose(linearize(net, x).matrix, J, rtol=0, atol=1e-12)
