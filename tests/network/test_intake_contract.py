"""Both intakes read the same functions: the network equals the module in float64, with the float32 weights."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from network.contract_cases import CASES, Case
from network.onnx_builder import OnnxBuilder
from network.piecewise_cases import PIECEWISE
from network.smooth_cases import SMOOTH
from unrelu.network.graph import Network


def by_torch(case: Case, module: torch.nn.Module, folder: Path) -> Network:
    return Network.from_torch(module, torch.randn(1, *case.shape))


def by_torch_in_double(case: Case, module: torch.nn.Module, folder: Path) -> Network:
    return Network.from_torch(copy.deepcopy(module).double(), torch.randn(2, *case.shape).double())


def by_onnx(
    case: Case, module: torch.nn.Module, folder: Path, batch: str | int = "n", dtype: type = np.float32
) -> Network:
    builder = OnnxBuilder(case.shape, opset=case.opset, dtype=dtype)
    return Network.from_onnx(builder.save(folder, case.write(builder, module), batch=batch))


def by_onnx_of_three(case: Case, module: torch.nn.Module, folder: Path) -> Network:
    return by_onnx(case, module, folder, batch=3)


def by_onnx_in_double(case: Case, module: torch.nn.Module, folder: Path) -> Network:
    return by_onnx(case, module, folder, dtype=np.float64)


READ = [
    *((case, intake) for case in CASES for intake in (by_torch, by_onnx, by_onnx_of_three)),
    *((case, intake) for case in [*PIECEWISE, *SMOOTH] for intake in (by_torch, by_onnx)),
    *((case, by_torch_in_double) for case in [*CASES, *PIECEWISE, *SMOOTH]),
    *((case, by_onnx_in_double) for case in [*CASES, *PIECEWISE, *SMOOTH] if case.exact_in_double),
]


@pytest.mark.parametrize(("case", "intake"), READ, ids=lambda each: getattr(each, "name", None) or each.__name__)
def test_network_equals_module_in_float64(case, intake, tmp_path):
    torch.manual_seed(7)
    module = case.make().eval()
    network = intake(case, module, tmp_path)
    x = torch.randn(5, *case.shape)
    x = torch.cat([x, (2 * x).round() / 2])  # where numbers are equal, and kinks are hit
    expected = copy.deepcopy(module).double()(x.double()).detach()
    assert network.output_shape == tuple(expected.shape[1:])
    np.testing.assert_allclose(network(x.double()), expected, rtol=1e-12, atol=1e-12)
    # and its source computes the same, in the model's dtype
    assert network.source is not None
    for name, values in network.source.values(x, network.source.nodes).items():
        assert values.dtype == (torch.float64 if "double" in intake.__name__ else torch.float32)
        np.testing.assert_allclose(values, network.upto(name)(x.double()), rtol=1e-4, atol=1e-5)
    # and on the piece that each sample lies on, the operators are the affine maps that they say
    known = network.values(x.double(), [node.name for node in network.nodes])
    for node in network.nodes:
        operands = [known[name] for name in node.inputs]
        for k in range(len(x)) if node.is_piecewise_linear else ():
            mine = [operand[k : k + 1] for operand in operands]
            map_ = node.piecewise.selected(node.piecewise.branches(*mine)[0], [tuple(each.shape[1:]) for each in mine])
            torch.testing.assert_close(map_.apply(*mine)[0], known[node.name][k], rtol=1e-15, atol=0)
