"""A softmax or sigmoid at the end of a model is cut off, with a sentence."""

import numpy as np
import pytest
import torch
from torch import nn

import unrelu as ur
from network.onnx_builder import OnnxBuilder
from unrelu.errors import HeadWarning
from unrelu.network.graph import Network
from unrelu.network.load import load

X = torch.linspace(-1, 1, 8).reshape(2, 4)
MATRIX = np.random.default_rng(5).normal(size=(4, 3)).astype(np.float32)


def module(head: nn.Module) -> nn.Sequential:
    torch.manual_seed(4)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3), head).eval()


@pytest.mark.parametrize("head", [nn.Softmax(1), nn.LogSoftmax(1), nn.Sigmoid()], ids=lambda head: type(head).__name__)
def test_network_ends_in_the_logits(head):
    whole = module(head)
    with pytest.warns(HeadWarning, match=rf"ends in '3', a {type(head).__name__}.*logits, the node '2'.*upto='3'"):
        network = Network.from_torch(whole, X)
    assert network.outputs == ("2",)
    assert network.head == "3"
    assert repr(network) == "Network((4,) to 2; ReLU layers: 1; its head 3 cut off)"
    assert torch.equal(network(X.double()), Network.from_torch(whole[:3], X)(X.double()))
    # named, it stays; and no advice leads in a circle
    kept = Network.from_torch(whole, X, upto="3")
    assert kept.head == ""
    torch.testing.assert_close(kept(X.double()), head(network(X.double())), rtol=1e-13, atol=0)


def test_warning_points_to_the_callers_line():
    with pytest.warns(HeadWarning) as said:
        Network.from_torch(module(nn.Softmax(1)), X)
    assert [each.filename for each in said] == [__file__]


def test_prefixes_do_not_speak_of_it():
    with pytest.warns(HeadWarning):
        network = Network.from_torch(module(nn.Sigmoid()), X)
    assert network.upto("output").head == "3"
    assert network.upto("1").head == ""


def test_softmax_elsewhere_stays_where_it_is():
    inside = nn.Sequential(nn.Linear(4, 4), nn.Softmax(1), nn.Linear(4, 2)).eval()
    assert [node.name for node in Network.from_torch(inside, X).nodes] == ["input", "0", "1", "2"]
    alone = Network.from_torch(nn.Softmax(1), X)
    assert (alone.head, len(alone.nodes)) == ("", 2)


@pytest.mark.parametrize("function", ["Softmax", "LogSoftmax", "Sigmoid"])
def test_file_is_read_without_its_head_and_says_so_wherever_it_goes(tmp_path, function):
    b = OnnxBuilder((4,))
    hidden = b.node("Relu", b.node("MatMul", "x", b.weight(MATRIX), name="fc"), name="act")
    logits = b.node("MatMul", hidden, b.weight(MATRIX.T), name="logits")
    path = b.save(tmp_path, b.node(function, logits, name="top"))
    with pytest.warns(HeadWarning, match=f"ends in 'top', a {function}.*the node 'logits'"):
        network = load(path)
    assert (network.outputs, network.head) == (("logits",), "top")
    assert load(path, upto="top").outputs == ("top",)
    network.save(tmp_path / "n.unrelu")
    assert load(tmp_path / "n.unrelu").head == "top"
    study = ur.analyze(network, X, questions=[ur.questions.Verdicts()], progress=False)
    assert study.info.head == "top"
    assert "without its head top" in str(study)
