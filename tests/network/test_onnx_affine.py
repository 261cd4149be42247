"""Affine operators of ONNX: as NumPy computes them, and as onnxruntime does in float32."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import numpy_helper

from network.onnx_builder import OnnxBuilder
from unrelu.errors import ModelFileError, UnsupportedOperator
from unrelu.network.load import load

RNG = np.random.default_rng(31)
MATRIX = RNG.normal(size=(4, 4)).astype(np.float32)
STACK = RNG.normal(size=(1, 2, 3, 4)).astype(np.float32)
MASK = np.array([[True, False, True, False], [False, False, True, True], [True, True, True, False]])
WRONG: Any = None
"""Where there is no plain form by NumPy: onnxruntime's is the oracle alone."""

Write = Callable[[OnnxBuilder], str]


def constant(b: OnnxBuilder, values: Any) -> str:
    return b.node("Constant", value=numpy_helper.from_array(np.asarray(values)))


def split(b: OnnxBuilder, *sizes: int, **more: Any) -> str:
    first = b.node("Split", "x", *([b.integers(*sizes)] if sizes else []), axis=1, outputs=2, **more)
    return b.node("Concat", f"{first}_1", first, axis=1)


def joined(b: OnnxBuilder) -> str:
    """Constants that are expanded to the size of the batch, as exporters write them."""
    size = b.node("Slice", b.node("Shape", "x"), b.integers(0), b.integers(1))
    parts = [
        b.node("Expand", b.weight(np.full((1, rows, 3), number)), b.node("Concat", size, b.integers(rows, 3), axis=0))
        for rows, number in ((1, 2.0), (2, 0.0))
    ]
    return b.node("Concat", parts[0], "x", parts[1], axis=1)


def _f(values: np.ndarray) -> np.ndarray:
    return values.astype(float)


W = RNG.normal(size=(4, 3, 3, 2)).astype(np.float32)
GROUPED = RNG.normal(size=(4, 1, 3, 3)).astype(np.float32)
W1 = RNG.normal(size=(4, 2, 3)).astype(np.float32)
W3 = RNG.normal(size=(2, 1, 2, 2, 2)).astype(np.float32)

