"""Both intakes read the same functions: the network equals the module in float64, with the float32 weights."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from network.contract_cases import CASES, Case
from network.onnx_builder import OnnxBuilder
from unrelu.network.graph import Network


def by_torch(case: Case, module: torch.nn.Module, folder: Path) -> Network:
    return Network.from_torch(module, torch.randn(1, *case.shape))


def by_onnx(case: Case, module: torch.nn.Module, folder: Path) -> Network:
    builder = OnnxBuilder(case.shape, opset=case.opset)
    return Network.from_onnx(builder.save(folder, case.write(builder, module)))


def by_onnx_of_three(case: Case, module: torch.nn.Module, folder: Path) -> Network:
    builder = OnnxBuilder(case.shape, opset=case.opset)
    return Network.from_onnx(builder.save(folder, case.write(builder, module), batch=3))


@pytest.mark.parametrize("intake", [by_torch, by_onnx, by_onnx_of_three])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_network_equals_module_in_float64(case, intake, tmp_path):
    torch.manual_seed(7)
    module = case.make().eval()
    network = intake(case, module, tmp_path)
    x = torch.randn(5, *case.shape)
    expected = copy.deepcopy(module).double()(x.double()).detach()
    assert network.output_shape == tuple(expected.shape[1:])
    np.testing.assert_allclose(network(x.double()), expected, rtol=1e-12, atol=1e-12)
    # and its source computes the same, in float32
    assert network.source is not None
    for name, values in network.source.values(x, network.source.nodes).items():
        assert values.dtype == torch.float32
        np.testing.assert_allclose(values, network.upto(name)(x.double()), rtol=1e-4, atol=1e-5)
