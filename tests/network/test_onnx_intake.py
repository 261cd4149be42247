"""Forms that only ONNX has, names, and all that can be wrong with a file; see test_intake_contract for the rest."""

import pickle
import re
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from network.onnx_builder import OnnxBuilder
from unrelu.errors import (
    IntakeMismatch,
    MissingExtra,
    ModelError,
    ModelFileError,
    NonFiniteWeights,
    ShapeError,
    TooLarge,
    TrainingMode,
    UnknownNode,
    UnsupportedOperator,
)
from unrelu.network.graph import Network
from unrelu.network.load import load
from unrelu.network.onnx_intake import library

Writing = Callable[[OnnxBuilder], str]
RNG = np.random.default_rng(5)
MATRIX = RNG.normal(size=(4, 4)).astype(np.float32)
FILTERS = RNG.normal(size=(2, 3, 3, 3)).astype(np.float32)


def read(folder: Any, write: Writing, shape: tuple[int, ...] = (4,), batch: Any = "n", **options: Any) -> Network:
    builder = OnnxBuilder(shape, **options)
    return Network.from_onnx(builder.save(folder, write(builder), batch))


# -- names and parts --------------------------------------------------------------------------------


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


# -- forms ------------------------------------------------------------------------------------------


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


# -- what is refused --------------------------------------------------------------------------------


BRANCH = helper.make_graph([], "branch", [], [])


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda b: b.node("Softmax", "x", name="top"), "node 'top' is Softmax.*drop it and ask about the logits"),
        (lambda b: b.node("LeakyRelu", "x"), "node 't0' is LeakyRelu, which is neither affine nor a ReLU"),
        (lambda b: b.node("MaxPool", "x", kernel_shape=[2]), "node 't0' is MaxPool.*average pooling"),
        (lambda b: b.node("Relu", "x", domain="com.example"), "node 't0' is com.example.Relu"),
        (lambda b: b.node("Clip", "x", b.weight(0.0), b.weight(6.0)), "node 't0' is Clip"),
        (lambda b: b.node("Clip", "x"), "node 't0' is Clip"),
        (lambda b: b.node("Max", "x", b.weight(1.0)), "node 't0' is Max"),
        (lambda b: b.node("Max", b.node("ReduceMean", "x", axes=[1]), b.weight(np.zeros(4))), "broadcasts its input"),
        (lambda b: b.node("Mul", "x", "x"), "node 't0' multiplies two values that both depend"),
        (lambda b: b.node("Div", b.weight(1.0), "x"), "takes a constant where only what depends on the input"),
        (lambda b: b.node("Div", "x", "x"), "computes its divisor from the input"),
        (lambda b: b.node("Div", "x", b.weight(0.0)), "node 't0' divides by a constant that is zero"),
        (lambda b: b.node("MatMul", b.weight(MATRIX), "x"), "takes a constant where"),
        (lambda b: b.node("MatMul", "x", "x"), "computes its matrix from the input"),
        (lambda b: b.node("MatMul", "x", b.weight(MATRIX[None])), "a stack of matrices"),
        (lambda b: b.node("Gemm", "x", b.weight(MATRIX), transA=1), "transposes its input, which mixes"),
        (lambda b: b.node("Gemm", "x", b.weight(MATRIX), b.weight(MATRIX)), r"adds an array of shape \(4, 4\), which"),
        (lambda b: b.node("Add", "x", b.weight(MATRIX)), "would mix the samples of a batch"),
        (lambda b: b.node("Add", "x", b.node("Unsqueeze", "x", b.integers(1))), "would mix the samples"),
        (lambda b: b.node("Flatten", "x", axis=0), "flattens from axis 0"),
        (lambda b: b.node("Flatten", "x", axis=2), "flattens from axis 2"),
        (lambda b: b.node("Reshape", "x", b.integers(1, -1)), r"reshapes samples of shape \(4,\) to \[1, -1\]"),
        (lambda b: b.node("Reshape", "x", b.integers(-1, 2)), r"to \[-1, 2\], which mixes"),
        (lambda b: b.node("Reshape", "x", b.integers(0, 3, -1)), "which mixes"),
        (lambda b: b.node("Transpose", "x"), "moves the batch axis"),
        (lambda b: b.node("Squeeze", "x"), "squeezes without naming axes"),
        (lambda b: b.node("Squeeze", "x", b.integers(0)), "squeezes the batch axis"),
        (lambda b: b.node("Unsqueeze", "x", b.integers(0)), "adds an axis before the batch"),
        (lambda b: b.node("Concat", "x", "x", axis=0), "joins along axis 0"),
        (lambda b: b.node("Slice", "x", b.integers(0), b.integers(1), b.integers(0)), "slices the batch"),
        (lambda b: b.node("Slice", "x", b.integers(4), b.integers(0), b.integers(1), b.integers(-1)), "backwards"),
        (lambda b: b.node("Pad", "x", b.integers(1, 0, 0, 0)), "pads the batch"),
        (lambda b: b.node("Pad", "x", b.integers(0, -1, 0, 0), mode="edge"), "in mode replicate"),
        (lambda b: b.node("ReduceMean", "x"), "takes the mean over the batch"),
        (lambda b: b.node("ReduceMean", "x", axes=[0]), "takes the mean over the batch"),
        (lambda b: b.node("Cast", "x", to=TensorProto.FLOAT16), "casts to another type than the input's"),
        (lambda b: b.node("Cast", b.weight(0.5), to=TensorProto.UINT8), "casts to a type that is not read"),
        (lambda b: b.node("Constant", value_string="word"), "a constant of a kind that is not read"),
        (lambda b: b.node("Relu", "x", "x"), r"\(Relu\) takes 2 inputs, another number than is read"),
        (lambda b: b.node("RandomNormal", shape=[4]), "node 't0' is RandomNormal"),
        (
            lambda b: b.node("If", b.weight(np.array(True)), then_branch=BRANCH, else_branch=BRANCH),
            "node 't0' is If, which is neither",
        ),
    ],
)
def test_operators_that_are_not_read_are_named(tmp_path, write, message):
    with pytest.raises(UnsupportedOperator, match=message):
        read(tmp_path, write)