CASES: dict[str, tuple[tuple[int, ...], int, Write, Callable[[np.ndarray], np.ndarray] | None]] = {
    "gather": ((4, 3), 13, lambda b: b.node("Gather", "x", b.integers(2, -4, 1), axis=1), lambda x: x[:, [2, 0, 1]]),
    "gather one": ((4, 3), 13, lambda b: b.node("Gather", "x", b.weight(np.array(-1)), axis=2), lambda x: x[:, :, -1]),
    "gather a table": ((4, 3), 13, lambda b: b.node("Gather", "x", b.weight(np.array([[0, 1], [3, 3]])), axis=1),
                       lambda x: x[:, [[0, 1], [3, 3]]]),
    "split": ((5, 2), 13, lambda b: split(b, 2, 3), lambda x: np.concatenate([x[:, 2:], x[:, :2]], 1)),
    "split evenly": ((4, 2), 13, split, lambda x: np.concatenate([x[:, 2:], x[:, :2]], 1)),
    "split by an attribute": ((5, 2), 11, lambda b: split(b, split=[4, 1]),
                              lambda x: np.concatenate([x[:, 4:], x[:, :4]], 1)),
    "split unevenly": ((5, 2), 18, lambda b: split(b, num_outputs=2),
                       lambda x: np.concatenate([x[:, 3:], x[:, :3]], 1)),
    "sums": ((4, 3), 13, lambda b: b.node("ReduceSum", "x", b.integers(-1), keepdims=0), lambda x: x.sum(-1)),
    "sums over two axes": ((4, 3), 11, lambda b: b.node("ReduceSum", "x", axes=[1, 2]),
                           lambda x: x.sum((1, 2), keepdims=True)),
    "sum of several": ((4, 3), 13, lambda b: b.node("Sum", b.weight(MATRIX[0, :3]), "x", b.node("Neg", "x"), "x"),
                       lambda x: x + MATRIX[0, :3]),
    "mean of several": ((4, 3), 13, lambda b: b.node("Mean", "x", b.weight(np.ones(3)), b.node("Relu", "x")),
                        lambda x: (x + 1 + np.maximum(x, 0)) / 3),
    "expanded": ((1, 3), 13, lambda b: b.node("Expand", "x", b.integers(1, 4, 1)), lambda x: x.repeat(4, 1)),
    "tiled": ((2, 3), 13, lambda b: b.node("Tile", "x", b.integers(1, 2, 3)), lambda x: np.tile(x, (1, 2, 3))),
    "where": ((3, 4), 13, lambda b: b.node("Where", b.weight(MASK), "x", b.node("Neg", "x")),
              lambda x: np.where(MASK, x, -x)),
    "where, else a number": ((3, 4), 13, lambda b: b.node("Where", b.weight(MASK), "x", b.weight(2.0)),
                             lambda x: np.where(MASK, x, 2)),
    "where, a number first": ((3, 4), 13, lambda b: b.node("Where", b.weight(MASK), b.weight(MATRIX[0]), "x"),
                              lambda x: np.where(MASK, _f(MATRIX[0]), x)),
    "backwards": ((4, 3), 13, lambda b: b.node("Slice", "x", b.integers(-1, 2), b.integers(-(2**62), 0),
                                               b.integers(1, 2), b.integers(-1, -2)), lambda x: x[:, ::-1, 2:0:-2]),
    "joined with constants": ((2, 3), 13, joined, lambda x: np.concatenate([0 * x[:, :1] + 2, x, 0 * x], 1)),
    "constants times and beside each other": (
        (4,), 13, lambda b: b.node("MatMul", "x", b.node("Concat", b.node("MatMul", b.weight(MATRIX), b.weight(MATRIX)),
                                                         b.weight(MATRIX), axis=1)),
        lambda x: x @ _f(np.concatenate([MATRIX @ MATRIX, MATRIX], 1))),
    "matrix from the left": ((4, 3), 13, lambda b: b.node("MatMul", b.weight(MATRIX), "x"), lambda x: _f(MATRIX) @ x),
    "row from the left": ((4, 3), 13, lambda b: b.node("MatMul", b.weight(MATRIX[0]), "x"),
                          lambda x: _f(MATRIX[0]) @ x),
    "a stack of matrices": ((2, 3, 3), 13, lambda b: b.node("MatMul", "x", b.weight(STACK)), lambda x: x @ _f(STACK)),
    "times a vector": ((3, 4), 13, lambda b: b.node("MatMul", "x", b.weight(MATRIX[0])), lambda x: x @ _f(MATRIX[0])),
    "einsum": ((3, 4), 13, lambda b: b.node("Einsum", "x", b.weight(MATRIX), equation="b i j, o j -> b o i"),
               lambda x: np.einsum("bij,oj->boi", x, _f(MATRIX))),
    "einsum with dots": ((3, 4), 13, lambda b: b.node("Einsum", b.weight(MATRIX), "x", equation="jk,...j->...k"),
                         lambda x: x @ _f(MATRIX)),
    "cumulative sums": ((3, 4), 13, lambda b: b.node("CumSum", "x", b.weight(np.array(-1))), lambda x: x.cumsum(-1)),
    "cumulative sums, the other way": (
        (3, 4), 13, lambda b: b.node("CumSum", "x", b.weight(np.array(1)), exclusive=1, reverse=1),
        lambda x: x[:, ::-1].cumsum(1)[:, ::-1] - x),
    "triangle": ((3, 4), 14, lambda b: b.node("Trilu", "x", b.weight(np.array(1)), upper=0), lambda x: np.tril(x, 1)),
    "upper triangle": ((3, 4), 14, lambda b: b.node("Trilu", "x"), np.triu),
    "depth to space": ((8, 2, 3), 13, lambda b: b.node("DepthToSpace", "x", blocksize=2), WRONG),
    "depth to space, CRD": ((8, 2, 3), 13, lambda b: b.node("DepthToSpace", "x", blocksize=2, mode="CRD"), WRONG),
    "space to depth": ((2, 4, 6), 13, lambda b: b.node("SpaceToDepth", "x", blocksize=2), WRONG),
    "padding of channels": ((2, 3, 3), 13, lambda b: b.node("Pad", "x", b.integers(0, 1, 1, 0, 0, 0, 1, 2),
                                                            mode="reflect"),
                            lambda x: np.pad(x, ((0, 0), (1, 0), (1, 1), (0, 2)), "reflect")),
    "padding of four axes": ((2, 2, 2, 2), 13, lambda b: b.node("Pad", "x", b.integers(0, *[1] * 4, 0, *[1] * 4),
                                                                mode="edge"),
                             lambda x: np.pad(x, ((0, 0), *[(1, 1)] * 4), "edge")),
    "gemm with a bias from the input": (
        (4,), 13, lambda b: b.node("Gemm", b.node("Relu", "x"), b.weight(MATRIX), "x", alpha=0.5, beta=-2.0),
        lambda x: np.maximum(x, 0) @ _f(MATRIX) / 2 - 2 * x),
    "transposed convolution": (
        (4, 4, 5), 13, lambda b: b.node("ConvTranspose", "x", b.weight(W), b.weight(np.ones(3)), strides=[2, 3],
                                        pads=[1, 0, 2, 1], dilations=[2, 1]), WRONG),
    "transposed convolution in groups": (
        (4, 4, 5), 13, lambda b: b.node("ConvTranspose", "x", b.weight(GROUPED), b.weight(np.ones(2)), group=2,
                                        strides=[2, 2], pads=[1] * 4, output_padding=[1, 0]), WRONG),
    "transposed convolution, same": (
        (4, 4, 5), 13, lambda b: b.node("ConvTranspose", "x", b.weight(W), strides=[2, 2],
                                        auto_pad="SAME_UPPER"), WRONG),
    "transposed convolution, same at the start": (
        (4, 4, 5), 13, lambda b: b.node("ConvTranspose", "x", b.weight(W), strides=[2, 2],
                                        auto_pad="SAME_LOWER"), WRONG),
    "transposed convolution into a size": (
        (4, 4, 5), 13, lambda b: b.node("ConvTranspose", "x", b.weight(W), strides=[3, 3],
                                        output_shape=[10, 13]), WRONG),
    "transposed convolution 1d": ((4, 5), 11, lambda b: b.node("ConvTranspose", "x", b.weight(W1), group=2), WRONG),
    "transposed convolution 3d": ((2, 2, 3, 2), 13, lambda b: b.node("ConvTranspose", "x", b.weight(W3),
                                                                     strides=[2, 1, 2]), WRONG),
    "upsampling of opset 9": ((2, 2, 3), 9, lambda b: b.node("Upsample", "x", b.weight([1.0, 1.0, 2.0, 3.0])),
                              lambda x: x.repeat(2, 2).repeat(3, 3)),
    "upsampling of opset 7": ((2, 2, 3), 7, lambda b: b.node("Upsample", "x", scales=[1.0, 1.0, 2.0, 3.0]),
                              lambda x: x.repeat(2, 2).repeat(3, 3)),
    "linear upsampling of opset 9": ((2, 2, 3), 9, lambda b: b.node("Upsample", "x", b.weight([1.0, 1.0, 2.0, 2.0]),
                                                                    mode="linear"), WRONG),
    "resizing of opset 10": ((2, 2, 3), 10, lambda b: b.node("Resize", "x", b.weight([1.0, 1.0, 2.0, 2.0]),
                                                             mode="linear"), WRONG),
    "resizing along named axes": ((2, 3, 3), 18, lambda b: b.node("Resize", "x", "", "", b.integers(5, 6), axes=[2, 3],
                                                                  mode="linear"), WRONG),
    "shrinking": ((1, 6, 6), 13, lambda b: b.node("Resize", "x", "", b.weight([1.0, 1.0, 0.5, 0.5])),
                  lambda x: x[:, :, ::2, ::2]),
}  # fmt: skip


