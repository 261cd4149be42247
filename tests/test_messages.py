"""Every call that an error message names is made, right after the error that names it, and answers.

The table below has one line a message. A scan of the sources finds the messages that name a call, so that a new one
cannot do without a line.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional

import unrelu as ur
from flushing import flushing
from network.onnx_builder import OnnxBuilder
from unrelu.intake import memory
from unrelu.operators import Absolute, LeakyReLU
from unrelu.polyhedra.sampling.sample import draw
from unrelu.questions import Ranges, Uniqueness
from unrelu.stability.jacobian import check_size
from unrelu.study.inputs import room
from unrelu.study.inputs.array_files import read_mask
from unrelu.study.inputs.read import read_samples

SOURCE = Path(ur.__file__).parent

EYE = np.eye(2)
NET = ur.Network.from_layers([(EYE, np.zeros(2)), (EYE, np.zeros(2)), (EYE, np.zeros(2))])
LAYER = NET.layer("relu1")
X = np.ones(2)
PREFIX = NET.upto("relu2")


class Call(nn.Module):
    """A module that calls a function, and itself as it is now."""

    def __init__(self, call: Callable[[Call, torch.Tensor], Any]) -> None:
        super().__init__()
        self.call, self.linear, self.norm = call, nn.Linear(2, 2), nn.BatchNorm1d(2, track_running_stats=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.call(self, x)


def read(call: Callable[[Call, torch.Tensor], Any], *, training: bool = False, upto: str | None = None) -> ur.Network:
    return ur.Network.from_torch(Call(call).train(training), torch.ones(2, 2), upto=upto)


def program(folder: Path) -> Path:
    """A file of a program that `torch.export` made of a module."""
    exported = torch.export.export(
        nn.Linear(2, 2), (torch.ones(2, 2),), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},)
    )
    torch.export.save(exported, folder / "model.pt2")
    return folder / "model.pt2"


def grown(folder: Path, *, trust: bool) -> ur.Network:
    """From a file of which reading takes more than is allowed here."""
    builder = OnnxBuilder((2,))
    path = builder.save(folder, builder.node("Relu", "x"))
    with patch.object(memory, "ROOM", 0), patch.object(memory, "TIMES", 0):
        return ur.load(path, trust=trust)


def without_memory(folder: Path, order: Callable[[np.ndarray], np.ndarray]) -> ur.Inputs:
    """From a file of an array in some order, where no inputs may lie in memory."""
    np.save(folder / "x.npy", order(np.ones((4, 3))))
    with patch.object(room, "free_memory", lambda: 0):
        return read_samples(folder / "x.npy", (3,))


TABLE = pd.DataFrame({"a": [1.5, 2], "b": [3, 4], "class": ["cat", "dog"]})


def table(path: Path) -> ur.Inputs:
    """What is read of a table's columns, saved one way or the other."""
    TABLE.to_csv(path.parent / "t.csv")
    np.save(path.parent / "x.npy", TABLE[["a", "b"]].to_numpy(float))
    return read_samples(path, (2,))


def pickled(folder: Path) -> Path:
    torch.save(nn.Linear(2, 2), folder / "model.pt")
    return folder / "model.pt"


def weights(folder: Path) -> Path:
    torch.save(nn.Linear(2, 2).state_dict(), folder / "weights.pth")
    return folder / "weights.pth"


def loaded(path: Path, module: nn.Module | None = None) -> nn.Module:
    module = nn.Linear(2, 2) if module is None else module
    module.load_state_dict(torch.load(path, weights_only=True))
    return module


def halved() -> nn.Module:
    return nn.Linear(2, 2).half()


def spectral() -> nn.Module:
    """Its weights are divided by their largest singular value, which is iterated for whenever it is called."""
    module = nn.Linear(9, 9)
    nn.utils.parametrizations.spectral_norm(module, n_power_iterations=1)
    original = module.get_parameter("parametrizations.weight.original")
    original.data += torch.diag(torch.arange(9.0))  # which is not what it has iterated for so far
    return module


def _bounded(x: torch.Tensor) -> torch.Tensor:
    return x.clamp(0, 1)


def mixed(module: Call, x: torch.Tensor) -> torch.Tensor:
    return functional.linear(x.half().float(), torch.eye(2))


