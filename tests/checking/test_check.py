"""What `check` says of a model: all that is not read, what can be asked, and how far it is from the model."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper
from torch import Tensor, nn
from typer.testing import CliRunner

import unrelu as ur
from network.onnx_builder import OnnxBuilder
from unrelu.checking.folding_cost import plan_layer
from unrelu.cli import app
from unrelu.errors import InputError, ModelFileError, ShapeError, StoreError, TrainingMode, UnknownNode, UnreluError
from unrelu.operators import Dense

MATRIX = np.random.default_rng(5).normal(size=(4, 4)).astype(np.float32)
X = torch.linspace(-1, 1, 8).reshape(2, 4)


class Broken(nn.Module):
    """Two operators that are not read, one behind the other, and a readable branch beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.out = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sin(x) + 1
        hidden = self.out(self.fc(x).relu())
        return torch.cos(hidden * gate)


class Residual(nn.Module):
    """A block with a shortcut, then a smooth node."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        first = self.a(x).relu()
        return torch.tanh(self.c((first + self.b(first).relu()).relu())).relu()


def broken_file(folder: Path) -> Path:
    b = OnnxBuilder((4,))
    gate = b.node("Sin", "x", name="gate")
    hidden = b.node("Relu", b.node("MatMul", "x", b.weight(MATRIX), name="fc"), name="act")
    return b.save(folder, b.node("Cos", b.node("Mul", hidden, gate, name="times"), name="top"))


@pytest.fixture(params=["torch", "onnx"])
def broken(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ur.ModelCheck, tuple[str, ...]]:
    torch.manual_seed(0)
    if request.param == "torch":
        return ur.check(Broken().eval(), X, questions=False), ("sin", "add", "mul", "cos", "out")
    return ur.check(broken_file(tmp_path), questions=False), ("gate", "", "times", "top", "act")


def test_all_refused_nodes_are_listed_and_what_is_behind_them_is_marked(broken) -> None:
    found, (first, second, third, last, upto) = broken
    nodes = {node.name: node for node in found.nodes}
    assert [node.name for node in found.refused] == [first, last]
    assert nodes[first].why.startswith(f"node {first!r} is ")
    assert nodes[last].why.startswith(f"node {last!r} is ")
    behind = {name for name in (second, third) if name}
    assert {name for name, node in nodes.items() if node.kind is ur.NodeKind.BEHIND} == behind
    assert all(f"{first!r}" in nodes[name].why for name in behind)
    assert not found.all_read
    assert found.upto == upto
    assert any(f"upto={upto!r}" in note for note in found.notes)


def test_the_model_can_be_read_up_to_the_node_that_is_named_and_no_further(tmp_path: Path) -> None:
    path = broken_file(tmp_path)
    found = ur.check(path, questions=False)
    np.testing.assert_array_equal(ur.load(path, upto=found.upto)(X), found.network(X))
    for node in found.nodes[1:]:
        if node.is_read:
            assert ur.load(path, upto=node.name).outputs == (node.name,)
        else:
            with pytest.raises(UnreluError):
                ur.load(path, upto=node.name)


def test_a_whole_model_has_every_node_of_the_network_that_is_read() -> None:
    module = nn.Sequential(nn.Conv2d(2, 3, 3), nn.LeakyReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 5))
    module = module.eval()
    found, net = ur.check(module, torch.ones(1, 2, 6, 6)), ur.Network.from_torch(module, torch.ones(1, 2, 6, 6))
    assert found.all_read
    assert [(node.name, node.output_shape) for node in found.nodes] == [(node.name, node.shape) for node in net.nodes]
    kinds = {node.name: node.kind.value for node in found.nodes}
    assert kinds == {
        "input": "input",
        "0": "affine",
        "1": "piecewise linear",
        "2": "piecewise linear",
        "3": "affine",
        "4": "affine",
    }
    assert found.nodes[1].parameters == 2 * 3 * 9 + 3
    assert found.nodes[1].input_shapes == ((2, 6, 6),)


def test_a_head_is_said_to_be_cut_off_and_the_questions_are_about_the_logits() -> None:
    module = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2), nn.Softmax(1)).eval()
    found = ur.check(module, X, questions=False)
    assert found.all_read
    assert found.nodes[-1].kind is ur.NodeKind.SMOOTH
    assert found.network.head == "3"
    assert found.upto == "2"
    assert any("cut off" in note for note in found.notes)
    assert ur.check(module, X, upto="3", questions=False).upto == "3"


# -- deviations ------------------------------------------------------------------------------------------------------


def off_by(delta: float, row: int) -> ur.Network:
    """A network whose second map has a bias that is off, in one row, from that of its source."""
    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)).double().eval()
    net = ur.Network.from_torch(module, X)
    last = net.nodes[-1]
    assert isinstance(last.operator, Dense)
    bias = last.operator.bias.clone()
    bias[row] += delta
    return replace(net, nodes=(*net.nodes[:-1], replace(last, operator=replace(last.operator, bias=bias))))


def test_the_largest_deviation_is_what_the_network_is_off_and_where() -> None:
    found = ur.check(off_by(0.25, row=2), questions=False)
    assert found.worst is not None
    assert found.worst.name == "2"
    assert found.deviation is not None
    assert found.deviation.largest == pytest.approx(0.25, rel=1e-12)
    assert found.deviation.at == (2,)
    assert "node '2'" in found.mismatch
    assert not found.all_read
    right = ur.check(off_by(0.0, row=2), questions=False)
    assert right.all_read
    assert right.deviation is not None
    assert right.deviation.largest < 1e-14


def test_the_user_s_inputs_are_compared_too_and_the_worst_of_them_is_told() -> None:
    torch.manual_seed(1)
    linear = nn.Linear(4, 5)
    module = nn.Sequential(linear, nn.ReLU()).eval()
    data = np.full((7, 4), 1e-3)
    data[5] = 1e6  # where float32 rounds by far more than at any random input
    found = ur.check(module, X, data=data, questions=False)
    assert found.all_read
    assert found.n_data == 7
    assert found.deviation is not None
    far = next(node for node in found.nodes if node.name == "0").deviation
    assert far is not None
    assert (far.of, far.sample, far.dtype) == ("data", 5, "float32")
    model = linear(torch.from_numpy(data).float()).double()
    exact = torch.from_numpy(data).float().double() @ linear.weight.double().T + linear.bias.double()
    assert far.largest == pytest.approx(float((model - exact).abs().max().detach()), rel=1e-6)


def test_the_normalisation_is_a_part_of_what_is_looked_at(tmp_path: Path) -> None:
    torch.manual_seed(1)
    module = nn.Sequential(nn.Conv2d(3, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(2 * 36, 3)).eval()
    mean, std = [0.49, 0.48, 0.45], [0.25, 0.24, 0.26]
    example, data = torch.zeros(1, 3, 8, 8), np.random.default_rng(0).random((5, 3, 8, 8)).astype(np.float32)
    found = ur.check(module, example, data=data, mean=mean, std=std)
    assert found.all_read
    assert [node.name for node in found.nodes][:3] == ["input", "normalized.center", "normalized"]
    assert found.n_data == 5
    assert found.deviation is not None
    assert found.deviation.largest < 1e-5
    wanted = ur.Network.from_torch(module, example).normalized(mean, std)(data.astype(float))
    np.testing.assert_array_equal(found.network(data.astype(float)), wanted)
    for one, other in ((0.5, None), (None, 0.5)):
        with pytest.raises(InputError, match="mean and std go together; give both, with mean=0 or std=1 for none"):
            ur.check(module, example, mean=one, std=other)
    net = ur.Network.from_torch(module, example)
    net.save(tmp_path / "m.unrelu")
    np.save(tmp_path / "x.npy", data[:1])
    options = ("--data", tmp_path / "x.npy", "--mean", "0.49,0.48,0.45", "--std", "0.25,0.24,0.26", "--no-questions")
    done = run(tmp_path / "m.unrelu", *options)
    assert done.exit_code == 0, done.output
    assert "normalized" in done.output
    assert "--mean and --std go together" in run(tmp_path / "m.unrelu", "--mean", "0.5").output


def test_data_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    net = off_by(0.0, 0)
    with pytest.raises(ShapeError, match=r"the network takes \(4,\); bring them to that shape"):
        ur.check(net, data=np.ones((2, 5)))
    np.save(tmp_path / "x.npy", np.ones((3, 4), dtype=np.float32))
    assert ur.check(net, data=tmp_path / "x.npy", questions=False).n_data == 3


def test_a_network_without_a_model_has_nothing_to_deviate_from() -> None:
    found = ur.check(ur.Network.from_layers([(np.eye(2), np.zeros(2))] * 2))
    assert found.deviation is None
    assert found.all_read
    assert "to compare with" in str(found)


# -- questions -------------------------------------------------------------------------------------------------------


def asked(net: ur.Network, row: ur.QuestionCheck) -> None:
    """Ask a question as its row says."""
    generator = np.random.default_rng(3)
    x, t = generator.random((2, *net.input_shape))
    h = hs = None
    if row.question in ("preimage of layer", "classify 100"):
        hs = net.layer_input(row.node, generator.random((3, *net.input_shape)))
        h = hs[0]
    y = np.ones(net.output_size)
    known = {"ur": ur, "net": net, "x": x, "xs": x[None], "t": t, "h": h, "hs": hs, "y": y, "lower": 0.0, "upper": 1.0}
    call = row.call.replace("upper)", "upper), time_limit=0.2") if row.question == "invert" else row.call
    eval(call, known)


@pytest.mark.parametrize("smooth", [False, True])
def test_a_question_is_allowed_exactly_if_it_can_be_asked_as_it_is_written(smooth: bool) -> None:
    torch.manual_seed(0)
    module = Residual() if smooth else nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU())
    net = ur.Network.from_torch(module.eval(), X)
    found = ur.check(net)
    assert {each.allowed for each in found.questions} == ({False, True} if smooth else {True})
    for row in found.questions:
        if row.allowed:
            asked(net, row)
        else:
            assert row.why
            with pytest.raises(UnreluError):
                asked(net, row)


def test_the_sizes_of_layers_are_those_they_have() -> None:
    torch.manual_seed(0)
    net = ur.Network.from_torch(Residual().eval(), X)
    found = ur.check(net, questions=False)
    assert {each.name for each in found.cuts} == {*net.layers, *net.cuts[1:]}
    for each in found.cuts:
        assert each.is_cut == (each.name in net.cuts)
        if each.has_layer:
            layer = net.layer(each.name)
            assert (each.n_features, each.n_inputs) == layer.weight.shape
        elif each.name in net.layers:
            with pytest.raises(UnreluError) as refused:
                net.layer(each.name)
            assert str(refused.value) == each.why
    assert any(not each.has_layer and each.name in net.layers for each in found.cuts)


@pytest.mark.parametrize(("size", "sparse"), [(8, False), (48, True)])
def test_the_entries_of_a_layer_s_matrix_are_foreseen_from_above(size: int, sparse: bool) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(
        *(nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(), nn.Conv2d(2, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU()),
    )
    net = ur.Network.from_torch(module.eval(), torch.zeros(1, 1, size, size))
    plan, layer = plan_layer(net, "4"), net.layer("4")
    assert plan.is_sparse == layer.is_sparse == sparse
    assert (plan.m, plan.d, plan.origin) == (layer.n_outputs, layer.n_inputs, "1")
    nonzero = int((layer.weight != 0).sum())
    assert nonzero <= plan.entries <= 2 * nonzero


def test_what_would_not_fit_is_refused_before_it_is_made() -> None:
    wide = ur.Network.from_torch(
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(1, 1, 1), nn.ReLU()), torch.zeros(1, 1, 8, 8)
    )
    assert ur.check(wide).question("layer").allowed
    rows = ur.check(ur.Network.from_layers([(np.ones((3, 65)), np.zeros(3)), (np.ones((1, 3)), np.zeros(1))]))
    assert not rows.question("invert").allowed
    assert "65" in rows.question("invert").why


def test_unknown_questions_are_told() -> None:
    found = ur.check(ur.Network.from_layers([(np.eye(2), np.zeros(2))] * 2))
    with pytest.raises(InputError, match="there are values"):
        found.question("colour")
    assert found.question("spectrum", "relu1").node == "relu1"


# -- which models ----------------------------------------------------------------------------------------------------


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not int"):
        ur.check(3)
    with pytest.raises(InputError, match="example"):
        ur.check(nn.Linear(2, 2))
    with pytest.raises(TrainingMode):
        ur.check(nn.Sequential(nn.Linear(4, 4), nn.Dropout()), X)
    with pytest.raises(UnknownNode, match="nothing"):
        ur.check(nn.Linear(4, 4), X, upto="nothing")


def test_a_saved_network_and_a_module_of_several_outputs(tmp_path: Path) -> None:
    net = ur.Network.from_layers([(np.eye(2), np.zeros(2))] * 2)
    net.save(tmp_path / "net.unrelu")
    assert ur.check(tmp_path / "net.unrelu", questions=False).all_read

    class Two(nn.Module):
        def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
            return x.relu(), -x

    found = ur.check(Two(), X, questions=False)
    assert found.all_read
    assert any("2 outputs" in note for note in found.notes)


def test_files_that_may_run_code_are_checked_where_they_are_trusted(tmp_path: Path) -> None:
    torch.manual_seed(0)
    module, path = Broken().eval(), tmp_path / "model.pt2"
    torch.export.save(torch.export.export(module, (X,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)), path)
    with pytest.raises(ModelFileError, match="trust"):
        ur.check(path)
    assert [node.operator for node in ur.check(path, trust=True, questions=False).refused] == ["sin", "cos"]
    assert run(path, "--trust", "--no-questions").exit_code == 1


def test_an_estimator_of_scikit_learn_is_a_network_without_a_model_of_its_own() -> None:
    network = pytest.importorskip("sklearn.neural_network")
    generator = np.random.default_rng(0)
    X, y = generator.random((40, 3)), generator.random(40)
    fitted = network.MLPRegressor(hidden_layer_sizes=(5,), max_iter=400, random_state=0, tol=1e-2).fit(X, y)
    found = ur.check(fitted, questions=False)
    assert [node.name for node in found.nodes] == [node.name for node in ur.Network.from_sklearn(fitted).nodes]
    assert found.all_read


def test_tables_and_json_say_the_same(broken, tmp_path: Path) -> None:
    found, _ = broken
    found.save(tmp_path / "check.json")
    said = json.loads((tmp_path / "check.json").read_text())
    assert [node["name"] for node in said["nodes"]] == [node.name for node in found.nodes]
    assert said["nodes"][0]["kind"] == "input"
    assert said == json.loads(json.dumps(found.to_json()))
    table = found.to_pandas()
    assert list(table["name"]) == [node.name for node in found.nodes]
    assert all(node.name in str(found) for node in found.nodes)
    with pytest.raises(InputError, match="tables are"):
        found.to_pandas("layers")
    with pytest.raises(StoreError):
        found.save(tmp_path / "no" / "such" / "folder.json")


# -- the command line ------------------------------------------------------------------------------------------------


def run(*arguments: object):
    return CliRunner().invoke(app, ["check", *map(str, arguments)])


def test_the_exit_status_tells_whether_all_is_read(tmp_path: Path) -> None:
    path = broken_file(tmp_path)
    refused = run(path, "--no-questions", "--json", tmp_path / "check.json")
    assert refused.exit_code == 1
    assert "node 'gate' is Sin" in refused.output
    assert "node 'top' is Cos" in refused.output
    assert "2 of 6 nodes are refused, and 1 behind them not read" in refused.output
    assert "upto='act'" in refused.output
    assert json.loads((tmp_path / "check.json").read_text())["all_read"] is False
    np.save(tmp_path / "x.npy", np.ones((3, 4), dtype=np.float32))
    read = run(path, "--upto", "act", "--data", tmp_path / "x.npy")
    assert read.exit_code == 0
    assert "3 of the data" in read.output
    assert "all 3 nodes are read" in read.output
    assert run(path, "--upto", "t2", "--no-questions").output == run(path, "--upto", "act", "--no-questions").output
    assert run(tmp_path / "none.onnx").exit_code == 2


def test_a_model_of_two_outputs_is_not_read_until_one_is_named(tmp_path: Path) -> None:
    b = OnnxBuilder((4,))
    model = b.model(b.node("Relu", "x", name="act"))
    model.graph.node.extend([helper.make_node("Neg", ["x"], ["z"], name="turned")])
    model.graph.output.extend([helper.make_tensor_value_info("z", TensorProto.FLOAT, None)])
    path = tmp_path / "two.onnx"
    path.write_bytes(model.SerializeToString())
    both = run(path, "--no-questions", "--json", tmp_path / "check.json")
    assert both.exit_code == 1
    assert "the model has 2 outputs, act, turned" in both.output
    assert json.loads((tmp_path / "check.json").read_text())["ends"] == ["act", "turned"]
    assert run(path, "--no-questions", "--upto", "z").exit_code == 0
