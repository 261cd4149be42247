"""Nodes of ONNX graphs that are not read, damaged or absurd: each is named."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from network.onnx_builder import OnnxBuilder, read
from unrelu.errors import (
    ModelError,
    ModelFileError,
    NonFiniteWeights,
    ShapeError,
    TooLarge,
    TrainingMode,
    UnsupportedOperator,
)

RNG = np.random.default_rng(5)
MATRIX = RNG.normal(size=(4, 4)).astype(np.float32)
FILTERS = RNG.normal(size=(2, 3, 3, 3)).astype(np.float32)


BRANCH = helper.make_graph([], "branch", [], [])


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (
            lambda b: b.node("Sin", b.node("Relu", "x", name="act"), name="top"),
            r"node 'top' is Sin, which is not read; read the model up to the node before it \(upto='act'\)",
        ),
        (lambda b: b.node("ThresholdedRelu", "x"), "replace it by an activation that is read"),
        (lambda b: b.node("MaxRoiPool", "x", b.weight(MATRIX), pooled_shape=[2, 2]), "node 't0' is MaxRoiPool"),
        (lambda b: b.node("Relu", "x", domain="com.example"), "node 't0' is com.example.Relu"),
        (lambda b: b.node("Max", "x", ""), "node 't0' is not given all that it computes with"),
        (lambda b: b.node("Max", "x", b.weight(MATRIX)), "would mix the samples of a batch"),
        (lambda b: b.node("ReduceMax", "x"), "takes the maximum over the batch"),
        (lambda b: b.node("ReduceMin", "x", axes=[0, 1]), "takes the minimum over the batch"),
        (lambda b: b.node("Softmax", "x", axis=0), "takes the softmax over the batch"),
        (lambda b: b.node("LayerNormalization", "x", b.weight(MATRIX), axis=0), "normalises over the batch"),
        (lambda b: b.node("Pow", "x", b.weight(3.0)), "raises to another power than 2"),
        (lambda b: b.node("Div", b.weight(1.0), "x"), "takes a constant where only what depends on the input"),
        (lambda b: b.node("Div", "x", "x"), "computes its divisor from the input"),
        (lambda b: b.node("Div", "x", b.weight(0.0)), "node 't0' divides by a constant that is zero"),
        (lambda b: b.node("MatMul", b.weight(MATRIX), "x"), "multiplies a matrix by a batch of vectors, which mixes"),
        (lambda b: b.node("MatMul", "x", "x"), "multiplies signals that are not both matrices"),
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
        (lambda b: b.node("Squeeze", "x", b.integers(0)), "squeezes the batch axis"),
        (lambda b: b.node("Unsqueeze", "x", b.integers(0)), "adds an axis before the batch"),
        (lambda b: b.node("Concat", "x", "x", axis=0), "joins along axis 0"),
        (lambda b: b.node("Slice", "x", b.integers(0), b.integers(1), b.integers(0)), "slices the batch"),
        (lambda b: b.node("Pad", "x", b.integers(1, 0, 0, 0)), "pads the batch"),
        (lambda b: b.node("Pad", "x", b.integers(0, -1, 0, 0), mode="edge"), "cuts by negative padding"),
        (lambda b: b.node("ReduceMean", "x"), "takes the mean over the batch"),
        (lambda b: b.node("ReduceMean", "x", axes=[0]), "takes the mean over the batch"),
        (lambda b: b.node("Cast", "x", to=TensorProto.FLOAT16), "casts to another type than the input's"),
        (lambda b: b.node("Cast", b.weight(0.5), to=TensorProto.UINT8), "casts to a type that is not read"),
        (lambda b: b.node("Constant", value_string="word"), "a constant of a kind that is not read"),
        (lambda b: b.node("Relu", "x", "x"), r"\(Relu\) takes 2 inputs, another number than is read"),
        (lambda b: b.node("RandomNormal", shape=[4]), "node 't0' is RandomNormal"),
        (
            lambda b: b.node("If", b.weight(np.array(True)), then_branch=BRANCH, else_branch=BRANCH),
            "node 't0' is If, which is not read",
        ),
    ],
)
def test_operators_that_are_not_read_are_named(tmp_path, write, message):
    with pytest.raises(UnsupportedOperator, match=message):
        read(tmp_path, write)


@pytest.mark.parametrize(
    ("write", "error", "message"),
    [
        (lambda b: b.node("Conv", "x", b.weight(FILTERS), b.weight(np.ones((2, 1)))), ModelFileError,
         r"has a bias of shape \(2, 1\)"),
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
         "a running variance that is not positive"),
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


def test_later_results_of_a_node_are_named(tmp_path):
    def write(b: OnnxBuilder) -> str:
        pooled = b.node("MaxPool", "x", kernel_shape=[2], outputs=2, name="pool")
        return b.node("Cast", f"{pooled}_1", to=TensorProto.FLOAT)

    with pytest.raises(UnsupportedOperator, match=r"later result of node 'pool'.*\(upto='pool'\)"):
        read(tmp_path, write, (2, 4))


def test_softmax_over_several_axes_is_named(tmp_path):
    with pytest.raises(UnsupportedOperator, match="over several axes, as before opset 13"):
        read(tmp_path, lambda b: b.node("Neg", b.node("Softmax", "x")), (2, 3), opset=11)