def _resize(mode: str, coordinates: str, nearest: str) -> Write:
    attributes: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": coordinates, "nearest_mode": nearest}
    return lambda b: b.node("Resize", "x", "", b.weight([1.0, 1.0, 2.0, 1.5]), **attributes)


for _coordinates in ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"):
    for _mode, _nearest in (
        *(("nearest", each) for each in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")),
        ("linear", "floor"),
        ("cubic", "floor"),
    ):
        _name = f"resizing, {_coordinates}, {_mode}{', ' + _nearest if _mode == 'nearest' else ''}"
        CASES[_name] = ((2, 4, 4), 13, _resize(_mode, _coordinates, _nearest), WRONG)


def ordinary_oracle(path: Any, x: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x.astype(np.float32)})[0])


@pytest.mark.parametrize("batch", ["n", 1, 2])
@pytest.mark.parametrize("case", CASES)
def test_affine_operators(tmp_path, case, batch):
    shape, opset, write, expected = CASES[case]
    b = OnnxBuilder(shape, opset=opset)
    path = b.save(tmp_path, write(b), batch)
    network = load(path)
    x = RNG.normal(size=(2, *shape)).astype(np.float32)
    found = np.asarray(network(x.astype(float)))
    if expected is not None:
        np.testing.assert_allclose(found, expected(x.astype(float)), rtol=1e-6, atol=1e-6)
        if "constant" not in case:
            np.testing.assert_allclose(found, expected(x.astype(float)), rtol=1e-12, atol=1e-12)
    if batch != 1:
        np.testing.assert_allclose(found, ordinary_oracle(path, x), rtol=1e-4, atol=1e-5)
    assert any(node.is_affine for node in network.nodes[1:])
    assert not any(node.is_smooth for node in network.nodes)
    # and a Jacobian is the operators' own
    zero = np.asarray(network(np.zeros((1, *shape))))
    if all(node.is_affine for node in network.nodes):
        np.testing.assert_allclose(np.asarray(network(2.0 * x)) - zero, 2 * (found - zero), rtol=1e-9, atol=1e-9)


