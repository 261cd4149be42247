"""The ways by which a network of the zoo comes in: from PyTorch, and from the files of its two ONNX exporters.

`cd tests && python -m zoo.intakes` writes the files of the newer exporter again.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from functools import cache
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

import unrelu as ur
from zoo.animal import Animal
from zoo.building import built, samples
from zoo.others import OTHERS
from zoo.pictures import PICTURES

FILES = Path(__file__).parent / "files"


@cache
def read(animal: Animal) -> ur.Network:
    """The network from PyTorch in float64, with its head where that is cut off; half a second each, so only once."""
    module, example = built(animal).double(), samples(animal, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ur.errors.HeadWarning)
        network = ur.Network.from_torch(module, example)
    return ur.Network.from_torch(module, example, upto=network.head) if network.head else network


def loaded(path: Path) -> ur.Network:
    """The network in a file, and with it its head where that is cut off."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ur.errors.HeadWarning)
        network = ur.load(path)
    return ur.load(path, upto=network.head) if network.head else network


def older(module: nn.Module, example: Tensor, path: Path) -> Path:
    """A file by the exporter of TorchScript, for batches of any size."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (example,), path, dynamo=False, opset_version=17,
            input_names=["x"], output_names=["y"], dynamic_axes={"x": {0: "n"}, "y": {0: "n"}},
        )  # fmt: skip
    return path


def newer(animal: Animal) -> bytes:
    """What the newer exporter writes, for batches of any size, without its notes (which name files of the machine)."""
    module, example = built(animal), samples(animal, 2)
    if animal.newer == "float32":
        example = example.float()
    else:
        module = module.double()
    logging.disable(logging.WARNING)  # that torchvision is not there
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                module, (example,), dynamo=True, input_names=["x"], output_names=["y"], verbose=False,
                dynamic_shapes=({0: torch.export.Dim("n")},),
            )  # fmt: skip
    finally:
        logging.disable(logging.NOTSET)
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    graph = model.graph
    del graph.value_info[:]
    for each in [model, graph, *graph.node, *graph.initializer, *graph.input, *graph.output]:
        each.doc_string = ""
        del each.metadata_props[:]
    return model.SerializeToString(deterministic=True)


def committed(animal: Animal) -> Path:
    """The file of the newer exporter that is kept."""
    return FILES / f"{re.sub('[^a-z0-9]+', '-', animal.name.lower()).strip('-')}.onnx"


def main() -> None:
    """Write all of them."""
    FILES.mkdir(exist_ok=True)
    for animal in [*PICTURES, *OTHERS]:
        committed(animal).write_bytes(newer(animal))


if __name__ == "__main__":
    main()
