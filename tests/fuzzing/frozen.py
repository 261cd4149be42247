"""The models that spliced ones are made of, frozen: a case of `splice` means the same whatever tests are added.

`PYTHONPATH=src:tests python -m fuzzing.frozen` freezes those that the intake's tests write now. All numbers are
other cases then, and the corpus has to be made anew.
"""

from __future__ import annotations

import base64
import gzip
import json
from functools import cache
from pathlib import Path

import torch

from network.contract_cases import CASES
from network.onnx_builder import OnnxBuilder
from network.piecewise_cases import PIECEWISE
from network.smooth_cases import SMOOTH
from network.test_onnx_affine import CASES as AFFINE
from network.test_onnx_affine import LONE as AFFINE_LONE
from network.test_onnx_families import FAMILIES
from network.test_onnx_lone import CASES as LONE
from network.test_onnx_opsets import ordinary

FILE = Path(__file__).parent / "models.json.gz"


@cache
def models() -> list[bytes]:
    """The frozen ones, serialized: small sound files, one for each case that the intake's tests had."""
    return [base64.b64decode(each) for each in json.loads(gzip.decompress(FILE.read_bytes()))]


def written_now() -> list[bytes]:
    """Those that the intake's tests write now."""
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


def freeze() -> None:
    """Write the file."""
    texts = [base64.b64encode(each).decode("ascii") for each in written_now()]
    FILE.write_bytes(gzip.compress(json.dumps(texts).encode("ascii"), mtime=0))


if __name__ == "__main__":
    freeze()