def rounded(module: Call, x: torch.Tensor) -> torch.Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return module.linear(x)


class Drawing(nn.Module):
    """Draws a number in training."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * (1 + random.random()) if self.training else x * 2


def joined() -> ur.Network:
    """Its second ReLU adds what feeds the first, in other words depends on two nodes."""
    return read(lambda m, x: functional.relu(functional.relu(x) + x))


def blocks() -> ur.Network:
    """A residual block behind a ReLU."""
    return read(lambda m, x: functional.relu(functional.relu(m.linear(h := functional.relu(x))) + h))


def of_magnitudes() -> ur.LayerPreimage:
    return ur.preimage(ur.ReLULayer(EYE, np.zeros(2), activation=Absolute()), at=X)


def halves(*, wider: bool) -> ur.Network:
    module = nn.Linear(2, 2, bias=False).half().eval()
    nn.init.constant_(module.weight, 6e4)
    dtype = torch.float64 if wider else torch.float16
    return ur.Network.from_torch(module.to(dtype), torch.ones(2, 2, dtype=dtype))


def mask(folder: Path, values: np.ndarray) -> np.ndarray:
    np.save(folder / "mask.npy", values)
    return read_mask(folder / "mask.npy", (4,))


def batch(folder: Path, values: np.ndarray) -> object:
    np.save(folder / "x.npy", values)
    return read_samples(folder / "x.npy", (5, 4, 4))


def in_a_flushing_thread() -> object:
    with flushing():
        return ur.admissible_sets(LAYER)


BOX = ur.Box(0, 1)
THIRD = ur.Polyhedron(A_eq=np.array([[3, 0]]), b_eq=np.array([1 + 2.0**-52]))


def undecided() -> ur.Polyhedron:
    """A set of which it is not known whether it is bounded."""
    found = ur.Nonnegative().in_space(2)
    found.__dict__["_bounded"] = None
    return found


ZERO = ur.preimage(ur.ReLULayer(EYE, np.zeros(2)), features=np.ones(2))

HALF = np.full(2, 0.5)
WIDE = ur.Network.from_layers([(np.eye(65), np.zeros(65)), (np.eye(65), np.zeros(65))])

MESSAGES: dict[str, tuple[Callable[[Path], object], Callable[[Path], object]]] = {
    'give net.upto("relu1")': (
        lambda _: ur.metamer(EYE, at=X, target=X),  # pyright: ignore[reportArgumentType]
        lambda _: ur.metamer(NET.upto("relu1"), at=X, target=X),
    ),
    "so there is no farthest; bound them by a domain such as Box(0, 1)": (
        lambda _: ur.metamer(LAYER, at=-X, target=X, objective="farthest", domain=None),
        lambda _: ur.metamer(LAYER, at=0 * X, target=X, objective="farthest", domain=BOX),
    ),
    "if you know who made it, say trust=True (on the command line --trust), or cut the model": (
        lambda folder: grown(folder, trust=False),
        lambda folder: grown(folder, trust=True),
    ),
    "convert it to a wider dtype (module.double())": (lambda _: halves(wider=False), lambda _: halves(wider=True)),
    "ask about the prefix net.upto(": (
        lambda _: joined().layer("relu#2"),
        lambda _: [
            ur.spectrum(joined().upto("relu#2"), at=X),
            ur.metamer(joined().upto("relu#2"), at=X, target=0 * X),
            ur.linearize(joined().upto("relu#2"), at=X).region.volume(),
            ur.preimage(joined().upto("relu#2"), at=X),
            ur.classify(joined().upto("relu#2"), X[None], progress=False),
        ],
    ),
    "give net.layer(name) or net.upto(name) of a network, or ReLULayer(weight, bias)": (
        lambda _: ur.preimage(EYE, at=X),  # pyright: ignore[reportArgumentType, reportCallIssue]
        lambda _: [ur.preimage(asked, at=X) for asked in (NET.layer("relu1"), NET.upto("relu2"), ur.ReLULayer(EYE, X))],
    ),
    "give net.upto(name) of a network, or Network.from_torch(module, example)": (
        lambda _: ur.spectrum(LAYER, at=X),  # pyright: ignore[reportArgumentType]
        lambda _: [
            ur.spectrum(NET.upto("relu1"), at=X),
            ur.spectrum(ur.Network.from_torch(nn.Linear(2, 2).eval(), torch.ones(2, 2)), at=X),
        ],
    ),
    "load it yourself and use Network.from_torch(module, example_input)": (
        lambda folder: ur.load(folder / "weights.pt"),
        lambda _: ur.Network.from_torch(nn.Linear(2, 2).eval(), torch.ones(2, 2)),
    ),
    "if you know who made it, say trust=True": (
        lambda folder: ur.load(program(folder)),
        lambda folder: ur.load(program(folder), trust=True),
    ),
    "load them into it (load_state_dict), and use Network.from_torch(module, example_input)": (
        lambda folder: ur.load(weights(folder), trust=True),
        lambda folder: ur.Network.from_torch(loaded(weights(folder)), torch.ones(1, 2)),
    ),
    "torch.export.export(module, (example,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))": (
        lambda _: ur.Network.from_torch(torch.export.export(nn.Linear(2, 2), (torch.ones(2, 2),)), torch.ones(1, 2)),
        lambda folder: ur.load(program(folder), trust=True),
    ),
    "gives something else the next time; call module.eval() first": (
        lambda _: ur.Network.from_torch(spectral(), torch.ones(1, 9)),
        lambda _: ur.Network.from_torch(spectral().eval(), torch.ones(1, 9)),
    ),
    "gives something else the next time it is called; call module.eval() first": (
        lambda _: ur.Network.from_torch(Drawing(), torch.ones(1, 2)),
        lambda _: ur.Network.from_torch(Drawing().eval(), torch.ones(1, 2)),
    ),
    "convert it to one dtype and device (module.float(), module.cpu())": (
        lambda _: ur.Network.from_torch(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).half()), torch.ones(1, 2)),
        lambda _: ur.Network.from_torch(
            nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2).half()).float(), torch.ones(1, 2)
        ),
    ),
    "call module.to_empty(device='cpu') and load its weights": (
        lambda _: ur.Network.from_torch(nn.Linear(2, 2, device="meta"), torch.ones(1, 2)),
        lambda folder: ur.Network.from_torch(
            loaded(weights(folder), nn.Linear(2, 2, device="meta").to_empty(device="cpu")), torch.ones(1, 2)
        ),
    ),
    "ur.load(path, trust=True, example_input=batch)": (
        lambda folder: ur.load(pickled(folder), trust=True),
        lambda folder: ur.load(pickled(folder), trust=True, example_input=torch.ones(1, 2)),
    ),
    "which is not read; read the model up to the node before it (upto='linear')": (
        lambda _: read(lambda m, x: torch.sin(m.linear(x))),
        lambda _: read(lambda m, x: torch.sin(m.linear(x)), upto="linear"),
    ),
    "is sin, which is not read; hand over the part of the model behind it": (
        lambda _: read(lambda m, x: m.linear(torch.sin(x))),
        lambda _: read(lambda m, x: m.linear(x)),
    ),
    "or name the node (upto)": (
        lambda _: read(lambda m, x: (x, functional.relu(x))),
        lambda _: read(lambda m, x: (x, functional.relu(x)), upto="relu"),
    ),
    "use batch norm, which is affine in evaluation mode": (
        lambda _: read(lambda m, x: functional.rms_norm(x, (2,))),
        lambda _: ur.Network.from_torch(nn.BatchNorm1d(2).eval(), torch.ones(2, 2)),
    ),
    "replace it by an activation that is read (relu, leaky_relu, clamp, abs)": (
        lambda _: read(lambda m, x: functional.hardshrink(x)),
        lambda _: [read(lambda m, x, f=f: f(x)) for f in (torch.relu, functional.leaky_relu, _bounded, torch.abs)],
    ),
    "where it is F.rrelu pass training=self.training": (
        lambda _: read(lambda m, x: functional.rrelu(x, training=True)),
        lambda _: read(lambda m, x: functional.rrelu(x, training=m.training)),
    ),
    "use batch norm with track_running_stats=True": (
        lambda _: read(lambda m, x: m.norm(x)),
        lambda _: ur.Network.from_torch(nn.BatchNorm1d(2, track_running_stats=True).eval(), torch.ones(2, 2)),
    ),
    "is not one fixed function; call module.eval() first": (
        lambda _: ur.Network.from_torch(nn.Dropout(), torch.ones(2, 2)),
        lambda _: ur.Network.from_torch(nn.Dropout().eval(), torch.ones(2, 2)),
    ),
    "write x.flatten(1), not x.view(64, -1)": (
        lambda _: read(lambda m, x: x.view(2, -1)),
        lambda _: read(lambda m, x: x.flatten(1)),
    ),
    "and x.shape[0], not len(x)": (
        lambda _: read(lambda m, x: x.reshape(len(x), 2, 1)),
        lambda _: read(lambda m, x: x.reshape(x.shape[0], 2, 1)),
    ),
    "take what rounds (torch.autocast, x.half()) out of its forward": (
        lambda _: read(rounded),
        lambda _: read(lambda m, x: m.linear(x)),
    ),
    "convert the whole module to one dtype (module.float())": (
        lambda _: read(mixed),
        lambda _: ur.Network.from_torch(
            nn.Sequential(nn.Linear(2, 2).half(), nn.ReLU()).float().eval(), torch.ones(2, 2)
        ),
    ),
    "where it is F.dropout pass training=self.training": (
        lambda _: read(lambda m, x: functional.dropout(x)),
        lambda _: read(lambda m, x: functional.dropout(x, training=m.training)),
    ),
    "write x.flatten(1), not x.flatten()": (
        lambda _: read(lambda m, x: x.flatten()),
        lambda _: read(lambda m, x: x.flatten(1)),
    ),
    "with exact=True no row may be moved": (
        lambda _: ur.preimage(LAYER, at=X / 3, domain=THIRD, exact=True),
        lambda _: ur.preimage(LAYER, at=X / 3, domain=THIRD),
    ),
    "give Box(lower, upper), Nonnegative() or a Polyhedron": (
        lambda _: ur.preimage(LAYER, at=X, domain=(0, 1)),  # pyright: ignore[reportCallIssue, reportArgumentType]
        lambda _: [
            ur.preimage(LAYER, at=X, domain=D) for D in (ur.Box(0, 1), ur.Nonnegative(), ur.Polyhedron(upper=X))
        ],
    ),
    "it has no uniform distribution; bound it by a domain such as Box(0, 1)": (
        lambda _: ur.preimage(LAYER, at=-X).sample(9),
        lambda _: ur.preimage(LAYER, at=0 * X, domain=BOX).sample(9),
    ),
    "is undecided; bound it by a domain such as Box(0, 1)": (
        lambda _: undecided().sample(9),
        lambda _: ur.Intersection(BOX, undecided()).in_space(2).sample(2000),
    ),
    "leave it out for max(m, d) * eps": (
        lambda _: ur.spectrum(PREFIX, at=X, rtol=2),
        lambda _: ur.spectrum(PREFIX, at=X),
    ),
    "an unbounded one has no uniform distribution; bound it by a domain such as Box(0, 1)": (
        lambda _: draw(ur.Nonnegative().in_space(2), 9),
        lambda _: draw(BOX.in_space(2), 9),
    ),
    "which it is not, or not proved to be; bound it by a domain such as Box(0, 1)": (
        lambda _: ur.preimage(LAYER, at=-X).vertices(),
        lambda _: ur.preimage(LAYER, at=0 * X, domain=BOX).vertices(),
    ),
    "of what ur.classify(layer, inputs), ur.preimage(layer, ...), ur.admissibility(layer, inactive), "
    "ur.admissible_sets(layer) or ur.invert(net, ...) returned": (
        lambda folder: ur.save_certificates(LAYER, folder / "not"),  # pyright: ignore[reportArgumentType]
        lambda folder: [
            ur.save_certificates(ur.classify(LAYER, X[None], progress=False), folder / "many"),
            ur.save_certificates(ur.preimage(LAYER, at=X), folder / "one"),
            ur.save_certificates(ur.admissibility(LAYER, [0]), folder / "set"),
            ur.save_certificates(ur.admissible_sets(LAYER), folder / "sets"),
            ur.save_certificates(ur.invert(NET, HALF, domain=BOX), folder / "solutions"),
        ],
    ),
    "; or about its block alone, net.between(": (
        lambda _: blocks().layer("relu#3"),
        lambda _: [
            ur.preimage(blocks().between("relu", "relu#3"), at=blocks().upto("relu")(X[None])[0]),
            ur.spectrum(blocks().between("relu", "relu#3"), at=X),
        ],
    ),
    "give one input of the layer (net.layer_input(name, x)[i])": (
        lambda _: ur.preimage(NET.layer("relu2"), at=np.ones(3)),
        lambda _: ur.preimage(NET.layer("relu2"), at=NET.layer_input("relu2", X[None])[0]),
    ),
    "`pre.point` is a member, if any": (lambda _: ZERO.at, lambda _: ZERO.contains(np.asarray(ZERO.point))),
    "call torch.set_flush_denormal(False) there": (
        lambda _: in_a_flushing_thread(),
        lambda _: [torch.set_flush_denormal(False), ur.admissible_sets(LAYER)],
    ),
    "with turn=True the directions are those of the smallest singular values": (
        lambda _: ur.follow(PREFIX, at=X, turn=True, direction=X),
        lambda _: ur.follow(PREFIX, at=X, turn=True),
    ),
    "give a direction, or nonzero=False": (
        lambda _: ur.follow(PREFIX, at=-X),
        lambda _: [ur.follow(PREFIX, at=-X, direction=X), ur.follow(PREFIX, at=-X, nonzero=False)],
    ),
    "(window=ur.Window(...)), or for both ends of the spectrum without the matrix (ur.extreme_singular_values)": (
        lambda _: check_size("relu1", 10**6, 10**6),
        lambda _: [
            ur.spectrum(read(lambda m, x: functional.relu(m.linear(x))), at=X, window=ur.Window(channels=(0, 1))),
            ur.extreme_singular_values(PREFIX, at=X),
        ],
    ),
    "drop relu=False, or end the prefix in one of": (
        lambda _: ur.spectrum(NET, at=X, relu=False),
        lambda _: [ur.spectrum(NET, at=X), ur.spectrum(NET.upto(NET.layers[-1]), at=X, relu=False)],
    ),
    "ask them along with a Uniqueness, such as questions=[Uniqueness(Box(0, 1)), Ranges(3)]": (
        lambda _: ur.analyze(NET, X[None], questions=[Ranges(3)], progress=False),
        lambda _: ur.analyze(NET, X[None], questions=[Uniqueness(BOX), Ranges(3)], progress=False),
    ),
    "questions are those of ur.questions, such as ur.questions.Verdicts()": (
        lambda _: ur.analyze(NET, X[None], questions=[ur.questions.Verdicts], progress=False),  # pyright: ignore[reportArgumentType]
        lambda _: ur.analyze(NET, X[None], questions=[ur.questions.Verdicts()], progress=False),
    ),
    "a piecewise linear operator of unrelu.operators, such as ReLU() or LeakyReLU(slope)": (
        lambda _: ur.ReLULayer(EYE, np.zeros(2), activation=np.abs),  # pyright: ignore[reportArgumentType]
        lambda _: ur.ReLULayer(EYE, np.zeros(2), activation=LeakyReLU(torch.tensor(0.5, dtype=torch.float64))),
    ),
    "ask it, as in pre.region.ranges()": (
        lambda _: of_magnitudes().ranges(),
        lambda _: of_magnitudes().region.ranges(),
    ),
    'numpy.save("x.npy", table[columns].to_numpy(float)), and those with the classes': (
        lambda folder: table(folder / "t.csv"),
        lambda folder: table(folder / "x.npy"),
    ),
    "give those that the network takes, as floats, table[columns].to_numpy(float)": (
        lambda _: read_samples(TABLE, (2,)),
        lambda _: read_samples(TABLE[["a", "b"]].to_numpy(float), (2,)),
    ),
    "save it again in C order, numpy.save(path, numpy.ascontiguousarray(x))": (
        lambda folder: without_memory(folder, np.asfortranarray),
        lambda folder: without_memory(folder, np.ascontiguousarray),
    ),
    "move the channels first, numpy.moveaxis(x, -1, 1)": (
        lambda folder: batch(folder, np.ones((2, 4, 4, 5))),
        lambda folder: batch(folder, np.moveaxis(np.ones((2, 4, 4, 5)), -1, 1)),
    ),
    "stack samples of one shape as floats, numpy.stack(list)": (
        lambda _: ur.read_inputs(NET, np.array([X, None], dtype=object)),
        lambda _: ur.read_inputs(NET, np.stack([X, X])),
    ),
    "scale=255 (--scale 255) for pictures in [0, 1], which divides by 255, or scale=1 for": (
        lambda _: ur.read_inputs(NET, np.full((1, 2), 255)),
        lambda _: [ur.read_inputs(NET, np.full((1, 2), 255), scale=scale) for scale in (255, 1)],
    ),
    'leave the labels out (labels="none", --labels none)': (
        lambda _: ur.read_inputs(NET, [(X, 2)]),
        lambda _: ur.read_inputs(NET, [(X, 2)], labels="none"),
    ),
    "not bool; save mask.astype(bool), True where the input may move": (
        lambda folder: mask(folder, np.ones(4)),
        lambda folder: mask(folder, np.ones(4).astype(bool)),
    ),
    "ask for the piece of one input with ur.preimage(net, at=x)": (
        lambda _: ur.invert(WIDE, np.ones(65), domain=BOX),
        lambda _: ur.preimage(WIDE, at=np.ones(65)),
    ),
    "found in a box with finite ends; give domain=ur.Box(lower, upper)": (
        lambda _: ur.preimage(NET, features=HALF),
        lambda _: ur.preimage(NET, features=HALF, domain=BOX),
    ),
    "exact=True means a resolution of 0; leave noise and resolution out": (
        lambda _: ur.invert(NET, HALF, domain=BOX, exact=True, resolution=1e-9),
        lambda _: ur.invert(NET, HALF, domain=BOX, exact=True),
    ),
    "a network is inverted on a box; give ur.Box(lower, upper), the tightest around the domain": (
        lambda _: ur.invert(NET, HALF, domain=THIRD),
        lambda _: ur.invert(NET, HALF, domain=BOX),
    ),
    "in a bounded box only; give ur.Box(lower, upper) with finite ends": (
        lambda _: ur.invert(NET, HALF, domain=ur.Nonnegative()),
        lambda _: ur.invert(NET, HALF, domain=ur.Box(0, 2)),
    ),
    "a module is checked with an example input: give ur.check(module, example)": (
        lambda _: ur.check(Call(lambda m, x: m.linear(x))),
        lambda _: ur.check(Call(lambda m, x: m.linear(x)).eval(), torch.ones(2, 2), questions=False),
    ),
    "in their own dtype, as np.arange(256, dtype=np.float32) / np.float32(255)": (
        lambda _: ur.preimage(ur.ReLULayer(EYE, np.zeros(2)), at=HALF, domain=BOX).among(np.arange(256) / 255),
        lambda _: ur.preimage(ur.ReLULayer(EYE, np.zeros(2)), at=np.ones(2), domain=BOX).among(
            np.arange(256, dtype=np.float32) / np.float32(255)
        ),
    ),
}


@pytest.mark.parametrize("said", MESSAGES)
def test_the_call_that_a_message_names_answers(said: str, tmp_path: Path) -> None:
    wrong, right = MESSAGES[said]
    with pytest.raises(Exception, match=re.escape(said)) as refused:
        wrong(tmp_path)
    assert isinstance(refused.value, ur.errors.UnreluError)
    assert right(tmp_path) is not None


CALLED = re.compile(r"[A-Za-z_]\w*\.?\w*\((?! )|`\w+\.\w+`|\b[a-z_]+=(True|False|\w+\.)|\b(ur|net)\.\w+")


def raised(path: Path) -> list[str]:
    """What the errors of a file say, with "{}" for what is filled in."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        for call in [node.exc] if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) else []:
            for text in call.args[:1]:
                parts = text.values if isinstance(text, ast.JoinedStr) else [text]
                said = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
                found.append(said)
    return found


def test_every_message_that_names_a_call_is_in_the_table() -> None:
    naming = [said for path in SOURCE.rglob("*.py") for said in raised(path) if CALLED.search(said)]
    assert len(naming) > 20
    assert [said for said in naming if not any(known in said for known in MESSAGES)] == []
