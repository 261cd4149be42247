"""Names, forms that only ONNX has, and the source; what both intakes read alike is in test_intake_contract."""

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from network.onnx_builder import OnnxBuilder, read
from unrelu.errors import (
    IntakeMismatch,
    UnknownNode,
)
from unrelu.network.load import load

RNG = np.random.default_rng(5)
MATRIX = RNG.normal(size=(4, 4)).astype(np.float32)
FILTERS = RNG.normal(size=(2, 3, 3, 3)).astype(np.float32)


def test_nodes_keep_their_names_or_are_called_by_their_result(tmp_path):
    def write(b: OnnxBuilder) -> str:
        first = b.node("Gemm", "x", b.weight(MATRIX), name="/fc/Gemm")
        second = b.node("Relu", first, name="act")
        third = b.node("Gemm", second, b.weight(MATRIX), name="input")
        fourth = b.node("Relu", third, name="act")
        return b.node("Neg", fourth)

    network = read(tmp_path, write)
    assert [node.name for node in network.nodes] == ["input", "/fc/Gemm", "act", "input_", "act#2", "t4"]
    assert network.layers == ("act", "act#2")


def test_nodes_that_do_nothing_or_lead_nowhere_are_left_out(tmp_path):
    def write(b: OnnxBuilder) -> str:
        b.node("Softmax", "x", name="dead end")
        b.node("Anything", "x", name="of another maker", domain="some.where")
        dropped = b.node("Dropout", "x", b.weight(0.5), b.weight(np.array(False)), outputs=2)
        cast = b.node("Cast", b.node("Identity", dropped), to=TensorProto.FLOAT)
        return b.node("Relu", cast, name="r")

    network = read(tmp_path, write)
    assert [node.name for node in network.nodes] == ["input", "r"]


def test_source_runs_the_model_in_its_dtype_for_any_number_of_samples(tmp_path):
    def write(b: OnnxBuilder, batch: int) -> str:
        inner = b.node("Gemm", b.node("Reshape", "x", b.integers(batch, 4)), b.weight(MATRIX), name="fc")
        return b.node("Relu", inner, name="r")

    for size, batch in (("n", -1), (1, 1), (3, 3)):
        network = read(tmp_path, lambda b, batch=batch: write(b, batch), batch=size, dtype=np.float16)
        x = torch.randn(4, 4)
        source = network.source
        assert source is not None
        assert set(source.nodes) == {"input", "fc", "r"}
        values = pickle.loads(pickle.dumps(source)).values(x, ("fc", "r"))
        assert values["fc"].dtype == torch.float16
        expected = x.half().float() @ torch.from_numpy(MATRIX).half().float()
        torch.testing.assert_close(values["fc"].float(), expected, rtol=1e-2, atol=1e-2)
        assert torch.equal(values["r"], values["fc"].relu())
        with pytest.raises(UnknownNode, match="the model has no node 'nowhere'"):
            source.values(x, ("nowhere",))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_weights_come_over_exactly(tmp_path, dtype):
    values = RNG.normal(size=(4, 4)).astype(dtype)
    raw: Any = read(tmp_path, lambda b: b.node("MatMul", "x", b.weight(values)), dtype=dtype).node("output").operator
    np.testing.assert_array_equal(raw.weight.numpy(), values.T.astype(np.float64))


def test_weights_stored_as_typed_lists_are_read(tmp_path):
    def write(b: OnnxBuilder) -> str:
        b.weights.append(helper.make_tensor("listed", TensorProto.FLOAT, (4, 4), MATRIX.reshape(-1).tolist()))
        return b.node("MatMul", "x", "listed")

    np.testing.assert_allclose(read(tmp_path, write)(np.eye(4)), MATRIX)


def _old_flatten(b: OnnxBuilder) -> str:
    """What PyTorch's first exporter writes for x.view(x.size(0), -1)."""
    size = b.node("Gather", b.node("Shape", "x"), b.weight(np.array(0, dtype=np.int64)), axis=0)
    sizes = b.node("Concat", b.node("Unsqueeze", size, b.integers(0)), b.integers(-1), axis=0)
    return b.node("Reshape", "x", sizes)


