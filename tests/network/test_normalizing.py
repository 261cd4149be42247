"""A network behind the normalisation of its inputs: the same network, asked about pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import unrelu as ur
from network.onnx_builder import OnnxBuilder
from unrelu.errors import InputError, ShapeError
from unrelu.network.agreement import check_agreement
from unrelu.network.deviations import deviations
from unrelu.network.fingerprints import weights_sha256
from unrelu.network.graph import Network
from unrelu.network.normalizing import begins_normalized

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)  # CIFAR-10's
X = np.random.default_rng(0).random((5, 3, 6, 6))


def module() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 5), nn.ReLU(),
        nn.Linear(5, 3),
    ).eval()  # fmt: skip


def read() -> Network:
    return Network.from_torch(module(), torch.zeros(1, 3, 6, 6))


def test_it_computes_what_the_network_makes_of_normalised_pictures():
    net = read()
    mean, std = (np.array(each)[:, None, None] for each in (MEAN, STD))
    found = net.normalized(MEAN, STD)
    np.testing.assert_allclose(found(X), net((X - mean) / std), rtol=0, atol=1e-13)
    assert [node.name for node in found.nodes[:3]] == ["input", "normalized.center", "normalized"]
    assert found.layers == net.layers
    assert found.cuts == ("input", "normalized.center", *("normalized" if n == "input" else n for n in net.cuts))
    assert len(net.nodes) + 2 == len(found.nodes)  # the old one is as it was


@pytest.mark.parametrize(
    ("shape", "mean", "std"),
    [
        ((6,), 0.5, 2.0),
        ((6,), np.arange(6.0), np.arange(1.0, 7.0)),
        ((3, 4, 5), [0.1, 0.2, 0.3], [1.0, 2.0, 4.0]),
        ((4, 5, 3), [0.1, 0.2, 0.3], [1.0, 2.0, 4.0]),  # channels last
        ((4, 5), np.ones((4, 5)), torch.full((1,), 0.5)),
        ((3, 4, 5), np.arange(60.0).reshape(3, 4, 5), 8.0),
    ],
)
def test_numbers_are_for_all_for_channels_or_for_each_input(shape: tuple[int, ...], mean: object, std: object):
    class Same(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.relu(x)

    net = Network.from_torch(Same().eval(), torch.zeros(1, *shape))
    x = np.random.default_rng(1).standard_normal((2, *shape))

    def wide(values: object) -> np.ndarray:
        values = np.asarray(values)
        return values.reshape(-1, 1, 1) if values.shape == (3,) and shape[0] == 3 else values

    found = net.normalized(mean, std)(x)  # pyright: ignore[reportArgumentType]
    np.testing.assert_allclose(found, np.maximum((x - wide(mean)) / wide(std), 0), rtol=1e-15, atol=1e-15)


def test_what_folding_rounds_is_within_the_bound_that_it_states():
    """The folded first layer against fractions: `W ((x - m) / s) + b` exactly, from the numbers that are stored."""
    rng = np.random.default_rng(3)
    W, b = rng.standard_normal((7, 4)), rng.standard_normal(7)
    mean, std = rng.random(4), rng.random(4) / 3
    net = Network.from_layers([(W, b), (np.ones((1, 7)), np.zeros(1))]).normalized(mean, std)
    layer = net.layer("relu1")
    assert 0 < layer.folding_error < 1e-13
    far = Fraction(0)
    for i in range(7):
        exact = [Fraction(W[i, j]) / Fraction(std[j]) for j in range(4)]
        offset = Fraction(b[i]) - sum(each * Fraction(mean[j]) for j, each in enumerate(exact))
        folded = [Fraction(float(each)) for each in layer.dense_weight[i]]
        far = max(far, *(abs(p - q) for p, q in zip(exact, folded, strict=True)), abs(offset - Fraction(layer.bias[i])))
    assert 0 < far <= Fraction(layer.folding_error)


def test_a_picture_is_asked_about_within_black_and_white():
    net = read().normalized(MEAN, STD)
    prefix, box = net.upto("1"), ur.Box(0, 1)
    twin = ur.metamer(prefix, at=X[0], target=X[1], domain=box, search="region")
    assert 0 <= np.min(twin.x) <= np.max(twin.x) <= 1
    assert twin.feature_error < 1e-12
    shown = (np.reshape(twin.x, (1, 3, 6, 6)) - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
    np.testing.assert_allclose(read().upto("1")(shown), prefix(X[:1]), atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_model_behind_it_normalises_in_its_own_dtype(dtype: torch.dtype):
    model = module().to(dtype)
    net = Network.from_torch(model, torch.zeros(1, 3, 6, 6, dtype=dtype)).normalized(MEAN, STD)
    x = torch.from_numpy(X)
    check_agreement(net, x)
    assert set(deviations(net, x, "data")) == {node.name for node in net.nodes}
    assert net.source is not None
    found = net.source.values(x, ("6", "normalized", "input"))
    own = (x.to(dtype) - torch.tensor(MEAN, dtype=dtype)[:, None, None]) / torch.tensor(STD, dtype=dtype)[:, None, None]
    assert torch.equal(found["normalized"], own)
    assert torch.equal(found["6"], model(own).detach())
    with pytest.raises(ur.errors.UnknownNode, match="no model has a node 'seven'"):
        net.source.values(x, ("seven",))


def test_sources_of_onnx_and_of_scikit_learn_agree_too(tmp_path: Path):
    sklearn = pytest.importorskip("sklearn.neural_network")
    fitted = sklearn.MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", max_iter=500, random_state=0).fit(
        X.reshape(5, -1), np.arange(5)
    )
    net = Network.from_sklearn(fitted).normalized(0.5, 0.25)
    check_agreement(net, torch.from_numpy(X.reshape(5, -1)))
    builder = OnnxBuilder((3,))
    read = Network.from_onnx(builder.save(tmp_path, builder.node("Relu", "x")))
    np.testing.assert_array_equal(read.normalized(0.5, 0.25)(np.eye(3)), np.maximum((np.eye(3) - 0.5) / 0.25, 0))


def test_it_is_stored_named_and_cut_like_any_network(tmp_path: Path):
    net = read().normalized(MEAN, STD)
    net.save(tmp_path / "net.unrelu")
    assert weights_sha256(ur.load(tmp_path / "net.unrelu")) == weights_sha256(net)
    assert weights_sha256(net) not in (weights_sha256(read()), weights_sha256(read().normalized(MEAN, 0.25)))
    prefix = read().upto("1").normalized(MEAN, STD)
    assert weights_sha256(prefix) == weights_sha256(net.upto("1"))
    assert prefix.whole is not None
    assert weights_sha256(prefix.whole) == weights_sha256(net)
    assert prefix.bypassed_by == net.upto("1").bypassed_by == ()


def test_twice_is_twice_and_names_stay_apart():
    once = Network.from_layers([(np.eye(2), np.zeros(2))]).normalized(1.0, 2.0)
    twice = once.normalized(10.0, 4.0)
    np.testing.assert_array_equal(twice(np.array([[18.0, 2.0]])), [[0.5, -1.5]])
    assert [node.name for node in twice.nodes[1:3]] == ["normalized.center#2", "normalized#2"]
    entry = once.upto("input").normalized(0.0, 0.5)
    assert entry.outputs == ("normalized#2",)
    np.testing.assert_array_equal(entry(np.array([[1.0, 2.0]])), [[2.0, 4.0]])


def test_whether_a_network_begins_so():
    net = read()
    assert not begins_normalized(net)
    assert begins_normalized(net.normalized(MEAN, STD))
    assert not begins_normalized(net.upto("input"))
    first = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(108), nn.ReLU()).eval()
    assert begins_normalized(Network.from_torch(first, torch.zeros(1, 3, 6, 6)))

    class Beside(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.relu(x / 255) + x

    assert not begins_normalized(Network.from_torch(Beside().eval(), torch.zeros(1, 3)))


def test_numbers_that_do_not_fit_are_told():
    net = read()
    with pytest.raises(ShapeError, match=r"the mean has shape \(2,\); give one number, one for each of 3 channels, or"):
        net.normalized([0.1, 0.2], 1.0)
    with pytest.raises(ShapeError, match=r"the std has shape \(3,\); give one number, one for each of 6 inputs, in"):
        Network.from_layers([(np.ones((1, 6)), np.zeros(1))]).normalized(0.0, np.ones(3))
    for wrong in (0.0, -1.0, [1.0, 0.0, 1.0]):
        with pytest.raises(InputError, match="std must be positive"):
            net.normalized(0.0, wrong)
    with pytest.raises(InputError, match="the mean holds NaN or infinite"):
        net.normalized(np.nan, 1.0)