LONE: dict[str, tuple[list[int], Write, Callable[[np.ndarray], np.ndarray]]] = {
    "elements": ([3, 4], lambda b: b.node("GatherElements", "x", b.weight(np.array([[1, -1], [0, 2], [3, 3]])), axis=1),
                 lambda x: np.take_along_axis(x, np.array([[1, 3], [0, 2], [3, 3]]), 1)),
    "positions": ([1, 3, 4], lambda b: b.node("GatherND", "x", b.weight(np.array([[0, -1, 1], [0, 0, 0]]))),
                  lambda x: np.array([x[2, 1], x[0, 0]])),
    "rows at positions": ([1, 3, 4], lambda b: b.node("GatherND", "x", b.weight(np.array([[0, 2], [0, 0]]))),
                          lambda x: x[[2, 0]]),
    "gemm from the left": ([4, 3], lambda b: b.node("Gemm", b.weight(MATRIX), "x", b.weight(MATRIX[:, :3]), transA=1,
                                                    alpha=0.5, beta=2.0),
                           lambda x: _f(MATRIX).T @ x / 2 + 2 * _f(MATRIX[:, :3])),
    "gemm, all transposed": ([3, 4], lambda b: b.node("Gemm", b.weight(MATRIX), "x", transA=1, transB=1),
                             lambda x: _f(MATRIX).T @ x.T),
    "gemm of a transposed input": ([4, 3], lambda b: b.node("Gemm", "x", b.weight(MATRIX), transA=1),
                                   lambda x: x.T @ _f(MATRIX)),
    "tiled": ([3], lambda b: b.node("Tile", "x", b.integers(2)), lambda x: np.tile(x, 2)),
    "expanded": ([3], lambda b: b.node("Expand", "x", b.integers(2, 1)), lambda x: np.tile(x, (2, 1))),
    "einsum": ([3, 4], lambda b: b.node("Einsum", "x", b.weight(MATRIX), equation="ij,jk"), lambda x: x @ _f(MATRIX)),
    "trace": ([4, 4], lambda b: b.node("Einsum", "x", b.weight(MATRIX), equation="ij,ij->"),
              lambda x: np.sum(x * _f(MATRIX))),
}  # fmt: skip