def _computed_sizes(b: OnnxBuilder) -> str:
    shape = b.node("Cast", b.node("Shape", "x", start=1), to=TensorProto.INT64)
    rows = b.node("Slice", shape, b.integers(0), b.integers(1), b.integers(0))
    cells = b.node("Div", b.node("Mul", rows, b.integers(12)), b.node("Identity", rows))
    batch = b.node("Squeeze", b.node("Slice", b.node("Shape", "x"), b.integers(0), b.integers(1)))
    batch = b.node("Reshape", batch, b.integers(1))
    return b.node("Reshape", "x", b.node("Concat", batch, cells, axis=0))


def _constants(b: OnnxBuilder) -> str:
    row = b.node("Constant", value=numpy_helper.from_array(MATRIX[0]))
    halves = b.node("Constant", value_floats=[0.5, 0.25, 2.0, 1.0])
    four = b.node("Cast", b.node("Constant", value_int=4), to=TensorProto.FLOAT)
    two = b.node("Sqrt", four)
    half = b.node("Reciprocal", two)
    zeros = b.node("ConstantOfShape", b.node("Constant", value_ints=[4]))
    ones = b.node("ConstantOfShape", b.integers(4), value=numpy_helper.from_array(np.ones(1, dtype=np.float32)))
    sums = b.node("Sub", b.node("Add", b.node("Mul", row, halves), ones), b.node("Neg", zeros))
    turned = b.node(
        "Squeeze", b.node("Transpose", b.node("Unsqueeze", sums, b.integers(0)), perm=[1, 0]), b.integers(1)
    )
    return b.node("Div", b.node("Mul", b.node("Sub", turned, "x"), half), b.node("Constant", value_float=0.25))


CONSTANTS = MATRIX[0] * np.array([0.5, 0.25, 2.0, 1.0], dtype=np.float32) + 1