@pytest.mark.parametrize(
    ("write", "error", "message"),
    [
        (lambda b: b.node("AveragePool", "x", kernel_shape=[2, 2], dilations=[2, 2]), UnsupportedOperator, "dilation"),
        (lambda b: b.node("AveragePool", "x", kernel_shape=[2, 2], pads=[0, 0, 1, 1], ceil_mode=1), UnsupportedOperator,
         "uneven padding and ceil_mode"),
        (lambda b: b.node("AveragePool", "x", kernel_shape=[2, 0]), ModelFileError, r"the kernel_shape \[2, 0\]"),
        (lambda b: b.node("AveragePool", "x", kernel_shape=[9, 9]), ShapeError, "average pooling with windows"),
        (lambda b: b.node("AveragePool", b.node("Flatten", "x"), kernel_shape=[1]), ModelFileError, "pools samples of"),
        (lambda b: b.node("Conv", "x", b.weight(FILTERS), auto_pad="SOMEHOW"), ModelFileError, "auto_pad 'SOMEHOW'"),
        (lambda b: b.node("Conv", "x", b.weight(FILTERS), pads=[-1, 0, 0, 0]), ModelFileError, r"pads \[-1, 0, 0"),
        (lambda b: b.node("Conv", "x", b.weight(FILTERS), strides=[1]), ModelFileError, r"strides \[1\] for 2 axes"),
        (lambda b: b.node("Conv", "x", b.weight(FILTERS), kernel_shape=[5, 5]), ModelFileError, "which do not fit"),
        (lambda b: b.node("Conv", "x", b.weight(FILTERS), pads=[10**9] * 4, strides=[10**9] * 2), ModelFileError,
         "asks for an array of shape"),
        (lambda b: b.node("Conv", "x", b.weight(FILTERS), dilations=[10**5] * 2), ModelFileError, "asks for an array"),
        (lambda b: b.node("Conv", "x", b.weight(FILTERS), dilations=[3, 1]), ShapeError, "smaller than the kernel"),
        (lambda b: b.node("Conv", "x", b.weight(FILTERS[:, :2])), ShapeError, "a convolution over 2 channels"),
        (lambda b: b.node("Conv", "x", "x"), UnsupportedOperator, "computes its filters from the input"),
        (lambda b: b.node("Pad", "x", b.integers(0, 0, 10**6, 10**6, 0, 0, 0, 0)), TooLarge, "node 't0' would give"),
        (lambda b: b.node("Pad", "x", b.integers(0, 1)), ModelFileError, "pads 4 axes by"),
        (lambda b: b.node("BatchNormalization", "x", *[b.weight(np.ones(3))] * 4, training_mode=1), TrainingMode,
         "node 't0' is in training mode"),
        (lambda b: b.node("BatchNormalization", "x", *[b.weight(-np.ones(3))] * 4), UnsupportedOperator,
         "a variance that is not positive"),
        (lambda b: b.node("BatchNormalization", "x", *[b.weight(np.ones(2))] * 4), ShapeError, "over 2 channels"),
        (lambda b: b.node("Dropout", "x", b.weight(0.5), b.weight(np.array(True))), TrainingMode, "drops units"),
        (lambda b: b.node("Transpose", "x", perm=[0, 5, 1, 2]), ModelFileError, "names the axis 5 of 4"),
        (lambda b: b.node("Transpose", "x", perm=[0, 1, 1, 2]), ShapeError, "has no axes"),
        (lambda b: b.node("Squeeze", "x", b.integers(1)), ModelFileError, "squeezes an axis that is not 1"),
        (lambda b: b.node("Reshape", "x", b.integers(0, -3)), ModelFileError, "which is no shape"),
        (lambda b: b.node("Reshape", "x", b.weight(0.5)), ModelFileError, "are no integers"),
        (lambda b: b.node("Gemm", "x", b.weight(FILTERS)), ModelFileError, "an array of 4 axes"),
        (lambda b: b.node("Gemm", "x", b.weight(MATRIX)), ShapeError, "a dense map with 4 inputs"),
        (lambda b: b.node("Add", "x", b.weight(np.ones(7))), ShapeError, "do not fit together"),
        (lambda b: b.node("Relu", "nowhere"), ModelFileError, "takes 'nowhere', which no node before it gives"),
        (lambda b: b.node("Relu", ""), UnsupportedOperator, "is Relu"),
        (lambda b: b.node("Identity", b.weight(1.0)), ModelFileError, "does not depend on the input"),
        (lambda b: b.node("Add", "x", b.node("Gather", b.weight(1.0), b.integers(9))), ModelFileError,
         r"\(Gather\) cannot be computed"),
        (lambda b: b.node("Add", "x", b.node("Mul", b.weight(np.ones((9000, 1))), b.weight(np.ones((1, 9000))))),
         ModelFileError, "asks for an array of shape"),
        (lambda b: b.node("Add", "x", b.node("ConstantOfShape", b.integers(2**40))), ModelFileError, "asks for"),
        (lambda b: b.node("Add", "x", b.weight(np.nan)), NonFiniteWeights, "node 't0' has NaN or infinite weights"),
        (lambda b: b.node("Mul", b.node("Mul", "x", b.weight(1e38)), b.weight(1e38)), ModelError,
         "the model itself gives NaN or infinite values at node 't1'"),
    ],
)  # fmt: skip
def test_damaged_or_absurd_nodes_are_named(tmp_path, write, error, message):
    with pytest.raises(error, match=message), np.errstate(over="ignore"):
        read(tmp_path, write, (3, 4, 5))


