"""Files of PyTorch are read where their reader says that they may run code, and never otherwise."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.export import Dim
from typer.testing import CliRunner

import unrelu as ur
from unrelu.cli.app import app
from unrelu.errors import ModelError, ModelFileError

X = torch.linspace(-2, 2, 20).reshape(5, 4)


def made() -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))


class Trap:
    """What a pickle can do."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    torch.export.save(torch.export.export(made(), (X[:2],), dynamic_shapes=({0: Dim.DYNAMIC},)), tmp_path / "model.pt2")
    return tmp_path / "model.pt2"


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".PT", ".ckpt", ".bin", ".pt2", ".pkl", ".joblib"])
def test_nothing_from_a_file_runs_without_trust(tmp_path, suffix):
    path, mark = tmp_path / f"model{suffix}", tmp_path / "ran"
    torch.save(Trap(mark), path)
    with pytest.raises(ModelFileError, match="can run code when read"):
        ur.load(path)
    assert not mark.exists()
    if suffix == ".pt":  # and it is a trap
        with pytest.raises(ModelFileError, match="which is no module"):
            ur.load(path, trust=True)
        assert mark.exists()


@pytest.mark.parametrize("suffix", [".onnx", ".unrelu", ".pkl", ".joblib", ".keras", ".safetensors", ".npz"])
def test_trust_runs_nothing_from_files_that_need_none(tmp_path, suffix):
    path, mark = tmp_path / f"model{suffix}", tmp_path / "ran"
    torch.save(Trap(mark), path)
    with pytest.raises(ModelFileError):
        ur.load(path, trust=True)
    assert not mark.exists()


def test_a_program_brings_its_example(program):
    network = ur.load(program, trust=True)
    assert network.layers == ("1",)
    assert torch.equal(network(X.double()), ur.Network.from_torch(made(), X)(X.double()))
    assert ur.load(program, trust=True, upto="1").outputs == ("1",)


def test_a_module_needs_one(tmp_path):
    torch.save(made(), tmp_path / "model.pt")
    with pytest.raises(ModelFileError, match=r"does not say which inputs its Sequential takes; .*example_input=batch"):
        ur.load(tmp_path / "model.pt", trust=True)
    network = ur.load(tmp_path / "model.pt", trust=True, example_input=X, upto="1")
    assert torch.equal(network(X.double()), ur.Network.from_torch(made(), X, upto="1")(X.double()))


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_other_contents_are_told_what_to_do(tmp_path, program):
    torch.save(made().state_dict(), tmp_path / "weights.pt")
    torch.save({"epoch": 3, "state_dict": made().state_dict()}, tmp_path / "checkpoint.ckpt")
    torch.save([1, 2], tmp_path / "list.pt")
    torch.jit.save(torch.jit.trace(made(), X), tmp_path / "script.pt")
    for name, message in {
        "weights.pt": "weights without their module",
        "checkpoint.ckpt": "weights without their module",
        "list.pt": "holds a list, which is no module",
        "none.pt": "there is no file",
        "none.pt2": "there is no file",
    }.items():
        with pytest.raises(ModelFileError, match=message):
            ur.load(tmp_path / name, trust=True)
    with pytest.raises(ModelError, match="TorchScript"):
        ur.load(tmp_path / "script.pt", trust=True, example_input=X)


@pytest.mark.parametrize("suffix", [".pt", ".pt2"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_damaged_files_are_said_to_be(tmp_path, program, suffix, share):
    torch.save(made(), tmp_path / "model.pt")
    content = (tmp_path / f"model{suffix}").read_bytes()
    (tmp_path / f"cut{suffix}").write_bytes(content[: int(share * len(content))])
    with pytest.raises(ModelFileError, match="cannot be read") as caught:
        ur.load(tmp_path / f"cut{suffix}", trust=True, example_input=X)
    assert "\n" not in str(caught.value)


def test_the_command_line_trusts_where_it_is_told_to(tmp_path, program):
    (tmp_path / "ranges.csv").write_text("-1,1\n" * 4)
    (tmp_path / "measured.csv").write_text(",".join(map(repr, made()(X[:1])[0].tolist())) + "\n")
    command = ["invert", str(program), str(tmp_path / "measured.csv"), "--domain", str(tmp_path / "ranges.csv")]
    options = ["--quiet", "--noise", "0.5", "--within", "0.5"]
    refused = CliRunner().invoke(app, [*command, *options])
    assert refused.exit_code == 2
    assert "--trust" in refused.output.replace("\n", " ")
    assert CliRunner().invoke(app, [*command, *options, "--trust"]).exit_code == 0