@pytest.mark.parametrize(
    ("write", "shape", "opset", "expected"),
    [
        (_old_flatten, (3, 4), 13, lambda x: x.reshape(-1, 12)),
        (_computed_sizes, (3, 4), 15, lambda x: x.reshape(-1, 12)),
        (_constants, (4,), 17, lambda x: (CONSTANTS - x) * 2),
        (lambda b: b.node("Clip", "x", min=0.0), (4,), 9, lambda x: np.maximum(x, 0)),
        (lambda b: b.node("Clip", "x", min=0.0, max=3.4028234663852886e38), (4,), 9, lambda x: np.maximum(x, 0)),
        (lambda b: b.node("Clip", "x", b.weight(0.0), b.weight(np.inf)), (4,), 13, lambda x: np.maximum(x, 0)),
        (lambda b: b.node("Max", b.weight(0.0), "x"), (4,), 13, lambda x: np.maximum(x, 0)),
        (lambda b: b.node("Relu", b.node("Max", "x")), (4,), 13, lambda x: np.maximum(x, 0)),
        (lambda b: b.node("Pad", "x", pads=[0, 1, 0, 2], value=3.0), (4,), 10,
         lambda x: np.pad(x, ((0, 0), (1, 2)), constant_values=3)),
        (lambda b: b.node("Pad", "x", b.integers(0, 0, 1, 0, 1, 0, 0, 0, 2, 0), mode="reflect"), (2, 3, 3, 4), 13,
         lambda x: np.pad(x, ((0, 0), (0, 0), (1, 0), (0, 2), (1, 0)), mode="reflect")),
        (lambda b: b.node("Slice", "x", starts=[-3], ends=[-1], axes=[1]), (4,), 9, lambda x: x[:, 1:3]),
        (lambda b: b.node("Unsqueeze", "x", axes=[1, 2]), (4,), 11, lambda x: x[:, None, None]),
        (lambda b: b.node("ReduceMean", "x", noop_with_empty_axes=1), (4,), 18, lambda x: x),
        (lambda b: b.node("Flatten", "x", axis=-1), (4,), 13, lambda x: x),
        (lambda b: b.node("Reshape", "x", b.integers(0, 0), allowzero=0), (4,), 14, lambda x: x),
        (lambda b: b.node("Gemm", "x", b.weight(MATRIX), b.weight(MATRIX[:1]), beta=2.0), (4,), 13,
         lambda x: x @ MATRIX.astype(float) + 2 * MATRIX[:1]),
        (lambda b: b.node("Gemm", "x", b.weight(MATRIX), b.weight(0.5), alpha=0.0), (4,), 13,
         lambda x: np.full_like(x, 0.5)),
        (lambda b: b.node("AveragePool", "x", kernel_shape=[2], auto_pad="SAME_LOWER"), (1, 3), 13,
         lambda x: np.stack([x[..., 0], x[..., :2].mean(-1), x[..., 1:].mean(-1)], -1)),
        (lambda b: b.node("AveragePool", "x", kernel_shape=[2], pads=[0, 3], count_include_pad=1), (1, 3), 13,
         lambda x: np.stack([x[..., :2].mean(-1), x[..., 1:].mean(-1), x[..., 2] / 2, *[0 * x[..., 2]] * 2], -1)),
    ],
)  # fmt: skip
def test_forms_of_operators(tmp_path, write, shape, opset, expected):
    x = RNG.normal(size=(5, *shape))
    np.testing.assert_allclose(read(tmp_path, write, shape, opset=opset)(x), expected(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mode", ["SAME_UPPER", "SAME_LOWER"])
def test_automatic_padding_of_convolutions(tmp_path, mode):
    def write(b: OnnxBuilder) -> str:
        return b.node("Conv", "x", b.weight(FILTERS[:, :, :2]), auto_pad=mode, strides=[2, 1])

    x = torch.randn(2, 3, 7, 5).double()
    pads = (1, 1, 1, 0) if mode == "SAME_LOWER" else (1, 1, 0, 1)
    weight = torch.from_numpy(FILTERS[:, :, :2]).double()
    expected = torch.nn.functional.conv2d(torch.nn.functional.pad(x, pads), weight, stride=(2, 1))
    torch.testing.assert_close(read(tmp_path, write, (3, 7, 5))(x), expected)


def test_batch_norm_of_old_opsets_is_in_evaluation_mode(tmp_path):
    stored = [np.abs(RNG.normal(size=4)) + 0.1 for _ in range(4)]

    def write(b: OnnxBuilder) -> str:
        return b.node("BatchNormalization", "x", *(b.weight(values) for values in stored), momentum=0.5)

    scale, bias, mean, variance = (values.astype(np.float32).astype(float) for values in stored)
    x = RNG.normal(size=(3, 4))
    expected = (x - mean) / np.sqrt(variance + float(np.float32(1e-5))) * scale + bias
    np.testing.assert_allclose(read(tmp_path, write, opset=11)(x), expected, rtol=1e-12)


def test_stored_functions_cannot_stand_in_for_operators(tmp_path):
    """A function of the file called Relu would make the reference compute something else, or what its maker likes."""
    builder = OnnxBuilder((4,))
    model = builder.model(builder.node("Relu", builder.node("MatMul", "x", builder.weight(MATRIX))))
    imports = [helper.make_opsetid("", 17)]
    model.functions.append(
        helper.make_function("", "Relu", ["a"], ["b"], [helper.make_node("Neg", ["a"], ["b"])], imports)
    )
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    x = RNG.normal(size=(3, 4))
    np.testing.assert_allclose(load(path)(x), np.maximum(x @ MATRIX.astype(float), 0))


def test_wrong_reading_of_an_operator_is_a_mismatch(tmp_path, monkeypatch):
    from unrelu.intake.onnx import registry

    monkeypatch.setitem(registry.OPERATORS, "Neg", registry.OPERATORS["Relu"])
    with pytest.raises(IntakeMismatch, match="node 'minus' computes"):
        read(tmp_path, lambda b: b.node("Relu", b.node("Neg", "x", name="minus")))
