"""Small files in the forms of the families that are public (VNN-COMP and peers): what is in them besides layers."""

from typing import Any

import numpy as np
import pytest
import torch
from onnx import helper, numpy_helper
from torch import Tensor
from torch.nn import functional

from network.onnx_builder import OnnxBuilder
from unrelu.network.load import load

RNG = np.random.default_rng(41)


def weights(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


FILTERS, NARROW, SHORT, WIDE = weights(4, 3, 3, 3), weights(4, 4, 3, 3), weights(4, 3, 1, 1), weights(5, 16)
HEAD, STATISTICS = weights(3, 4), [np.abs(weights(4)) + 0.5 for _ in range(4)]
ONE, TWO, LAST = weights(6, 2), weights(6, 6), weights(1, 6)


def t(values: Any) -> Tensor:
    return torch.from_numpy(np.asarray(values, dtype=np.float64))


def nano(b: OnnxBuilder) -> str:
    """test_nano: one number in, one out, no batch axis anywhere."""
    return b.node("Relu", b.node("MatMul", "x", b.weight(np.array([[2.0]]))), name="act")


def small(b: OnnxBuilder) -> str:
    """test_tiny, test_small: x is a column, matrices are on its left."""
    hidden = b.node("Relu", b.node("Add", b.node("MatMul", b.weight(ONE), "x"), b.weight(np.ones((6, 1)))))
    return b.node("MatMul", b.weight(LAST), hidden)


def oval(b: OnnxBuilder) -> str:
    """oval21: constants as nodes, pictures with a batch of one, Flatten."""
    filters = b.node("Constant", value=numpy_helper.from_array(FILTERS))
    made = b.node("Conv", "x", filters, kernel_shape=[3, 3], pads=[1] * 4, strides=[2, 2], dilations=[1, 1], group=1)
    made = b.node("Flatten", b.node("Relu", made), axis=1)
    return b.node("Gemm", made, b.weight(WIDE), b.weight(np.ones(5)), alpha=1.0, beta=1.0, transB=1)


def tiny_imagenet(b: OnnxBuilder) -> str:
    """TinyImageNet ResNets: the normalisation in front, a block with a shortcut, the size of the batch computed."""
    made = b.node("Div", b.node("Sub", "x", b.weight(np.full((1, 3, 1, 1), 0.25))), b.weight(np.full((3, 1, 1), 0.5)))
    first = b.node("BatchNormalization", b.node("Conv", made, b.weight(FILTERS), pads=[1] * 4, strides=[2, 2]),
                   *map(b.weight, STATISTICS), momentum=0.9)  # fmt: skip
    inner = b.node("Conv", b.node("Relu", first), b.weight(NARROW), pads=[1] * 4)
    made = b.node("Relu", b.node("Add", inner, b.node("Conv", made, b.weight(SHORT), strides=[2, 2])))
    made = b.node("AveragePool", made, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=0)
    size = b.node("Unsqueeze", b.node("Gather", b.node("Shape", made), b.weight(np.array(0)), axis=0), axes=[0])
    made = b.node("Reshape", made, b.node("Concat", size, b.integers(-1), axis=0))
    return b.node("Gemm", made, b.weight(HEAD), transB=1)


def vgg(b: OnnxBuilder) -> str:
    """VGG: pools, Dropout with its mask, Reshape to a stored shape."""
    made = b.node("Conv", "x", b.weight(FILTERS), pads=[1] * 4)
    made = b.node("MaxPool", b.node("Relu", made), kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4)
    made = b.node("Dropout", b.node("Reshape", made, b.integers(1, 16)), outputs=2)
    return b.node("Gemm", made, b.weight(WIDE), transB=1)


def collins(b: OnnxBuilder) -> str:
    """collins_rul_cnn: filters along one of two axes, and a single number out."""
    made = b.node("Relu", b.node("Conv", "x", b.weight(FILTERS[:, :, :, :1]), pads=[1, 0, 1, 0]))
    made = b.node("Reshape", made, b.integers(1, -1))
    return b.node("Gemm", made, b.weight(np.ones((64, 1))), b.weight(np.array([0.5])))


def nn4sys(b: OnnxBuilder) -> str:
    """nn4sys: parts of the input go through networks of their own, and are put together again."""
    left = b.node("Slice", "x", b.integers(0), b.integers(2), b.integers(1))
    right = b.node("Split", "x", b.integers(2, 2), axis=1, outputs=2)
    parts = [b.node("Relu", b.node("MatMul", each, b.weight(ONE.T))) for each in (left, f"{right}_1")]
    joined = b.node("ReduceSum", b.node("Mul", b.node("Concat", *parts, axis=1), b.weight(np.arange(12.0))),
                    b.integers(1), keepdims=1)  # fmt: skip
    return b.node("Sub", b.weight(np.ones(1)), joined)


def cctsdb(b: OnnxBuilder) -> str:
    """cctsdb_yolo: a vector in which a picture and more lie, taken apart by Gather and Slice."""
    picture = b.node(
        "Reshape", b.node("Slice", "x", b.integers(0), b.integers(48), b.integers(1)), b.integers(1, 3, 4, 4)
    )
    extra = b.node("Gather", "x", b.integers(49, 48), axis=1)
    made = b.node("Relu", b.node("Conv", picture, b.weight(FILTERS), strides=[2, 2], pads=[1] * 4))
    made = b.node("Flatten", made)
    return b.node("Add", b.node("Gather", made, b.integers(0, 5), axis=1), extra)


def _tiny(x: Tensor) -> Tensor:
    made = (x - 0.25) / 0.5
    scale, bias, mean, variance = map(t, STATISTICS)
    first = functional.batch_norm(functional.conv2d(made, t(FILTERS), None, 2, 1), mean, variance, scale, bias)
    inner = functional.conv2d(first.relu(), t(NARROW), None, 1, 1) + functional.conv2d(made, t(SHORT), None, 2)
    return functional.avg_pool2d(inner.relu(), 2).flatten(1) @ t(HEAD).T


def _nn4sys(x: Tensor) -> Tensor:
    parts = torch.cat([x[:, :2] @ t(ONE).T, x[:, 2:] @ t(ONE).T], 1).relu()
    return 1 - (parts * torch.arange(12.0).double()).sum(1, keepdim=True)


def _cctsdb(x: Tensor) -> Tensor:
    made = functional.conv2d(x[:, :48].reshape(-1, 3, 4, 4), t(FILTERS), None, 2, 1).relu().flatten(1)
    return made[:, [0, 5]] + x[:, [49, 48]]


FAMILIES = [
    (nano, [1], 9, lambda x: (2 * x).relu()),
    (small, [2, 1], 8, lambda x: t(LAST) @ (t(ONE) @ x + 1).relu()),
    (oval, [1, 3, 4, 4], 9,
     lambda x: functional.conv2d(x, t(FILTERS), None, 2, 1).relu().flatten(1) @ t(WIDE).T + 1),
    (tiny_imagenet, [1, 3, 4, 4], 11, _tiny),
    (tiny_imagenet, ["n", 3, 4, 4], 11, _tiny),
    (vgg, [1, 3, 4, 4], 8,
     lambda x: functional.max_pool2d(functional.conv2d(x, t(FILTERS), None, 1, 1).relu(), 2).flatten(1) @ t(WIDE).T),
    (collins, [1, 3, 4, 4], 11,
     lambda x: functional.conv2d(x, t(FILTERS[:, :, :, :1]), None, 1, (1, 0)).relu().flatten(1).sum(1, True) + 0.5),
    (nn4sys, [1, 4], 13, _nn4sys),
    (nn4sys, ["n", 4], 13, _nn4sys),
    (cctsdb, [1, 50], 12, _cctsdb),
]  # fmt: skip


@pytest.mark.parametrize(("write", "dims", "opset", "expected"), FAMILIES)
@pytest.mark.parametrize("listed", [False, True], ids=["", "weights among the inputs"])
def test_files_in_the_forms_of_public_families(tmp_path, write, dims, opset, expected, listed):
    b = OnnxBuilder(dims[1:], opset=opset)
    model = b.model(write(b), dims[0])
    if listed:  # as before the third version of the format of files
        for weight in model.graph.initializer:
            model.graph.input.append(helper.make_tensor_value_info(weight.name, weight.data_type, weight.dims))
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    network = load(tmp_path / "m.onnx")
    x = torch.from_numpy(RNG.normal(size=(4, *network.input_shape)))
    torch.testing.assert_close(network(x), expected(x), rtol=1e-10, atol=1e-10)
    assert network.layers
