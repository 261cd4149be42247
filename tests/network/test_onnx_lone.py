"""Graphs that are always given one sample: without a batch axis, or with a batch of one that nodes take out or move.

The files are built as those of known families are, small; the expected values are NumPy's, written out.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper

from network.onnx_builder import OnnxBuilder
from unrelu.errors import ModelFileError, UnsupportedOperator
from unrelu.network.load import load

RNG = np.random.default_rng(11)
W1, W2, W3 = (RNG.normal(size=shape).astype(np.float32) for shape in ((6, 5), (6, 6), (3, 6)))
B1, B2, B3 = (RNG.normal(size=len(W)).astype(np.float32) for W in (W1, W2, W3))
FILTERS = RNG.normal(size=(2, 1, 3, 3)).astype(np.float32)


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def mlp(x: np.ndarray) -> np.ndarray:
    """Of vectors in rows."""
    return relu(relu(x @ W1.T.astype(float) + B1) @ W2.T.astype(float) + B2) @ W3.T.astype(float) + B3


def _layers(b: OnnxBuilder, x: str, layer: Callable[[str, np.ndarray, np.ndarray], str]) -> str:
    for k, (W, bias) in enumerate(((W1, B1), (W2, B2), (W3, B3))):
        x = layer(x, W, bias)
        x = x if k == 2 else b.node("Relu", x, name=f"relu{k}")
    return x


def _rows(b: OnnxBuilder, x: str) -> str:
    return _layers(b, x, lambda x, W, c: b.node("Add", b.node("MatMul", x, b.weight(W.T)), b.weight(c)))


def _left(b: OnnxBuilder, x: str, column: bool) -> str:
    return _layers(
        b, x, lambda x, W, c: b.node("Add", b.node("MatMul", b.weight(W), x), b.weight(c[:, None] if column else c))
    )


def _gemm(b: OnnxBuilder, x: str) -> str:
    return _layers(b, x, lambda x, W, c: b.node("Gemm", x, b.weight(W), b.weight(c), transB=1))


def acas_xu(b: OnnxBuilder) -> str:
    """Opset 8; (1, 1, 1, 5): the means are taken off first, then Flatten, and MatMul with Add."""
    centred = b.node("Sub", "x", b.weight(np.zeros((1, 1, 5)) + 0.25), name="input_Sub")
    return _rows(b, b.node("Flatten", centred, axis=1))


def flattened_from_the_front(b: OnnxBuilder) -> str:
    return _rows(b, b.node("Flatten", b.node("Flatten", "x", axis=0), axis=0))


def vert_cas(b: OnnxBuilder) -> str:
    return _left(b, "x", column=False)


def reshaped_to_a_vector(b: OnnxBuilder) -> str:
    return _rows(b, b.node("Reshape", "x", b.integers(-1)))


def squeezed(b: OnnxBuilder) -> str:
    return _left(b, b.node("Squeeze", "x"), column=False)


def column(b: OnnxBuilder) -> str:
    return b.node("Reshape", _left(b, "x", column=True), b.integers(3))


def mnist_fc(b: OnnxBuilder) -> str:
    return _gemm(b, b.node("Flatten", "x", axis=1))


def mnist_fc_of_a_column(b: OnnxBuilder) -> str:
    return _gemm(b, b.node("Flatten", "x", axis=0))


def transposed(b: OnnxBuilder) -> str:
    """As converters from other frameworks write it: the column x is turned, and turned back."""
    row = b.node("Transpose", "x", perm=[1, 0])
    return b.node("Transpose", _rows(b, row), perm=[1, 0])


def gathered_sizes(b: OnnxBuilder) -> str:
    size = b.node("Gather", b.node("Shape", "x"), b.weight(np.array(0, dtype=np.int64)), axis=0)
    return _rows(
        b, b.node("Reshape", "x", b.node("Concat", b.node("Unsqueeze", size, axes=[0]), b.integers(-1), axis=0))
    )


CASES = [
    (acas_xu, [1, 1, 1, 5], 8, (1, 1, 5), (3,), lambda x: mlp(x.reshape(-1, 5) - 0.25)),
    (flattened_from_the_front, [1, 1, 5], 8, (1, 5), (3,), lambda x: mlp(x.reshape(-1, 5))),
    (vert_cas, [5], 9, (5,), (3,), mlp),
    (reshaped_to_a_vector, [1, 1, 1, 5], 7, (1, 1, 5), (3,), lambda x: mlp(x.reshape(-1, 5))),
    (reshaped_to_a_vector, [5], 13, (5,), (3,), mlp),
    (squeezed, [1, 5], 11, (5,), (3,), mlp),
    (column, [5, 1], 9, (5, 1), (3,), lambda x: mlp(x[..., 0])),
    (mnist_fc, [1, 5, 1], 12, (5, 1), (3,), lambda x: mlp(x[..., 0])),
    (mnist_fc_of_a_column, [5, 1], 12, (5, 1), (3,), lambda x: mlp(x[..., 0])),
    (transposed, [5, 1], 13, (5, 1), (3, 1), lambda x: mlp(x[..., 0])[..., None]),
    (gathered_sizes, [1, 5, 1], 11, (5, 1), (3,), lambda x: mlp(x[..., 0])),
]  # fmt: skip


@pytest.mark.parametrize(("write", "dims", "opset", "entry", "exit_", "expected"), CASES)
def test_the_whole_of_a_tensor_may_be_one_sample(tmp_path, write, dims, opset, entry, exit_, expected):
    b = OnnxBuilder(dims[1:], opset=opset)
    network = load(b.save(tmp_path, write(b), batch=dims[0]))
    assert (network.input_shape, network.output_shape) == (entry, exit_)
    assert network.layers == ("relu0", "relu1")
    x = RNG.normal(size=(4, *entry))
    np.testing.assert_allclose(network(x), expected(x), rtol=1e-12, atol=1e-12)
    assert network.source is not None
    values = network.source.values(torch.from_numpy(x), network.source.nodes)
    for name, value in values.items():
        np.testing.assert_allclose(value, network.upto(name)(x), rtol=1e-4, atol=1e-4)


def _forms(b: OnnxBuilder) -> str:
    """What has a batch of one beside what has none, in one graph."""
    vector = b.node("Reshape", "x", b.integers(-1), name="vector")
    again = b.node("Unsqueeze", vector, b.integers(0))
    both = b.node("Add", b.node("Relu", again), vector)
    table = b.node("Mul", both, b.weight(np.arange(3.0)[:, None] + 1))
    turned = b.node("Transpose", table, perm=[1, 0])
    part = b.node("Slice", turned, b.integers(1), b.integers(3), b.integers(0))
    joined = b.node("Concat", part, part, axis=0)
    padded = b.node("Pad", joined, b.integers(1, 0, 0, 0))
    largest = b.node("ReduceMax", padded, axes=[0], keepdims=0)
    weighted = b.node("Softmax", b.node("Unsqueeze", largest, b.integers(0)), axis=1)
    return b.node("Sub", weighted, b.node("ReduceMean", padded, axes=[0, 1]))


def test_nodes_act_on_any_axis_where_there_is_no_batch(tmp_path):
    b = OnnxBuilder((2, 2))
    network = load(b.save(tmp_path, _forms(b), batch=1))
    x = RNG.normal(size=(5, 2, 2))
    for sample, found in zip(x, network(x), strict=True):
        vector = sample.reshape(-1)
        table = (relu(vector) + vector) * (np.arange(3.0)[:, None] + 1)
        part = table.T[1:3]
        padded = np.pad(np.concatenate([part, part]), ((1, 0), (0, 0)))
        powers = np.exp(padded.max(0))
        np.testing.assert_allclose(found, powers / powers.sum() - padded.mean(), rtol=1e-12, atol=1e-12)


def test_a_picture_goes_through_convolutions_and_out_as_a_vector(tmp_path):
    """As in VNN-COMP's cifar_bias_field, a vector becomes a picture on the way, with a batch of one."""
    b = OnnxBuilder((16,))
    field = b.node("Gemm", "x", b.weight(np.eye(16)), b.weight(np.ones(16)), transB=1)
    picture = b.node("Reshape", field, b.integers(1, 1, 4, 4))
    made = b.node("Relu", b.node("Conv", picture, b.weight(FILTERS)), name="act")
    vector = b.node("Reshape", made, b.integers(-1))
    last = b.node("MatMul", vector, b.weight(np.ones((8, 2))))
    network = load(b.save(tmp_path, last, batch=1))
    x = RNG.normal(size=(3, 16))
    windows = np.lib.stride_tricks.sliding_window_view((x + 1).reshape(3, 4, 4), (3, 3), axis=(1, 2))
    hidden = relu(np.einsum("nxyij,kij->nkxy", windows, FILTERS[:, 0].astype(float)))
    np.testing.assert_allclose(network(x), hidden.reshape(3, 8) @ np.ones((8, 2)), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("write", "error", "message"),
    [
        (lambda b: b.node("Reshape", "x", b.integers(3)), ModelFileError, "which do not hold as many"),
        (lambda b: b.node("Relu", b.node("Reshape", "x", b.integers(4, -1))), ModelFileError, "do not hold as many"),
        (lambda b: b.node("Squeeze", "x", b.integers(1)), ModelFileError, "squeezes an axis that is not 1"),
        (lambda b: b.node("Unsqueeze", "x", b.integers(1, 1)), ModelFileError, "one of them twice"),
        (lambda b: b.node("Flatten", "x", axis=9), ModelFileError, "flattens from axis 9 of 3"),
        (lambda b: b.node("GlobalAveragePool", b.node("Transpose", "x", perm=[1, 0, 2])), UnsupportedOperator,
         r"takes \(2,\) samples, made of the one that the graph is given"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(tmp_path, write, error, message):
    b = OnnxBuilder((2, 3))
    with pytest.raises(error, match=message):
        load(b.save(tmp_path, write(b), batch=1))


def test_a_free_batch_stays_one(tmp_path):
    b = OnnxBuilder((5,))
    with pytest.raises(UnsupportedOperator, match="which mixes the samples of a batch"):
        load(b.save(tmp_path, b.node("Reshape", "x", b.integers(-1)), batch="n"))


def picked_with_the_batch_behind(b: OnnxBuilder) -> str:
    """As the newer exporter of PyTorch writes x[:, [2, 0]]: the batch goes to the end, and comes back."""
    turned = b.node("Transpose", "x", perm=[1, 2, 0])
    return b.node("Transpose", b.node("GatherND", turned, b.weight(np.array([[2], [0]]))), perm=[2, 0, 1], name="end")


def stacked_and_summed(b: OnnxBuilder) -> str:
    """torch.stack([x, relu(x)]).sum(0)"""
    parts = [b.node("Unsqueeze", each, b.integers(0)) for each in ("x", b.node("Relu", "x"))]
    return b.node("ReduceSum", b.node("Concat", *parts, axis=0), b.integers(0), keepdims=0)


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (picked_with_the_batch_behind, lambda x: x[:, [2, 0]]),
        (stacked_and_summed, lambda x: x + relu(x)),
        (lambda b: b.node("Relu", b.node("Squeeze", "x")), relu),
    ],
)
def test_a_free_batch_may_be_moved_about_if_samples_are_not_mixed(tmp_path, write, expected):
    b = OnnxBuilder((3, 4))
    network = load(b.save(tmp_path, write(b), batch="n"))
    x = RNG.normal(size=(5, 3, 4))
    np.testing.assert_allclose(network(x), expected(x), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("weight", [1.0, 1e-3])
def test_a_free_batch_that_is_mixed_is_found_out(tmp_path, weight):
    """For one sample the sum over the batch is the sample; for two it is not, however little of it is taken."""
    b = OnnxBuilder((3, 4))
    total = b.node("ReduceSum", "x", b.integers(0), name="all")
    with pytest.raises(UnsupportedOperator, match="node 'all' takes the sum over the batch, which mixes"):
        load(b.save(tmp_path, b.node("Add", "x", b.node("Mul", total, b.weight(weight))), batch="n"))


def test_a_node_that_is_tried_twice_keeps_its_name(tmp_path):
    b = OnnxBuilder((2, 2))
    network = load(b.save(tmp_path, b.node("Transpose", "x", perm=[2, 1, 0], name="turn"), batch=1))
    assert [node.name for node in network.nodes] == ["input", "turn.whole", "turn"]
    assert network.output_shape == (2, 2, 1)
    b = OnnxBuilder((3, 3))
    ends = b.integers(0, 0), b.integers(2, 1), b.integers(1, 0)
    network = load(b.save(tmp_path, b.node("Slice", "x", *ends, name="cut"), batch=1))  # axis 1 is cut before axis 0
    assert [node.name for node in network.nodes] == ["input", "cut.whole", "cut.slice", "t0"]


def _two_ends(folder: Path) -> Path:
    b = OnnxBuilder((5,))
    hidden = b.node("Relu", "x", name="act")
    model = b.model(hidden)
    model.graph.node.append(helper.make_node("Neg", [hidden], ["low"], name="minus"))
    model.graph.node.append(helper.make_node("Sin", [hidden], ["high"], name="wave"))
    kind = onnx.TensorProto.FLOAT
    del model.graph.output[:]
    model.graph.output.extend([helper.make_tensor_value_info(name, kind, None) for name in ("low", "high")])
    onnx.save_model(model, folder / "two.onnx")
    return folder / "two.onnx"


def test_one_of_several_outputs_is_chosen_by_its_node_or_its_own_name(tmp_path):
    path = _two_ends(tmp_path)
    with pytest.raises(ModelFileError, match=r"2 outputs \('low', 'high'\); read it up to one .*upto='low'"):
        load(path)
    x = RNG.normal(size=(3, 5))
    for name in ("minus", "low"):
        network = load(path, upto=name)
        assert network.outputs == ("minus",)
        np.testing.assert_array_equal(network(x), -relu(x))
    for name in ("wave", "high"):
        with pytest.raises(UnsupportedOperator, match="'wave' is Sin"):
            load(path, upto=name)


def test_several_inputs_are_refused_with_what_to_do(tmp_path):
    b = OnnxBuilder((5,))
    model = b.model(b.node("Add", "x", "y"))
    model.graph.input.append(helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 5]))
    onnx.save_model(model, tmp_path / "m.onnx")
    with pytest.raises(ModelFileError, match=r"2 inputs \('x', 'y'\); only functions of one input are read"):
        load(tmp_path / "m.onnx")
