"""The target of spliced ONNX models: what the tests of the intake wrote, joined and changed."""

from __future__ import annotations

import warnings
from pathlib import Path
from random import Random

import numpy as np
import onnx

from fuzzing.frozen import models
from fuzzing.graphs import spliced
from fuzzing.mutations import changed_bytes
from unrelu.network.load import load


def make_spliced(folder: Path, chance: Random) -> None:
    """Write a spliced model, with a file of numbers and a link out of the folder beside it."""
    model = spliced(models(), onnx.load_model_from_string, chance)
    (folder / "m.onnx").write_bytes(model.SerializeToString())
    (folder / "w.bin").write_bytes(np.arange(512, dtype=np.float32).tobytes())
    (folder / "link").symlink_to("/dev/zero")
    names = [name for node in model.graph.node for name in (node.name, *node.output)]
    if chance.random() < 0.2:
        (folder / "upto").write_text(chance.choice(names), encoding="utf-8")


def change_spliced(folder: Path, chance: Random) -> None:
    """Change bytes, or cut the file, of some."""
    path = folder / "m.onnx"
    if chance.random() < 0.15:
        path.write_bytes(changed_bytes(path.read_bytes(), chance))


def read_spliced(folder: Path) -> object:
    """Read the model, up to a node or all of it, and compute with it."""
    named = folder / "upto"
    upto = named.read_text(encoding="utf-8") if named.exists() else None
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of ONNX's reference evaluator
        network = load(folder / "m.onnx", upto=upto)
    found = np.asarray(network(np.zeros((1, *network.input_shape))))
    assert found.shape == (1, *network.output_shape)
    return network
