"""Networks on disk: what was saved is read again to the last bit, and what was changed is refused in one sentence."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import unrelu as ur
from network.contract_cases import CASES, Case
from stability.reference_networks import Graph
from unrelu.errors import ModelFileError
from unrelu.network.fingerprints import weights_sha256
from unrelu.network.graph import Network
from unrelu.network.network_folder import REGISTERED
from unrelu.network.node import Node
from unrelu.operators import (
    ELU,
    GELU,
    Absolute,
    AtLeast,
    AtMost,
    Blend,
    Clamp,
    Contraction,
    Erf,
    GroupNorm,
    Hardswish,
    Input,
    LargestAlong,
    LayerNorm,
    LeakyReLU,
    LogSoftmax,
    MatrixProduct,
    Maximum,
    Minimum,
    Product,
    ReLU,
    Sigmoid,
    SiLU,
    SmallestAlong,
    Softmax,
    Softplus,
    Sum,
    Take,
    Tanh,
    TransposedConvolution,
)


def of_case(case: Case) -> Network:
    torch.manual_seed(0)
    return Network.from_torch(case.make().eval(), torch.zeros(1, *case.shape))


def small() -> Network:
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3)
    )
    return Network.from_torch(module.eval(), torch.zeros(1, 1, 6, 6))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    folder = tmp_path / "net.unrelu"
    small().save(folder)
    return folder


HALVES = torch.tensor([[-0.5], [0.25], [0.5]], dtype=torch.float64)

BENT = [
    Absolute(),
    LeakyReLU(HALVES),
    Clamp(HALVES - 1, HALVES),
    AtLeast(HALVES),
    AtMost(HALVES),
    Maximum(),
    Minimum(),
    LargestAlong((0,)),
    SmallestAlong((0, 1), keep=True),
    Sigmoid(),
    Tanh(),
    Erf(),
    Softplus(2.0),
    GELU("tanh"),
    SiLU(),
    ELU(0.5, 2.0, 3.0),
    Hardswish(),
    Softmax(1),
    LogSoftmax(0),
    LayerNorm((0, 1), HALVES, HALVES, 1e-5),
    GroupNorm(3, HALVES[:, 0], HALVES[:, 0], 1e-5),
    Product(),
    Take(torch.tensor([1.0, -1.0, 0.0], dtype=torch.float64), 0),
    Blend(torch.tensor([[1.0, -1.0], [0.0, 2.0]], dtype=torch.float64), HALVES[:2].expand(2, 2), 1, 2.5),
    Contraction(HALVES, "ab,ac->cb"),
    Sum((1,), 4, keep=True),
    TransposedConvolution(HALVES[:, :, None], HALVES[0], (2,), ((0, 1),), (1,)),
]


def test_every_network_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    seen = set()
    for k, case in enumerate(CASES):
        network = of_case(case)
        folder = tmp_path / f"{k}.unrelu"
        network.save(folder)
        again = ur.load(folder)
        assert weights_sha256(again) == weights_sha256(network)
        assert (again.outputs, again.bypassed_by, again.source) == (network.outputs, network.bypassed_by, None)
        x = np.random.default_rng(k).standard_normal((3, *network.input_shape))
        assert np.array_equal(again(x), network(x))
        seen |= {type(node.operator).__name__ for node in network.nodes}
    for k, operator in enumerate(BENT):
        network = (
            Graph(3, 4).add("again", operator, *["input"] * (1 + isinstance(operator, Maximum | Product))).network()
        )
        folder = tmp_path / f"bent {k}.unrelu"
        network.save(folder)
        x = np.random.default_rng(k).standard_normal((5, 3, 4))
        assert np.array_equal(ur.load(folder)(x), network(x))
        seen.add(type(operator).__name__)
    square = Graph(3, 3).add("again", MatrixProduct(), "input", "input").network()
    square.save(tmp_path / "square.unrelu")
    x = np.random.default_rng(0).standard_normal((5, 3, 3))
    assert np.array_equal(ur.load(tmp_path / "square.unrelu")(x), square(x))
    assert set(REGISTERED) - seen == {"MatrixProduct"}


def test_a_prefix_says_what_passes_it_by(tmp_path: Path) -> None:
    prefix = small().upto("2")
    prefix.save(tmp_path / "prefix.unrelu")
    assert ur.load(tmp_path / "prefix.unrelu").bypassed_by == prefix.bypassed_by


def test_numbers_are_those_of_float64_and_of_one_ulp(tmp_path: Path) -> None:
    A = np.array([[1.0, np.nextafter(1.0, 2.0)], [1e-308, -5e-324]])
    network = Network.from_layers([(A, np.zeros(2)), (np.eye(2), np.zeros(2))])
    network.save(tmp_path / "ulp.unrelu")
    again = ur.load(tmp_path / "ulp.unrelu")
    assert np.array_equal(again.layer(again.layers[0]).dense_weight, A)


def test_saving_again_replaces(saved: Path) -> None:
    other = Network.from_layers([(np.eye(2), np.zeros(2))])
    other.save(saved)
    assert weights_sha256(ur.load(saved)) == weights_sha256(other)


def test_no_code_is_read(saved: Path) -> None:
    names = {path.suffix for path in saved.iterdir()}
    assert names == {".json", ".npy"}
    for path in saved.glob("*.npy"):
        np.load(path, allow_pickle=False)


def changed(saved: Path, change: Any) -> None:
    path = saved / "network.json"
    record = json.loads(path.read_text())
    replaced = change(record)
    path.write_text(json.dumps(record if replaced is None else replaced))


def node(record: dict[str, Any], operator: str) -> dict[str, Any]:
    return next(each for each in record["nodes"] if each["operator"] == operator)


CHANGES = {
    "another epsilon": lambda r: node(r, "Normalization")["settings"].update(epsilon=1e-4),
    "epsilon is a text": lambda r: node(r, "Normalization")["settings"].update(epsilon="1e-5"),
    "another stride": lambda r: node(r, "Convolution")["settings"].update(stride=[2, 2]),
    "a stride of 0": lambda r: node(r, "Convolution")["settings"].update(stride=[0, 0]),
    "negative groups": lambda r: node(r, "Convolution")["settings"].update(groups=-1),
    "an endless number": lambda r: node(r, "MaxPool")["settings"].update(kernel=[10**400, 2]),
    "a stride that no kernel counts": lambda r: node(r, "MaxPool")["settings"].update(stride=[2**31, 2]),
    "a huge number": lambda r: node(r, "MaxPool")["settings"].update(kernel=[2**62, 2]),
    "a field too many": lambda r: node(r, "ReLU")["settings"].update(slope=0.1),
    "a field too few": lambda r: node(r, "Convolution")["settings"].pop("groups"),
    "no settings": lambda r: node(r, "ReLU").pop("settings"),
    "an unknown operator": lambda r: node(r, "ReLU").update(operator="__import__"),
    "the base of operators": lambda r: node(r, "ReLU").update(operator="Operator"),
    "another operator of the same fields": lambda r: node(r, "ReLU").update(operator="Add"),
    "an array of another shape": lambda r: node(r, "Dense")["arrays"]["bias"].update(shape=[4]),
    "an array of huge shape": lambda r: node(r, "Dense")["arrays"]["bias"].update(shape=[2**40, 2**40]),
    "an array of negative shape": lambda r: node(r, "Dense")["arrays"]["bias"].update(shape=[-3, -1]),
    "an array of another dtype": lambda r: node(r, "Dense")["arrays"]["bias"].update(dtype="O"),
    "another shape of a node": lambda r: node(r, "Dense").update(shape=[4]),
    "an input that comes later": lambda r: r["nodes"][1].update(inputs=["5"]),
    "a cycle": lambda r: r["nodes"][1].update(inputs=[r["nodes"][1]["name"]]),
    "no nodes": lambda r: r.update(nodes=[]),
    "nodes are a text": lambda r: r.update(nodes="all"),
    "a node is null": lambda r: r.update(nodes=[None]),
    "no outputs": lambda r: r.update(outputs=[]),
    "an unknown output": lambda r: r.update(outputs=["nowhere"]),
    "another name": lambda r: node(r, "Dense").update(name="head"),
    "bypassed": lambda r: r.update(bypassed_by=None),
    "another version": lambda r: r.update(version=99),
    "another format": lambda r: r.update(format="pickle"),
    "a list": lambda r: [r],
    "another hash": lambda r: r.update(sha256="0" * 64),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_was_changed_is_refused_in_one_sentence(saved: Path, name: str) -> None:
    changed(saved, CHANGES[name])
    with pytest.raises(ModelFileError) as refusal:
        ur.load(saved)
    said = str(refusal.value)
    assert "\n" not in said
    assert len(said) < 700
    assert str(saved) in said


@pytest.mark.parametrize("byte", range(0, 200, 13))
def test_changed_numbers_are_refused(saved: Path, byte: int) -> None:
    path = sorted(saved.glob("*.npy"))[byte % 3]
    content = bytearray(path.read_bytes())
    content[byte % len(content)] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ModelFileError):
        ur.load(saved)


def test_what_is_missing_or_no_file_is_refused(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="there is no network in"):
        ur.load(tmp_path / "nothing.unrelu")
    array = next(saved.glob("*.npy"))
    array.unlink()
    with pytest.raises(ModelFileError, match="cannot be read"):
        ur.load(saved)
    os.mkfifo(array)  # whoever opens a pipe for reading waits
    with pytest.raises(ModelFileError):
        ur.load(saved)
    with pytest.raises(ModelFileError, match=r"a folder model\.unrelu; give that name"):
        small().save(tmp_path / "model")
    (tmp_path / "file.unrelu").write_text("a file")
    with pytest.raises(ModelFileError, match="choose another folder"):
        small().save(tmp_path / "file.unrelu")
    with pytest.raises(ModelFileError):
        ur.load(tmp_path / "file.unrelu")


def test_a_network_with_more_numbers_than_memory_is_refused(tmp_path: Path) -> None:
    """A kilobyte can say how large a sample is, or name many nodes of some size."""
    shape = (2**30,)
    network = Network((Node("input", Input(shape), (), shape),), ("input",))
    network.save(tmp_path / "wide.unrelu")
    with pytest.raises(ModelFileError, match="1,073,741,824 numbers for one sample"):
        ur.load(tmp_path / "wide.unrelu")
    side = (2**25,)
    first = Node("input", Input(side), (), side)
    Network((first, *(Node(f"relu{k}", ReLU(), ("input",), side) for k in range(16))), ("relu15",)).save(
        tmp_path / "long.unrelu"
    )
    with pytest.raises(ModelFileError, match="more than 536,870,912 numbers for one sample"):
        ur.load(tmp_path / "long.unrelu")


def test_half_a_network_is_none(saved: Path) -> None:
    (saved / "network.json").unlink()
    with pytest.raises(ModelFileError, match="there is no network in"):
        ur.load(saved)


def test_networks_pickle_too() -> None:
    network = small()
    again = pickle.loads(pickle.dumps(network.upto("2")))
    assert weights_sha256(again) == weights_sha256(network.upto("2"))
