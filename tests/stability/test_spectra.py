from contextlib import contextmanager

import numpy as np
import pytest
import torch

from stability.reference_networks import REFERENCES, Graph, normal
from unrelu.errors import InputError, ShapeError, TooLarge, UnknownNode
from unrelu.network.graph import Network
from unrelu.operators import Dense, Elementwise, ReLU
from unrelu.stability import jacobian
from unrelu.stability import spectra as spectra_module
from unrelu.stability.cost import SpectrumCost
from unrelu.stability.spectra import spectra
from unrelu.stability.spectrum import spectrum


def inputs(network, n, seed=0):
    return normal(seed, n, *network.input_shape)


def assert_same(found, expected):
    assert (found.layer, found.relu, found.shape) == (expected.layer, expected.relu, expected.shape)
    assert (found.structural_rank, found.rank) == (expected.structural_rank, expected.rank)
    np.testing.assert_allclose(found.values, expected.values, rtol=0, atol=1e-13 * expected.largest)
    assert found.tolerance == pytest.approx(expected.tolerance, rel=1e-12)


@pytest.mark.parametrize("workers", [None, 1, 3])
@pytest.mark.parametrize("kind", REFERENCES)
def test_many_at_once_are_those_one_by_one_in_order(kind, workers):
    net = REFERENCES[kind]().network
    x = inputs(net, 4)
    found = spectra(net, x, workers=workers, progress=False)
    order = [(i, layer, relu) for i in range(4) for layer in net.layers for relu in (False, True)]
    assert [(one.input, one.layer, one.relu) for one in found] == order
    for one, (i, layer, relu) in zip(found, order, strict=True):
        assert_same(one, spectrum(net.upto(layer), x[i], relu=relu))


@pytest.mark.parametrize("kind", REFERENCES)
def test_equal_patterns_give_equal_spectra_and_the_memory_may_forget(kind, monkeypatch):
    net = REFERENCES[kind]().network
    x = inputs(net, 2)
    again = torch.cat([x, x * (1 + 1e-9), x.flip(0)])  # nudged within the regions, then the same in another order
    with_memory = spectra(net, again, workers=1, progress=False)
    monkeypatch.setattr(spectra_module, "MEMORY_OF_SPECTRA", 1)
    without = spectra(net, again, workers=1, progress=False)
    per_input = len(net.layers) * 2
    for k, (one, other) in enumerate(zip(with_memory, without, strict=True)):
        assert_same(one, other)
        assert one.input == k // per_input
        assert_same(one, with_memory[{0: 0, 1: 1, 2: 0, 3: 1, 4: 1, 5: 0}[one.input] * per_input + k % per_input])


def test_without_the_shared_start_nothing_changes(monkeypatch):
    net = REFERENCES["residual"]().network
    x = inputs(net, 2)
    shared = spectra(net, x, workers=1, progress=False)
    monkeypatch.setattr(jacobian, "SHARED_BYTES", 1)
    for one, other in zip(spectra(net, x, workers=1, progress=False), shared, strict=True):
        assert_same(one, other)


def test_layers_and_kinds_can_be_chosen():
    net = REFERENCES["residual"]().network
    x = inputs(net, 1)
    found = spectra(net, x, layers=["relu3", "relu1", "sum"], relu=[True], progress=False)
    assert [(one.layer, one.relu) for one in found] == [("relu3", True), ("relu1", True), ("sum", False)]
    assert_same(found[0], spectrum(net.upto("relu3"), x[0]))
    assert_same(found[2], spectrum(net.upto("sum"), x[0]))


def test_two_relus_on_the_same_node_keep_their_names():
    net = (
        Graph(3)
        .add("scale", Elementwise(normal(0, 3), normal(1, 3)))
        .add("first", ReLU(), "scale")
        .add("second", ReLU(), "scale")
    ).network("first", "second")
    assert [one.layer for one in spectra(net, inputs(net, 1), progress=False)] == ["first", "first", "second", "second"]


def test_an_affine_branch_beside_the_relus_can_be_asked_for():
    net = (
        Graph(3)
        .add("dense", Dense(normal(0, 5, 3), normal(1, 5)))
        .add("relu", ReLU())
        .add("side", Dense(normal(2, 4, 3), normal(3, 4)), "input")
    ).network("relu", "side")
    found = spectra(net, inputs(net, 2), layers=["side", "relu"], progress=False)
    assert [(one.layer, one.relu) for one in found] == [("side", False), ("relu", False), ("relu", True)] * 2
    for one in (found[0], found[3]):
        assert_same(one, spectrum(net.upto("side"), np.zeros(3)))


def test_a_network_without_relus_or_without_inputs_gives_no_spectra():
    net = Network.from_layers([(np.eye(2), np.zeros(2))])
    assert spectra(net, np.zeros((3, 2)), progress=False) == []
    assert spectra(REFERENCES["dense"]().network, np.zeros((0, 12)), progress=False) == []


class Counted:
    """A progress that remembers what it is told."""

    def __init__(self):
        self.stages = []

    @contextmanager
    def stage(self, what, total):
        steps = []
        self.stages.append((what, total, steps))
        yield steps.append


def test_progress_is_told_of_every_input():
    net = REFERENCES["dense"]().network
    progress = Counted()
    spectra(net, inputs(net, 3), progress=progress)
    assert progress.stages == [("spectra", 3, [1, 1, 1])]


def test_a_long_run_is_told_what_it_takes(monkeypatch):
    net = REFERENCES["dense"]().network
    monkeypatch.setattr(spectra_module, "_SHORT", 0.0)
    for seconds_each, said in ((10.0, "spectra (to 90 s, 0.4 GiB)"), (100.0, "spectra (to 15 min, 0.4 GiB)")):
        monkeypatch.setattr(
            spectra_module,
            "spectrum_cost",
            lambda *_, seconds=seconds_each, **__: SpectrumCost((1, 1), (1, 1), 2**28 * 8 // 5, 2**32, seconds, ""),
        )
        progress = Counted()
        spectra(net, inputs(net, 3), relu=[True], progress=progress)
        assert progress.stages[0][0] == said


def test_misuse():
    net = REFERENCES["dense"]().network
    x = inputs(net, 2)
    with pytest.raises(ShapeError, match=r"shape \(n, 12\), not \(12,\)"):
        spectra(net, x[0])
    with pytest.raises(InputError, match=r"write layers=\('relu1',\)"):
        spectra(net, x, layers="relu1")
    with pytest.raises(UnknownNode, match="no node 'relu9'"):
        spectra(net, x, layers=["relu9"])
    with pytest.raises(InputError, match="relu is empty"):
        spectra(net, x, relu=())
    with pytest.raises(InputError, match="workers must be at least 1, not 0"):
        spectra(net, x, workers=0)
    with pytest.raises(InputError, match="rtol must be"):
        spectra(net, x, rtol=2.0)


def test_what_does_not_fit_is_refused():
    net = (
        Graph(200, 200)
        .add("scale", Elementwise(torch.ones(()).double(), torch.zeros(()).double()))
        .add("relu", ReLU())
        .network()
    )
    with pytest.raises(TooLarge, match="'scale'"):
        spectra(net, np.ones((1, 200, 200)), progress=False)