def test_scaled_float64_weights_would_be_rounded(tmp_path):
    def write(b: OnnxBuilder, alpha: float) -> str:
        return b.node("Gemm", "x", b.weight(MATRIX), alpha=alpha)

    assert read(tmp_path, lambda b: write(b, 0.25), dtype=np.float64).output_shape == (4,)
    with pytest.raises(UnsupportedOperator, match="scales float64 weights"):
        read(tmp_path, lambda b: write(b, 0.75), dtype=np.float64)


def test_two_nodes_that_give_the_same_are_damage(tmp_path):
    def write(b: OnnxBuilder) -> str:
        b.nodes.append(helper.make_node("Relu", ["x"], ["y"]))
        b.nodes.append(helper.make_node("Neg", ["x"], ["y"]))
        return "y"

    with pytest.raises(ModelFileError, match="two nodes give 'y'"):
        read(tmp_path, write)


# -- files ------------------------------------------------------------------------------------------


def relu_model() -> Any:
    builder = OnnxBuilder((4,))
    return builder.model(builder.node("Relu", builder.node("MatMul", "x", builder.weight(MATRIX))))


def _change(change: Callable[[Any], object]) -> Any:
    model = relu_model()
    change(model)
    return model


def _dim(model: Any, axis: int) -> Any:
    return model.graph.input[0].type.tensor_type.shape.dim[axis]


