"""The target of spliced ONNX models: what the tests of the intake write, joined and changed."""

from __future__ import annotations

import warnings
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import onnx
import torch

from fuzzing.graphs import spliced
from fuzzing.mutations import changed_bytes
from network.contract_cases import CASES
from network.onnx_builder import OnnxBuilder
from network.piecewise_cases import PIECEWISE
from network.smooth_cases import SMOOTH
from network.test_onnx_affine import CASES as AFFINE
from network.test_onnx_affine import LONE as AFFINE_LONE
from network.test_onnx_families import FAMILIES
from network.test_onnx_lone import CASES as LONE
from network.test_onnx_opsets import ordinary
from unrelu.network.load import load


@cache
def models() -> list[bytes]:
    """Small sound files, one for each case of the intake's tests."""
    torch.manual_seed(0)
    made = []
    for case in [*CASES, *PIECEWISE, *SMOOTH]:
        for batch in ("n", 1):
            b = OnnxBuilder(case.shape, opset=case.opset)
            made.append(b.model(case.write(b, case.make().eval()), batch))
    for shape, opset, write, _ in AFFINE.values():
        b = OnnxBuilder(shape, opset=opset)
        made.append(b.model(write(b), 1))
    alone = [(write, dims, 13) for dims, write, _ in AFFINE_LONE.values()]
    for write, dims, opset, *_ in [*LONE, *FAMILIES, *alone]:
        b = OnnxBuilder(dims[1:], opset=opset)
        made.append(b.model(write(b), dims[0]))
    for opset in (7, 10, 13, 18):
        b = OnnxBuilder((3, 7, 7), opset=opset)
        made.append(b.model(ordinary(b), 1))
    return [model.SerializeToString() for model in made]


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