@pytest.mark.parametrize("case", LONE)
def test_affine_operators_of_one_sample(tmp_path, case):
    dims, write, expected = LONE[case]
    b = OnnxBuilder(dims[1:], opset=13)
    network = load(b.save(tmp_path, write(b), dims[0]))
    for sample in RNG.normal(size=(3, *network.input_shape)):
        np.testing.assert_allclose(network(sample[None])[0], expected(sample), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("write", "error", "message"),
    [
        (lambda b: b.node("LpPool", b.node("Unsqueeze", "x", b.integers(1)), kernel_shape=[2]), UnsupportedOperator,
         "is LpPool, which is not read; replace it by max or average pooling"),
        (lambda b: b.node("Where", b.node("Greater", "x", b.weight(0.0)), "x", "x"), UnsupportedOperator, "is Greater"),
        (lambda b: b.node("Gather", "x", b.integers(4), axis=1), ModelFileError, "picks places that an axis of size 4"),
        (lambda b: b.node("Gather", "x", b.integers(0), axis=0), UnsupportedOperator, "picks samples, which mixes"),
        (lambda b: b.node("Split", "x", b.integers(1, 2), axis=1, outputs=2), ModelFileError,
         r"4 places into \[1, 2\]"),
        (lambda b: b.node("Split", "x", axis=0, outputs=2), UnsupportedOperator, "splits the batch"),
        (lambda b: b.node("Tile", "x", b.integers(2, 1)), UnsupportedOperator, "repeats the batch"),
        (lambda b: b.node("Tile", "x", b.integers(1, 2**40)), ModelFileError, "asks for an array of shape"),
        (lambda b: b.node("Expand", "x", b.integers(2, 1, 4)), UnsupportedOperator, "expands samples of shape"),
        (lambda b: b.node("ReduceSum", "x", b.integers(0)), UnsupportedOperator, "takes the sum over the batch"),
        (lambda b: b.node("CumSum", "x", b.weight(np.array(0))), UnsupportedOperator, "sums up the batch"),
        (lambda b: b.node("Einsum", "x", b.weight(MATRIX), equation="bi,bi->b"), UnsupportedOperator, "the batch"),
        (lambda b: b.node("Einsum", "x", b.weight(MATRIX), equation="bij,jk->bik"), ModelFileError, "has the equation"),
        (lambda b: b.node("Resize", "x", "", b.weight([1.0, 2.0]), antialias=1), UnsupportedOperator,
         "is affine, but not read yet"),
        (lambda b: b.node("Resize", "x", "", b.weight([2.0, 1.0])), UnsupportedOperator, "resizes the batch"),
        (lambda b: b.node("Resize", "x", "", b.weight([1.0, 1e30])), ModelFileError, "from 1 to 16,384 are read"),
        (lambda b: b.node("Pad", "x", b.integers(0, -1, 0, 0)), UnsupportedOperator, "cuts by negative padding"),
        (lambda b: b.node("GatherND", "x", b.integers(0)), UnsupportedOperator, "picks samples by position"),
        (lambda b: b.node("Concat", "x", b.weight(MATRIX), axis=1), UnsupportedOperator, "samples"),
        (lambda b: b.node("ScatterND", "x", b.weight(np.array([[0, 0]])), b.weight([1.0])), UnsupportedOperator,
         "affine, but not read yet"),
    ],
)  # fmt: skip
def test_what_is_not_read_is_named(tmp_path, write, error, message):
    b = OnnxBuilder((4,), opset=18)
    with pytest.raises(error, match=message):
        load(b.save(tmp_path, write(b), "n"))