def _set_weight(**fields: Any) -> Callable[[Any], None]:
    def change(model: Any) -> None:
        weight = model.graph.initializer[0]
        for name, value in fields.items():
            if name == "dims":
                del weight.dims[:]
                weight.dims.extend(value)
            else:
                setattr(weight, name, value)

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set_weight(dims=[4, -4]), "weight 'w0' declares the sizes"),
        (_set_weight(dims=[2**40, 2**40]), "declares 1,208,925,819,614,629,174,706,176 numbers"),
        (_set_weight(dims=[4, 5]), r"declares 20 numbers \(\[4, 5\]\), but the file holds 16; it is damaged"),
        (_set_weight(raw_data=b"123"), "but the file holds 0.75"),
        (_set_weight(data_location=TensorProto.EXTERNAL), "weight 'w0' is stored outside the file"),
        (_set_weight(data_type=TensorProto.STRING), "has an element type or layout that is not read"),
        (_set_weight(data_type=99), "has an element type or layout that is not read"),
        (lambda m: m.graph.sparse_initializer.add(), "stores sparse weights"),
        (lambda m: m.opset_import[0].__setattr__("version", 8), "uses opset 8 of ONNX, older than 9"),
        (lambda m: m.graph.input.add(name="y"), r"has 2 inputs \('x', 'y'\)"),
        (lambda m: m.graph.output.add(name="y"), "has 2 outputs"),
        (lambda m: m.graph.ClearField("output"), "holds no graph with an input and an output"),
        (lambda m: _dim(m, 1).Clear(), "leaves its axis 1 open"),
        (lambda m: _dim(m, 1).__setattr__("dim_value", -4), "declares the size -4"),
        (lambda m: _dim(m, 0).__setattr__("dim_value", 0), "declares the size 0"),
        (lambda m: _dim(m, 1).__setattr__("dim_value", 2**60), "declares .* more than"),
        (lambda m: m.graph.input[0].type.tensor_type.ClearField("shape"), "declares no shape"),
        (lambda m: m.graph.input[0].type.tensor_type.__setattr__("elem_type", TensorProto.INT64), "is no tensor of"),
        (lambda m: m.graph.input[0].type.Clear(), "is no tensor of"),
        (lambda m: m.graph.node[0].ClearField("output"), "gives no result"),
        (lambda m: m.graph.output[0].__setattr__("name", "elsewhere"), "'elsewhere' does not depend on the input"),
    ],
)
def test_damaged_files_are_said_in_one_sentence(tmp_path, change, message):
    path = tmp_path / "model.onnx"
    path.write_bytes(_change(change).SerializeToString())
    with pytest.raises(ModelFileError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("cut", [0, 7, 100])
def test_cut_files_are_damaged(tmp_path, cut):
    path = tmp_path / "model.onnx"
    path.write_bytes(relu_model().SerializeToString()[:cut])
    with pytest.raises(ModelFileError, match=r"is damaged or no ONNX file|holds no graph"):
        load(path)


def test_weights_in_another_file_are_refused_even_where_it_exists(tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save_model(relu_model(), path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").exists()
    with pytest.raises(ModelFileError, match="save the model with its weights in one file"):
        load(path)


def test_files_over_the_limit_are_not_read(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.write_bytes(relu_model().SerializeToString())
    monkeypatch.setattr(library, "FILE_LIMIT", 100)
    with pytest.raises(ModelFileError, match="at most 100 are read"):
        load(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.onnx", "there is no file"),
        ("model.pt", "can run code when read.*Network.from_torch"),
        ("model.keras", "convert it to ONNX"),
        ("model.txt", re.escape("has the suffix '.txt'")),
        ("model", "has the suffix ''"),
    ],
)
def test_other_files_are_told_what_to_do(tmp_path, name, message):
    with pytest.raises(ModelFileError, match=message):
        load(tmp_path / name)


def test_loading_by_suffix_in_any_case(tmp_path):
    path = tmp_path / "MODEL.ONNX"
    path.write_bytes(relu_model().SerializeToString())
    assert load(str(path)).layers == ("t1",)


def test_missing_package_names_the_extra(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.write_bytes(relu_model().SerializeToString())
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtra, match=r'pip install "unrelu\[onnx\]"'):
        load(path)


def test_stored_functions_cannot_stand_in_for_operators(tmp_path):
    """A function of the file called Relu would make the reference compute something else, or what its maker likes."""
    model = relu_model()
    imports = [helper.make_opsetid("", 17)]
    model.functions.append(
        helper.make_function("", "Relu", ["a"], ["b"], [helper.make_node("Neg", ["a"], ["b"])], imports)
    )
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    x = RNG.normal(size=(3, 4))
    np.testing.assert_allclose(load(path)(x), np.maximum(x @ MATRIX.astype(float), 0))


def test_wrong_reading_of_an_operator_is_a_mismatch(tmp_path, monkeypatch):
    from unrelu.network.onnx_intake import moving

    monkeypatch.setitem(moving.HANDLERS, "Neg", moving.HANDLERS["Relu"])
    with pytest.raises(IntakeMismatch, match="node 'minus' computes"):
        read(tmp_path, lambda b: b.node("Relu", b.node("Neg", "x", name="minus")))


@pytest.mark.parametrize("axes", [None, {"x": {0: "n"}}], ids=["batch of one", "free batch"])
def test_file_of_torchs_own_exporter(tmp_path, axes):
    class Exported(torch.nn.Module):
        mean: torch.Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mean", torch.tensor(0.1307))
            self.features = torch.nn.Sequential(
                torch.nn.Conv2d(1, 4, 3, padding="same"),
                torch.nn.ReLU(inplace=True),
                torch.nn.BatchNorm2d(4),
                torch.nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular"),
                torch.nn.AvgPool2d(2),
            )
            self.fc = torch.nn.Linear(4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            h = self.features((x - self.mean) / 0.25).clamp(min=0)
            h = torch.nn.functional.dropout(h + 1, training=self.training)
            return self.fc(torch.nn.functional.adaptive_avg_pool2d(h, 1).view(x.size(0), -1))

    torch.manual_seed(8)
    module, path = Exported().eval(), tmp_path / "exported.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # this exporter is PyTorch's older one; the newer needs another package
        torch.onnx.export(
            module, (torch.rand(1, 1, 8, 8),), str(path), dynamo=False, input_names=["x"], dynamic_axes=axes
        )
    network = load(path)
    assert network.layers == ("/features/features.1/Relu", "/Clip")
    x = torch.rand(3, 1, 8, 8).double()
    torch.testing.assert_close(network(x), module.double()(x).detach(), rtol=1e-6, atol=1e-6)
