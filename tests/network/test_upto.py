"""Models read up to a node: what lies behind it, or beside it, is not looked at."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from network.contract_cases import Call
from network.onnx_builder import OnnxBuilder
from unrelu.errors import ModelError, ModelFileError, UnknownNode, UnsupportedOperator
from unrelu.network.graph import Network
from unrelu.network.load import load

MATRIX = np.random.default_rng(5).normal(size=(4, 4)).astype(np.float32)
X = torch.linspace(-1, 1, 8).reshape(2, 4)


class Branched(nn.Module):
    """An unreadable branch beside the readable one, first in order, and an unreadable end."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.out = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sin(x)
        hidden = self.fc(x).relu()
        return torch.cos(self.out(hidden) * gate[:, :3].sum(1, keepdim=True))


@pytest.fixture
def branched() -> Branched:
    torch.manual_seed(2)
    return Branched().eval()


def branched_file(folder: Path) -> Path:
    b = OnnxBuilder((4,))
    gate = b.node("Sin", "x", name="gate")
    hidden = b.node("Relu", b.node("MatMul", "x", b.weight(MATRIX), name="fc"), name="act")
    return b.save(folder, b.node("Cos", b.node("Mul", b.node("Neg", hidden, name="minus"), gate), name="top"))


def test_network_ends_in_the_node_and_holds_only_what_leads_to_it(branched):
    network = Network.from_torch(branched, X, upto="relu")
    assert [node.name for node in network.nodes] == ["input", "fc", "relu"]
    assert network.outputs == ("relu",)
    expected = branched.double().fc(X.double()).relu().detach()
    np.testing.assert_allclose(network(X.double()), expected, rtol=1e-13, atol=1e-13)
    assert network.source is not None
    assert network.source.nodes == ("input", "fc", "relu")
    # weights behind the node are not carried along
    assert sorted(tuple(c.shape) for c in getattr(network.source, "constants").values()) == [(4,), (4, 4)]  # noqa: B009


def test_file_is_read_up_to_a_node(tmp_path):
    path = branched_file(tmp_path)
    for network in (Network.from_onnx(path, upto="minus"), load(path, upto="minus")):
        assert [node.name for node in network.nodes] == ["input", "fc", "act", "minus"]
        assert network.source is not None
        assert network.source.nodes == ("input", "fc", "act", "minus")
        np.testing.assert_allclose(network(X.double()), -np.maximum(X.double().numpy() @ MATRIX, 0), rtol=1e-13)
    saved = tmp_path / "cut.unrelu"
    load(path, upto="minus").save(saved)
    assert load(saved, upto="act").outputs == ("act",)


def test_whole_models_are_refused_by_the_first_node_that_is_not_read(branched, tmp_path):
    with pytest.raises(UnsupportedOperator, match="node 'sin' is sin"):
        Network.from_torch(branched, X)
    with pytest.raises(UnsupportedOperator, match="node 'gate' is Sin"):
        load(branched_file(tmp_path))


@pytest.mark.parametrize(
    ("upto", "error", "message"),
    [
        ("sin", UnsupportedOperator, "node 'sin' is sin"),
        ("cos", UnsupportedOperator, "node 'sin' is sin"),  # it takes it, through others
        ("nowhere", UnknownNode, "no node 'nowhere' to read the model up to; it has input, fc, relu, out"),
    ],
)
def test_nodes_that_cannot_be_ended_in_are_told(branched, upto, error, message):
    with pytest.raises(error, match=message):
        Network.from_torch(branched, X, upto=upto)


def test_nodes_of_files_that_cannot_be_ended_in_are_told(tmp_path):
    path = branched_file(tmp_path)
    with pytest.raises(UnsupportedOperator, match="node 'gate' is Sin"):
        load(path, upto="top")
    with pytest.raises(UnknownNode, match="no node 'x' to read the model up to; it has input, fc, act, minus"):
        load(path, upto="x")


def test_numbered_names_are_those_of_the_whole_network():
    module = Call(lambda x: ((x.relu() - 1).relu() + 0.5).relu())
    whole = Network.from_torch(module, X)
    for name in (node.name for node in whole.nodes):
        part = Network.from_torch(module, X, upto=name)
        assert [node.name for node in part.nodes] == [node.name for node in whole.upto(name).nodes]
        assert torch.equal(part(X.double()), whole.upto(name)(X.double()))


def test_advice_of_a_refusal_can_be_followed(branched):
    module = Call(lambda x: torch.sin(branched.fc(x).relu()))
    with pytest.raises(UnsupportedOperator, match=r"\(upto='relu'\)"):
        Network.from_torch(module, X)
    assert Network.from_torch(module, X, upto="relu").layers == ("relu",)


def test_modules_with_several_outputs_are_read_up_to_a_node_of_any():
    module = Call(lambda x: {"first": x.relu(), "second": x.abs() * 2, "third": None})
    with pytest.raises(ModelError, match=r"gives a dict, not one tensor; .* or name the node \(upto\)"):
        Network.from_torch(module, X)
    assert torch.equal(Network.from_torch(module, X, upto="mul")(X.double()), X.double().abs() * 2)


def test_files_with_several_outputs_are_read_up_to_a_node_of_any(tmp_path):
    import onnx

    b = OnnxBuilder((4,))
    b.node("Relu", "x", name="first")
    second = b.node("Abs", "x", name="second")
    model = b.model(second)
    model.graph.output.append(onnx.helper.make_tensor_value_info("t0", onnx.TensorProto.FLOAT, None))
    path = tmp_path / "two.onnx"
    onnx.save_model(model, path)
    with pytest.raises(ModelFileError, match="2 outputs"):
        load(path)
    assert [load(path, upto=name).outputs for name in ("first", "second")] == [("first",), ("second",)]
